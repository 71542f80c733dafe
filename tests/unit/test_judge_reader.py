"""What the judge reads from a Prometheus: both versions' requests since the look before."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eco2.judge.questions import durations_before, requests_before
from rollout.judge.observations import Batch, Counts
from rollout.spec.stickiness import Stickiness
from tests.judge_reading import AWAITED, NONE, SERVICES, begun, reading
from tests.prometheus_server import Mesh, PrometheusServer, Series


def test_what_came_between_two_scrapes_is_told_once(server, mesh):
    look = reading(server)
    begun(mesh, look)
    mesh.count("v1", 800)
    mesh.count("v2", 190)
    mesh.count("v2", 10, "503")
    assert look().failed == AWAITED
    mesh.wait(15)
    assert look().failed == Batch(Counts(200, 10), Counts(800, 0))
    mesh.wait(2)
    assert look().failed == NONE


def test_what_was_scraped_before_the_phase_is_not_counted_to_it(server, mesh):
    look = reading(server)
    begun(mesh, look)
    mesh.count("v1", 500)
    look.begin_phase()
    assert look().failed == AWAITED
    mesh.wait(15)
    assert look().failed == AWAITED
    mesh.count("v2", 7)
    mesh.wait(15)
    assert look().failed == Batch(Counts(7, 0), Counts(0, 0))


def test_the_first_failures_of_a_proxy_count_though_their_series_is_new(server, mesh):
    look = reading(server)
    begun(mesh, look)
    mesh.count("v1", 10)
    mesh.wait(15)
    look()
    mesh.count("v2", 3, "500", response_flags="-")
    mesh.wait(15)
    assert look().failed.canary == Counts(3, 3)


@pytest.mark.parametrize(
    ("labels", "bad"),
    [
        ({"code": "200"}, 0),
        ({"code": "404"}, 0),
        ({"code": "429"}, 0),
        ({"code": "500"}, 10),
        ({"code": "503"}, 10),
        ({"code": "0", "response_flags": "DC"}, 10),
        ({"code": "0", "response_flags": "UC"}, 10),
        ({"code": "499", "response_flags": "DC"}, 10),
        ({"code": "200", "response_flags": "DC"}, 0),
        ({"code": "200", "grpc_response_status": "14"}, 10),
        ({"code": "200", "grpc_response_status": "2"}, 10),
        ({"code": "200", "grpc_response_status": "5"}, 0),
        ({"code": "200", "grpc_response_status": "0"}, 0),
    ],
)
def test_failures_are_those_that_the_server_causes(server, mesh, labels, bad):
    look = reading(server)
    begun(mesh, look)
    mesh.count("v2", 10, **labels)
    mesh.wait(15)
    assert look().failed.canary == Counts(10, bad)


@pytest.mark.parametrize(
    ("weight", "sticky", "canary", "stable"),
    [
        (20, None, Counts(210, 10), Counts(840, 40)),
        (0, None, Counts(200, 0), Counts(850, 50)),
        (100, None, Counts(250, 50), Counts(800, 0)),
        (50, Stickiness(cookie="version"), Counts(225, 25), Counts(825, 25)),
        (10, Stickiness(cookie="version"), Counts(210, 10), Counts(840, 40)),
        (0, Stickiness(cookie="version"), Counts(200, 0), Counts(850, 50)),
    ],
)
def test_failures_that_reached_no_pod_are_split_as_routes_split(server, mesh, weight, sticky, canary, stable):
    look = reading(server, weight, stickiness=sticky)
    begun(mesh, look)
    mesh.count("v1", 800)
    mesh.count("v2", 200)
    mesh.count("unknown", 50, "503", response_flags="UH")
    mesh.count("unknown", 30, "404", response_flags="NR")
    mesh.wait(15)
    assert look().failed == Batch(canary, stable)


def test_what_stable_did_before_full_weight(server, mesh):
    look = reading(server, 100)
    mesh.count("v1", 0)
    mesh.count("v1", 0, "503")
    mesh.count("v1", 0, "0")
    mesh.take("v1", 20, 0)
    mesh.wait(15)
    mesh.count("v1", 990)
    mesh.count("v1", 6, "503")
    mesh.count("v1", 4, "0")
    mesh.take("v1", 20, 960)
    mesh.take("v1", 80, 40)
    mesh.wait(15)
    earlier = look.reader.earlier("auth-api")
    assert (earlier.failed, earlier.slow) == (Counts(1000, 10), Counts(1000, 40))
    assert look.reader.earlier("auth-api") == earlier


@pytest.mark.parametrize("odd", ["requests", "failed", "durations"])
def test_a_prometheus_without_finite_numbers_does_not_know_what_stable_did(server, mesh, odd):
    look = reading(server, 100)
    mesh.take("v1", 20, 0)
    mesh.wait(15)
    mesh.take("v1", 20, 960)
    mesh.wait(15)
    look()
    named = {"destination_service_name": "auth-api", "destination_service_namespace": "auth", "le": "+Inf"}
    result = [{"metric": named, "value": [0, "-Inf" if odd == "failed" else "+Inf"]}]
    service = {"auth-api": SERVICES["auth-api"]}
    asked = {
        "requests": requests_before(service, grpc=False, failed=False),
        "failed": requests_before(service, grpc=False, failed=True),
        "durations": durations_before(service, grpc=False),
    }
    server.told[asked[odd]] = 200, json.dumps({"status": "success", "data": {"result": result}}).encode()
    earlier = look.reader.earlier("auth-api")
    found = earlier.slow if odd == "durations" else earlier.failed
    assert "Prometheus gives no counts: " in found.why


@given(
    st.lists(
        st.tuples(st.sampled_from(["v1", "v2", "unknown"]), st.integers(0, 50), st.booleans()), max_size=20
    )
)
@settings(max_examples=25, deadline=None)
def test_whatever_is_counted_is_told_whole(counted):
    with PrometheusServer() as server:
        mesh = Mesh(server.series)
        look = reading(server)
        begun(mesh, look)
        for version, number, bad in counted:
            mesh.count(version, number, "500" if bad else "200")
        mesh.wait(15)
        found = look().failed
        lost = sum(number for version, number, bad in counted if version == "unknown" and bad)
        answered = sum(number for version, number, _ in counted if version != "unknown")
        assert found.canary.requests + found.stable.requests == pytest.approx(answered + lost)


def test_series_of_the_fake_are_chosen_as_by_promql():
    series = Series(now=100.0)
    series.scrape(90.0, 1, __name__="up", job="a")
    assert series.answer('up{job=~"a|b"}[20s]')[1][0]["values"] == [[90.0, "1"]]
    assert series.answer('up{job="b"}[20s]')[1] == []
    assert series.answer('up{job="a"}[5s]')[1] == []
