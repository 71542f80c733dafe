"""What the scripts of the workflows ask GitHub, and what they make of its answers."""

from __future__ import annotations

import re

import pytest
import yaml

from tests.conftest import ROOT

MARKER = "<!-- eco2-plan dev -->"


def test_the_first_plan_is_a_new_comment_and_the_next_goes_over_it(runner):
    plan = runner.folder / "plan.md"
    plan.write_text(f"{MARKER}\n## dev\nno change\n")
    assert runner.run("comment.sh", "7", str(plan)).returncode == 0
    look, post = runner.calls()
    assert "--paginate" in look["arguments"]
    assert post["arguments"][:4] == ["api", "--method", "POST", "repos/eco2/delivery/issues/7/comments"]
    assert post["body"] == plan.read_text()

    runner.answers = [[["--paginate"], "4711\n4712\n"]]
    plan.write_text(f"{MARKER}\n## dev\nauth-api: 1 → 2\n")
    assert runner.run("comment.sh", "7", str(plan)).returncode == 0
    patch = runner.calls()[-1]
    assert patch["arguments"][:4] == ["api", "--method", "PATCH", "repos/eco2/delivery/issues/comments/4711"]
    assert patch["body"] == plan.read_text()


def test_a_comment_looks_for_its_own_stack_and_only_among_what_workflows_wrote(runner):
    plan = runner.folder / "plan.md"
    plan.write_text(f"{MARKER}\n")
    runner.run("comment.sh", "7", str(plan))
    query = runner.calls()[0]["arguments"][-1]
    assert f'startswith("{MARKER}")' in query
    assert '.user.type == "Bot"' in query


def test_a_comment_without_its_marker_is_refused(runner):
    plan = runner.folder / "plan.md"
    plan.write_text("## dev\n")
    done = runner.run("comment.sh", "7", str(plan))
    assert done.returncode == 1
    assert "does not begin with <!-- eco2-plan STACK -->" in done.stderr
    assert runner.calls() == []


def test_a_plan_too_long_for_a_comment_is_cut_between_characters(runner):
    plan = runner.folder / "plan.md"
    plan.write_text(f"{MARKER}\n" + "€" * 70_000)
    assert runner.run("comment.sh", "7", str(plan)).returncode == 0
    body = runner.calls()[-1]["body"]
    assert len(body) < 65_536
    assert body.endswith("the whole plan is in the summary of the run)\n")
    assert "\ufffd" not in body


BROKEN = {
    "bin/pulumi": (
        "error: could not open bucket s3://eco2: @team AccessDenied",
        "    error: could not open bucket",
    ),
    "clone/.venv/bin/eco2": ("Traceback", "the log of this run says why"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_plan_that_could_not_be_made_goes_over_the_old_comment_too(runner, clone, broken):
    said, told = BROKEN[broken]
    program = runner.folder / broken
    program.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
    program.chmod(0o755)
    (clone / ".github").symlink_to(ROOT / ".github")
    runner.answers = [[["--paginate"], "4711\n"]]
    flow = yaml.safe_load((ROOT / ".github/workflows/comment.yml").read_text())
    steps = {step.get("name"): step for step in flow["jobs"]["comment"]["steps"]}
    for name in ("The plan in words", "The comment"):
        assert "if" not in steps[name]
        done = runner.step(steps[name]["run"], clone, STACK="dev", PULL_REQUEST="7")
        assert done.returncode == 0, done.stderr
    assert runner.outputs.read_text() == "code=1\n"  # which fails the check
    patch = runner.calls()[-1]
    assert patch["arguments"][:4] == ["api", "--method", "PATCH", "repos/eco2/delivery/issues/comments/4711"]
    assert patch["body"].startswith(f"{MARKER}\n\n### No plan for dev")
    assert told in patch["body"]


def test_the_newest_commit_may_update_and_an_older_one_steps_aside(runner):
    runner.answers = [[["commits/main"], "abc"]]
    assert runner.run("may-update.sh", "prod", GITHUB_SHA="abc").returncode == 0
    assert runner.outputs.read_text() == "go=yes\n"
    aside = runner.run("may-update.sh", "prod", GITHUB_SHA="older")
    assert aside.returncode == 0
    assert "main is at abc" in aside.stdout
    assert runner.outputs.read_text() == "go=yes\ngo=no\n"


def test_no_update_goes_past_an_abort_that_waits_to_be_merged(runner):
    runner.answers = [[["pulls?state=open"], "https://example.test/pull/9\n"], [["commits/main"], "abc"]]
    refused = runner.run("may-update.sh", "prod", GITHUB_SHA="abc")
    assert refused.returncode == 1
    assert "an abort of prod waits to be merged: https://example.test/pull/9" in refused.stderr
    assert runner.outputs.read_text() == ""
    asked = runner.calls()[0]["arguments"]
    assert "--paginate" in asked
    assert "base=main" in str(asked)
    assert 'startswith("abort/prod/")' in asked[-1]
    assert '.head.repo.full_name == "eco2/delivery"' in asked[-1]


@pytest.mark.parametrize(("opened", "code"), [("0\n", 1), ("1\n", 0)])
def test_an_abort_whose_branch_never_got_a_pull_request_stops_updates_too(runner, opened, code):
    runner.answers = [
        [["git/matching-refs/heads/abort/prod/"], "abort/prod/7\n"],
        [["pulls?state=all&head=eco2:abort/prod/7&"], opened],
        [["commits/main"], "abc"],
    ]
    done = runner.run("may-update.sh", "prod", GITHUB_SHA="abc")
    assert done.returncode == code
    told = "an abort of prod waits to be merged: https://github.com/eco2/delivery/compare/main...abort/prod/7?expand=1"
    assert (told in done.stderr) is (code == 1)


@pytest.mark.parametrize("question", ["matching-refs", "state=all"])
def test_where_github_does_not_tell_of_aborts_nothing_is_updated(runner, question):
    runner.answers = [[[question], "HTTP 502", 1], [["matching-refs"], "abort/prod/7\n"]]
    done = runner.run("may-update.sh", "prod", GITHUB_SHA="abc")
    assert done.returncode != 0
    assert runner.outputs.read_text() == ""


COMMIT = "a" * 40
FILES = ("services.yaml", "Pulumi.dev.yaml", "Pulumi.local.yaml", "Pulumi.prod.yaml")


def values(
    runner, clone, kinds=None, contents="asked for\n", changed="services.yaml\nMakefile\n", commit=COMMIT
):
    kinds = {**dict.fromkeys(FILES, "file"), **(kinds or {})}
    looks = [[[f"contents/{name}?ref={commit}", "--jq"], kind + "\n"] for name, kind in kinds.items()]
    texts = [[[f"contents/{name}?ref={commit}"], contents] for name in FILES]
    runner.answers = [*looks, *texts, [["pulls/7/files"], changed]]
    return runner.run("values.sh", commit, "7", "others", cwd=clone)


def test_values_of_a_pull_request_come_alone_and_its_code_is_named(runner, clone):
    program = (clone / "__main__.py").read_text()
    done = values(runner, clone, changed="services.yaml\nMakefile\nPulumi.prod.yaml\ncomponents/x.py\n")
    assert done.returncode == 0, done.stderr
    assert {(clone / name).read_text() for name in FILES} == {"asked for\n"}
    assert (clone / "__main__.py").read_text() == program
    assert (clone / "others").read_text() == "Makefile\ncomponents/x.py\n"


def test_a_pull_request_of_values_alone_names_no_code(runner, clone):
    assert values(runner, clone, changed="services.yaml\nPulumi.dev.yaml\n").returncode == 0
    assert (clone / "others").read_text() == ""


@pytest.mark.parametrize("kind", ["symlink", "dir", "submodule"])
def test_values_that_are_no_plain_file_are_refused(runner, clone, kind):
    before = (clone / "Pulumi.prod.yaml").read_text()
    done = values(runner, clone, kinds={"Pulumi.prod.yaml": kind})
    assert done.returncode == 1
    assert "Pulumi.prod.yaml is no plain file" in done.stderr
    assert (clone / "Pulumi.prod.yaml").read_text() == before


def test_values_beyond_all_measure_are_refused(runner, clone):
    done = values(runner, clone, contents="x" * 1_000_001)
    assert done.returncode == 1
    assert "services.yaml has more than 1000000 bytes" in done.stderr


@pytest.mark.parametrize("commit", ["main", "a" * 39, "../../x", ""])
def test_a_commit_is_a_hash_and_nothing_else(runner, clone, commit):
    done = values(runner, clone, commit=commit)
    assert done.returncode == 1
    assert runner.calls() == []


def test_the_runner_looks_for_no_command_in_what_a_cluster_says(runner):
    forged = "printf 'a pod says\\n::error::forged'; echo ::add-mask::x >&2; exit 7"
    done = runner.run("without-commands.sh", "bash", "-c", forged)
    assert (done.returncode, done.stderr) == (7, "")
    first, *between, again, end = done.stdout.split("\n")
    word = first.removeprefix("::stop-commands::")
    assert re.fullmatch("[0-9a-f]{32}", word)
    assert (again, end) == (f"::{word}::", "")
    assert "\n".join(between) == "a pod says\n::error::forged::add-mask::x\n"
    assert runner.run("without-commands.sh", "true").stdout.split("\n")[0] != first
