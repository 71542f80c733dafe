"""What waits in a checkout stays there when an abort takes a canary back."""

from __future__ import annotations

import copy
import re

import pytest
import yaml

from eco2.stack.cli import about
from rollout.plan.prior import ANEW_VARIABLE, HELD_VARIABLE
from rollout.spec.image import REVISION_ANNOTATION
from tests.unit.priors import entry

STABLE = "docker.io/mng990/eco2:{}-dev-latest"
WEIGHTS = (0, 0, 5, 10, 20, 100)
CANARY = "docker.io/mng990/eco2:{}-dev-canary"
NAMES = ("auth-api", "ext-authz", "scan-worker", "scan-api", "sse-gateway")

WAITING = {
    "services/{}/env/A_WAITING": "1",
    "services/{}/resources/requests/cpu": "55m",
    "services/{}/drain": {"preStopSeconds": 7, "graceSeconds": 40},
    "services/{}/annotations": {"example.org/waits": "true"},
    "services/{}/tier": "waiting",
    "services/{}/autoscaler/min": 2,
    "services/{}/autoscaler/max": 7,
}
OF_SOME = {
    "auth-api": {
        "ports": [{"name": "http", "port": 8001}, {"name": "http-old", "port": 8000}],
        "routes": [{"name": "auth-api", "prefix": "/api/v2/auth"}],
        "trafficPolicy/loadBalancer": "LEAST_REQUEST",
    },
    "ext-authz": {
        "ports": [{"name": "grpc", "port": 50059}, {"name": "metrics", "port": 9090}],
        "trafficPolicy/loadBalancer": "LEAST_REQUEST",
        "trafficPolicy/connectionPool": {"http": {"http2MaxRequests": 5}},
    },
}


def left(phase, **more):
    said = {name: entry(phase, WEIGHTS[phase], STABLE.format(name), CANARY.format(name)) for name in NAMES}
    return {"rollouts": said | more}


def state_of(registered):
    return {one.urn: {"type": one.type, "outputs": copy.deepcopy(one.inputs)} for one in registered.resources}


def steps(path):
    return [
        int(index) if index else name or quoted
        for name, index, quoted in re.findall(r'([A-Za-z]\w*)|\[(\d+)\]|\["([^"]+)"\]', path)
    ]


def reset(path, old, new):
    """What the engine does with a path that is ignored: its place gets what was there, or nothing."""
    *parents, last = steps(path)
    for step in parents:
        old = old[step] if isinstance(old, list) else (old or {}).get(step)
        new = new[step]
    if old is not None and last in old:
        new[last] = copy.deepcopy(old[last])
    else:
        new.pop(last, None)


def applied(captured, state):
    """The objects of these services as the engine would send them, by kind and name."""
    sent = {}
    for one in captured.resources:
        inputs, before = copy.deepcopy(one.inputs), state.get(one.urn)
        for path in one.options.get("ignoreChanges", ()) if before else ():
            reset(path, before["outputs"], inputs)
        if one.type.startswith("kubernetes:") and "provider" not in one.type:
            sent[one.type.rsplit(":", 1)[1], one.name] = inputs
    return sent


def without_empty(value):
    """An object without empty maps, which say nothing to the API server."""
    if not isinstance(value, dict):
        return value
    kept = {key: without_empty(one) for key, one in value.items()}
    return {key: one for key, one in kept.items() if one != {}}


@pytest.fixture
def at_phase(program):
    """The state of an update that took all of them to a phase."""

    def go(phase):
        program.edit(
            "Pulumi.dev.yaml", **{"config/eco2:rollouts": {name: {"phase": phase} for name in NAMES}}
        )
        return state_of(program.run(outputs=left(phase)))

    return go


def take_back(program, monkeypatch, state, *, held, outputs):
    monkeypatch.delenv(HELD_VARIABLE, raising=False)
    for variable, value in about(NAMES, NAMES if held else ()).items():
        monkeypatch.setenv(variable, value)
    program.edit("Pulumi.dev.yaml", **{"config/eco2:rollouts": {}})
    return applied(program.run(outputs=outputs, resources=state), state)


def let_wait(program):
    for name in NAMES:
        edits = {
            key.format(name): value
            for key, value in WAITING.items()
            if name != "scan-worker" or "max" not in key
        }
        edits |= {f"services/{name}/{key}": value for key, value in OF_SOME.get(name, {}).items()}
        program.edit("services.yaml", **edits)


@pytest.mark.parametrize("phase", [1, 3, 5])
def test_a_way_back_sends_nothing_that_waits_in_the_checkout(program, at_phase, monkeypatch, phase):
    state = at_phase(phase)
    expected = take_back(program, monkeypatch, state, held=False, outputs=left(phase))
    let_wait(program)
    sent = take_back(program, monkeypatch, state, held=True, outputs=left(phase))
    for key, one in expected.items():
        assert without_empty(sent[key]) == without_empty(one), key
    assert sent.keys() == expected.keys()


KEDA = {
    "min": 1,
    "max": 2,
    "keda": {
        "pollingIntervalSeconds": 15,
        "cooldownPeriodSeconds": 60,
        "triggers": [{"type": "cpu", "metadata": {"value": "60"}}],
    },
}


@pytest.mark.parametrize("waiting", [None, KEDA])
def test_an_autoscaler_that_the_checkout_takes_away_stays(program, at_phase, monkeypatch, waiting):
    state = at_phase(3)
    program.edit("services.yaml", **{"services/auth-api/autoscaler": waiting})
    sent = take_back(program, monkeypatch, state, held=True, outputs=left(3))
    assert ("ScaledObject", "auth-api") not in sent
    kept = next(one for urn, one in state.items() if urn.endswith("HorizontalPodAutoscaler::auth-api"))
    assert sent["HorizontalPodAutoscaler", "auth-api"]["spec"] == kept["outputs"]["spec"]


def test_an_autoscaler_that_waits_in_the_checkout_is_not_made(program, at_phase, monkeypatch):
    waiting = yaml.safe_load((program.folder / "services.yaml").read_text())["services"]["auth-api"][
        "autoscaler"
    ]
    program.edit("services.yaml", **{"services/auth-api/autoscaler": None})
    state = at_phase(3)
    program.edit("services.yaml", **{"services/auth-api/autoscaler": waiting})
    sent = take_back(program, monkeypatch, state, held=True, outputs=left(3))
    assert ("HorizontalPodAutoscaler", "auth-api") not in sent
    # What an abort has had the state forget, since somebody deleted it, does not wait.
    for variable, value in about((), anew=["HorizontalPodAutoscaler/auth-api"]).items():
        monkeypatch.setenv(variable, value)
    sent = take_back(program, monkeypatch, state, held=True, outputs=left(3))
    assert ("HorizontalPodAutoscaler", "auth-api") in sent
    monkeypatch.delenv(ANEW_VARIABLE)
    # Of a state that is not known nothing is taken away.
    sent = take_back(program, monkeypatch, {}, held=True, outputs=left(3))
    assert ("HorizontalPodAutoscaler", "auth-api") in sent


@pytest.mark.parametrize("key", ["team", "example.org/team"])
def test_pods_keep_the_only_annotation_that_the_checkout_takes_away(program, at_phase, monkeypatch, key):
    """To the engine a path below what is not there is an error, which would end the way back."""
    program.edit("services.yaml", **{"services/auth-api/annotations": {key: "a"}})
    state = at_phase(3)
    program.edit("services.yaml", **{"services/auth-api/annotations": None})
    sent = take_back(program, monkeypatch, state, held=True, outputs=left(3))
    assert sent["Deployment", "auth-api"]["spec"]["template"]["metadata"]["annotations"] == {key: "a"}


def test_an_update_that_holds_nothing_sends_it(program, at_phase, monkeypatch):
    state = at_phase(5)
    expected = take_back(program, monkeypatch, state, held=False, outputs=left(5))
    let_wait(program)
    unheld = take_back(program, monkeypatch, state, held=False, outputs=left(5))
    assert {key for key, one in unheld.items() if without_empty(one) != without_empty(expected.get(key))} >= {
        ("VirtualService", "auth-api"),
        ("VirtualService", "auth-api-mesh"),
        ("Service", "ext-authz"),
        ("DestinationRule", "ext-authz"),
        ("Deployment", "auth-api"),
        ("HorizontalPodAutoscaler", "auth-api"),
    }


@pytest.mark.parametrize("revision", [None, "2"])
def test_stable_gets_back_the_image_of_before_and_nothing_else(program, at_phase, monkeypatch, revision):
    """A promotion that failed has given it the canary's."""
    state = at_phase(5)
    expected = take_back(program, monkeypatch, state, held=False, outputs=left(5))
    begun = copy.deepcopy(state)
    for one in begun.values():
        name = one["outputs"].get("metadata", {}).get("name")
        if one["type"].endswith(":Deployment") and name in NAMES:
            template = one["outputs"]["spec"]["template"]
            template["spec"]["containers"][0]["image"] = CANARY.format(name)
            if revision:
                template["metadata"].setdefault("annotations", {})[REVISION_ANNOTATION] = revision
    let_wait(program)
    pushed_again = {
        name: entry(5, 100, STABLE.format(name), f"{CANARY.format(name)} ({revision})")
        for name in NAMES
        if revision
    }
    sent = take_back(program, monkeypatch, begun, held=True, outputs=left(5, **pushed_again))
    for name in NAMES:
        found = without_empty(sent["Deployment", name])
        assert found == without_empty(expected["Deployment", name])
        assert found["spec"]["template"]["spec"]["containers"][0]["image"] == STABLE.format(name)
