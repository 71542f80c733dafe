"""No message holds a secret.

Of an encrypted key not even a part is told: cut, the engine's masking does not find it. Nor is a token of the
kubeconfig, or the password in a URL.
"""

from __future__ import annotations

import json

import pytest

from eco2.abort.files import context_of
from eco2.climb.request import ClimbRequest
from eco2.doctor import pulumi as doctor
from eco2.prometheus import Prometheus, PrometheusError
from eco2.stack.cli import PulumiError
from kube.kubeconfig import KubeconfigError, access
from rollout.climb.steps import Goal
from rollout.problems import ConfigError
from rollout.spec.keys import REQUIRED_ELSEWHERE
from rollout.spec.settings import Settings, read_settings
from rollout.text.plain import without_login
from tests.unit.test_bad_input import CATALOG, DEV, GOOD

SECRET = "S3cr3t" * 15 + "!"
KEYS = [f"eco2:{info.alias}" for info in Settings.model_fields.values()]
SHAPES = [
    SECRET,
    json.dumps(SECRET),
    json.dumps({SECRET: SECRET}),
    json.dumps({"auth-api": {"image": {"tag": SECRET}, "phase": SECRET}}),
    json.dumps({"auth": {"instanceTypes": [SECRET], "min": SECRET, "desired": 1, "max": 1}}),
    json.dumps([SECRET]),
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape[:20])
@pytest.mark.parametrize("key", [*KEYS, *REQUIRED_ELSEWHERE])
def test_no_value_of_an_encrypted_key_is_quoted(key, shape):
    config = {name: text if isinstance(text, str) else json.dumps(text) for name, text in GOOD.items()}
    with pytest.raises(ConfigError) as refused:
        read_settings(DEV, {**config, key: shape}, CATALOG, [key])
    assert [problem.key for problem in refused.value.problems] == [key]
    assert SECRET[:6] not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("value", ["{secure: v1:S3cr3t}", "\n    secure: v1:S3cr3t"])
def test_an_encrypted_context_is_no_context_also_for_an_abort(tmp_path, value):
    file = tmp_path / DEV
    file.write_text(f"config:\n  kubernetes:context: {value}\n<<<<<<< no YAML\n")
    with pytest.raises(ConfigError) as refused:
        context_of(file)
    assert "S3cr3t" not in str(refused.value)


@pytest.mark.parametrize("token", ["S3cr3t\nx", "S3cr3t\x00", "S3cr3tä"])
def test_a_token_that_no_header_can_hold_is_not_shown(tmp_path, monkeypatch, token):
    described = {
        "contexts": [{"name": "there", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {"token": token}}],
    }
    (tmp_path / "config").write_text(json.dumps(described))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    with pytest.raises(KubeconfigError, match="its token holds a character that no header can") as refused:
        access("there")
    assert "S3cr3t" not in str(refused.value)


IN_A_URL = [
    "http://u:S3cr3t@127.0.0.1:1",
    "u:S3cr3t@host",
    "http://u:S3cr3t@[::1",
    "https://u:S3cr3t@h:x",
    "http://user:1/S3cr3t@127.0.0.1",
    "http://AbC/dEf/S3cr3t@127.0.0.1",
    "http://user:1#S3cr3t@127.0.0.1",
    "http://user:1?S3cr3t@127.0.0.1",
    "http://user:1\\S3cr3t@127.0.0.1",
    "http://u:a S3cr3t@127.0.0.1:1",
    "http://u:a\nS3cr3t@127.0.0.1:1",
    "http://127.0.0.1:1/?token=S3cr3t",
    "http://127.0.0.1:1?token=S3cr3t",
    "http://127.0.0.1:1#S3cr3t",
    "127.0.0.1:1/?token=S3cr3t",
]


@pytest.mark.parametrize("url", IN_A_URL)
def test_the_password_in_a_prometheus_url_is_not_shown(url):
    with pytest.raises(PrometheusError) as refused:
        Prometheus(url).query("up")
    assert "S3cr3t" not in str(refused.value)


@pytest.mark.parametrize("url", IN_A_URL)
def test_the_command_that_is_told_to_be_typed_again_holds_no_password(tmp_path, monkeypatch, url):
    monkeypatch.delenv("ECO2_PROMETHEUS_URL", raising=False)
    told = ClimbRequest(tmp_path, "dev", ("auth-api",), Goal(), prometheus=url).command
    assert "S3cr3t" not in told
    assert "--prometheus URL" in told


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://user:1/S3cr3t@host", "an @ behind its host; in a login write / as %2F"),
        ("https://host/p@th", "an @ behind its host; in a login write / as %2F, and in a path @ as %40"),
        ("https://host/?token=S3cr3t", "a ? or a #, and eco2 puts its own path and question behind it"),
        ("https://u:a b@host", "a blank, a line break or a backslash; write them as %20, %0A and %5C"),
    ],
)
def test_a_prometheus_url_that_may_hide_a_secret_in_its_path_is_refused(url, told):
    with pytest.raises(PrometheusError, match="what --prometheus or ECO2_PROMETHEUS_URL gives") as refused:
        Prometheus(url)
    assert told in str(refused.value)


def test_the_password_in_a_backends_url_is_not_shown(tmp_path, monkeypatch):
    told = json.dumps({"url": "postgres://u:S3cr3t/S3cr3t@db.eco2.test/pulumi?password=S3cr3t"})
    monkeypatch.setattr(doctor, "cli", lambda *_: told)
    monkeypatch.setattr(doctor, "pulumi", lambda *_: "{}")
    found = [one.what for one in doctor._state(tmp_path, "dev")]
    assert found[0] == "backend postgres://db.eco2.test/pulumi?…, stack dev"


def test_the_password_in_a_backends_url_is_not_shown_where_pulumi_quotes_it(tmp_path, monkeypatch):
    def fails(*_):
        raise PulumiError(
            "error: problem logging in: open postgres://u:S3cr3t@db/pulumi?password=S3cr3t: refused"
        )

    monkeypatch.setattr(doctor, "cli", fails)
    found = [one.what for one in doctor._state(tmp_path, "dev")]
    assert "postgres://db/pulumi?…" in found[0]
    assert "S3cr3t" not in str(found)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3://bucket?region=x and https://a:p@ss@h/path.", "s3://bucket?… and https://h/path."),
        ("https://a:p/a?s#s@h/path: refused", "https://h/path: refused"),
        ("see https://h:9090/graph#x (and a@b, what?)", "see https://h:9090/graph#… (and a@b, what?)"),
        ("http://127.0.0.1:9090", "http://127.0.0.1:9090"),
    ],
)
def test_a_url_in_a_text_keeps_its_host_and_its_path_alone(text, shown):
    assert without_login(text) == shown
