"""A climb on prod: approved once, and with nothing that nobody approved."""

from __future__ import annotations

import re

import pytest

from tests.github import git

pytestmark = pytest.mark.rare  # a run is a dozen processes; `test_climb_runs` holds the decisions


def test_prod_is_approved_once_and_by_the_run_that_began(on_prod):
    chain = on_prod.run()
    assert on_prod.jobs == ["look", "approve", "next"]  # days may pass: the next run looks again
    assert on_prod.phase == 0
    summary = (on_prod.runner.folder / "summary").read_text()
    assert "Approve the climb of auth-api as a whole" in summary
    assert "Canary images: auth-api-0.8.0." in summary
    chain = on_prod.run(chain)
    assert on_prod.jobs[3:] == ["look", "watch", "step", "next"]
    on_prod.run(chain)
    assert on_prod.jobs[7:] == ["look", "update", "watch", "step", "next"]


def test_nothing_moves_on_prod_before_somebody_has_approved_it(on_prod):
    on_prod.flow.called["approve"] = lambda _: ("failure", {})
    assert on_prod.run() == ""
    assert on_prod.jobs == ["look", "approve", "next"]
    assert "ended: refused: nobody approved it" in on_prod.comment


def test_a_first_run_that_nobody_approved_lends_no_approval(on_prod):
    chain = on_prod.run()
    on_prod.answers = [[["runs/101/approvals"], "0"]]
    assert on_prod.run(chain) == ""
    assert on_prod.jobs[-2:] == ["look", "next"]
    assert "nobody approved run 101, with which this climb began" in on_prod.comment


def test_an_approval_on_second_thoughts_moves_nothing_by_what_was_seen_before(on_prod):
    approve = on_prod.flow.called["approve"]
    on_prod.flow.called["approve"] = lambda _: ("failure", {})
    on_prod.run()
    on_prod.flow.called["approve"] = approve
    chain = on_prod.run_failed_again()
    assert on_prod.jobs[3:] == ["approve", "next"]
    assert chain == "101 stood auth-api:0"
    on_prod.run(chain)
    assert on_prod.jobs[-3:] == ["watch", "step", "next"]


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("climb.yml", "deploy.yml"),
        ("main", "a-branch"),
        ("auth-api on prod", "my-api on prod"),
        ("soak 0s", "soak 9s"),
    ],
)
def test_a_run_of_something_else_approves_nothing(on_prod, part, other):
    chain = on_prod.run()
    title = "climb auth-api on prod: to the last phase, soak 0s, give up 2h"
    told = f".github/workflows/climb.yml\nmain\n{on_prod.base}\n{title}\n"
    on_prod.answers = [[["approvals"], "1"], [["actions/runs/101"], told.replace(part, other)]]
    assert on_prod.run(chain) == ""
    assert "run 101 did not begin this climb" in on_prod.comment
    assert on_prod.jobs[-2:] == ["look", "next"]


def test_no_step_on_prod_brings_along_what_nobody_approved(on_prod):
    chain = on_prod.run(on_prod.run(on_prod.run()))
    both = "{auth-api: {phase: 2, ladder: blue-green, canary: {tag: auth-api-0.8.0}}, scan-api: {phase: 1}}"
    on_prod.says(both)
    # By hand, and so not of the climb: the phase is the climb's own, and another service waits for its approval.
    again = on_prod.run(chain)
    assert "update" not in on_prod.jobs[-4:]
    hold = on_prod.context["needs"]["look"]["outputs"]["hold"]
    assert "would bring them along: scan-api from off → the header alone" in hold
    assert on_prod.jobs[-2:] == ["watch", "next"]
    assert again
    on_prod.applies()
    on_prod.run(again)
    assert on_prod.context["needs"]["look"]["outputs"]["hold"] == ""


def test_what_was_approved_and_cannot_be_read_any_more_ends_it(on_prod):
    chain = on_prod.run(on_prod.run(on_prod.run()))
    on_prod.says("{auth-api: {phase: 1, ladder: blue-green, canary: {tag: auth-api-0.9.0}}}")
    other = on_prod.runner.folder / "other"
    for name in ("services.yaml", on_prod.file.name):
        text = (other / name).read_text()
        (other / name).write_text(re.sub("^( +)image-api:", r"\1picture-api:", text, flags=re.MULTILINE))
    git(other, "commit", "--quiet", "--all", "--amend", "--message", "By hand\n\nClimb: 101")
    git(other, "push", "--quiet", "--force")
    assert on_prod.run(chain) == ""
    assert f"Pulumi.prod.yaml of the commit {on_prod.base[:12]} cannot be read" in on_prod.comment
    assert on_prod.jobs[-2:] == ["look", "next"]


def test_other_images_than_those_that_were_approved_end_it_whatever_their_commit_says(on_prod):
    chain = on_prod.run()
    on_prod.says("{auth-api: {phase: 1, ladder: blue-green, canary: {tag: auth-api-0.9.0}}}")
    other = on_prod.runner.folder / "other"
    git(other, "commit", "--quiet", "--amend", "--message", "By hand\n\nClimb: 101")
    git(other, "push", "--quiet", "--force")
    assert on_prod.run(chain) == ""
    assert "auth-api has other images now than when the climb began" in on_prod.comment
