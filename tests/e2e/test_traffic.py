"""What users meet while a service goes through its phases: real requests through real Envoys."""

from __future__ import annotations

import json

import pytest

from lab.traffic.chart import CANARY as CANARY_COLOUR
from tests.traffic import HOST, PATHS, Traffic, binomial_bounds, inside, send

pytestmark = pytest.mark.lab
AUTH = PATHS["auth-api"]
CANARY = "auth-api-0.8.0"


def test_no_request_fails_from_off_to_promotion(stack, lab):
    stack.set("eco2:rollouts.auth-api.canary.tag", CANARY)
    with Traffic(lab, HOST, (AUTH,)) as users:
        for phase in (1, 2, 3, 4, 5):
            stack.advance("auth-api", phase)
            assert send(lab, HOST, AUTH, 200, "--header")["answers"] == {"v2": 200}
        stack.set("eco2:services.auth-api.image.tag", CANARY)
        stack.advance("auth-api", 0)
        after = send(lab, HOST, AUTH, 200)
    users.assert_none_failed()
    assert after["answers"] == {"v1": 200}
    assert send(lab, HOST, AUTH, 100, "--header")["answers"] == {"v1": 100}


@pytest.mark.parametrize(("phase", "weight"), [(1, 0), (2, 5), (3, 20), (4, 50), (5, 100)])
def test_the_split_is_the_stated_one_outside_and_inside(stack, lab, phase, weight):
    stack.advance("chat-api", phase)
    for host, path, where in ((HOST, PATHS["chat-api"], ()), (inside("chat-api"), "/any", ("--inside",))):
        assert send(lab, host, path, 200, "--header", *where)["answers"] == {"v2": 200}
        told = send(lab, host, path, 2000, *where)
        low, high = binomial_bounds(2000, weight / 100)
        assert low <= told["answers"].get("v2", 0) / 2000 <= high
        assert told["failed"] == 0


def test_a_chart_marks_what_the_gateway_does(stack, lab, tmp_path):
    stack.advance("chat-api", 5)
    drawn = tmp_path / "chart.svg"
    command = ("traffic", PATHS["chat-api"], f"--host={HOST}", "--seconds=3", f"--chart={drawn}", "--json")
    told = json.loads(lab.command(*command).stdout)
    # Envoy's own route table says so, and the answers agree.
    assert [mark["what"] for mark in told["marks"]] == ["100 %"]
    assert set(told["answers"]) == {"v2"}
    assert f'fill="{CANARY_COLOUR}"/>' in drawn.read_text("utf-8")


@pytest.mark.long
def test_no_request_fails_on_the_way_back_from_any_phase(stack, lab):
    for phase in (5, 3, 1):
        stack.jump(phase, "chat-api")
        with Traffic(lab, HOST, (PATHS["chat-api"],)) as users:
            stack.advance("chat-api", 0)
        users.assert_none_failed()
        assert send(lab, HOST, PATHS["chat-api"], 100, "--header")["answers"] == {"v1": 100}
