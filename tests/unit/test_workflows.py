"""The workflows of `.github/`: what they must never do, read from the files; their scripts, run for real."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
import yaml

from tests.conftest import ROOT, copy_project

GITHUB = ROOT / ".github"
SCRIPTS = GITHUB / "scripts"
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text()) for path in (GITHUB / "workflows").glob("*.yml")}
FILES = sorted((*GITHUB.glob("workflows/*.yml"), *GITHUB.glob("actions/*/action.yml")))
MARKER = "<!-- eco2-plan dev -->"


def jobs():
    return [(f"{name}.{job}", body) for name, flow in WORKFLOWS.items() for job, body in flow["jobs"].items()]


def steps():
    action = yaml.safe_load((GITHUB / "actions/setup/action.yml").read_text())
    own = [("setup", step) for step in action["runs"]["steps"]]
    return own + [(name, step) for name, job in jobs() for step in job.get("steps", ())]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_foreign_actions_are_pinned_by_commit_with_their_version(file):
    uses = re.findall(r"uses: (\S+)(.*)", file.read_text())
    foreign = [(action, rest) for action, rest in uses if not action.startswith("./")]
    for action, rest in foreign:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", rest), action + rest


def test_one_action_has_one_pin():
    pins = {re.search(r"uses: (\S+)@(\S+)", line).groups() for file in FILES for line in file.read_text().splitlines()
            if "uses: " in line and "@" in line}  # fmt: skip
    assert len({action for action, _ in pins}) == len(pins) == 4


def test_no_shell_line_holds_an_expression():
    """What a person or another repository sends reaches a shell as a variable, never as its text."""
    assert [name for name, step in steps() if "${{" in step.get("run", "")] == []


def test_rights_are_given_by_the_job_and_none_by_default():
    assert all(flow["permissions"] == {} for flow in WORKFLOWS.values())
    assert all("permissions" in job for _, job in jobs())
    writes = {
        name: sorted(what for what, right in job["permissions"].items() if right == "write")
        for name, job in jobs()
    }
    assert writes == {
        "preview.preview": ["id-token", "pull-requests"],
        "update.update": ["id-token"],
        "deploy.dev": ["id-token"],
        "deploy.plan-prod": ["id-token"],
        "deploy.approve": [],
        "deploy.prod": ["id-token"],
        "abort.strike": ["id-token"],
        "abort.record": ["contents", "pull-requests"],
        "abort.reconcile": ["actions", "id-token"],
        "canary.canary": ["actions", "contents", "id-token", "pull-requests"],
    }


def test_every_job_ends_and_no_aws_key_is_kept():
    assert all("timeout-minutes" in job for _, job in jobs() if "steps" in job)
    assert "AWS_SECRET" not in "".join(file.read_text() for file in FILES).upper()


def test_an_abort_s_first_stroke_waits_for_nothing():
    strike = WORKFLOWS["abort"]["jobs"]["strike"]
    assert not {"concurrency", "needs", "if"} & strike.keys()
    assert "concurrency" not in WORKFLOWS["abort"]
    assert "PULUMI" not in str(strike)
    # An environment with reviewers would make it wait: only `prod` has them, and only `approve` is in it.
    gated = [name for name, job in jobs() if job.get("environment") == "prod"]
    assert gated == ["deploy.approve"]


def test_updates_of_a_stack_take_turns_and_none_is_cut_off():
    groups = [job["concurrency"] for name, job in jobs() if name in ("update.update", "abort.reconcile")]
    assert groups == [{"group": "stack-${{ inputs.stack }}", "cancel-in-progress": False, "queue": "max"}] * 2
    assert "concurrency" not in WORKFLOWS["deploy"]["jobs"]["approve"]


def test_workflows_run_the_pulumi_that_the_lab_tests():
    (setup,) = (step for _, step in steps() if step.get("uses", "").startswith("pulumi/actions@"))
    pins = (ROOT / "lab/gomod/pulumi/go.mod").read_text()
    assert f"github.com/pulumi/pulumi/pkg/v3 v{setup['with']['pulumi-version']} " in pins


GH = """#!{python}
import json, os, sys
from pathlib import Path
place = Path(os.environ["FAKE"])
arguments = sys.argv[1:]
bodies = [Path(word[6:]).read_text() for word in arguments if word.startswith("body=@")]
with (place / "calls").open("a") as calls:
    calls.write(json.dumps({{"arguments": arguments, "body": bodies[0] if bodies else None}}) + "\\n")
answers = json.loads((place / "answers").read_text())
for words, answer in answers:
    if all(word in " ".join(arguments) for word in words):
        print(answer, end="")
        break
"""


class Runner:
    """Runs a script beside a `gh` that answers what a test says, and writes down what it is asked."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "bin").mkdir()
        gh = folder / "bin/gh"
        gh.write_text(GH.format(python=sys.executable))
        gh.chmod(0o755)
        self.answers = []
        self.outputs = folder / "outputs"
        self.outputs.touch()

    def run(self, script, *arguments, cwd=None, **variables):
        (self.folder / "answers").write_text(json.dumps(self.answers))
        own = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "FAKE": str(self.folder),
            "GITHUB_REPOSITORY": "eco2/delivery",
            "GITHUB_OUTPUT": str(self.outputs),
        }
        command = [str(SCRIPTS / script), *arguments]
        return subprocess.run(
            command,
            cwd=cwd or self.folder,
            env={**own, **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self):
        path = self.folder / "calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def runner(tmp_path):
    return Runner(tmp_path)


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


def test_the_newest_commit_may_update_and_an_older_one_steps_aside(runner):
    runner.answers = [[["commits/main"], "abc"]]
    assert runner.run("may-update.sh", "prod", GITHUB_SHA="abc").returncode == 0
    assert runner.outputs.read_text() == "go=yes\n"
    aside = runner.run("may-update.sh", "prod", GITHUB_SHA="older")
    assert aside.returncode == 0
    assert "main is at abc" in aside.stdout
    assert runner.outputs.read_text() == "go=yes\ngo=no\n"


def test_no_update_goes_past_an_abort_that_waits_to_be_merged(runner):
    runner.answers = [[["pr", "list"], "https://example.test/pull/9\n"], [["commits/main"], "abc"]]
    refused = runner.run("may-update.sh", "prod", GITHUB_SHA="abc")
    assert refused.returncode == 1
    assert "an abort of prod waits to be merged: https://example.test/pull/9" in refused.stderr
    assert runner.outputs.read_text() == ""
    query = runner.calls()[0]["arguments"][-1]
    assert 'startswith("abort/prod/")' in query


def git(folder, *arguments):
    command = ["git", "-c", "user.name=dev", "-c", "user.email=dev@example.test", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def clone(runner):
    """A clone of a repository that holds the project, as actions/checkout leaves it."""
    source = copy_project(runner.folder / "source")
    git(source, "init", "--quiet", "--initial-branch=main")
    git(source, "add", ".")
    git(source, "commit", "--quiet", "--message", "Begin")
    git(runner.folder, "clone", "--quiet", "--bare", "source", "origin.git")
    git(runner.folder, "clone", "--quiet", "origin.git", "clone")
    folder = runner.folder / "clone"
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


def rollouts(folder, line):
    file = folder / "Pulumi.dev.yaml"
    file.write_text(file.read_text().replace("  eco2:rollouts: {}", f"  eco2:rollouts: {line}"))


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
    (call,) = runner.calls()
    assert call["arguments"][:2] == ["pr", "create"]
    assert call["arguments"][call["arguments"].index("--head") + 1] == "abort/dev/1"
    assert runner.outputs.read_text() == "recorded=pull-request\n"


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
    assert done.returncode == 1
    assert "auth-api" in done.stderr
    assert runner.run("abort.sh", "dev", "--all", "--no-up", cwd=clone).returncode == 1


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
