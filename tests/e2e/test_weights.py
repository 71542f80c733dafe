"""The share of 10,000 requests is the weight, whatever else a service's routes do."""

from __future__ import annotations

import pytest
import yaml

from tests.failing import CHAT, at
from tests.traffic import HOST, binomial_bounds, send

pytestmark = [pytest.mark.lab, pytest.mark.long]
SERVICES = ("chat-api",)
REQUESTS = 10_000
SHARE = {1: 0.0, 2: 0.05, 3: 0.2, 4: 0.5, 5: 1.0}
FEATURES = {
    "neither": {"trafficPolicy": {"fallback": None}},
    "fallback": {},
    "cookie": {"stickiness": {"cookie": "eco2-chat"}},
    "header": {"stickiness": {"header": "x-user-id"}},
    "cookie alone": {"trafficPolicy": {"fallback": None}, "stickiness": {"cookie": "eco2-chat"}},
}


@pytest.fixture(params=FEATURES)
def feature(request, stack):
    """What routes do beside weights; requests here come from users that nobody knows."""
    catalog = stack.folder / "services.yaml"
    kept = catalog.read_text()
    described = yaml.safe_load(kept)
    chat = described["services"]["chat-api"]
    for key, value in FEATURES[request.param].items():
        chat[key] = {**chat.get(key, {}), **value}
    catalog.write_text(yaml.safe_dump(described))
    yield request.param
    catalog.write_text(kept)


def test_the_share_of_10_000_requests_is_the_weight(stack, lab, feature):
    for phase, share in SHARE.items():
        at(stack, phase)
        low, high = binomial_bounds(REQUESTS, share)
        told = send(lab, HOST, CHAT, REQUESTS)
        got = told["answers"].get("v2", 0)
        print(f"{feature}, phase {phase}: {got} of 10,000 by the canary, {told['failed']} failed")
        assert low <= got / REQUESTS <= high
        assert not told["failed"]
    at(stack, 0)
