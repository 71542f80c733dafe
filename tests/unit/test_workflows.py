"""The workflows of `.github/`: what they must never do, read from the files."""

from __future__ import annotations

import re

import pytest
import yaml

from tests.conftest import ROOT
from tests.workflow import text

GITHUB = ROOT / ".github"
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text()) for path in (GITHUB / "workflows").glob("*.yml")}
FILES = sorted((*GITHUB.glob("workflows/*.yml"), *GITHUB.glob("actions/*/action.yml")))


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
    assert len({action for action, _ in pins}) == len(pins) == 5


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
        "preview.plan": ["id-token"],
        "preview.preview": ["id-token"],
        "comment.comment": ["id-token", "pull-requests"],
        "update.update": ["id-token"],
        "deploy.dev": ["id-token"],
        "deploy.plan-prod": ["id-token"],
        "deploy.approve": [],
        "deploy.prod": ["id-token"],
        "abort.strike": ["id-token"],
        "abort.record": ["contents", "pull-requests"],
        "abort.reconcile": ["actions", "contents", "id-token", "pull-requests"],
        "canary.canary": ["actions", "contents", "id-token", "pull-requests"],
        "climb.start": ["actions"],
        "climb.look": ["id-token"],
        "climb.approve": [],
        "climb.update": ["id-token"],
        "climb.watch": ["id-token"],
        "climb.abort": ["actions", "contents", "id-token", "pull-requests"],
        "climb.step": ["actions", "contents", "id-token", "pull-requests"],
        "climb.next": ["actions", "contents", "pull-requests"],
    }


def test_a_called_workflow_that_needs_secrets_is_passed_them():
    """It sees no others, not even those of its own environment: an empty passphrase opens no state."""
    page = (ROOT / "docs/ci.md").read_text()
    shown = [
        yaml.safe_load(block).get("jobs", {}) for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    ]
    told = [(f"docs/ci.md {name}", job) for one in shown for name, job in one.items()]
    calls = {
        name: job
        for name, job in [*jobs(), *told]
        if job.get("uses", "").startswith("./.github/workflows/")
        and "secrets." in (ROOT / job["uses"]).read_text()
    }
    assert calls.keys() == {"deploy.dev", "deploy.prod", "climb.update", "climb.abort"}
    assert [name for name, job in calls.items() if job.get("secrets") != "inherit"] == []


def test_every_job_ends_and_no_aws_key_is_kept():
    assert all("timeout-minutes" in job for _, job in jobs() if "steps" in job)
    assert "AWS_SECRET" not in "".join(file.read_text() for file in FILES).upper()


def test_an_abort_s_first_stroke_waits_for_nothing():
    strike = WORKFLOWS["abort"]["jobs"]["strike"]
    assert not {"concurrency", "needs", "if"} & strike.keys()
    assert "concurrency" not in WORKFLOWS["abort"]
    assert "PULUMI" not in str(strike)
    # An environment with reviewers would make it wait: only `prod` has them, and only approvals are in it.
    gated = {name for name, job in jobs() if job.get("environment") == "prod"}
    assert gated == {"deploy.approve", "climb.approve"}


def test_a_climb_holds_nobody_up_and_its_abort_waits_for_nothing_but_the_verdict():
    climb = WORKFLOWS["climb"]
    assert "concurrency" not in climb
    assert [name for name, job in climb["jobs"].items() if "concurrency" in job] == []
    assert climb["jobs"]["abort"]["needs"] == "watch"
    assert climb["jobs"]["abort"]["uses"] == "./.github/workflows/abort.yml"
    assert "approve" not in climb["jobs"]["abort"]["if"]


def test_nothing_of_a_climb_moves_without_its_approval():
    for name in ("update", "watch", "step"):
        job = WORKFLOWS["climb"]["jobs"][name]
        assert "needs.look.outputs.approved == 'yes' &&" in " ".join(job["if"].split()), name
        # Nor by what an earlier attempt has seen: "Re-run failed jobs" keeps that.
        assert "needs.look.outputs.attempt == github.run_attempt &&" in " ".join(job["if"].split()), name
    assert WORKFLOWS["climb"]["jobs"]["look"]["outputs"]["attempt"] == "${{ github.run_attempt }}"
    assert "secrets." not in str(WORKFLOWS["climb"])


def test_an_approval_is_looked_up_by_the_title_that_the_first_run_had():
    climb = WORKFLOWS["climb"]
    (step,) = (step for step in climb["jobs"]["look"]["steps"] if step.get("id") == "run")
    words = {
        "services": "auth-api my-api",
        "stack": "prod",
        "to": "",
        "promote": True,
        "soak": "1h",
        "give-up": "2h",
    }
    for inputs in (words, {**words, "to": "3", "promote": False}):
        context = {"github": {"event_name": "workflow_dispatch"}, "inputs": {**inputs, "chain": ""}}
        began = text(climb["run-name"], context)
        assert text(step["env"]["TITLE"], context) == began
        context["inputs"]["chain"] = "7 since 9"
        assert text(climb["run-name"], context) == f"{began} after 7 since 9"
        assert text(step["env"]["TITLE"], context) == began


def test_a_watch_ends_before_its_job_and_its_job_before_its_credentials():
    watch = WORKFLOWS["climb"]["jobs"]["watch"]
    judge, setup = (
        next(step for step in watch["steps"] if word in str(step))
        for word in ("climb-watch.sh", "actions/setup")
    )
    minutes = watch["timeout-minutes"]
    assert int(judge["env"]["LIMIT_SECONDS"]) + 900 <= minutes * 60 < 360 * 60
    assert minutes * 60 <= int(setup["with"]["seconds"])


def test_updates_of_a_stack_take_turns_and_none_is_cut_off():
    groups = [job["concurrency"] for name, job in jobs() if name in ("update.update", "abort.reconcile")]
    assert groups == [{"group": "stack-${{ inputs.stack }}", "cancel-in-progress": False, "queue": "max"}] * 2
    assert "concurrency" not in WORKFLOWS["deploy"]["jobs"]["approve"]


def test_whatever_may_tell_a_clusters_words_is_no_command_to_the_runner():
    """`eco2` sees to that by itself (tests/unit/test_ways_out.py)."""
    told = [step["run"] for _, step in steps() if "pulumi " in step.get("run", "")]
    assert len(told) == 3
    assert all(run.startswith(".github/scripts/without-commands.sh pulumi ") for run in told)


def test_an_image_build_may_not_take_a_rollout_back():
    (line,) = (step["run"] for _, step in steps() if "set-image" in step.get("run", ""))
    assert "--start" in line
    assert "--phase" not in line


def test_workflows_run_the_pulumi_that_the_lab_tests():
    (setup,) = (step for _, step in steps() if step.get("uses", "").startswith("pulumi/actions@"))
    pins = (ROOT / "lab/gomod/pulumi/go.mod").read_text()
    assert f"github.com/pulumi/pulumi/pkg/v3 v{setup['with']['pulumi-version']} " in pins


def of_pull_requests():
    """The jobs that run a pull request's own code: of its commit, as the event checks it out."""
    return {name: job for name, job in jobs() if "pull_request" in WORKFLOWS[name.split(".")[0]][True]}


def test_code_of_a_pull_request_runs_with_no_right_to_write():
    """Whoever may push a branch may change all that these jobs run: the Makefile, the scripts, the program."""
    assert of_pull_requests().keys() == {"preview.plan", "preview.preview"}
    for name, job in of_pull_requests().items():
        assert job["permissions"] == {"contents": "read", "id-token": "write"}, name
        assert "github.token" not in str(job), name
        assert all(
            step["with"]["persist-credentials"] is False for step in job["steps"] if "checkout" in str(step)
        )
    # What the role may do that these permissions lead to: read the state, and no secret in it.
    plan, preview = of_pull_requests().values()
    assert plan["environment"].endswith("-plan")
    assert "secrets." not in str(plan)
    # A role that may do more is behind reviewers, in an environment of its own (docs/ci.md).
    assert preview["environment"].endswith("-preview")
    row = next(line for line in (ROOT / "docs/ci.md").read_text().splitlines() if "`prod-preview`" in line)
    assert "required reviewers" in row


def test_what_may_write_a_comment_checks_out_the_base_and_nothing_of_the_pull_request():
    job = WORKFLOWS["comment"]["jobs"]["comment"]
    (checkout,) = (step for step in job["steps"] if "checkout" in step.get("uses", ""))
    assert checkout["with"]["ref"] == "${{ github.event.pull_request.base.sha }}"
    heads = [step["name"] for step in job["steps"] if ".head." in str(step)]
    assert heads == ["The values that are asked for"]
    assert "secrets." not in str(job)
    assert job["environment"].endswith("-plan")


def test_only_main_reaches_a_role_that_changes_something():
    page = (ROOT / "docs/ci.md").read_text()
    changing = {job["environment"] for _, job in jobs() if "-deploy" in str(job.get("environment"))}
    assert changing == {"${{ inputs.stack }}-deploy"}
    row = next(line for line in page.splitlines() if "`prod-deploy`" in line)
    assert "deployments from `main` only" in row


def test_all_that_runs_with_a_role_has_an_owner():
    lines = [
        line.split() for line in (GITHUB / "CODEOWNERS").read_text().splitlines() if line[:1] not in ("#", "")
    ]
    assert lines[0][0] == "*"
    assert len(lines[0]) > 1
    free = {words[0].strip("/") for words in lines[1:] if len(words) == 1}
    # Values, and what nothing executes.
    assert free == {"services.yaml", "Pulumi.dev.yaml", "Pulumi.prod.yaml", "Pulumi.local.yaml", "docs"}


def test_prod_does_not_wait_for_a_dev_that_is_down_and_an_old_run_asks_nobody():
    deploy = WORKFLOWS["deploy"]["jobs"]
    assert "cancelled()" in deploy["plan-prod"]["if"]
    assert "may-update.sh prod" in str(deploy["plan-prod"])
    assert "needs.plan-prod.outputs.go == 'yes'" in deploy["approve"]["if"]
    assert "needs.approve.result == 'success'" in deploy["prod"]["if"]


def test_an_update_looks_for_aborts_once_more_after_its_preview():
    names = [step.get("name") for step in WORKFLOWS["update"]["jobs"]["update"]["steps"]]
    assert names[names.index("Preview") + 1 : names.index("Update") + 1] == ["May it still?", "Update"]


def test_what_jobs_install_is_held_against_hashes():
    makefile = (ROOT / "Makefile").read_text()
    installs = [line for line in makefile.splitlines() if "pip install" in line]
    assert len(installs) == 4
    assert all(
        "--require-hashes" in line or "--no-deps --no-build-isolation --editable ." in line
        for line in installs
    )
