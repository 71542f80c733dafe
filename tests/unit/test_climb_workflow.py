"""The workflow `climb`, run by its own conditions and lines: how it goes up, and on where it was cut off."""

from __future__ import annotations

import re
import time

import pytest

from tests.github import git
from tests.played_climb import SICK, UNSURE, WELL

pytestmark = pytest.mark.rare  # a run is a dozen processes; `test_climb_runs` holds the decisions


def test_a_climb_goes_from_off_to_its_promotion_with_a_run_for_each_phase(climb):
    told = climb.goes_on(promote=True)
    assert climb.titles == [
        "climb auth-api 0 → 1: no canary was there to be watched; canary image auth-api-0.8.0",
        "climb auth-api 1 → 2: auth-api is well after 10 min: 12 of 400 team 7; canary image auth-api-0.8.0",
        "climb promotes auth-api: auth-api is well after 10 min: 12 of 400 team 7; canary image auth-api-0.8.0",
    ]
    assert "phase: 0" in climb.on_main
    assert "image: {tag: auth-api-0.8.0}" in climb.on_main
    assert told.startswith("The climb of auth-api on dev ended: promoted: stable runs the canary's image\n")
    assert climb.jobs == [
        *("look", "watch", "step", "next"),
        *("look", "update", "watch", "step", "next"),
        *("look", "update", "watch", "step", "next"),
        *("look", "update", "next"),
    ]
    assert {result for _, result in climb.flow.log} == {"success"}


def test_a_climb_that_arrives_stays_there(climb):
    told = climb.goes_on(to="1")
    assert climb.phase == 1
    assert "ended: arrived: auth-api is well" in told
    assert climb.flow.log[-1] == ("next", "success")


def test_what_the_judge_saw_is_told_at_the_commit_of_the_step_or_in_its_pull_request(climb):
    climb.judges(SICK)
    told = climb.goes_on()
    assert "ended: sick: auth-api is sick after 10 min: 12 of 400 team 7; taken back" in told
    assert "| requests | 7,600 | 400 |\n| failed | 8 | 12 |\n| latency | not known | not known |" in told
    assert "100 % of the evidence for sick, 10 % of the evidence for well" in told
    assert "@team" not in told  # calls nobody
    post = next(call["arguments"] for call in climb.calls if call["body"])
    step = git(climb.runner.folder / "origin.git", "log", "--format=%H", "--grep=0 → 1", "main")
    assert post[:4] == ["api", "--method", "POST", f"repos/eco2/delivery/commits/{step}/comments"]

    climb.answers = [[[f"commits/{'a' * 40}/pulls"], "17\n"]]
    climb.runner.answers = climb.answers
    environment = {
        "STACK": "dev",
        "SERVICES": "auth-api",
        "OUTCOME": "sick",
        "WORDS": "w",
        "GITHUB_RUN_ID": "1",
    }
    assert climb.runner.run("climb-tell.sh", "a" * 40, cwd=climb.clone, **environment).returncode == 0
    assert climb.runner.calls()[-1]["arguments"][3] == "repos/eco2/delivery/issues/17/comments"


def test_a_sick_canary_is_struck_by_the_watch_and_then_taken_back_by_the_abort(climb):
    climb.judges(SICK)
    climb.goes_on()
    assert climb.jobs[-4:] == ["update", "watch", "abort", "next"]
    assert climb.phase == 0
    assert climb.flow.log[-1] == ("next", "failure")  # a red run
    steps = [step for step in climb.flow.flow["jobs"]["watch"]["steps"] if "abort.sh" in step.get("run", "")]
    assert [(step["if"], "--no-reconcile" in step["run"]) for step in steps] == [
        ("${{ !cancelled() && steps.judge.outputs.verdict == 'sick' }}", True)
    ]


def test_an_image_that_was_sick_climbs_again_only_by_the_input_retry(climb):
    climb.judges(SICK)
    climb.goes_on()
    before = len(climb.titles)
    told = climb.goes_on()
    assert (
        "ended: refused: auth-api: its canary image auth-api-0.8.0 was judged sick at phase 1 on 2026-11-27 09:00"
        in told
    )
    assert "climb takes back: auth-api is sick after 10 min: 12 of 400" in told
    assert "climb with it again: start it with the input" in told
    assert (climb.phase, len(climb.titles)) == (0, before)
    assert "ended: arrived" in climb.goes_on(retry=True, to="1")


def test_a_sick_canary_is_struck_before_anything_is_told_and_where_nothing_can_be_told(climb):
    climb.judges(SICK)
    (climb.runner.folder / "no-page").touch()
    told = climb.goes_on()
    assert "ended: sick: eco2 judge ended with exit code 5; taken back" in told
    assert climb.jobs[-4:] == ["update", "watch", "abort", "next"]
    assert climb.phase == 0
    order = [
        line.split()[0]
        for line in climb.asked
        if line.startswith(("judge ", "abort ")) or "verdict.py" in line
    ]
    # The first page is of the run before, which had no canary to watch.
    assert order[1:] == ["judge", "abort", ".github/scripts/climb-verdict.py"]


def test_a_step_goes_up_by_a_verdict_that_could_not_be_told(climb):
    (climb.runner.folder / "no-page").touch()
    climb.run(climb.run())
    assert climb.titles[-1].startswith(
        "climb auth-api 1 → 2: eco2 judge ended with exit code 0; canary image "
    )


def test_an_old_verdict_makes_no_step_the_next_run_watches_again(climb):
    chain = climb.run()
    old = {"verdict": "well", "words": "w", "since": str(int(time.time()))}
    climb.flow.called["watch"] = lambda _: ("success", {**old, "at": str(int(time.time()) - 3600)})
    again = climb.run(chain)
    assert climb.phase == 1
    assert " since " in again
    del climb.flow.called["watch"]
    climb.run(again)
    assert climb.phase == 2


def test_a_job_s_limit_is_no_end_the_next_run_watches_on_at_the_same_phase(climb):
    climb.judges(UNSURE, UNSURE, WELL)
    chain = climb.run(to="1")
    chain = climb.run(chain, to="1")
    first, since = chain.split(" stood ")[0].split(" since ")
    assert (first, climb.phase) == ("101", 1)
    assert abs(int(since) - time.time()) < 60
    again = climb.run(chain, to="1")
    assert again == chain  # the give-up is counted from the first watch at this phase
    assert climb.run(again, to="1") == ""
    assert "ended: arrived" in climb.comment
    assert len(climb.titles) == 1


def test_a_watch_that_github_cuts_off_is_taken_up_by_the_next_run(climb):
    chain = climb.run(to="1")
    climb.flow.called["watch"] = lambda _: ("cancelled", {})
    chain = climb.run(chain, to="1")
    assert re.fullmatch("101 since [0-9]+ stood auth-api:1", chain)
    del climb.flow.called["watch"]
    assert climb.run(chain, to="1") == ""
    assert "ended: arrived" in climb.comment


def test_not_known_to_the_end_stays_at_its_phase_and_says_so(climb):
    climb.judges(*[UNSURE] * 12)
    assert "ended: gave up: " in climb.goes_on(**{"give-up": "1s"})
    assert climb.phase == 1


def test_a_lost_run_is_taken_up_by_hand(climb):
    climb.run()
    assert climb.phase == 1  # written, and nothing was updated: the next run never came
    climb.goes_on(to="1")
    assert "ended: arrived" in climb.comment
    assert len(climb.titles) == 1


CLIMBING = "auth-api: {{phase: {}, ladder: blue-green, canary: {{tag: auth-api-0.8.0}}}}"
OTHER = "my-api: {{phase: {}, ladder: blue-green, canary: {{tag: my-api-0.8.0}}}}"


def beside_a_promotion(climb, phase):
    """auth-api at a phase, and a promotion of my-api that is written; the inputs."""
    climb.says(f"{{{CLIMBING.format(phase)}, {OTHER.format(2)}}}")
    climb.applies()
    rollouts = f"{{{CLIMBING.format(phase)}, {OTHER.format(0)}}}"
    climb.says(rollouts, stable="my-api: {image: {tag: my-api-0.8.0}}")
    return {"services": "auth-api my-api", "promote": True}


def test_a_canary_beside_a_promotion_is_watched_and_climbs_on(climb):
    inputs = beside_a_promotion(climb, 1)
    chain = climb.run(**inputs)
    assert climb.jobs == ["look", "update", "watch", "step", "next"], climb.comment
    assert climb.judged[0].endswith("-- auth-api my-api")
    assert chain.endswith("stood auth-api:1,my-api:0")
    assert (climb.phase, climb.comment) == (2, "")
    climb.run(climb.run(chain, **inputs), **inputs)
    assert "ended: promoted" in climb.comment
    assert climb.titles[-1].startswith("climb promotes auth-api: auth-api is well")


def test_a_canary_beside_a_promotion_that_is_sick_goes_back(climb):
    inputs = beside_a_promotion(climb, 1)
    climb.judges(SICK)
    assert climb.run(**inputs) == ""
    assert climb.jobs == ["look", "update", "watch", "abort", "next"]
    assert "ended: sick" in climb.comment


def test_who_has_not_begun_goes_up_after_the_promotion_of_another(climb):
    inputs = beside_a_promotion(climb, 0)
    chain = climb.run(**inputs)
    assert (climb.jobs, climb.judged) == (["look", "update", "next"], [])
    assert chain.endswith("stood auth-api:0,my-api:0")
    climb.run(chain, **inputs)
    assert climb.phase == 1


@pytest.mark.parametrize("phase", [0, 1])
def test_a_promotion_that_fails_beside_another_canary_is_told_as_half_done(climb, phase):
    inputs = beside_a_promotion(climb, phase)
    climb.updated = climb.outcome = "failure"
    assert climb.run(**inputs) == ""
    assert climb.judged[0].endswith("auth-api my-api" if phase else "-- my-api")
    assert "the promotion is half done, so users may meet either image" in climb.comment
    assert climb.phase == phase
