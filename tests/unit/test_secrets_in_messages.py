"""No message holds a secret.

Of an encrypted key not even a part is told: cut, the engine's masking does not find it. Nor is a token of the
kubeconfig, or the password in a URL.
"""

from __future__ import annotations

import json

import pytest

from eco2.abort.files import context_of
from eco2.doctor import pulumi as doctor
from eco2.prometheus import Prometheus, PrometheusError
from kube.kubeconfig import KubeconfigError, access
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


@pytest.mark.parametrize(
    "url", ["http://u:S3cr3t@127.0.0.1:1", "u:S3cr3t@host", "http://u:S3cr3t@[::1", "https://u:S3cr3t@h:x"]
)
def test_the_password_in_a_prometheus_url_is_not_shown(url):
    with pytest.raises(PrometheusError) as refused:
        Prometheus(url).query("up")
    assert "S3cr3t" not in str(refused.value)


def test_the_password_in_a_backends_url_is_not_shown(tmp_path, monkeypatch):
    told = json.dumps({"url": "postgres://u:S3cr3t@db.eco2.test/pulumi"})
    monkeypatch.setattr(doctor, "cli", lambda *_: told)
    monkeypatch.setattr(doctor, "pulumi", lambda *_: "{}")
    found = [one.what for one in doctor._state(tmp_path, "dev")]
    assert found[0] == "backend postgres://db.eco2.test/pulumi, stack dev"


def test_only_what_stands_before_a_host_is_left_out_of_a_url():
    assert (
        without_login("s3://bucket?region=x and https://a:p@ss@h/p@th")
        == "s3://bucket?region=x and https://h/p@th"
    )
