"""Values that every model takes by themselves, and that fail in the update or behind it (rule 16)."""

from __future__ import annotations

import pytest
import yaml

from rollout.problems import ConfigError
from rollout.spec.files import read_catalog
from rollout.spec.settings import read_settings
from tests.conftest import ROOT
from tests.unit.test_bad_input import DEV, SERVICE, assert_catalog_refused, edit, texts

ROUTE = {"name": "x", "prefix": "/api/v1/auth"}
PROBES = f"{SERVICE}/probes"
NOTES = f"{SERVICE}/annotations"
TRAFFIC = "traffic.sidecar.istio.io/"
GATEWAY_KEDA = "services/sse-gateway/autoscaler/keda"
WORKER_KEDA = "services/scan-worker/autoscaler/keda"
CPU = {"type": "cpu", "metadata": {"value": "70"}}


def query(text):
    return {f"{SERVICE}/judge": {"checks": {"a": {"query": text, "limit": 1, "bad": "above"}}}}


def port(service, name):
    """The catalog's own ports, the first of them with another name."""
    ports = yaml.safe_load((ROOT / "services.yaml").read_text())["services"][service]["ports"]
    return {f"services/{service}/ports": [{**ports[0], "name": name}, *ports[1:]]}


BAD = [
    ({f"{PROBES}/readiness/http/port": 9999}, PROBES, "readiness asks port 9999, and ports has 8000 only"),
    ({f"{PROBES}/liveness": {"tcp": 9999}}, PROBES, "liveness asks port 9999"),
    ({f"{PROBES}/startup": {"tcp": 9999}}, PROBES, "startup asks port 9999"),
    ({f"{PROBES}/liveness": {"tcp": 15021}}, f"{PROBES}.liveness.tcp", "Istio's sidecar"),
    (
        {"services/auth-relay/probes/liveness": {"http": {"path": "/", "port": 15000}}},
        "services.auth-relay.probes.liveness.http.port",
        "Istio's sidecar",
    ),
    *(
        (port("auth-api", name), f"{SERVICE}.ports[0].name", "call it http, http2 or grpc")
        for name in ("tcp", "mysql", "https", "foo", "httpx", "tcp-http")
    ),
    *(
        (port("ext-authz", name), "services.ext-authz.ports[0].name", "call it grpc")
        for name in ("http", "tcp", "grpc-web")
    ),
    *(
        ({"canaryHeader/name": name}, "canaryHeader.name", "by themselves")
        for name in (
            "upgrade-insecure-requests",
            "dnt",
            "cache-control",
            "pragma",
            "accept",
            "accept-language",
            "x-requested-with",
            "save-data",
            "user-agent",
            "cookie",
            "authorization",
            "x-request-id",
            "x-b3-sampled",
            "traceparent",
            "origin",
            "referer",
            "range",
            "if-none-match",
            "content-type",
            "grpc-timeout",
        )
    ),
    ({f"{SERVICE}/stickiness": {"header": "user-agent"}}, f"{SERVICE}.stickiness.header", "by themselves"),
    *(
        ({NOTES: {f"{TRAFFIC}{name}": value}}, NOTES, "commas between")
        for name, value in (
            ("excludeInboundPorts", "foo"),
            ("excludeInboundPorts", "80,,81"),
            ("excludeOutboundPorts", "70000"),
            ("excludeInboundPorts", "*"),
            ("includeOutboundIPRanges", "10.0.0.1"),
            ("excludeOutboundIPRanges", "all"),
        )
    ),
    ({NOTES: {"status.sidecar.istio.io/port": "x"}}, NOTES, "a number"),
    ({NOTES: {"sidecar.istio.io/proxyCPU": "much"}}, NOTES, "quantity"),
    ({NOTES: {"a": "x" * 262_144}}, NOTES, "bytes together"),
    ({f"{SERVICE}/env": {"A": "x" * 131_072}}, f"{SERVICE}.env", "Linux starts no program"),
    (
        {f"{SERVICE}/env": {f"A{at}": "x" * 130_000 for at in range(4)}},
        f"{SERVICE}.env",
        "a Deployment holds",
    ),
    (
        {f"{GATEWAY_KEDA}/fallback": {"failureThreshold": 1, "replicas": 900}},
        "services.sse-gateway.autoscaler.keda.fallback.replicas",
        "is above max",
    ),
    ({f"{WORKER_KEDA}/triggers": [CPU, CPU]}, "services.scan-worker.autoscaler.keda.triggers", "twice"),
    *(
        (
            {f"{WORKER_KEDA}/triggers": [{"type": "cpu", "metadata": value}]},
            "services.scan-worker.autoscaler.keda.triggers[0].metadata.value",
            "above 0",
        )
        for value in ({}, {"value": "0"}, {"value": "much"})
    ),
    (query('sum(up{version="{version}"}'), f"{SERVICE}.judge.checks.a.query", "close it with )"),
    (query('up{version="{version}"})'), f"{SERVICE}.judge.checks.a.query", "closes nothing"),
    (query('up{version="{version}}'), f"{SERVICE}.judge.checks.a.query", "no other one"),
    *(
        ({"gateway": value}, "gateway", reason)
        for value, reason in (("-/-", "form"), ("a/-", "form"), ("a/" + "b" * 252, "253"))
    ),
    *(
        ({f"{SERVICE}/namespace": name}, f"{SERVICE}.namespace", "belongs to the cluster")
        for name in ("keda", "karpenter", "istio-ingress", "cert-manager")
    ),
    (
        {f"{SERVICE}/routes": [{**ROUTE, "directResponse": {"status": 204, "body": "x"}}]},
        f"{SERVICE}.routes[0].directResponse.body",
        "no body",
    ),
    ({f"{SERVICE}/routes": [{**ROUTE, "methods": ["GET", "GET"]}]}, f"{SERVICE}.routes[0].methods", "twice"),
]

GOOD = [
    {
        f"{SERVICE}/ports": [{"name": "http", "port": 8000}, {"name": "metrics", "port": 9090}],
        PROBES: {"readiness": {"tcp": 9090}},
    },
    {"services/auth-relay/probes/readiness": {"tcp": 8080}},
    *(port("auth-api", name) for name in ("http2", "grpc", "http-web", "grpc-web", "grpc-x")),
    port("ext-authz", "grpc-auth"),
    *({"canaryHeader/name": name} for name in ("x-canary", "x-if-canary", "acceptance")),
    {f"{SERVICE}/stickiness": {"header": "x-user-id"}},
    *(
        {NOTES: {f"{TRAFFIC}{name}": value}}
        for name, value in (
            ("excludeInboundPorts", "80, 8080"),
            ("excludeInboundPorts", ""),
            ("includeInboundPorts", "*"),
            ("includeOutboundIPRanges", "10.0.0.0/8"),
        )
    ),
    {NOTES: {"a": "x" * 262_000}},
    {f"{SERVICE}/env": {"A": "x" * 131_000}},
    {f"{WORKER_KEDA}/triggers": [CPU, {**CPU, "type": "memory"}]},
    query('sum(rate(up{version="{version}", path=~"/a(b|[c}"}[1m])) # )'),
    {"gateway": "istio-system/eco2.gateway"},
    {
        f"{SERVICE}/routes": [
            {**ROUTE, "directResponse": {"status": 204, "body": ""}},
            {**ROUTE, "prefix": "/api/v1/sign-in"},
        ]
    },
]


@pytest.mark.parametrize(("changes", "key", "reason"), BAD, ids=lambda value: ascii(value)[:60])
def test_what_would_hurt_in_the_update_is_refused_by_its_key(tmp_path, changes, key, reason):
    assert_catalog_refused(tmp_path, changes, key, reason)


def read(folder, changes):
    document = yaml.safe_load((ROOT / "services.yaml").read_text())
    edit(document, changes)
    path = folder / "services.yaml"
    path.write_text(yaml.safe_dump(document))
    return read_catalog(path)


@pytest.mark.parametrize("changes", GOOD, ids=lambda value: ascii(value)[:60])
def test_its_neighbours_that_are_right_are_taken(tmp_path, changes):
    assert read(tmp_path, changes)


HEADER = {"config/eco2:canaryHeader": {"name": "x-own", "value": "1"}}


@pytest.mark.parametrize("key", ["routes", "meshRoutes"])
@pytest.mark.parametrize(
    "operation", [{"set": {"x-own": "1"}}, {"add": {"x-own": "1"}}, {"remove": ["x-own"]}]
)
def test_no_route_changes_the_header_that_asks_for_the_canary_in_its_stack(tmp_path, key, operation):
    catalog = read(tmp_path, {f"{SERVICE}/{key}": [{**ROUTE, "requestHeaders": operation}]})
    assert read_settings(DEV, texts({}), catalog)
    with pytest.raises(
        ConfigError, match=rf"auth-api\.{key}\[0\]\.requestHeaders: x-own asks for the canary"
    ):
        read_settings(DEV, texts(HEADER), catalog)


@pytest.mark.parametrize("operation", [{"set": {"x-user-id": "1"}}, {"remove": ["x-user-id"]}])
def test_no_route_changes_the_header_by_which_users_are_known(tmp_path, operation):
    routes = {f"{SERVICE}/routes": [{**ROUTE, "requestHeaders": operation}]}
    assert read_settings(DEV, texts({}), read(tmp_path, routes))
    known = {**routes, "services/chat-api/stickiness": {"header": "x-user-id"}}
    with pytest.raises(ConfigError, match="x-user-id is how chat-api knows its users"):
        read_settings(DEV, texts({}), read(tmp_path, known))


def test_a_probe_that_is_first_asked_when_no_update_waits_any_more_is_refused(tmp_path):
    assert read_settings(DEV, texts({}), read(tmp_path, {f"{PROBES}/readiness/initialDelaySeconds": 3599}))
    late = read(tmp_path, {f"{PROBES}/readiness/initialDelaySeconds": 3600})
    with pytest.raises(ConfigError, match=r"readiness\.initialDelaySeconds: is first asked after 3600 s"):
        read_settings(DEV, texts({}), late)


def test_a_stacks_bounds_stay_above_what_keda_falls_back_to():
    config = {"config/eco2:services/scan-worker": {"autoscaler": {"min": 1, "max": 1}}}
    with pytest.raises(ConfigError, match=r"scan-worker\.autoscaler\.max: .*replicas 2 is above max 1"):
        read_settings(DEV, texts(config), read_catalog(ROOT / "services.yaml"))
