"""The example in a lab: another company's program, names, header and environment, with users on it."""

from __future__ import annotations

import json
import shutil
import urllib.request

import pytest

from tests.conftest import ROOT, Lab, Stack
from tests.traffic import Traffic, binomial_bounds, send

pytestmark = [pytest.mark.lab, pytest.mark.rare]
HOST = "shop.acme.test"
CLUSTER = "acme-staging"
ROUTES = "/apis/networking.istio.io/v1/virtualservices"
DEPLOYMENTS = "/apis/apps/v1/deployments"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    running = Lab(tmp_path_factory.mktemp("lab"), cluster=CLUSTER)
    running.command("start", f"--cluster={CLUSTER}")
    yield running
    running.command("stop")


@pytest.fixture(scope="module")
def stack(lab, tmp_path_factory):
    folder = tmp_path_factory.mktemp("acme")
    shutil.copytree(ROOT / "examples/acme", folder, dirs_exist_ok=True)
    made = Stack(lab, folder, "staging")
    made.pulumi("stack", "init")
    made.up()
    return made


def step(stack, **rollout):
    for key, value in rollout.items():
        stack.pulumi("config", "set", "--path", f"rollouts.cart.{key}", str(value), "--type", kind(value))
    return stack.up()


def kind(value):
    return "int" if isinstance(value, int) else "string"


def image(lab, **headers):
    """What answers one request."""
    gateway = lab.command("gateway").stdout.strip()
    request = urllib.request.Request(f"{gateway}/cart/items", headers={"Host": HOST, **headers})  # noqa: S310  # the lab's own
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        return json.load(answer)["image"].rpartition(":")[2]


def weight(lab):
    rules = lab.items(ROUTES)["shop/cart"]["spec"]["http"]
    weights = {one["destination"]["subset"]: one["weight"] for one in rules[-1]["route"]}
    return weights.get("canary-or-stable", 0)


def test_it_climbs_is_promoted_and_goes_back_under_traffic(stack, lab):
    with Traffic(lab, HOST, ("/cart/items", "/pay/cards")) as users:
        step(stack, tag="1.5.0", phase=1)
        assert image(lab) == "1.4.0"
        assert image(lab, **{"x-acme-try": "next"}) == "1.5.0"
        assert image(lab, **{"x-canary": "true"}) == "1.4.0"

        refused = stack.pulumi("config", "set", "--path", "rollouts.cart.phase", "3", "--type", "int")
        refused = stack.pulumi("preview", check=False)
        assert refused.returncode != 0
        assert "staging-cart: rule 13" in refused.stdout
        assert "Traceback" not in refused.stdout

        for phase, share in ((2, 5), (3, 20)):
            step(stack, phase=phase)
            assert weight(lab) == share
        low, high = binomial_bounds(1000, 0.2)
        assert low <= send(lab, HOST, "/cart/items", 1000)["answers"].get("v2", 0) / 1000 <= high
        step(stack, phase=4)
        step(stack, phase=5)
        assert weight(lab) == 100

        # Promotion: stable takes over the image, gets its traffic back, and the canary goes.
        stack.pulumi("config", "set", "--path", "tags.cart", "1.5.0", "--type", "string")
        log = step(stack, phase=0)
        assert log.index("Deployment staging-cart updated") < log.index(
            "VirtualService staging-cart updating"
        )
        assert image(lab) == "1.5.0"
        assert "shop/cart-canary" not in lab.items(DEPLOYMENTS)

        # And back: routes first.
        for phase in (1, 2, 3):
            step(stack, tag="1.6.0", phase=phase)
        log = step(stack, phase=0)
        assert log.index("VirtualService staging-cart updated") < log.index("staging-cart-canary deleting")
        assert weight(lab) == 0
        assert "shop/cart-canary" not in lab.items(DEPLOYMENTS)
    users.assert_none_failed()
    assert stack.outputs()["staging-rollouts"]["staging-cart"]["phase"] == 0
    assert " unchanged" in stack.up()


def test_a_step_onto_a_dead_canary_is_refused_in_the_preview(stack, lab):
    step(stack, tag="1.7.0", phase=1)
    lab.command("behave", "1.7.0", "--unready")
    wait_until_unready(lab)
    stack.pulumi("config", "set", "--path", "rollouts.cart.phase", "2", "--type", "int")
    for operation in (("preview",), ("up", "--yes", "--skip-preview")):
        refused = stack.pulumi(*operation, check=False)
        assert refused.returncode != 0
        assert "its canary must not get more traffic: 0 of 1 pods are ready" in refused.stdout
    assert weight(lab) == 0
    lab.command("behave", "--reset")
    step(stack, phase=0)


def wait_until_unready(lab):
    for _ in range(100):
        if not lab.items(DEPLOYMENTS)["shop/cart-canary"]["status"].get("readyReplicas"):
            return
    raise AssertionError("the canary is still ready")
