"""What a climb by workflows does where a part of it is lost, fails, or is started again."""

from __future__ import annotations

import re

import pytest

from tests.played_climb import SICK, WELL
from tests.workflow import Workflow

pytestmark = pytest.mark.rare  # a run is a dozen processes; `test_climb_runs` holds the decisions

LOST = ("failure", {})
"""What a job whose runner was lost leaves: no output."""
AT_2 = "Nobody watches any more: the last look found auth-api at phase 1"


def at_the_promotion(climb):
    """The chain of the run that updates to the promotion."""
    chain = climb.run(promote=True)
    for _ in range(2):
        chain = climb.run(chain, promote=True)
    assert "climb promotes auth-api" in climb.titles[-1]
    return chain


@pytest.mark.parametrize("outcome", ["failure", "cancelled", ""])
@pytest.mark.parametrize("answer", [SICK, WELL])
def test_a_promotion_that_fails_is_watched(climb, outcome, answer):
    chain = at_the_promotion(climb)
    climb.judges(answer)
    climb.updated, climb.outcome = "failure", outcome
    count = len(climb.judged)
    assert climb.run(chain, promote=True) == ""
    assert climb.judged[count:][0].endswith("-- auth-api")
    assert ("abort" in climb.jobs) == (answer == SICK)
    told = "taken back" if answer == SICK else "the promotion is half done, so users may meet either image"
    assert told in climb.comment
    assert climb.titles[-1].startswith("climb promotes" if answer == WELL else "By hand")


def test_a_promotion_that_ends_well_is_watched_by_nobody(climb):
    chain = at_the_promotion(climb)
    count = len(climb.judged)
    climb.run(chain, promote=True)
    assert len(climb.judged) == count
    assert "ended: promoted" in climb.comment


@pytest.mark.parametrize("answer", [SICK, WELL])
def test_an_update_whose_runner_is_lost_is_watched_and_goes_no_further(climb, answer):
    chain = climb.run()
    climb.judges(answer)
    climb.updated, climb.outcome = "failure", ""
    assert climb.run(chain) == ""
    assert climb.phase == (0 if answer == SICK else 1)
    assert ("abort" in climb.jobs) == (answer == SICK)
    if answer == WELL:
        assert "its runner was lost, so nobody knows what it did" in climb.comment
        assert "found auth-api at phase 0, and git asks for auth-api at phase 1" in climb.comment


def test_a_watch_whose_runner_is_lost_is_taken_up_by_the_next_run(climb):
    chain = climb.run()
    climb.flow.called["watch"] = lambda _: LOST
    assert re.fullmatch("101 since [0-9]+ stood auth-api:1", climb.run(chain))


def test_a_watch_that_cannot_begin_ends_it_and_says_where_the_canary_is(climb):
    chain = climb.run()
    climb.flow.called["watch"] = lambda _: ("failure", {"ran": "skipped"})
    assert climb.run(chain) == ""
    assert "ended: refused: the canaries could not be watched; the log says why" in climb.comment
    assert AT_2 in climb.comment


def test_a_step_whose_runner_is_lost_is_looked_for_by_the_next_run(climb):
    chain = climb.run()
    climb.flow.called["step"] = lambda _: LOST
    assert " since " in climb.run(chain)
    climb.flow.called["step"] = lambda _: ("failure", {"ran": "skipped"})
    assert climb.run(chain) == ""
    assert "ended: refused: the step could not be made" in climb.comment


def test_failed_jobs_that_are_run_again_move_nothing_by_the_look_of_before(climb):
    chain = climb.run()
    climb.updated = climb.outcome = "failure"
    climb.run(chain)
    climb.updated = climb.outcome = "success"
    before = len(climb.jobs)
    again = climb.run_failed_again()
    assert climb.jobs[before:] == ["next"]
    assert again == "101 stood auth-api:0"
    climb.run(again)
    assert climb.phase == 2


def test_a_step_that_is_run_again_by_itself_makes_none(climb):
    chain = climb.run()
    step = climb.flow.called.pop("step", None)
    climb.flow.called["step"] = lambda _: ("failure", {"ran": "failure"})
    climb.run(chain)
    climb.flow.called.pop("step")
    assert step is None
    assert climb.run_failed_again() == "101 stood auth-api:0"
    assert climb.jobs[-1] == "next"
    assert climb.phase == 1


def test_a_run_that_ended_tells_the_same_again(climb):
    """Whoever moved the services goes first; to climb all the same, a person starts it again."""
    chain = climb.run(climb.run())
    climb.applies(climb.on_main.replace("phase: 2", "phase: 0"))
    for told in (climb.run(chain), climb.run_failed_again()):
        assert told == ""
        assert "somebody else brought it from phase 1 to phase 0, beside git" in climb.comment


def test_an_abort_that_failed_is_run_again_by_its_verdict(climb):
    """To stable is the safe side."""
    chain = climb.run()
    climb.judges(SICK)
    abort, climb.flow.called["abort"] = climb.flow.called["abort"], lambda _: ("failure", {})
    assert climb.run(chain) == ""
    assert "the abort did not end well: start the workflow abort again" in climb.comment
    climb.flow.called["abort"] = abort
    before = len(climb.jobs)
    assert climb.run_failed_again() == ""
    assert climb.jobs[before:] == ["abort", "next"]
    assert climb.phase == 0
    assert "ended: sick" in climb.comment


def other_climb(climb):
    title = "99 climb auth-api on dev: to the last phase, soak 10m, give up 2h"
    climb.answers = [[["run list", "climb.yml", "databaseId,displayTitle,status"], title + "\n"]]


def backend_away(climb):
    (climb.backend / "answers").write_text("255")


def abort_waits(climb):
    climb.answers = [[["pulls?state=open"], "https://example.test/pull/9\n"]]


@pytest.mark.parametrize("hurt", [other_climb, backend_away, abort_waits])
def test_a_run_that_is_refused_says_where_the_canary_is_and_that_nobody_watches(climb, hurt):
    chain = climb.run(climb.run())
    hurt(climb)
    assert climb.run(chain) == ""
    assert climb.jobs[-2:] == ["look", "next"]
    assert AT_2 in climb.comment
    for way in ("`eco2 status auth-api --stack dev`", "start the workflow climb again", "the workflow abort"):
        assert way in climb.comment.replace("\\", "")


def test_an_end_without_a_canary_speaks_of_none(climb):
    climb.run(soak="2h")
    assert "ended: refused" in climb.comment
    assert "Nobody watches" not in climb.comment


def test_no_first_step_is_made_where_prometheus_tells_nothing(climb):
    (climb.runner.folder / "away").write_text("Prometheus does not answer\n")
    assert climb.run() == ""
    assert climb.jobs == ["look", "watch", "next"]
    assert "ended: refused: Prometheus does not answer" in climb.comment
    assert sum("prometheus.py" in line for line in climb.asked) == 5
    assert climb.phase == 0


def test_stable_s_image_goes_into_git_where_an_abort_ends_a_promotion(climb):
    """The file asks for phase 0 already, so `record` has nothing to write; only the state knows the image of before."""
    at_the_promotion(climb)
    assert "image: {tag: auth-api-0.8.0}" in climb.on_main
    eco2 = climb.clone / ".venv/bin/eco2"
    first, *rest = eco2.read_text().splitlines()
    kept = "case \" $* \" in *' --no-reconcile '*) exit 0;; *' --no-up '*) ;; *' abort '*) "
    kept += "sed -i 's/image: {tag: auth-api-0.8.0}/image: {}/' Pulumi.dev.yaml; exit 0;; esac"
    eco2.write_text("\n".join([first, kept, *rest, ""]))
    before = len(climb.runner.calls())
    needs = Workflow("abort", climb.runner, climb.clone).run(7, stack="dev", services="auth-api")["needs"]
    assert needs["record"]["outputs"] == {"recorded": "nothing"}
    assert {job["result"] for job in needs.values()} == {"success"}
    assert "image: {}" in climb.on_main
    assert climb.titles[-1] == "Take auth-api back on dev, and keep its stable"
    started = [call["arguments"][:3] for call in climb.runner.calls()[before:]]
    assert started == [["workflow", "run", "deploy.yml"]]
