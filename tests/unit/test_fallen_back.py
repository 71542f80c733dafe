"""A canary that has fallen back, by what was counted: told in a status, and refused more traffic."""

from __future__ import annotations

import random
import re
from dataclasses import replace

import pytest

from eco2.change import fallen_back as step_up
from eco2.prometheus import PrometheusError, Requests
from eco2.status.alarms import at_objects, at_the_canary
from eco2.status.live import Deployment, Live, Routing
from eco2.status.snapshot import Status
from rollout.diff.drift import Drift
from rollout.diff.values import Difference
from rollout.guards.fallen_back import fallen_back, fell_back
from rollout.spec.files import read_catalog
from rollout.spec.image import Image
from rollout.spec.stickiness import Stickiness
from tests.conftest import ROOT

CATALOG = read_catalog(ROOT / "services.yaml")


@pytest.mark.parametrize(
    ("weight", "canary", "total", "expected"),
    [
        (20, 200, 1000, False),
        (20, 165, 1000, False),  # within what chance does
        (20, 100, 1000, True),
        (20, 0, 1000, True),
        (20, 260, 1000, False),  # requests with the header
        (5, 0, 99, False),  # too few to say
        (5, 0, 100, False),
        (5, 0, 500, True),
        (0, 0, 1000, False),
        (100, 1000, 1000, False),
        (100, 500, 1000, True),
        (100, 990, 1000, False),  # a pod that restarted, of which some were tried again
        (20, 198_000, 1_000_000, False),  # as little of many
    ],
)
def test_clearly_fewer_requests_than_its_weight_are_a_fallback(weight, canary, total, expected):
    assert fell_back(weight, canary, total) == expected
    assert bool(fallen_back(weight, canary, total, 60)) == expected


def test_a_canary_that_takes_its_share_is_hardly_ever_taken_for_one_that_fell_back():
    dice = random.Random(1)  # noqa: S311
    looks = 4000
    wrong = sum(fell_back(5, sum(dice.random() < 0.05 for _ in range(400)), 400) for _ in range(looks))
    assert wrong <= looks * 0.002


class Counted:
    """A Prometheus that scraped a gateway four times: two minutes ago a canary got less, or it gets less now."""

    def __init__(self, url):
        if url == "silent":
            raise PrometheusError("does not answer")
        self.shares = {"here": (0.03, 0.03, 0.03), "risen": (0.05, 0.05, 0.2), "fallen": (0.2, 0.2, 0.03)}[
            url
        ]

    def samples(self, asked):
        found = []
        for name in re.findall(
            r"[a-z-]+", asked.partition("destination_service_name=~")[2].partition(",")[0]
        ):
            canary = [round(1000 * sum(self.shares[:number])) for number in range(4)]
            for version, counted in (
                ("v2", canary),
                ("v1", [1000 * number - canary[number] for number in range(4)]),
            ):
                labels = {"destination_service_name": name, "destination_version": version}
                labels["destination_service_namespace"] = CATALOG.services[name].namespace
                found.append(
                    (labels, [(15.0 * number, float(value)) for number, value in enumerate(counted)])
                )
        return found


def test_a_step_up_of_such_a_canary_is_refused_with_figures(monkeypatch):
    monkeypatch.setattr(step_up, "Prometheus", Counted)
    services = {name: CATALOG.services[name] for name in ("chat-api", "my-api", "ext-authz")}
    found = step_up.fallen_back("here", services, {"chat-api": 20, "my-api": 0, "ext-authz": 20})
    assert found.keys() == {"chat-api"}
    # Without routes the ratio of pods decides, but for full weight.
    assert step_up.fallen_back("here", services, {"ext-authz": 100}).keys() == {"ext-authz"}
    assert "has 20 % and got 3.0 % of 1000 requests in 15 s: it has fallen back" in found["chat-api"]
    assert "rule 19" in found["chat-api"]


@pytest.mark.parametrize(("url", "refused"), [("risen", False), ("fallen", True)])
def test_what_it_got_before_its_weight_rose_is_not_held_against_it(monkeypatch, url, refused):
    monkeypatch.setattr(step_up, "Prometheus", Counted)
    found = step_up.fallen_back(url, {"chat-api": CATALOG.services["chat-api"]}, {"chat-api": 20})
    assert bool(found) == refused


def test_what_nobody_can_tell_is_an_error_and_no_step(monkeypatch):
    monkeypatch.setattr(step_up, "Prometheus", Counted)
    with pytest.raises(PrometheusError):
        step_up.fallen_back("silent", {"chat-api": CATALOG.services["chat-api"]}, {"chat-api": 20})
    assert step_up.fallen_back("silent", {"chat-api": CATALOG.services["chat-api"]}, {"chat-api": 0}) == {}


@pytest.mark.parametrize("has_canary", [True, False])
@pytest.mark.parametrize(("weight", "alarmed"), [(0, False), (20, True)])
def test_the_subset_that_falls_back_is_missed_where_a_weight_leads_to_it(weight, alarmed, has_canary):
    gone = Difference("spec.subsets[canary-or-stable]", {}, None)
    one = Deployment("auth-api", Image("x"), (), 1, 1, "")
    live = Live(one, one if has_canary else None, (), Routing(weights=(weight,), header=True), weight)
    found = at_objects([Drift("DestinationRule", "auth-api", found=(gone,))], live)
    told = "DestinationRule auth-api has no subset canary-or-stable: requests to it fail"
    assert found == ((told,) if alarmed else ())


@pytest.mark.parametrize(
    ("drift", "expected"),
    [
        ((), "it has fallen back, stable's pods serve them"),
        ((Drift("DestinationRule", "auth-api", missing=True),), "these requests fail"),
    ],
)
def test_nothing_falls_back_to_a_subset_that_is_gone(drift, expected):
    one = Deployment("auth-api", Image("x"), (), 1, 1, "")
    routing = Routing(weights=(20,), header=True, falls_back=True)
    live = Live(one, replace(one, ready=0), (), routing, 20)
    told = Status("auth-api", "api", "auth", None, None, live, drift=drift).canary_alarm
    assert told == f"routes send 20 % to the canary, which has no ready pod: {expected}"


@pytest.mark.parametrize("keeps", [True, False])
def test_where_users_keep_their_version_a_share_of_requests_tells_nothing(monkeypatch, keeps):
    monkeypatch.setattr(step_up, "Prometheus", Counted)
    stickiness = Stickiness(cookie="chat-version") if keeps else None
    service = CATALOG.services["chat-api"].model_copy(update={"stickiness": stickiness})
    assert (step_up.fallen_back("here", {"chat-api": service}, {"chat-api": 20}) == {}) == keeps
    assert step_up.fallen_back("here", {"chat-api": service}, {"chat-api": 100})
    one = Deployment("auth-api", Image("x"), (), 1, 1, "")
    routing = Routing(weights=(20,), header=True, falls_back=True, keeps=keeps)
    told = at_the_canary("api", Live(one, one, (), routing, 20), Requests({"v1": 970, "v2": 30}))
    assert (told == "") == keeps
