"""What the scripts of the workflows read from a stack's file, and how they bring a changed one into git."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.github import SCRIPTS, git


def rollouts(folder, line):
    file = folder / "Pulumi.dev.yaml"
    file.write_text(re.sub("  eco2:rollouts: .*", f"  eco2:rollouts: {line}", file.read_text()))


def on_main(runner):
    return git(runner.folder / "origin.git", "show", "main:Pulumi.dev.yaml")


def test_a_change_is_committed_to_main_past_somebody_else_s_push(runner, clone):
    other = runner.folder / "other"
    git(runner.folder, "clone", "--quiet", "origin.git", "other")
    (other / "unrelated").write_text("x")
    git(other, "add", ".")
    git(other, "commit", "--quiet", "--message", "Meanwhile")
    git(other, "push", "--quiet")
    rollouts(clone, "{auth-api: {phase: 0}}")
    done = runner.run("record.sh", "commit", "abort/dev/1", "Take auth-api back on dev", cwd=clone)
    assert done.returncode == 0, done.stderr
    assert "auth-api: {phase: 0}" in on_main(runner)
    assert git(runner.folder / "origin.git", "log", "--format=%s", "main").splitlines() == [
        "Take auth-api back on dev",
        "Meanwhile",
        "Begin",
    ]
    assert runner.outputs.read_text() == "recorded=commit\n"
    assert runner.calls() == []


def test_where_main_is_protected_a_change_becomes_a_pull_request(runner, clone):
    hook = runner.folder / "origin.git/hooks/update"
    hook.write_text('#!/bin/sh\ntest "$1" != refs/heads/main || { echo "protected branch" >&2; exit 1; }\n')
    hook.chmod(0o755)
    rollouts(clone, "{auth-api: {phase: 0}}")
    done = runner.run("record.sh", "commit", "abort/dev/1", "Take auth-api back on dev", cwd=clone)
    assert done.returncode == 0, done.stderr
    assert "eco2:rollouts: {}" in on_main(runner)
    assert "auth-api: {phase: 0}" in git(runner.folder / "origin.git", "show", "abort/dev/1:Pulumi.dev.yaml")
    call = runner.calls()[-1]
    assert call["arguments"][:2] == ["pr", "create"]
    assert call["arguments"][call["arguments"].index("--head") + 1] == "abort/dev/1"
    assert runner.outputs.read_text() == "recorded=pull-request\n"


def test_a_pull_request_that_github_does_not_take_fails_loudly_and_leaves_the_branch(runner, clone):
    hook = runner.folder / "origin.git/hooks/update"
    hook.write_text('#!/bin/sh\ntest "$1" != refs/heads/main || exit 1\n')
    hook.chmod(0o755)
    runner.answers = [[["pr create"], "GitHub Actions is not permitted to create pull requests", 1]]
    rollouts(clone, "{auth-api: {phase: 0}}")
    done = runner.run("record.sh", "commit", "abort/dev/1", "Take auth-api back on dev", cwd=clone)
    assert done.returncode == 1
    assert "error: the branch abort/dev/1 is pushed, and GitHub takes no pull request for it" in done.stderr
    assert "https://github.com/eco2/delivery/compare/main...abort/dev/1?expand=1" in done.stderr
    assert "auth-api: {phase: 0}" in git(runner.folder / "origin.git", "show", "abort/dev/1:Pulumi.dev.yaml")
    assert runner.outputs.read_text() == ""


def test_a_second_build_takes_over_the_pull_request_of_the_first(runner, clone):
    branch, record = "canary/dev/auth-api", ("record.sh", "pull-request", "canary/dev/auth-api")
    rollouts(clone, "{auth-api: {phase: 1, canary: {tag: auth-api-0.8.0}}}")
    assert runner.run(*record, "Canary auth-api-0.8.0", cwd=clone).returncode == 0
    assert [call["arguments"][:2] for call in runner.calls()] == [["pr", "list"], ["pr", "create"]]

    exists = 'a pull request for branch "canary/dev/auth-api" already exists'
    runner.answers = [[["pr list", f"--head {branch}", "--state open"], "17\n"], [["pr create"], exists, 1]]
    git(clone, "checkout", "--quiet", "-B", "main", "origin/main")  # a run of its own
    rollouts(clone, "{auth-api: {phase: 1, canary: {tag: auth-api-0.9.0}}}")
    done = runner.run(*record, "Canary auth-api-0.9.0", cwd=clone, GITHUB_RUN_ID="2")
    assert done.returncode == 0, done.stderr
    assert "tag: auth-api-0.9.0" in git(runner.folder / "origin.git", "show", f"{branch}:Pulumi.dev.yaml")
    edit = runner.calls()[-1]["arguments"]
    assert edit[:4] == ["api", "--method", "PATCH", "repos/eco2/delivery/pulls/17"]
    assert "title=Canary auth-api-0.9.0" in edit
    assert any(word.startswith("body=") and word.endswith("/actions/runs/2") for word in edit)
    assert runner.outputs.read_text() == "recorded=pull-request\n" * 2


def test_a_conflict_with_main_becomes_a_pull_request(runner, clone):
    other = runner.folder / "other"
    git(runner.folder, "clone", "--quiet", "origin.git", "other")
    rollouts(other, "{auth-api: {phase: 2}}")
    git(other, "commit", "--quiet", "--all", "--message", "Meanwhile")
    git(other, "push", "--quiet")
    rollouts(clone, "{auth-api: {phase: 0}}")
    done = runner.run("record.sh", "commit", "abort/dev/1", "Take auth-api back on dev", cwd=clone)
    assert done.returncode == 0, done.stderr
    assert "auth-api: {phase: 2}" in on_main(runner)
    assert runner.outputs.read_text() == "recorded=pull-request\n"


def pushed_meanwhile(runner, line):
    """Somebody else's push, after the clone was made."""
    other = runner.folder / "other"
    if not other.exists():
        git(runner.folder, "clone", "--quiet", "origin.git", "other")
    rollouts(other, line)
    git(other, "commit", "--quiet", "--all", "--message", "Meanwhile")
    git(other, "push", "--quiet")


def again(runner, clone, services="auth-api"):
    """An abort's edit and its record, as the workflow `abort` does them."""
    edit = ("abort.sh", "dev", services, "--no-up")
    assert runner.run(*edit, cwd=clone).returncode == 0
    command = (str(SCRIPTS / edit[0]), *edit[1:])
    return runner.run("record.sh", "commit", "abort/dev/1", "Take it back", "", *command, cwd=clone)


def test_an_abort_is_made_again_on_what_somebody_else_pushed(runner, clone):
    rollouts(clone, "{auth-api: {phase: 2}}")
    git(clone, "commit", "--quiet", "--all", "--message", "Two")
    git(clone, "push", "--quiet")
    pushed_meanwhile(runner, "{auth-api: {phase: 3}, scan-api: {phase: 1}}")
    done = again(runner, clone)
    assert done.returncode == 0, done.stderr
    assert "{auth-api: {phase: 0}, scan-api: {phase: 1}}" in on_main(runner)
    assert runner.outputs.read_text() == "recorded=commit\n"
    assert runner.calls() == []


def test_an_abort_that_somebody_else_has_pushed_is_no_second_one(runner, clone):
    pushed_meanwhile(runner, "{auth-api: {phase: 0}}")
    rollouts(clone, "{auth-api: {phase: 2}}")
    done = again(runner, clone)
    assert done.returncode == 0, done.stderr
    assert git(runner.folder / "origin.git", "log", "--format=%s", "main").splitlines() == [
        "Meanwhile",
        "Begin",
    ]
    assert runner.outputs.read_text() == "recorded=nothing\n"


def test_an_abort_that_cannot_be_made_again_is_a_pull_request_of_what_was_made(runner, clone):
    rollouts(clone, "{auth-api: {phase: 2}}")
    pushed_meanwhile(runner, "{auth-api: [}")
    done = again(runner, clone)
    assert done.returncode == 0, done.stderr
    assert "auth-api: {phase: 0}" in git(runner.folder / "origin.git", "show", "abort/dev/1:Pulumi.dev.yaml")
    assert runner.outputs.read_text() == "recorded=pull-request\n"


def test_nothing_to_record_is_no_commit(runner, clone):
    done = runner.run("record.sh", "commit", "abort/dev/1", "Take auth-api back on dev", cwd=clone)
    assert done.returncode == 0
    assert runner.outputs.read_text() == "recorded=nothing\n"
    assert git(runner.folder / "origin.git", "log", "--format=%s", "main") == "Begin"


def test_an_abort_writes_phase_0_for_the_services_of_one_field(runner, clone):
    rollouts(clone, "{auth-api: {phase: 3, weight: 20}, scan-api: {phase: 1}, my-api: {phase: 2}}")
    done = runner.run("abort.sh", "dev", "auth-api, scan-api", "--no-up", cwd=clone)
    assert done.returncode == 0, done.stderr
    text = (clone / "Pulumi.dev.yaml").read_text()
    assert "{auth-api: {phase: 0}, scan-api: {phase: 0}, my-api: {phase: 2}}" in text
    runner.run("abort.sh", "dev", "all", "--no-up", cwd=clone)
    assert "my-api: {phase: 0}" in (clone / "Pulumi.dev.yaml").read_text()


@pytest.mark.parametrize("services", ["auth-api; touch hit", "$(touch hit)", "", "--all\nx"])
def test_an_abort_takes_nothing_but_names(runner, clone, services):
    done = runner.run("abort.sh", "dev", services, "--no-up", cwd=clone)
    assert done.returncode == 2
    assert "name services by blanks between them" in done.stderr
    assert not (clone / "hit").exists()


def test_an_unknown_service_is_refused_and_a_name_is_no_option(runner, clone):
    done = runner.run("abort.sh", "dev", "auth-apo", "--no-up", cwd=clone)
    assert done.returncode == 2
    assert "auth-api" in done.stderr
    assert runner.run("abort.sh", "dev", "--all", "--no-up", cwd=clone).returncode == 2


def test_where_a_stack_s_cluster_is(clone):
    def where(stack):
        command = [sys.executable, str(SCRIPTS / "cluster.py"), stack]
        return subprocess.run(command, cwd=clone, capture_output=True, text=True, check=False)

    assert where("prod").stdout == "region=ap-northeast-2\ncluster=eco2-prod\ncontext=eco2-prod\n"
    missing = where("nonsense")
    assert missing.returncode == 1
    assert "Pulumi.nonsense.yaml" in missing.stderr
    (clone / "Pulumi.dev.yaml").write_text('config: {"aws:region": "x\\ny=z", "eco2:cluster": {name: a}, '
                                           '"kubernetes:context": b}')  # fmt: skip
    assert "no plain text" in where("dev").stderr
    for held in ("a: " + "[" * 100_000, "a: &a [x, x]\nb: &b [*a, *a]\n" * 9, "[1]", "config: 5", "\x00"):
        (clone / "Pulumi.dev.yaml").write_text(held)
        refused = where("dev")
        assert refused.returncode == 1
        assert refused.stderr.startswith("error: Pulumi.dev.yaml: needs aws:region")
