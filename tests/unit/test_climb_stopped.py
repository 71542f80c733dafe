"""What ends or crosses a climb by workflows: aborts, deployments, guards, a protected `main`."""

from __future__ import annotations

import pytest

from tests.github import git
from tests.played_climb import SICK, WELL
from tests.workflow import Workflow

pytestmark = pytest.mark.rare  # a run is a dozen processes; `test_climb_runs` holds the decisions


def test_a_person_s_abort_ends_the_climb_and_nothing_goes_up_again(climb):
    chain = climb.run()
    climb.flow.before["step"] = lambda: climb.abort(None)  # while the judge still said well
    assert climb.run(chain) == ""
    assert "ended: moved by somebody: somebody else moved it: " in climb.comment
    assert "of github-actions" in climb.comment
    assert climb.phase == 0
    assert climb.jobs[-2:] == ["step", "next"]


def test_a_person_s_abort_is_a_commit_though_the_climb_pushes_first(climb):
    climb.run(climb.run())
    assert climb.phase == 2
    abort = Workflow("abort", climb.runner, climb.clone, GITHUB_RUN_ID="7")
    abort.called = dict.fromkeys(("strike", "reconcile"), lambda _: ("success", {}))
    step = climb.runner.folder / "step"
    step.write_text(climb.on_main.replace("phase: 2", "phase: 1"))
    make = climb.runner.folder / "bin/make"  # what the job does between its checkout and the edit
    other = climb.runner.folder / "other"
    make.write_text(
        f"#!/bin/sh\nset -e\ncd {other}\ngit pull --quiet --rebase\ncp {step} Pulumi.dev.yaml\n"
        "git -c user.name=c -c user.email=c@example.test commit --quiet --all --message Step\ngit push --quiet\n"
    )
    context = abort.run(7, stack="dev", services="auth-api")
    assert context["needs"]["record"] == {"result": "success", "outputs": {"recorded": "commit"}}, abort.said
    assert climb.phase == 0
    assert climb.titles[-2:] == ["Step", "Take auth-api back on dev"]


def test_an_abort_before_the_update_ends_it_too(climb):
    chain = climb.run()
    climb.abort(None)
    assert climb.run(chain) == ""
    assert climb.jobs[-2:] == ["look", "next"]
    assert "ended: moved by somebody" in climb.comment


def test_an_abort_that_waits_to_be_merged_ends_it(climb):
    chain = climb.run()
    climb.answers = [[["pulls?state=open"], "https://example.test/pull/9\n"]]
    assert climb.run(chain) == ""
    assert "an abort of dev waits to be merged" in climb.comment
    assert climb.jobs[-2:] == ["look", "next"]


def test_an_abort_beside_git_ends_it(climb):
    chain = climb.run(climb.run())
    assert chain.endswith("stood auth-api:1")
    climb.applies(climb.on_main.replace("phase: 2", "phase: 0"))
    assert climb.run(chain) == ""
    assert "somebody else brought it from phase 1 to phase 0, beside git" in climb.comment


def test_the_judge_s_word_that_somebody_moved_it_ends_it(climb):
    climb.judges(["not known", 7])
    chain = climb.run()
    assert climb.run(chain) == ""
    assert "ended: moved by somebody" in climb.comment
    assert climb.phase == 1


def test_a_step_goes_on_top_of_what_somebody_pushed_meanwhile(climb):
    chain = climb.run()
    both = "{auth-api: {phase: 1, ladder: blue-green, canary: {tag: auth-api-0.8.0}}, scan-api: {phase: 1}}"
    climb.flow.before["step"] = lambda: climb.says(both)
    chain = climb.run(chain)
    assert chain
    assert climb.phase == 2
    assert "scan-api: {phase: 1}" in climb.on_main


def test_an_update_that_steps_aside_for_a_deployment_is_made_by_the_next_run(climb):
    chain = climb.run()
    both = "{auth-api: {phase: 1, ladder: blue-green, canary: {tag: auth-api-0.8.0}}, scan-api: {phase: 1}}"
    climb.flow.before["update"] = lambda: climb.says(both)
    chain = climb.run(chain)
    assert climb.jobs[-3:] == ["look", "update", "next"]
    climb.run(chain)
    assert "watch" in climb.jobs


def test_a_deployment_that_steps_aside_for_a_step_is_started_for_it(climb):
    climb.answers = [[["run list", "deploy.yml"], "1\n"]]
    climb.run()
    started = [call["arguments"][:3] for call in climb.calls if call["arguments"][:2] == ["workflow", "run"]]
    assert started == [["workflow", "run", "deploy.yml"], ["workflow", "run", "climb.yml"]]


def test_a_step_that_a_guard_refuses_ends_it_in_words(climb):
    climb.says("{auth-api: {phase: 0, ladder: blue-green, canary: {tag: 'no such tag'}}}")
    assert climb.run() == ""
    assert "ended: refused" in climb.comment


def test_where_main_takes_no_commits_a_person_goes_on(climb):
    hook = climb.runner.folder / "origin.git/hooks/update"
    hook.write_text('#!/bin/sh\ntest "$1" != refs/heads/main || { echo "protected branch" >&2; exit 1; }\n')
    hook.chmod(0o755)
    assert climb.run() == ""
    assert "ended: waits for a person: main took no commit, so the step is a pull request" in climb.comment
    assert "phase: 1" in git(climb.runner.folder / "origin.git", "show", "climb/dev/101:Pulumi.dev.yaml")


def test_an_update_that_fails_before_it_began_ends_it(climb):
    chain = climb.run()
    climb.flow.called["update"] = lambda _: ("failure", {"outcome": "skipped"})
    assert climb.run(chain) == ""
    assert "ended: update failed: it never began; the log of its job says why" in climb.comment
    assert climb.jobs[-2:] == ["update", "next"]


def test_a_next_run_that_github_does_not_start_is_told(climb):
    climb.answers = [[["workflow run climb.yml"], "HTTP 500", 1]]
    climb.run()
    assert "ended: refused: the next run could not be started; start the climb again" in climb.comment


def test_an_update_whose_job_fails_after_it_is_watched_and_goes_on(climb):
    climb.updated = "failure"  # its status could not be read
    climb.run(climb.run())
    assert "watch" in climb.jobs
    assert climb.phase == 2


@pytest.mark.parametrize("answers", [[SICK], [WELL]])
def test_an_update_that_fails_once_begun_is_watched_and_goes_no_further(climb, answers):
    """It may have given the canary its users before it failed."""
    climb.judges(*answers)
    climb.updated = climb.outcome = "failure"
    assert climb.run(climb.run()) == ""
    assert climb.phase == (1 if answers == [WELL] else 0)
    assert ("taken back" if answers == [SICK] else "update failed") in climb.comment
    assert climb.jobs.count("step") == 1  # that of the run before
    assert ("abort" in climb.jobs) == (answers == [SICK])


@pytest.mark.parametrize(
    "question", ["run list --repo eco2/delivery --workflow deploy.yml", "workflow run deploy.yml"]
)
def test_a_step_on_main_is_followed_though_github_does_not_answer_behind_it(climb, question):
    climb.answers = [[[question], "HTTP 502", 1], [["run list", "deploy.yml"], "1\n"]]
    chain = climb.run()
    assert chain
    assert climb.phase == 1
    climb.answers = []
    climb.run(chain)
    assert "watch" in climb.jobs


def test_a_next_run_that_cannot_be_seen_yet_is_no_end(climb):
    climb.answers = [[["run list", "climb.yml", "after"], "HTTP 502", 1]]
    assert climb.run()
    assert climb.comment == ""
    assert climb.flow.log[-1] == ("next", "success")


def abort_that_fails(climb, *failing):
    """The workflow `abort` with an `eco2 abort` that ends with exit code 1 in these jobs."""
    eco2 = climb.clone / ".venv/bin/eco2"
    told = {"strike": "--no-reconcile", "record": "--no-up"}
    first, *rest = eco2.read_text().splitlines()
    for job in failing:
        words = told.get(job)
        case = f"*' {words} '*" if words else "*' --no-reconcile '*|*' --no-up '*) ;; *' abort '*"
        rest.insert(0, f"case \" $* \" in {case}) echo 'proxies may not know the routes' >&2; exit 1;; esac")
    if "reconcile" not in failing:  # there is no cluster here
        rest.insert(-1, "case \" $* \" in *' --no-up '*) ;; *' abort '*) exit 0;; esac")
    eco2.write_text("\n".join([first, *rest, ""]))
    flow = Workflow("abort", climb.runner, climb.clone, GITHUB_RUN_ID="7")
    return flow, flow.run(7, stack="dev", services="auth-api")["needs"]


@pytest.mark.parametrize("failing", [("strike",), ("strike", "reconcile")])
def test_an_abort_goes_on_to_git_state_and_deploy_where_proxies_may_not_know_the_routes(climb, failing):
    climb.run()
    assert climb.phase == 1
    before = len(climb.runner.calls())
    flow, needs = abort_that_fails(climb, *failing)
    results = {name: job["result"] for name, job in needs.items()}
    assert results == {
        name: "failure" if name in failing else "success" for name in ("strike", "record", "reconcile")
    }, flow.said
    assert climb.phase == 0
    started = [call["arguments"][:3] for call in climb.runner.calls()[before:]]
    assert started == [["workflow", "run", "deploy.yml"]]


def test_a_status_that_cannot_be_read_fails_no_update_and_is_told(climb):
    update = Workflow("update", climb.runner, climb.clone)
    (status,) = (step for step in update.flow["jobs"]["update"]["steps"] if step.get("name") == "Status")
    assert status["continue-on-error"] is True
    assert update.flow["jobs"]["update"]["steps"][-1] == status
    (climb.clone / ".venv/bin/eco2").write_text("#!/bin/sh\nexit 1\n")
    done = climb.runner.step(status["run"], climb.clone, STACK="dev")
    assert done.returncode == 0
    assert "::warning title=dev::eco2 status ended with exit code 1" in done.stdout
