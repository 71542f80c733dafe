"""No message holds a value of an encrypted key, whole or cut: cut, the engine's masking does not find it."""

from __future__ import annotations

import json

import pytest

from eco2.abort.files import context_of
from rollout.problems import ConfigError
from rollout.spec.settings import REQUIRED_ELSEWHERE, Settings, read_settings
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
