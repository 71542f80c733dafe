"""Every mistake is refused before anything is registered, in words that name file and key."""

from __future__ import annotations

import contextlib
import json

import pulumi
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pulumi.runtime import mocks

from rollout.problems import ConfigError
from rollout.spec.files import read_catalog
from rollout.spec.settings import Settings, read_settings
from tests.conftest import ROOT

DEV = "Pulumi.dev.yaml"
ROLLOUT = "config/eco2:rollouts/auth-api"
GROUP = "config/eco2:nodeGroups/auth"
SERVICE = "services/auth-api"
ROUTED = {"name": "x", "prefix": "/api/v1/x"}

CHECK = {"query": 'orders{version="{version}"}', "limit": 1, "bad": "above"}

BAD_CONFIG = [  # what is set (None: removed), the key that is named, a part of the reason
    ({"config/kubernetes:context": None}, "kubernetes:context", "missing"),
    ({"config/kubernetes:context": ""}, "kubernetes:context", "missing"),
    ({"config/kubernetes:context": "eco2 dev"}, "kubernetes:context", "without blanks"),
    ({"config/aws:region": None}, "aws:region", "missing"),
    ({"config/aws:region": "moon base 1"}, "aws:region", "a region of AWS"),
    ({"config/Eco2:rollouts": {}}, "Eco2:rollouts", "write eco2:rollouts"),
    ({"config/eco2:Host": "x"}, "eco2:Host", "did you mean host"),
    ({"config/eco2:services/auth-api": {"env": {"Foo": 5}}}, "eco2:services.auth-api.env.Foo", "text"),
    ({"config/eco2:services/auth-api": {"env": {"RELEASE_TYPE": "x"}}}, "eco2:services.auth-api.env", "leave it out"),
    ({"config/eco2:services/auth-api": {"env": {"A": {"secure": "v1:x"}}}}, "eco2:services", "encrypted"),
    ({"config/eco2:services/auth-api": {"replicas": 7}}, "eco2:services.auth-api.replicas", "autoscaler.min"),
    ({"config/eco2:overrule": {"auth-api": "  "}}, "eco2:overrule.auth-api", "a reason in words"),
    ({"config/eco2:rollouts/scan-worker": {"phase": 1, "canary": {"queues": ["q; rm x"]}}}, "eco2:rollouts.scan-worker.canary.queues[0]", "queue's name"),
    ({"config/eco2:host": None}, "eco2:host", "missing"),
    ({"config/eco2:host": "https://api.dev.growbin.app"}, "eco2:host", "host name"),
    ({"config/eco2:host": "api.dev.growbin.app:443"}, "eco2:host", "host name"),
    ({"config/eco2:host": "API.growbin.app"}, "eco2:host", "host name"),
    ({"config/eco2:host": "localhost"}, "eco2:host", "host name"),
    ({"config/eco2:environment": None}, "eco2:environment", "missing"),
    ({"config/eco2:environment": "Pre prod"}, "eco2:environment", "DNS label"),
    ({"config/eco2:production": None}, "eco2:production", "missing"),
    ({"config/eco2:production": "perhaps"}, "eco2:production", "true or false"),
    ({"config/eco2:cluster": None}, "eco2:cluster", "missing"),
    ({"config/eco2:canaryHeader": {"name": "host", "value": "x"}}, "eco2:canaryHeader.name", "belongs to the proxies"),
    ({"config/eco2:canaryHeader": {"name": "x-canary"}}, "eco2:canaryHeader.value", "missing"),
    ({"config/eco2:cluster": "eco2-dev"}, "eco2:cluster", "mapping"),
    ({"config/eco2:cluster": {"nam": "x"}}, "eco2:cluster.nam", "did you mean name"),
    ({"config/eco2:cluster": {"name": "a b"}}, "eco2:cluster.name", "form"),
    ({"config/eco2:cluster": {"name": "x", "subnetIds": ["vpc-1"]}}, "eco2:cluster.subnetIds[0]", "form"),
    ({"config/eco2:nodeGroups": None}, "eco2:nodeGroups", "missing"),
    ({GROUP: None}, "eco2:nodeGroups.auth", "auth-api, ext-authz would have no node"),
    ({"config/eco2:nodeGroups/payments": {"min": 1, "desired": 1, "max": 1}}, "eco2:nodeGroups.payments", "no service"),
    ({f"{GROUP}/min": 3}, "eco2:nodeGroups.auth", "put the sizes in order"),
    ({f"{GROUP}/max": 0}, "eco2:nodeGroups.auth.max", "greater than or equal to 1"),
    ({f"{GROUP}/min": "1"}, "eco2:nodeGroups.auth.min", "whole number"),
    ({f"{GROUP}/desired": 1.5}, "eco2:nodeGroups.auth.desired", "whole number"),
    ({f"{GROUP}/maxx": 1}, "eco2:nodeGroups.auth.maxx", "did you mean max"),
    ({f"{GROUP}/instanceTypes": []}, "eco2:nodeGroups.auth.instanceTypes", "at least 1"),
    ({f"{GROUP}/instanceTypes": "t3.medium"}, "eco2:nodeGroups.auth.instanceTypes", "list"),
    ({f"{GROUP}/diskGib": 1}, "eco2:nodeGroups.auth.diskGib", "20"),
    ({"config/eco2:rollouts/auth-apu": {"phase": 1}}, "eco2:rollouts.auth-apu", "did you mean auth-api"),
    ({f"{ROLLOUT}": {}}, "eco2:rollouts.auth-api.phase", "missing"),
    ({f"{ROLLOUT}": 3}, "eco2:rollouts.auth-api", "mapping"),
    ({f"{ROLLOUT}/phase": "3"}, "eco2:rollouts.auth-api.phase", "whole number, not the text '3'"),
    ({f"{ROLLOUT}/phase": 2.5}, "eco2:rollouts.auth-api.phase", "whole number"),
    ({f"{ROLLOUT}/phase": True}, "eco2:rollouts.auth-api.phase", "whole number"),
    ({f"{ROLLOUT}/phase": -1}, "eco2:rollouts.auth-api.phase", "0"),
    ({f"{ROLLOUT}/phase": 6}, "eco2:rollouts.auth-api.phase", "ends at phase 5"),
    ({f"{ROLLOUT}": {"phase": 3, "weight": 60}}, "eco2:rollouts.auth-api.weight", "raise the phase to 4 first"),
    ({f"{ROLLOUT}": {"phase": 4, "weight": 10}}, "eco2:rollouts.auth-api.weight", "lower the phase to 3"),
    ({f"{ROLLOUT}": {"phase": 1, "weight": 5}}, "eco2:rollouts.auth-api.weight", "raise the phase to 2 first"),
    ({f"{ROLLOUT}": {"phase": 0, "weight": 5}}, "eco2:rollouts.auth-api.weight", "sends no weight"),
    ({f"{ROLLOUT}": {"phase": 3, "weight": 101}}, "eco2:rollouts.auth-api.weight", "100"),
    ({f"{ROLLOUT}": {"phase": 3, "weight": "20%"}}, "eco2:rollouts.auth-api.weight", "whole number"),
    ({f"{ROLLOUT}": {"phase": 1, "wieght": 5}}, "eco2:rollouts.auth-api.wieght", "did you mean weight"),
    ({f"{ROLLOUT}": {"phase": 1, "ladder": "bluegreen"}}, "eco2:rollouts.auth-api.ladder", "did you mean blue-green"),
    ({f"{ROLLOUT}": {"phase": 1, "ladder": [5, 100]}}, "eco2:rollouts.auth-api.ladder", "starts at 0"),
    ({f"{ROLLOUT}": {"phase": 1, "ladder": [0, 50]}}, "eco2:rollouts.auth-api.ladder", "ends at 100"),
    ({f"{ROLLOUT}": {"phase": 1, "ladder": [0, 50, 20, 100]}}, "eco2:rollouts.auth-api.ladder", "rise"),
    ({f"{ROLLOUT}": {"phase": 1, "ladder": "rolling"}}, "eco2:rollouts.auth-api.phase", "no canary"),
    ({f"{ROLLOUT}": {"phase": 3, "ladder": "blue-green"}}, "eco2:rollouts.auth-api.phase", "ends at phase 2"),
    ({f"{ROLLOUT}": {"phase": 1, "canary": {"tag": "a b"}}}, "eco2:rollouts.auth-api.canary.tag", "form"),
    ({f"{ROLLOUT}": {"phase": 1, "canary": {"tag": 8}}}, "eco2:rollouts.auth-api.canary.tag", "text"),
    ({f"{ROLLOUT}": {"phase": 1, "canary": {"digest": "sha256:abc"}}}, "eco2:rollouts.auth-api.canary.digest", "64"),
    ({f"{ROLLOUT}": {"phase": 1, "canary": {"revision": "a b"}}}, "eco2:rollouts.auth-api.canary.revision", "form"),
    ({f"{ROLLOUT}": {"phase": 1, "canary": {"image": "x"}}}, "eco2:rollouts.auth-api.canary.image", "known: digest"),
    ({f"{ROLLOUT}": {"phase": 1, "canary": {"queues": ["q"]}}}, "eco2:rollouts.auth-api.canary.queues", "no queue"),
    ({"config/eco2:services/nobody": {"replicas": 1}}, "eco2:services.nobody", "no such service"),
    ({"config/eco2:services/chat-api": {"replicas": 0}}, "eco2:services.chat-api.replicas", "1"),
    ({"config/eco2:services/chat-api": {"replica": 2}}, "eco2:services.chat-api.replica", "did you mean replicas"),
    ({"config/eco2:services/chat-api": {"autoscaler": {"min": 1, "max": 2}}}, "eco2:services.chat-api.autoscaler", "set replicas"),
    ({"config/eco2:services/auth-api": {"autoscaler": {"min": 3, "max": 2}}}, "eco2:services.auth-api.autoscaler", "above max"),
    ({"config/eco2:services/auth-api": {"env": {"A B": "x"}}}, "eco2:services.auth-api.env.A B", "form"),
    ({"config/eco2:services/chat-api": {"judge": {"margins": 1}}}, "eco2:services.chat-api.judge.margins", "did you mean margin"),
    ({"config/eco2:services/chat-api": {"judge": {"margin": 0}}}, "eco2:services.chat-api.judge.margin", "0.05"),
    ({"config/eco2:services/chat-api": {"judge": {"margin": "1"}}}, "eco2:services.chat-api.judge.margin", "number"),
    ({"config/eco2:services/chat-api": {"judge": {"checks": {"Orders": CHECK}}}}, "eco2:services.chat-api.judge.checks.Orders", "DNS label"),
    ({"config/eco2:services/chat-api": {"judge": {"checks": {"a": {**CHECK, "bad": "over"}}}}}, "eco2:services.chat-api.judge.checks.a.bad", "'above' or 'below'"),
    ({"config/eco2:phases": {"auth-api": 3}}, "eco2:phases", "unknown key"),
    ({"config/eco2:protect": "maybe"}, "eco2:protect", "true or false"),
    ({"config/eco2:routePropagationSeconds": -1}, "eco2:routePropagationSeconds", "0"),
    ({"config/eco2:drainSeconds": 5}, "eco2:drainSeconds", "is called routePropagationSeconds now"),
]  # fmt: skip

BAD_CATALOG = [
    ({"partOff": "x"}, "partOff", "did you mean partOf"),
    ({"partOf": None}, "partOf", "missing"),
    ({"services": {}}, "services", "at least 1"),
    ({"gateway": "eco2-gateway"}, "gateway", "form"),
    ({"registry/repository": "Docker Hub"}, "registry/repository", "form"),
    ({f"{SERVICE}/kind": "job"}, f"{SERVICE}/kind", "'api', 'grpc' or 'worker'"),
    ({f"{SERVICE}/namespace": "Auth"}, f"{SERVICE}/namespace", "form"),
    ({f"{SERVICE}/replicas": 0}, f"{SERVICE}/replicas", "1"),
    ({f"{SERVICE}/resources/requests/cpu": "200 m"}, f"{SERVICE}/resources/requests/cpu", "form"),
    ({f"{SERVICE}/resources/requests/memory": "1GB"}, f"{SERVICE}/resources/requests/memory", "form"),
    ({f"{SERVICE}/resources/requests/cpu": 1}, f"{SERVICE}/resources/requests/cpu", "text"),
    ({f"{SERVICE}/resources": None}, f"{SERVICE}/resources", "missing"),
    ({f"{SERVICE}/probes/readiness/tcp": 80}, f"{SERVICE}/probes/readiness", "exactly one"),
    ({f"{SERVICE}/probes/ready": {}}, f"{SERVICE}/probes/ready", "known: liveness"),
    ({f"{SERVICE}/ports": [{"name": "a", "port": 70000}]}, f"{SERVICE}/ports[0]/port", "65535"),
    ({f"{SERVICE}/ports": [{"name": "a", "port": 1}, {"name": "a", "port": 2}]}, f"{SERVICE}/ports", "used twice"),
    ({f"{SERVICE}/ports": []}, SERVICE, "needs ports"),
    ({f"{SERVICE}/routes": []}, SERVICE, "needs a route"),
    ({f"{SERVICE}/routes": [{"name": "x"}]}, f"{SERVICE}/routes[0]", "either exact or prefix"),
    ({f"{SERVICE}/routes": [{**ROUTED, "timeout": "5"}]}, f"{SERVICE}/routes[0]/timeout", "form"),
    ({f"{SERVICE}/routes": [{**ROUTED, "methods": ["FETCH"]}]}, f"{SERVICE}/routes[0]/methods[0]", "'GET'"),
    ({f"{SERVICE}/autoscaler/min": 9}, f"{SERVICE}/autoscaler", "above max"),
    ({f"{SERVICE}/autoscaler/hpa": None}, f"{SERVICE}/autoscaler", "either hpa or keda"),
    ({f"{SERVICE}/envFrom": [{}]}, f"{SERVICE}/envFrom[0]", "either a secret or a configMap"),
    ({f"{SERVICE}/queues": ["x"]}, SERVICE, "{queues}"),
    ({f"{SERVICE}/drain": {"preStopSeconds": 30, "graceSeconds": 30}}, f"{SERVICE}/drain", "leaves nothing"),
    ({f"{SERVICE}/judge": {"quantile": 100}}, f"{SERVICE}/judge/quantile", "99.9"),
    ({f"{SERVICE}/judge": {"checks": {"a": {"limit": 1, "bad": "above"}}}}, f"{SERVICE}/judge/checks/a/query", "missing"),
    ({f"{SERVICE}/judge": {"checks": {"a": {**CHECK, "query": "up"}}}}, f"{SERVICE}/judge/checks/a/query", 'write version="{version}"'),
    ({f"{SERVICE}/judge": {"checks": {"a": {**CHECK, "query": 'up{app=~"{app}"}'}}}}, f"{SERVICE}/judge/checks/a/query", "{app} is filled in by nobody; {service} and {version} are"),
    ({f"{SERVICE}/judge": {"checks": {"a": {**CHECK, "query": "{ version }"}}}}, f"{SERVICE}/judge/checks/a/query", "{ version } is filled in by nobody"),
    ({f"{SERVICE}/judge": {"checks": {"a": {**CHECK, "limit": float("nan")}}}}, f"{SERVICE}/judge/checks/a/limit", "finite"),
    ({"services/my-worker/routes": [ROUTED]}, "services/my-worker", "reads queues"),
    ({"services/chat-api/routes": [{"name": "x", "prefix": "/api/v1/auth"}]}, "services/chat-api/routes[0]", "meets"),
    ({"services/chat-api/routes": [{"name": "x", "prefix": "/api"}]}, "services/chat-api/routes[0]", "meets /api/v1/auth"),
    ({"services/chat-api/companions": {"image-api": {}}}, "services/chat-api/companions/image-api", "missing"),
]  # fmt: skip


def refusal(program, stack="dev"):
    with pytest.raises((pulumi.RunError, ConfigError)) as refused:
        program.run(stack)
    return str(refused.value)


@pytest.mark.parametrize(("changes", "key", "reason"), BAD_CONFIG, ids=lambda value: str(value)[:60])
def test_a_bad_config_is_refused_by_its_key(changes, key, reason):
    assert_config_refused(changes, key, reason)


@pytest.mark.parametrize(("changes", "key", "reason"), BAD_CATALOG, ids=lambda value: str(value)[:60])
def test_a_bad_catalog_is_refused_by_its_key(tmp_path, changes, key, reason):
    assert_catalog_refused(tmp_path, changes, key, reason)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"# nothing\n", "is empty"),
        (b"- a\n- b\n", "must hold a mapping"),
        (b"services: {a: [}\n", "is not valid YAML: line 1"),
        (b"\xff\xfe\x00", "is not UTF-8"),
        (
            b"partOf: a\npartOf: b\n",
            "is not valid YAML: line 2, column 1: the key 'partOf' stands here twice",
        ),
        (b"7: a\n", "is not valid YAML: line 1, column 1: the key 7 is no text"),
        (
            b"yes: a\n",
            'yes: line 1: the key yes is true for some readers and text for others; quote it: "yes"',
        ),
        (b"? [a]\n: b\n", "is not valid YAML: line 1, column 3: the key ['a'] is no text"),
        (
            b"a: 2026-01-01\n",
            "a: line 1: 2026-01-01 is a date for some readers and text for others; quote it",
        ),
        (b"a: !!set {b}\n", "a: is read as a set"),
        (b"a: &a [*a]\n", "a[0][0]: nests deeper than 30 levels"),
        (b"a: " + b"[" * 3000 + b"]" * 3000, "a[0][0]: nests deeper than 30 levels"),
        (b"a: " + b"9" * 5000, "holds what nobody can mean"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(program, content, reason):
    (program.folder / "services.yaml").write_bytes(content)
    assert f"services.yaml: {reason}" in refusal(program)


def test_a_missing_catalog_is_named(program):
    (program.folder / "services.yaml").unlink()
    assert "services.yaml: cannot be read (No such file or directory)" in refusal(program)


def test_an_encrypted_key_is_refused_before_its_value_goes_anywhere():
    config = {name: text if isinstance(text, str) else json.dumps(text) for name, text in GOOD.items()}
    with pytest.raises(ConfigError, match=r"eco2:services: holds an encrypted value.*\{secret: ") as refused:
        read_settings(DEV, config, CATALOG, ["eco2:services", "aws:secretKey"])
    assert len(refused.value.problems) == 1


def test_several_mistakes_are_reported_together_and_nothing_is_registered(program, monkeypatch):
    registered, register = [], mocks.MockMonitor.RegisterResource
    monkeypatch.setattr(
        mocks.MockMonitor,
        "RegisterResource",
        lambda self, request: registered.append(request.type) or register(self, request),
    )
    program.run()
    assert len(registered) > 100
    registered.clear()
    changes = {
        "config/eco2:host": "nowhere",
        f"{ROLLOUT}/phase": "3",
        f"{GROUP}/min": 9,
        "config/eco2:services/chat-api": {"replicas": 0},
        "config/kubernetes:context": None,
    }
    program.edit(DEV, **changes)
    told = refusal(program)
    assert told.startswith("5 problems, nothing was changed:")
    assert set(registered) <= {"pulumi:pulumi:Stack"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(key=st.sampled_from([info.alias for info in Settings.model_fields.values()]), value=JSON)
def test_whatever_stands_in_a_key_gives_settings_or_problems(key, value):
    config = {name: text if isinstance(text, str) else json.dumps(text) for name, text in GOOD.items()}
    with contextlib.suppress(ConfigError):  # nothing else may come out
        assert read_settings(DEV, {**config, f"eco2:{key}": json.dumps(value)}, CATALOG)


def texts(changes):
    """The changed config of dev, as Pulumi hands it to a program."""
    config = yaml.safe_load((ROOT / DEV).read_text())
    edit(config, changes)
    told = {**DEFAULTS, **config["config"]}
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in told.items()}


def assert_config_refused(changes, key, reason):
    """The config with changes is refused at a key and for a reason."""
    with pytest.raises(ConfigError) as refused:
        read_settings(DEV, texts(changes), CATALOG)
    lines = [line for line in str(refused.value).splitlines() if f"{DEV}: {key}: " in line]
    assert any(reason in line for line in lines), str(refused.value)


def assert_catalog_refused(tmp_path, changes, key, reason):
    """The catalog with changes is refused at a key and for a reason."""
    catalog = yaml.safe_load((ROOT / "services.yaml").read_text())
    edit(catalog, changes)
    path = tmp_path / "services.yaml"
    path.write_text(yaml.safe_dump(catalog))
    with pytest.raises(ConfigError) as refused:
        read_catalog(path)
    named = f"services.yaml: {key.replace('/', '.')}"
    lines = [line for line in str(refused.value).splitlines() if named in line]
    assert any(reason in line for line in lines), str(refused.value)


def edit(document, changes):
    for path, value in changes.items():
        *parents, last = path.split("/")
        place = document
        for parent in parents:
            place = place.setdefault(parent, {})
        if value is None:
            place.pop(last, None)
        else:
            place[last] = value


DEFAULTS = {
    "eco2:services": {},
    "eco2:rollouts": {},
    "eco2:routePropagationSeconds": 5,
    "eco2:protect": False,
}
CATALOG = read_catalog(ROOT / "services.yaml")
GOOD = {**DEFAULTS, **yaml.safe_load((ROOT / DEV).read_text())["config"]}
