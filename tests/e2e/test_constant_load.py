"""200 requests a second on a service while it goes all its ways: none fails, three times over."""

from __future__ import annotations

import pytest

from tests.traffic import HOST, PATHS, Traffic, send

pytestmark = [pytest.mark.lab, pytest.mark.long]
ROUNDS = (1, 2, 3)
BACK = ("auth-api", "character-api", "image-api", "location-api", "my-api")
"""Taken back one by one, each from another phase, and from yet another in the next round."""


@pytest.mark.parametrize("number", ROUNDS)
def test_no_request_fails_from_off_over_every_phase_to_promotion(stack, lab, number):
    image = f"chat-api-0.{number}.0"
    stack.set("eco2:rollouts.chat-api.canary.tag", image)
    with Traffic(lab, HOST, (PATHS["chat-api"],)) as users:
        for phase in range(1, 6):
            stack.advance("chat-api", phase)
        stack.set("eco2:services.chat-api.image.tag", image)
        stack.advance("chat-api", 0)
    users.assert_none_failed()
    print(f"0 to promotion, run {number}: {users.told['sent']} requests, {users.told['failed']} failed")
    # Everybody was there, and who is there now is the new stable.
    assert users.told["answers"].keys() == {"v1", "v2"}
    assert send(lab, HOST, PATHS["chat-api"], 100, "--header")["answers"] == {"v1": 100}


@pytest.mark.parametrize("number", ROUNDS)
def test_no_request_fails_on_the_way_back_from_every_phase(stack, lab, number):
    target = {service: 1 + (place + number) % 5 for place, service in enumerate(BACK)}
    assert sorted(target.values()) == [1, 2, 3, 4, 5]
    for step in range(1, 6):
        stack.change(rollouts={service: {"phase": min(phase, step)} for service, phase in target.items()})
        stack.up()
    for service, phase in target.items():
        header = ("--header",) if phase == 1 else ()
        with Traffic(lab, HOST, (PATHS[service],), options=header) as users:
            stack.advance(service, 0)
        users.assert_none_failed()
        print(
            f"back from {phase}, run {number}: {users.told['sent']} requests, {users.told['failed']} failed"
        )
        assert users.told["answers"].keys() == {"v1", "v2"}
        assert send(lab, HOST, PATHS[service], 100, "--header")["answers"] == {"v1": 100}
