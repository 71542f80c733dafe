"""Which requests the judge calls slow: a line that stable's own requests draw, and when there is none."""

from __future__ import annotations

import json

import pytest

from eco2.judge.questions import durations_before
from rollout.judge.observations import Batch, Counts, Unknown
from tests.judge_reading import AWAITED, SERVICES, begun, reading


def test_slow_is_what_stable_seldom_was_before(server, mesh):
    look = reading(server)
    begun(mesh, look)
    mesh.take("v1", 20, 980)
    mesh.take("v1", 80, 20)
    mesh.take("v2", 20, 80)
    mesh.take("v2", 40, 20)
    mesh.wait(15)
    assert look().slow == Batch(Counts(100, 20), Counts(1000, 20))
    # Another phase keeps the line, though stable is slower now.
    look.begin_phase()
    mesh.take("v1", 80, 90_000)
    mesh.wait(15)
    look()
    mesh.wait(15)
    look()
    mesh.take("v2", 40, 5)
    mesh.wait(15)
    assert look().slow.canary == Counts(5, 5)
    assert sum("sum by" in asked and "le)" in asked for asked in server.asked if "rate(" not in asked) == 1


@pytest.mark.parametrize(
    ("milliseconds", "why"),
    [
        (None, "stable has answered no request in the last hour, so which ones are slow is not known"),
        (500, "the buckets end at 100, and more of stable's requests are slower"),
    ],
)
def test_without_a_line_slow_ones_are_not_known(server, mesh, milliseconds, why):
    look = reading(server)
    mesh.count("v1", 10)
    if milliseconds:
        mesh.take("v1", milliseconds, 0)
        mesh.wait(15)
        mesh.take("v1", milliseconds, 10)
    mesh.wait(15)
    look()
    mesh.wait(15)
    assert look().slow.why == why


def test_a_line_is_drawn_as_soon_as_stable_has_answered(server, mesh):
    look = reading(server)
    assert "no request" in look().slow.why
    mesh.take("v1", 20, 0)
    mesh.wait(15)
    mesh.take("v1", 20, 10)
    mesh.wait(15)
    assert look().slow == AWAITED


def test_a_histogram_without_the_bucket_of_the_line_is_unknown(server, mesh):
    look = reading(server)
    begun(mesh, look)
    mesh.counters["gateway"] = {
        labels: value
        for labels, value in mesh.counters["gateway"].items()
        if ("le", "25") not in labels or ("destination_version", "v1") in labels
    }
    mesh.wait(15)
    assert look().slow == Unknown(
        "istio-system/gateway: there is no bucket that ends at 25: the histograms differ"
    )


def test_buckets_whose_estimates_cross_still_give_a_line(server, mesh):
    look = reading(server)
    asked = durations_before({"auth-api": SERVICES["auth-api"]}, grpc=False)
    named = {"destination_service_name": "auth-api", "destination_service_namespace": "auth"}
    estimates = {"10": 95.2, "25": 95.1, "nonsense": 7, "+Inf": 100.0}
    result = [{"metric": {**named, "le": end}, "value": [0, str(value)]} for end, value in estimates.items()]
    server.told[asked] = 200, json.dumps({"status": "success", "data": {"result": result}}).encode()
    begun(mesh, look)
    mesh.take("v2", 20, 3)
    mesh.wait(15)
    assert look().slow.canary == Counts(3, 3)
