"""Three services climb as one: one that is sick takes all three back."""

from __future__ import annotations

import pytest

from tests.climbing import Climbing
from tests.traffic import HOST, NAMESPACES, PATHS, Traffic
from tests.updates import weight

pytestmark = [pytest.mark.lab, pytest.mark.long]
SERVICES = ("chat-api", "my-api", "location-api")


def weights(lab):
    return {name: weight(lab, f"{NAMESPACES[name]}/{name}") for name in SERVICES}


def test_one_of_three_at_half_of_the_traffic_is_sick(stack, lab):
    stack.change(
        rollouts={name: {"phase": 4} for name in SERVICES},
        overrule=dict.fromkeys(SERVICES, "the test begins here"),
    )
    stack.up()
    stack.change(overrule={})
    assert set(weights(lab).values()) == {50}
    paths = tuple(PATHS[name] for name in SERVICES)
    with (
        Traffic(lab, HOST, paths, rate=150),
        Climbing(stack, *SERVICES, "--soak=5m", "--look-every=1s") as climbing,
    ):
        climbing.until("looked", 12)
        lab.command("behave", "my-api-dev-canary", "--slow", "0.2")
        struck = climbing.until("struck")
        assert set(weights(lab).values()) == {0}
        ending = climbing.end()
    assert (ending["outcome"], ending["code"]) == ("sick", 5), climbing.told
    assert list(struck["why"]) == ["my-api"]
    assert sorted(struck["services"]) == sorted(SERVICES)
    assert struck["seconds"] <= 1
    assert stack.changes() == []
    (verdict,) = [one for one in climbing.named("judged") if one["service"] == "my-api"]
    (back,) = climbing.named("taken back")
    print(f"struck {struck['seconds']:.2f} s after the verdict, all back after {back['seconds']:.0f} s")
    print(verdict["words"])
