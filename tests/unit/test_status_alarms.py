"""Where users fail a status says so: in the table, to scripts, and with the command that ends it."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from eco2.prometheus import Requests
from eco2.status import findings
from eco2.status.as_json import services_as_json
from eco2.status.findings import REMEDIES, Kind
from eco2.status.live import Objects, read_live
from eco2.status.snapshot import Snapshot, Status, Step
from eco2.status.table import table
from eco2.status.words import remedies
from rollout.spec.files import read_catalog
from rollout.spec.image import Image
from rollout.traffic.subsets import destination_rule_spec
from rollout.traffic.write import Routed
from tests.conftest import ROOT
from tests.unit.kubernetes_objects import deployment, virtual_service

CATALOG = read_catalog(ROOT / "services.yaml")
SERVICES = CATALOG.services
IMAGE = "docker.io/mng990/eco2:a"
ABORT = "eco2 abort {} --stack dev"
REFRESH = "pulumi up --refresh --run-program --stack dev"


def step(weight):
    return Step(3, f"{weight}%", weight, weight, Image.read(IMAGE), Image.read(IMAGE))


def pods(name, *, stable=(2, 2), canary=(2, 2)):
    """The Deployments of a service with their ready and wanted pods; None: there is none."""
    namespace = SERVICES[name].namespace
    both = {name: stable, f"{name}-canary": canary}
    return [
        deployment(one, namespace, *count, image=IMAGE) for one, count in both.items() if count is not None
    ]


def api(weights, *, applied=20, there=("auth-api", "auth-api-mesh"), **counts):
    """auth-api, with a weight for each of its VirtualServices; `applied` None: no update is known."""
    routes = [virtual_service(one, weight) for one, weight in zip(there, weights, strict=True)]
    seen = Objects(deployments=pods("auth-api", **counts), virtual_services=routes)
    left = None if applied is None else step(applied)
    return Status("auth-api", "api", "auth", left, left, read_live("auth-api", SERVICES["auth-api"], seen))


def fallen_back(weights, *, measured=None, **counts):
    """auth-api, with routes by which stable takes the canary's share."""
    names = ("auth-api", "auth-api-mesh")
    routes = [
        virtual_service(one, weight, falls_back=True) for one, weight in zip(names, weights, strict=True)
    ]
    seen = Objects(deployments=pods("auth-api", **counts), virtual_services=routes)
    live = read_live("auth-api", SERVICES["auth-api"], seen)
    return Status("auth-api", "api", "auth", step(20), step(20), live, measured)


def grpc(version, *, applied=100, first=False, measured=None, **counts):
    """ext-authz, whose Service selects a version, or both; `missing`: it is not there.

    `first`: proxies take the canary's pods first, as at full weight.
    """
    selector = {"app": "ext-authz"} | ({"version": version} if version else {})
    own = {"metadata": {"name": "ext-authz", "namespace": "auth"}, "spec": {"selector": selector}}
    services = [] if version == "missing" else [own]
    routed = Routed("ext-authz", SERVICES["ext-authz"], CATALOG.canary_header)
    rules = [{**own, "spec": destination_rule_spec(routed, 100)}] if first else []
    seen = Objects(deployments=pods("ext-authz", **counts), services=services, destination_rules=rules)
    live = read_live("ext-authz", SERVICES["ext-authz"], seen)
    return Status("ext-authz", "grpc", "auth", step(applied), step(applied), live, measured)


def worker(**counts):
    """scan-worker, whose canary reads stable's queues."""
    seen = Objects(deployments=pods("scan-worker", **counts))
    live = read_live("scan-worker", SERVICES["scan-worker"], seen)
    return Status("scan-worker", "worker", "ai", step(20), step(20), live)


def told(status):
    return remedies(status, snapshot(status))


@pytest.mark.parametrize(
    ("status", "alarm"),
    [
        (
            fallen_back((20, 20), canary=(0, 2)),
            "routes send 20 % to the canary, which has no ready pod: it has fallen back, stable's pods serve them",
        ),
        (
            fallen_back((20, 20), canary=(0, 2), stable=(0, 2)),
            "routes send 20 % to the canary, which has no ready pod: these requests fail",
        ),
        (
            fallen_back((20, 20), measured=Requests({"v1": 990, "v2": 10})),
            "routes send 20 % to the canary, which got 1.0 % of 1000 requests in 60 s: it has fallen back",
        ),
        (fallen_back((20, 20), measured=Requests({"v1": 800, "v2": 200})), ""),
        (fallen_back((20, 20)), ""),
        (
            grpc(None, first=True, canary=(0, 2)),
            "all requests go to the canary, which has no ready pod: it has fallen back, stable's pods serve them",
        ),
        (
            grpc(None, first=True, canary=(0, 2), stable=(0, 2)),
            "all requests go to the canary, which has no ready pod: all requests fail",
        ),
        (
            grpc(None, first=True, measured=Requests({"v1": 500, "v2": 500})),
            "all requests go to the canary, which got 50.0 % of 1000 requests in 60 s: it has fallen back",
        ),
        (grpc(None, first=True, measured=Requests({"v2": 1000})), ""),
        (grpc(None, applied=20, measured=Requests({"v1": 1000})), ""),
        (grpc("v1", first=True, canary=(0, 2)), ""),
        # Of routes that a hand wrote, past the subset of both, nothing is known.
        (api((20, 20), canary=(2, 2)), ""),
    ],
)
def test_a_canary_that_has_fallen_back_is_an_alarm_of_its_own(status, alarm):
    assert status.canary_alarm.startswith(alarm)
    assert bool(status.canary_alarm) == bool(alarm)
    if alarm:
        assert ABORT.format(status.service) in told(status)


def snapshot(status):
    return Snapshot("dev", "eco2-dev", datetime(2026, 1, 1, tzinfo=UTC), (status,), (), "x-try: it")


@pytest.mark.parametrize(
    ("status", "alarm"),
    [
        (
            api((20, 50), canary=(0, 2)),
            "routes send up to 50 % to the canary, which has no ready pod: these requests fail",
        ),
        (
            api((20, 0), canary=(0, 2)),
            "routes send up to 20 % to the canary, which has no ready pod: these requests fail",
        ),
        (
            api((20, 20), canary=None),
            "routes send 20 % to the canary, which has no Deployment: these requests fail",
        ),
        (
            api((20, 20), canary=(0, 0)),
            "routes send 20 % to the canary, which is scaled to 0: these requests fail",
        ),
        (
            api((20, 20), applied=None, canary=(0, 2)),
            "routes send 20 % to the canary, which has no ready pod: these requests fail",
        ),
        (
            grpc("v2", canary=(0, 2)),
            "the Service selects the canary alone, which has no ready pod: all requests fail",
        ),
        (
            grpc("v2", canary=None),
            "the Service selects the canary alone, which has no Deployment: all requests fail",
        ),
    ],
)
def test_requests_to_a_canary_without_pods_are_an_alarm_that_an_abort_ends(status, alarm):
    assert status.alarms == (alarm,)
    assert told(status)[0] == ABORT.format(status.service)


@pytest.mark.parametrize(
    ("status", "alarm"),
    [
        (api((0, 0), stable=None), "stable has no Deployment"),
        (api((100, 50), stable=None), "stable has no Deployment"),
        (api((20, 20), applied=None, stable=None), "stable has no Deployment"),
        (api((20, 20), stable=(0, 2)), "stable has no ready pod"),
        (api((20, 20), stable=(0, 0)), "stable is scaled to 0: `kubectl scale` brings it back"),
        (grpc("v1", stable=None), "stable has no Deployment"),
        (grpc(None, applied=20, stable=(0, 2), canary=(0, 2)), "stable has no ready pod"),
        (worker(stable=None), "stable has no Deployment"),
        (worker(stable=(0, 2), canary=None), "stable has no ready pod"),
        (grpc("v3"), "the Service selects v3, which is neither stable nor the canary: all requests fail"),
        (grpc("missing"), "no Service ext-authz: all requests fail"),
        (
            api((20,), there=("auth-api-mesh",)),
            "no VirtualService auth-api: all requests from outside fail",
        ),
    ],
)
def test_what_an_abort_does_not_end_is_an_alarm_without_one(status, alarm):
    assert status.alarms == (alarm,)
    assert not status.canary_alarm


@pytest.mark.parametrize(
    "status",
    [
        api((20, 20)),
        api((0, 0), canary=None),
        api((0, 0), canary=(0, 2)),  # the header alone reaches it
        api((100, 100), stable=(0, 2)),
        api((100, 100), stable=None),
        api((), applied=None, there=(), stable=None, canary=None),  # before its first update
        api((20,), there=("auth-api",)),  # callers in the mesh reach pods of both
        grpc("v1", canary=(0, 2)),
        grpc("v2", stable=(0, 2)),
        grpc(None, applied=20, canary=(0, 2)),  # a Service leaves out what is not ready
        grpc(None, applied=20, stable=(0, 2)),
        worker(canary=(0, 2)),
        worker(stable=(0, 2)),
    ],
)
def test_where_nobody_fails_there_is_no_alarm(status):
    assert status.alarms == ()


def test_stable_that_is_gone_comes_back_by_an_update():
    assert told(api((0, 0), applied=0, stable=None)) == [REFRESH]


@pytest.mark.parametrize(
    "status", [api((20, 50), canary=(0, 2)), grpc("v2", canary=None), api((0, 0), stable=None)]
)
def test_scripts_are_told_what_the_table_says(status):
    (entry,) = services_as_json(snapshot(status))
    assert entry["alarms"] == list(status.alarms)
    assert entry["header"] == "x-try: it"
    out = io.StringIO()
    Console(file=out, width=200).print(table(snapshot(status)), highlight=False)
    assert f"! {status.service}: {status.alarms[0]}" in out.getvalue()


def test_routes_that_disagree_over_a_canary_that_is_gone_are_mixed():
    out = io.StringIO()
    Console(file=out, width=200).print(table(snapshot(api((20, 50), canary=None))), highlight=False)
    assert "mixed" in out.getvalue()


@pytest.mark.parametrize(
    ("kinds", "commands"),
    [
        ({Kind.HALF_TAKEN_BACK}, [ABORT]),
        ({Kind.CANARY_FAILS}, [ABORT]),
        ({Kind.NOT_APPLIED}, ["pulumi up --stack dev"]),
        ({Kind.DRIFT}, [REFRESH]),
        ({Kind.CANARY_FAILS, Kind.NOT_APPLIED, Kind.DRIFT}, [ABORT, "pulumi up --stack dev", REFRESH]),
        # An update would bring back what is being taken back.
        (set(Kind), [ABORT]),
        (set(), []),
    ],
)
def test_every_kind_of_finding_has_its_remedy(kinds, commands):
    wanted = [command.format("auth-api") for command in commands]
    assert findings.remedies(kinds, "auth-api", "dev") == wanted
    assert REMEDIES.keys() == set(Kind)
