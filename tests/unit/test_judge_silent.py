"""Called pods that report for themselves and fall silent: nobody else counts what they answer."""

from __future__ import annotations

import pytest

from rollout.judge.judging import Judging, Reading
from rollout.judge.observations import Batch, Counts
from rollout.judge.scrapes import Gap
from rollout.judge.signs import PodLook
from rollout.spec.judge_settings import JudgeSettings
from tests.judge_reading import reading
from tests.prometheus_server import Mesh

PODS = {"stable": 0.0, "first": 1.0, "second": 2.0}
COUNTED = "istio-system/{} counted requests, and is not scraped for {} s"


class Called:
    """A stable pod and two of the canary, judged until they are well."""

    def __init__(self, server):
        self.server, self.ask = server, reading(server, 20, "ext-authz")
        self.mesh = Mesh(server.series, **PODS)
        self.judged = Judging.begin("ext-authz", JudgeSettings(), 20, by_requests=True)
        server.told["up == 0"] = []

    def go(self, seconds, each=1000, failing=()):
        found = []
        for _ in range(seconds // 15):
            for pod in self.mesh.offsets:
                version, number = ("v1", 4 * each) if pod == "stable" else ("v2", each)
                status = "14" if pod in failing else "0"
                of = {"reporter": "destination", "destination_service_name": "ext-authz", "proxy": pod}
                self.mesh.count(version, number, grpc_response_status=status, **of)
                self.mesh.take(version, 20, number, **of)
            self.mesh.wait(15)
            self.last = self.ask()
            told = self.last.failed, self.last.slow, PodLook(2, 2, {}), self.last.fallen_back
            self.judged = self.judged.after(Reading(self.server.series.now, *told, unseen=self.last.unseen))
            found.append(self.judged.verdict.answer)
        return found


@pytest.fixture
def called(server):
    called = Called(server)
    assert called.go(300)[-1] == "well"
    return called


@pytest.mark.parametrize("silent", [{"second"}, {"first", "second"}, {"stable"}])
def test_pods_that_are_not_scraped_any_more_are_missed_after_a_minute(called, silent):
    called.mesh.silent = silent
    found = called.go(270)
    assert set(found[5:]) == {"not known"}
    for pod in silent:
        assert COUNTED.format(pod, 280 - int(PODS[pod])) in called.judged.verdict.words


def test_what_the_others_count_may_be_sick_all_the_same(called):
    called.mesh.silent = {"second"}
    called.go(120)
    assert called.go(60, failing={"first"})[-1] == "sick"


@pytest.mark.parametrize("target", [True, False])
def test_a_pod_that_has_ended_is_missed_for_five_minutes_and_one_that_is_a_target_for_longer(called, target):
    metric = {"pod": "second", "namespace": "istio-system"}
    if target:
        down = b'{"status":"success","data":{"resultType":"vector","result":[{"metric":%s,"value":[0,"0"]}]}}'
        told = str(metric).replace("'", '"').encode()
        called.server.told["up == 0"] = 200, down % told
    called.mesh.silent = {"second"}
    found = called.go(375)
    assert set(found[5:19]) == {"not known"}
    assert found[-1] == ("not known" if target else "well")


def test_one_that_is_back_after_more_than_a_minute_has_a_gap(called):
    called.mesh.silent = {"second"}
    called.go(120)
    called.mesh.silent = set()
    assert called.go(15, each=10) == ["not known"]
    assert called.last.failed == Gap("istio-system/second: not scraped for 135 s")
    assert called.go(15, each=10) == ["not known"]
    assert called.judged.measures["failed"].lately.canary.requests < 100
    assert called.go(60)[-1] == "well"
    assert called.last.failed == Batch(Counts(2000, 0), Counts(4000, 0))


def test_one_that_misses_a_scrape_or_two_is_not_missed(called):
    called.mesh.silent = {"second"}
    found = called.go(30)
    called.mesh.silent = set()
    assert set(found + called.go(120)) == {"well"}


def test_pods_that_are_silent_since_before_the_phase_are_missed(called):
    called.mesh.silent = {"second"}
    called.ask.reader = called.ask.reader.at_next_phase()
    called.judged = called.judged.at_weight(50)
    called.go(285)
    assert called.last.unseen == COUNTED.format("second", 293)
    assert called.go(60)[-1] == "well"


def test_a_pod_that_was_scraped_once_in_sight_of_the_judge_is_missed(server):
    called = Called(server)
    called.go(15)
    called.mesh.silent = {"second"}
    assert "well" not in called.go(270)
    assert called.last.unseen == COUNTED.format("second", 278)
