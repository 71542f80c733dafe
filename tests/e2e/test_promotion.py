"""Promotions that go wrong, several services in one update, and images that change in flight."""

from __future__ import annotations

import pytest

from tests.traffic import HOST, PATHS, Traffic, send

pytestmark = pytest.mark.lab
SERVICES = ("auth-api", "scan-api", "my-api")
GOOD = "auth-api-0.8.0"


def share_of_canary(lab):
    return send(lab, HOST, PATHS["auth-api"], 200)["answers"].get("v2", 0) / 200


@pytest.mark.parametrize("flags", [("--continue-on-error",), pytest.param((), marks=pytest.mark.long)])
def test_a_stable_that_never_gets_ready_leaves_everything_on_the_canary(stack, lab, flags):
    stack.ask_for_promotion("auth-api", GOOD, seconds=4)
    with Traffic(lab, HOST, (PATHS["auth-api"],)) as users:
        failed = stack.pulumi("up", "--yes", "--skip-preview", *flags, check=False)
        assert failed.returncode != 0
        assert "auth-api" in failed.stdout
        assert "Traceback" not in failed.stdout
        assert "auth/auth-api-canary" in lab.items("/apis/apps/v1/deployments")
        assert share_of_canary(lab) == 1.0
        assert stack.outputs()["rollouts"]["auth-api"]["phase"] == 5
        # The same promotion, once the pods can start, finishes it.
        lab.command("behave", "--reset")
        stack.change(readyTimeoutSeconds=60)
        stack.up()
        assert share_of_canary(lab) == 0.0
    users.assert_none_failed()
    assert "auth/auth-api-canary" not in lab.items("/apis/apps/v1/deployments")
    stack.set("eco2:services.auth-api.image.tag", "auth-api-dev-latest")
    stack.up()


def test_services_that_go_different_ways_in_one_update_keep_their_own_order(stack, lab):
    # scan-api goes down, my-api is promoted, auth-api goes up.
    stack.set("eco2:rollouts.my-api.canary.tag", "my-api-0.9.0")
    stack.set("eco2:rollouts.auth-api.canary.tag", GOOD)
    stack.set("eco2:rollouts.scan-api.phase", "4")
    stack.set("eco2:rollouts.auth-api.phase", "2")
    stack.change(overrule=dict.fromkeys(("my-api", "scan-api", "auth-api"), "the test begins here"))
    stack.advance("my-api", 5)
    stack.change(overrule={})
    stack.set("eco2:services.my-api.image.tag", "my-api-0.9.0")
    stack.set("eco2:rollouts.my-api.phase", "0")
    stack.set("eco2:rollouts.scan-api.phase", "0")
    stack.set("eco2:rollouts.auth-api.phase", "3")
    with Traffic(lab, HOST, tuple(PATHS[name] for name in ("auth-api", "scan-api", "my-api"))) as users:
        log = stack.up()
    users.assert_none_failed()
    assert log.index("Deployment my-api updated") < log.index("VirtualService my-api updating")
    assert log.index("VirtualService scan-api updated") < log.index("Deployment scan-api-canary deleting")
    assert send(lab, HOST, PATHS["my-api"], 50)["answers"] == {"v1": 50}
    stack.change(rollouts={"auth-api": {"phase": 3, "canary": {"tag": GOOD}}})


def test_a_canary_image_that_changes_in_flight_is_refused_or_overruled_without_a_failed_request(stack, lab):
    stack.set("eco2:rollouts.auth-api.canary.tag", "auth-api-0.8.1")
    refused = stack.pulumi("up", "--yes", "--skip-preview", check=False)
    assert refused.returncode != 0
    assert "rule 14" in refused.stdout
    # What the last good update left is still known, so asking twice does not help.
    assert stack.outputs()["rollouts"]["auth-api"]["phase"] == 3
    assert "rule 14" in stack.pulumi("up", "--yes", "--skip-preview", check=False).stdout
    stack.change(overrule={"auth-api": "the fix of a fix"})
    with Traffic(lab, HOST, (PATHS["auth-api"],)) as users:
        assert "overruled (the fix of a fix)" in stack.up()
    users.assert_none_failed()
    stack.change(rollouts={}, overrule={})
    stack.up()
