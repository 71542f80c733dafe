"""Whether a canary answers its share of the requests, as the judge reads it from a Prometheus."""

from __future__ import annotations

import pytest

from rollout.spec.stickiness import Stickiness
from tests.judge_reading import SERVICES, begun, reading
from tests.prometheus_server import Mesh


@pytest.mark.parametrize(
    ("name", "weight", "more"),
    [("auth-api", 20, {"stickiness": Stickiness(cookie="version")}), ("ext-authz", 50, {})],
)
def test_where_the_share_of_a_canary_is_not_tested_nobody_says_that_it_answers_it(server, name, weight, more):
    assert reading(server, weight, name, **more)().fallen_back is None
    assert reading(server, 100, name, **more)().fallen_back is not None


def test_a_canary_whose_requests_reach_no_pod_is_told_by_its_share(server, mesh):
    look = reading(
        server, traffic_policy=SERVICES["auth-api"].traffic_policy.model_copy(update={"fallback": None})
    )
    begun(mesh, look)
    for _ in range(2):
        mesh.count("v1", 800)
        mesh.count("unknown", 200, "503", response_flags="UH")
        mesh.wait(15)
        found = look()
    assert (
        found.fallen_back
        == "has 20 % and got 0.0 % of 1,000 requests in 15 s: requests do not reach its pods"
    )


def test_proxies_that_have_the_routes_of_the_phase_before_for_a_moment_are_no_fallback(server):
    mesh = Mesh(server.series, every=1.0)
    look = reading(server)
    mesh.count("v1", 1)
    mesh.wait(1)
    look()
    for second in range(12):
        mesh.wait(1)
        mesh.count("v1", 1000 if second < 4 else 800)
        mesh.count("v2", 0 if second < 4 else 200)
        found = look().fallen_back
    assert found == ""


def test_a_lack_is_of_one_weight_and_a_lower_one_begins_anew(server, mesh):
    look = reading(server)
    begun(mesh, look)
    for _ in range(2):
        mesh.count("v1", 1900)
        mesh.count("v2", 100)
        mesh.wait(15)
        found = look()
    assert found.fallen_back.startswith(
        "has 20 % and got 5.0 % of 2,000 requests in 15 s: it has fallen back"
    )
    assert look(5).fallen_back == ""
