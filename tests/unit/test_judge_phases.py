"""What a judge takes along from phase to phase: what spoke against a canary, and whom it may not lose sight of."""

from __future__ import annotations

import pytest

from rollout.judge.judging import Earlier, Judging, Reading
from rollout.judge.observations import Batch, Counts
from rollout.judge.scrapes import Gap, NotYet
from rollout.judge.signs import PodLook
from rollout.spec.judge_settings import JudgeSettings
from tests.judge_reading import NONE, reading
from tests.prometheus_server import Mesh

READY = PodLook(2, 2, {})
KNOWN = Earlier(Counts(16_000, 16), Counts(16_000, 16))


def at_full_weight(*batches):
    judged = Judging.begin("auth-api", JudgeSettings(), 100, by_requests=True, earlier=KNOWN)
    for batch in batches:
        judged = judged.after(Reading(0.0, batch, batch, READY))
    return judged


def alone(requests, bad):
    return Batch(Counts(requests, bad), Counts(0, 0))


def test_at_full_weight_too_well_begins_anew_and_what_spoke_against_it_goes_on():
    well = at_full_weight(alone(4000, 4))
    assert well.verdict.answer == "well"
    again = well.at_weight(100)
    assert (again.verdict.answer, again.seen) == ("not known", NONE)
    assert not again.lacks_past
    assert again.after(Reading(0.0, NONE, NONE, READY)).verdict.answer == "not known"
    assert again.after(Reading(0.0, alone(4000, 4), alone(4000, 4), READY)).verdict.answer == "well"
    suspect = at_full_weight(alone(8, 1))
    assert suspect.verdict.answer == "not known"
    assert suspect.at_weight(100).measures["failed"].sick == suspect.measures["failed"].sick
    assert at_full_weight(alone(200, 100)).at_weight(100).verdict.answer == "sick"


@pytest.fixture
def mesh(server):
    return Mesh(server.series, gateway=0.0, other=0.0)


class Phases:
    """Two gateways, one of which has most of the traffic, over some phases."""

    def __init__(self, server, mesh):
        self.mesh, self.now, self.ask = mesh, lambda: server.series.now, reading(server)
        self.begin_phase()

    def begin_phase(self):
        self.ask.reader = self.ask.reader.at_next_phase()
        self.judged = Judging.begin("auth-api", JudgeSettings(), 20, by_requests=True)

    def go(self, seconds, look=True):
        found = []
        for _ in range(seconds // 15):
            for proxy, part in (("gateway", 10), ("other", 1)):
                for version, number in (("v1", 400), ("v2", 100)):
                    self.mesh.count(version, number * part, proxy=proxy)
                    self.mesh.take(version, 20, number * part, proxy=proxy)
            self.mesh.wait(15)
            if look:
                self.last = self.ask()
                told = self.last.failed, self.last.slow, READY, self.last.fallen_back
                self.judged = self.judged.after(Reading(self.now(), *told, unseen=self.last.unseen))
                found.append(self.judged.verdict.answer)
        return found


@pytest.fixture
def phases(server, mesh):
    return Phases(server, mesh)


MISSED = "istio-system/gateway counted requests, and is not scraped for {} s"


def test_a_gateway_that_is_silent_since_before_the_phase_is_missed(phases, mesh):
    assert phases.go(300)[-1] == "well"
    mesh.silent = {"gateway"}
    mesh.wait(10)
    phases.begin_phase()
    assert "well" not in phases.go(270)
    assert phases.judged.verdict.words == MISSED.format(290)


def test_one_that_falls_silent_and_counted_nothing_in_the_phase_yet_is_missed(phases, mesh):
    phases.go(300)
    phases.begin_phase()
    phases.go(15)
    mesh.silent = {"gateway"}
    assert "well" not in phases.go(270)
    phases.begin_phase()
    phases.begin_phase()
    assert phases.go(15) == ["not known"]
    assert "istio-system/gateway" in phases.last.unseen


def test_at_the_very_first_look_the_scrapes_before_it_tell_who_counts(phases, mesh):
    phases.go(300, look=False)
    mesh.silent = {"gateway"}
    mesh.wait(10)
    assert "well" not in phases.go(270)
    assert phases.last.unseen == MISSED.format(290)


def test_when_it_is_back_well_begins_anew(phases, mesh):
    phases.go(300)
    mesh.silent = {"gateway"}
    mesh.wait(10)
    phases.begin_phase()
    phases.go(150)
    mesh.silent = set()
    assert phases.go(15) == ["not known"]
    assert phases.last.failed == Gap("istio-system/gateway: not scraped for 180 s")
    assert phases.judged.measures["failed"].lately == NONE
    assert phases.go(45)[-1] == "well"
    assert phases.last.failed == Batch(Counts(1100, 0), Counts(4400, 0))


@pytest.mark.parametrize("between", [0, 180])
def test_gateways_that_nobody_looked_at_while_a_phase_ended_and_that_speak_are_not_missed(phases, between):
    phases.go(300)
    phases.go(between, look=False)
    phases.begin_phase()
    for _ in range(6):
        phases.go(15)
        assert not phases.last.unseen
        assert not isinstance(phases.last.failed, Gap)
    assert phases.judged.verdict.answer == "well"
    assert phases.judged.seen == Batch(Counts(4400, 0), Counts(17_600, 0))


def test_one_that_was_scaled_in_at_the_step_holds_the_phase_up_for_five_minutes(server, phases, mesh):
    server.told["up == 0"] = []
    phases.go(300)
    mesh.silent = {"gateway"}
    phases.begin_phase()
    assert phases.go(360).index("well") == 300 // 15 - 1


def test_one_of_which_prometheus_does_not_say_whether_it_is_down_is_missed(server, phases, mesh):
    server.told["up == 0"] = 503, b"busy"
    phases.go(300)
    mesh.silent = {"gateway"}
    assert phases.go(375)[-1] == "not known"
    server.told["up == 0"] = []
    assert phases.go(15) == ["well"]


def test_counters_that_began_anew_between_two_phases_are_no_fault_of_the_second(phases, mesh):
    phases.go(300)
    phases.begin_phase()
    phases.ask()
    mesh.restart("gateway")
    phases.go(15)
    assert phases.last.failed == NotYet("two scrapes since the beginning are awaited")
