"""What the judge makes of a Prometheus that is away, talks nonsense, lags or has gaps: never zero, never well."""

from __future__ import annotations

import json
import socket

import pytest

from eco2 import prometheus as client
from eco2.judge.asking import Asker
from eco2.judge.requests import RequestReader
from eco2.prometheus import PrometheusError
from rollout.judge.judging import Judging, Reading
from rollout.judge.observations import Batch, Counts, Unknown
from rollout.judge.scrapes import Gap
from rollout.judge.signs import PodLook
from rollout.spec.files import read_catalog
from tests.conftest import ROOT
from tests.prometheus_server import Mesh

SERVICE = read_catalog(ROOT / "services.yaml").services["auth-api"]
READY = PodLook(2, 2, {})


@pytest.fixture
def mesh(server):
    return Mesh(server.series, gateway=0.0, other=0.0)


class Climbing:
    """A canary that was well by all looks so far."""

    def __init__(self, server, mesh):
        self.server, self.mesh = server, mesh
        self.reader = RequestReader(Asker(server.url), {"auth-api": SERVICE})
        self.judged = Judging.begin("auth-api", SERVICE.judge, 20, by_requests=True)
        self.last = None
        for _ in range(3):
            self.serve(0)
            mesh.wait(15)
        self.look()
        for _ in range(6):
            self.serve(1000)
            mesh.wait(15)
            self.look()
        assert self.judged.verdict.answer == "well"

    def serve(self, number):
        for proxy in self.mesh.offsets:
            self.mesh.count("v1", 4 * number, proxy=proxy)
            self.mesh.count("v2", number, proxy=proxy)
            self.mesh.take("v1", 20, 4 * number, proxy=proxy)
            self.mesh.take("v2", 20, number, proxy=proxy)

    def look(self):
        self.last = self.reader.look({"auth-api": 20})["auth-api"]
        self.judged = self.judged.after(
            Reading(
                self.server.series.now,
                self.last.failed,
                self.last.slow,
                READY,
                self.last.fallen_back,
                unseen=self.last.unseen,
            )
        )
        return self.judged.verdict


@pytest.fixture
def climbing(server, mesh):
    return Climbing(server, mesh)


def success(data):
    return 200, json.dumps({"status": "success", "data": data}).encode()


NAMED = {"destination_service_name": "auth-api", "destination_service_namespace": "auth"}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((200, b"<html>Sign in</html>"), "answers something else; is that the URL of a Prometheus?"),
        ((200, b""), "answers something else"),
        ((200, b"null"), "answers something else"),
        ((200, b'{"status":"success"}'), "answers something else"),
        ((302, b"{}"), "refused: HTTP 302"),
        ((503, b'{"status":"error","error":"starting up"}'), "refused: starting up"),
        ((503, b"Service Unavailable"), "answers something else"),
        (success({"result": 7}), "answers something else"),
        (success({"result": [7]}), "answers something else"),
        (success({"result": []}), "answers something else"),
        (success({"result": [{"metric": NAMED, "value": [0, None]}]}), "answers something else"),
        (success({"result": [{"metric": [], "value": [0, "1"]}]}), "answers something else"),
        (success({"result": [{"metric": NAMED, "value": [0, "NaN"]}]}), "answers something else"),
    ],
)
def test_nonsense_is_told_as_such_and_holds_up(server, climbing, answer, words):
    server.broken = answer
    verdict = climbing.look()
    assert verdict.answer == "not known"
    assert words in climbing.last.failed.why
    assert climbing.last.slow == climbing.last.fallen_back == climbing.last.failed


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        ([{"metric": NAMED, "values": [["x", "1"]]}], "answers something else"),
        ([{"metric": NAMED, "values": [["NaN", "1"]]}], "answers something else"),
        ([{"metric": NAMED, "values": 3}], "answers something else"),
        ([{"metric": NAMED, "value": [1, "2"]}], "answers something else"),
        ([7], "answers something else"),
    ],
)
def test_a_matrix_that_is_none_is_told_as_such(server, climbing, matrix, words):
    for asked in [one for one in server.asked if one.startswith("istio_")]:
        server.told[asked] = success({"resultType": "matrix", "result": matrix})
    assert climbing.look().answer == "not known"
    assert words in climbing.last.failed.why
    assert words in climbing.last.slow.why


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_counter_without_a_number_is_unknown(climbing, mesh, value):
    climbing.serve(1000)
    counters = mesh.counters["gateway"]
    counters[next(iter(counters))] = value
    mesh.wait(15)
    assert climbing.look().answer == "not known"
    assert climbing.last.failed == Unknown("istio-system/gateway: a counter holds no number")


def test_a_prometheus_that_is_away_is_named_and_nothing_is_lost_when_it_is_back(server, climbing, mesh):
    there, climbing.reader._asker._prometheus._url = (
        climbing.reader._asker._prometheus._url,
        "http://127.0.0.1:1",
    )
    climbing.serve(1000)
    mesh.wait(15)
    assert climbing.look().answer == "not known"
    assert climbing.last.failed.why.startswith("Prometheus at http://127.0.0.1:1 does not answer")
    climbing.reader._asker._prometheus._url = there
    climbing.serve(1000)
    mesh.wait(15)
    assert climbing.look().answer == "well"
    assert climbing.last.failed == Batch(Counts(4000, 0), Counts(16000, 0))


def test_one_that_takes_questions_and_never_answers_is_waited_for_no_longer_than_told(monkeypatch):
    monkeypatch.setattr(client, "TIMEOUT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        found = RequestReader(Asker(url), {"auth-api": SERVICE}).look({"auth-api": 20})["auth-api"]
    assert "does not answer" in found.failed.why


def test_what_is_no_url_is_refused_before_anything_is_asked():
    with pytest.raises(PrometheusError, match="is no URL of a Prometheus"):
        Asker("prometheus:9090")


def test_a_proxy_that_began_anew_is_named_and_what_others_counted_is_kept(climbing, mesh):
    mesh.restart("gateway")
    climbing.serve(100)
    mesh.wait(15)
    assert climbing.look().answer == "not known"
    assert climbing.last.failed.why == "istio-system/gateway: its counters began anew"
    assert climbing.last.slow.why == "istio-system/gateway: its counters began anew"
    mesh.wait(1)
    climbing.look()
    assert climbing.last.failed == Batch(Counts(100, 0), Counts(400, 0))
    climbing.serve(10)
    mesh.wait(15)
    assert climbing.look().answer == "well"
    assert climbing.last.failed == Batch(Counts(20, 0), Counts(80, 0))


def test_a_proxy_whose_series_are_gone_began_anew(climbing, mesh):
    mesh.counters["gateway"] = {
        labels: value
        for labels, value in mesh.counters["gateway"].items()
        if ("destination_version", "v2") not in labels
    }
    climbing.mesh.count("v1", 9000)
    mesh.wait(15)
    climbing.look()
    assert "gateway: its counters began anew" in climbing.last.failed.why


def test_one_scrape_that_is_missing_is_made_up_for_by_the_next(climbing, mesh):
    mesh.silent = set(mesh.offsets)
    climbing.serve(1000)
    mesh.wait(20)
    assert climbing.look().answer == "well"
    assert climbing.last.failed == Batch(Counts(0, 0), Counts(0, 0))
    mesh.silent = set()
    mesh.wait(15)
    climbing.look()
    assert climbing.last.failed.canary.requests == 2000


@pytest.mark.parametrize("seconds", [61, 75, 120, 280])
def test_counts_that_are_old_are_not_known_and_their_age_is_told(climbing, mesh, seconds):
    mesh.silent = set(mesh.offsets)
    mesh.wait(seconds)
    assert climbing.look().answer == "not known"
    old = int(climbing.last.failed.why.split()[4])
    assert climbing.last.failed == Gap(f"the newest counts are {old} s old")
    assert seconds <= old < seconds + 15


def test_a_gateway_that_counted_requests_and_vanishes_is_missed(server, climbing, mesh):
    mesh.silent = {"other"}
    for _ in range(5):
        climbing.serve(1000)
        mesh.wait(15)
        verdict = climbing.look()
    assert verdict.answer == "not known"
    assert verdict.words == "istio-system/other counted requests, and is not scraped for 85 s"
    # What the others count may be sick all the same.
    assert climbing.last.failed == Batch(Counts(1000, 0), Counts(4000, 0))
    mesh.silent = set()
    mesh.wait(15)
    assert climbing.look().answer == "not known"
    assert climbing.last.failed == Gap("istio-system/other: not scraped for 90 s")
    climbing.serve(1000)
    mesh.wait(15)
    assert climbing.look().answer == "well"


def answers(climbing, mesh):
    """What is said at each look in 5 min 30 s."""
    found = []
    for _ in range(22):
        climbing.serve(1000)
        mesh.wait(15)
        found.append(climbing.look().answer)
    return found


def partial(result_type):
    """A status and a body: nothing, and a warning that this may be a part."""
    data = {"resultType": result_type, "result": []}
    return 200, json.dumps({"status": "success", "data": data, "warnings": ["store down"]}).encode()


@pytest.mark.parametrize("target", [True, False])
def test_a_gateway_that_is_no_target_any_more_is_missed_for_five_minutes(server, climbing, mesh, target):
    metric = {"pod": "other", "namespace": "istio-system", "job": "mesh", "instance": "other:15020"}
    down = [{"metric": metric, "value": [0, "0"]}] if target else []
    server.told["up == 0"] = success({"resultType": "vector", "result": down})
    mesh.silent = {"other"}
    found = answers(climbing, mesh)
    assert found[3:19] == ["not known"] * 16
    assert found[19:] == ["not known" if target else "well"] * 3


def test_a_gateway_is_missed_on_where_the_shard_that_scrapes_it_is_away(server, climbing, mesh):
    """Its `up` is gone with it; that answer is a part, and tells of no target that is gone."""
    server.told["up == 0"] = partial("vector")
    mesh.silent = {"other"}
    found = answers(climbing, mesh)
    assert found[3:] == ["not known"] * 19


def test_scrapes_of_which_a_part_may_be_missing_are_refused(server):
    server.told["x[90s]"] = partial("matrix")
    with pytest.raises(PrometheusError, match="may lack something: store down"):
        client.Prometheus(server.url).samples("x[90s]")


@pytest.mark.parametrize("back_after", [75, 1000])
def test_after_a_gap_it_begins_anew(climbing, mesh, back_after):
    mesh.silent = set(mesh.offsets)
    climbing.serve(1000)
    mesh.wait(back_after)
    climbing.look()
    mesh.silent = set()
    mesh.wait(15)
    assert climbing.look().answer == "not known"
    assert "gateway: not scraped for" in climbing.last.failed.why
    # What was known before the gap says nothing of what came in it.
    climbing.serve(10)
    mesh.wait(15)
    assert climbing.look().answer == "not known"
    assert "not enough requests: 20 of 100" in climbing.judged.verdict.parts[0].words
    climbing.serve(1000)
    mesh.wait(15)
    assert climbing.look().answer == "well"
    assert climbing.last.failed.canary.requests == 2000


def test_a_prometheus_that_lost_its_data_knows_no_requests(server, climbing, mesh):
    server.series.samples.clear()
    assert climbing.look().answer == "not known"
    assert climbing.last.failed.why == "no request to it was counted"


def test_a_prometheus_that_lags_all_the_time_is_never_believed(server, mesh):
    reader = RequestReader(Asker(server.url), {"auth-api": SERVICE})
    for _ in range(20):
        mesh.count("v1", 800)
        mesh.count("v2", 200)
        mesh.wait(15)
        server.series.now += 120
        found = reader.look({"auth-api": 20})["auth-api"]
        server.series.now -= 120
        assert isinstance(found.failed, Unknown)
    assert "s old" in found.failed.why


def test_a_second_prometheus_behind_the_same_name_changes_nothing(climbing, mesh, server):
    """Two replicas scrape at other times, and questions reach one or the other."""
    newest = {labels: list(samples) for labels, samples in server.series.samples.items()}
    climbing.serve(1000)
    mesh.wait(15)
    climbing.look()
    assert climbing.last.failed.canary.requests == 2000
    kept, server.series.samples = server.series.samples, newest
    assert climbing.look().answer == "well"
    assert climbing.last.failed == Batch(Counts(0, 0), Counts(0, 0))
    server.series.samples = kept
    climbing.look()
    assert climbing.last.failed == Batch(Counts(0, 0), Counts(0, 0))


def test_one_that_answers_with_what_it_knew_earlier_is_not_believed(server, climbing, mesh):
    """By its own account all that it has is new."""
    server.lag_seconds = 120
    for _ in range(3):
        climbing.serve(1000)
        mesh.wait(15)
        assert climbing.look().answer == "not known"
        assert climbing.last.failed == Unknown("Prometheus answers with what it knew 120 s ago")


def test_one_that_falls_behind_what_was_counted_is_not_believed(server, climbing):
    server.series.now -= 80
    server.series.samples = {
        labels: [one for one in samples if one[0] <= server.series.now]
        for labels, samples in server.series.samples.items()
    }
    assert climbing.look().answer == "not known"
    assert climbing.last.failed == Gap("the newest counts are 75 s old")


def test_clocks_that_are_apart_do_not_matter(server, mesh):
    """The server's clock stands in 1970, and nobody here asks what time it is."""
    assert server.series.now < 2_000_000
    assert Climbing(server, mesh).judged.verdict.answer == "well"
