"""What the program does with what the cluster says of pods, and where it says nothing."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from functools import partial
from types import SimpleNamespace

import pulumi
import pytest
from pulumi.runtime.mocks import MockMonitor

from components import readiness as module
from components import stack
from components.readiness import NotReadyError, Readiness
from kube.cluster import ClusterClient
from kube.kinds import path
from rollout.guards.readiness import Target
from rollout.plan.order import Direction
from rollout.plan.state import leads_more
from rollout.problems import ConfigError
from rollout.spec.image import Image
from tests.api_server import ROUTES, ApiServer
from tests.unit.kubernetes_objects import deployment

pytestmark = pytest.mark.whole
IMAGE = "docker.io/mng990/eco2:next"
TARGET = Target("auth-api", "auth", "auth-api-canary", Image.read(IMAGE), 1, autoscaled=False)
UPDATE = SimpleNamespace(stack="dev", file="Pulumi.dev.yaml", services={})


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.setattr(module, "climbing", lambda *_: {"auth-api": TARGET})
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.3)
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.1)
    with ApiServer(tmp_path / "kubeconfig", "eco2-dev") as running:
        yield running


def has(cluster, **more):
    cluster.objects[path("Deployment", TARGET.namespace, TARGET.name)] = deployment(
        "auth-api-canary", **{"image": IMAGE, **more}
    )


def in_a_preview(monkeypatch, answer):
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: answer)


@pytest.mark.parametrize("preview", [True, False])
def test_a_dead_canary_is_refused_in_the_preview_and_by_the_update(cluster, monkeypatch, preview):
    in_a_preview(monkeypatch, preview)
    has(cluster, ready=0)
    with pytest.raises(ConfigError) as refused:
        Readiness(partial(ClusterClient, "eco2-dev")).look(UPDATE, None)
    assert "Pulumi.dev.yaml: eco2:rollouts.auth-api: its canary must not get more traffic: 0 of 1" in str(
        refused.value
    )
    assert "`eco2 abort auth-api --stack dev`" in str(refused.value)


def test_a_ready_canary_is_not(cluster):
    has(cluster)
    assert Readiness(partial(ClusterClient, "eco2-dev")).look(UPDATE, None) == ()


def test_without_an_answer_a_preview_warns_and_an_update_refuses(cluster, monkeypatch):
    told = "whether the canary of auth-api is ready is not known"
    in_a_preview(monkeypatch, True)
    assert told in Readiness(partial(ClusterClient, "elsewhere")).look(UPDATE, None)[0]
    in_a_preview(monkeypatch, False)
    with pytest.raises(ConfigError, match=told):
        Readiness(partial(ClusterClient, "elsewhere")).look(UPDATE, None)


def test_a_program_run_with_mocks_has_no_cluster_to_ask(monkeypatch):
    monkeypatch.setattr(stack, "get_monitor", lambda: MockMonitor(None))
    assert stack.cluster_to_ask("eco2-dev") is None


def test_all_that_ask_a_cluster_share_one_way_to_it(monkeypatch):
    made = []
    monkeypatch.setattr(stack, "get_monitor", lambda: None)
    monkeypatch.setattr(stack, "ClusterClient", lambda context: made.append(context) or context)
    ask = stack.cluster_to_ask("eco2-dev")
    assert made == []
    assert (ask(), ask(), made) == ("eco2-dev", "eco2-dev", ["eco2-dev"])


def test_without_a_cluster_nothing_is_asked(cluster):
    assert Readiness(None).look(UPDATE, None) == ()
    assert not cluster.asked.is_set()


@pytest.mark.parametrize(
    ("context", "more", "told"),
    [
        ("eco2-dev", None, "Deployment auth-api-canary is not there"),
        ("eco2-dev", {"ready": 0}, "0 of 1 pods are ready"),
        ("eco2-dev", {"image": "other"}, "runs other, and not"),
        ("eco2-dev", {"image": "\x1b[2K\n::error::forged"}, r"runs \\x1b\[2K ::error::forged, and not"),
        ("elsewhere", {}, "whether its pods are ready is not known: no context elsewhere"),
    ],
)
def test_routes_stay_where_they_are(cluster, context, more, told):
    if more is not None:
        has(cluster, **more)
    with pytest.raises(NotReadyError, match=f"the routes of auth-api stay where they are: .*{told}"):
        asyncio.run(module._await(TARGET, partial(ClusterClient, context)))


def split(weight, header=True):
    rule = {"match": [{"headers": {"x-canary": {}}}], "route": [{"destination": {"subset": "canary"}}]}
    shares = [("stable", 100 - weight), ("canary", weight)]
    route = [{"destination": {"subset": subset}, "weight": share} for subset, share in shares]
    return {"spec": {"http": [*([rule] if header else []), {"route": route}]}}


def selects(version):
    return {"spec": {"selector": {"app": "ext-authz", **({"version": version} if version else {})}}}


@pytest.mark.parametrize(
    ("old", "new", "more"),
    [
        (split(5), split(20), True),
        (split(20), split(20), False),
        (split(50), split(20), False),
        (None, split(20), True),
        (None, split(0, header=False), False),
        (split(0, header=False), split(0), True),
        # Of another shape, as a hand or a failed update may have left it: it led to nobody.
        ({"spec": {}}, split(0), True),
        (selects("v1"), selects(None), True),
        (selects(None), selects("v2"), True),
        (selects("v2"), selects("v1"), False),
        (None, selects("v1"), False),
    ],
)
def test_what_leads_more_to_a_canary_is_seen_at_the_object(old, new, more):
    assert leads_more(new, old) is more


@pytest.mark.parametrize(
    ("direction", "old", "held"),
    [
        # One of two routes was moved by an update that failed, and this one moves the other.
        (Direction.STAY, split(5), True),
        (Direction.UP, split(5), True),
        # Another difference, or a hand's weight that is taken back: a dead canary must not stand in its way.
        (Direction.STAY, split(20), False),
        (Direction.STAY, split(50), False),
        (Direction.PROMOTE, split(50), True),
    ],
)
def test_a_route_waits_for_pods_where_it_leads_more_to_them(cluster, monkeypatch, direction, old, held):
    hooks = []
    monkeypatch.setattr(pulumi, "ResourceHook", lambda _, run: hooks.append(run))
    monkeypatch.setattr(pulumi, "ResourceHookBinding", lambda **_: None)
    monkeypatch.setattr(module, "led_to", lambda *_: TARGET)
    planned = SimpleNamespace(name="auth-api", order=SimpleNamespace(direction=direction))
    service = SimpleNamespace(by_weight=True, namespace="auth")
    Readiness(partial(ClusterClient, "eco2-dev")).before_routes("auth-api", planned, service)
    moves = SimpleNamespace(new_inputs=split(20), old_outputs=old)
    with pytest.raises(NotReadyError) if held else nullcontext():
        asyncio.run(hooks[0](moves))


def test_routes_wait_for_pods_that_are_ready_a_moment_later(cluster, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 30)
    has(cluster, ready=0)

    async def later():
        waiting = asyncio.ensure_future(module._await(TARGET, partial(ClusterClient, "eco2-dev")))
        await asyncio.sleep(0.25)
        assert not waiting.done()
        has(cluster)
        await waiting

    asyncio.run(later())


RULE = "/apis/networking.istio.io/v1/namespaces/auth/destinationrules/{}"
ANEW = "is in the state and not in the cluster; what makes it anew: pulumi up --refresh --run-program --stack dev"


def known(name):
    """What the state has of a service's routes."""
    kinds = {"VirtualService": [name, f"{name}-mesh"], "DestinationRule": [name]}
    return {
        f"x$kubernetes:networking.istio.io/v1:{kind}::{one}": {
            "type": f"kubernetes:networking.istio.io/v1:{kind}",
            "outputs": split(5),
        }
        for kind, names in kinds.items()
        for one in names
    }


@pytest.fixture
def moves(cluster, monkeypatch):
    """Moves the public route of auth-api from 5 to 20 %, by a component of another name."""
    has(cluster)
    cluster.routes("auth", "auth-api", 5)
    cluster.objects[RULE.format("auth-api")] = {}
    hooks = []
    monkeypatch.setattr(pulumi, "get_stack", lambda: "dev")
    monkeypatch.setattr(pulumi, "ResourceHook", lambda _, run: hooks.append(run))
    monkeypatch.setattr(pulumi, "ResourceHookBinding", lambda **_: None)
    monkeypatch.setattr(module, "led_to", lambda *_: TARGET)

    def move(old, resources=None):
        planned = SimpleNamespace(name="auth-api", order=SimpleNamespace(direction=Direction.UP))
        service = SimpleNamespace(by_weight=True, namespace="auth")
        state = known("one") if resources is None else resources
        asks = Readiness(partial(ClusterClient, "eco2-dev"), lambda: state)
        asks.before_routes("one", planned, service)
        return hooks[-1](SimpleNamespace(new_inputs=split(20), old_outputs=old))

    return move


@pytest.mark.parametrize(
    ("deleted", "told"),
    [
        (ROUTES.format("auth", "auth-api-mesh"), "VirtualService auth/auth-api-mesh"),
        (ROUTES.format("auth", "auth-api"), "VirtualService auth/auth-api"),
        (RULE.format("auth-api"), "DestinationRule auth/auth-api"),
    ],
)
def test_no_route_moves_where_somebody_deleted_one(cluster, moves, deleted, told):
    asyncio.run(moves(split(5)))
    del cluster.objects[deleted]
    with pytest.raises(NotReadyError, match=f"the routes of auth-api stay where they are: {told} {ANEW}"):
        asyncio.run(moves(split(5)))


def test_what_the_state_does_not_have_either_is_not_missed(cluster, moves):
    del cluster.objects[ROUTES.format("auth", "auth-api-mesh")]
    asyncio.run(moves(split(5), {}))


def test_a_route_that_a_refresh_found_gone_comes_back(cluster, moves, monkeypatch):
    """It is created, and the other one waits for that; what the program read is from before the refresh."""
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 30)
    path_of_it = ROUTES.format("auth", "auth-api-mesh")
    there = cluster.objects.pop(path_of_it)

    async def both():
        await moves(None)
        waiting = asyncio.ensure_future(moves(split(5)))
        await asyncio.sleep(0.25)
        assert not waiting.done()
        cluster.objects[path_of_it] = there
        await waiting

    asyncio.run(both())


def test_without_an_answer_no_route_moves(cluster, moves):
    cluster.unreadable.add(RULE.format("auth-api"))
    with pytest.raises(NotReadyError, match="whether all of them are there is not known"):
        asyncio.run(moves(split(5)))
