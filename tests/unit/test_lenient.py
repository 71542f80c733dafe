"""An abort reads what it needs from files that are broken elsewhere."""

from __future__ import annotations

import pytest

from eco2.abort.files import Place, context_of, places_of
from rollout.problems import ConfigError
from tests.conftest import ROOT

STACK = "config:\n  kubernetes:context: eco2-prod\n  eco2:host: api.test\n"


@pytest.fixture
def stack_file(tmp_path):
    return tmp_path / "Pulumi.prod.yaml"


@pytest.mark.parametrize(
    "text",
    [
        STACK,
        f"{STACK}<<<<<<< HEAD\n  eco2:a: 1\n=======\n  eco2:a: 2\n>>>>>>> other\n",
        f"{STACK}  eco2:host: twice\n",
        f"{STACK}  eco2:since: 2026-01-01\n",
        f"{STACK}  eco2:rollouts: {{\n",
        STACK.replace("eco2-prod", '"eco2-prod" # the cluster'),
    ],
)
def test_the_context_is_read_whatever_else_is_wrong(stack_file, text):
    stack_file.write_text(text)
    assert context_of(stack_file) == "eco2-prod"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "cannot be read"),
        ("config: {}\n", "missing"),
        (f"{STACK}  kubernetes:context: eco2-dev\n", "eco2-dev, eco2-prod"),
    ],
)
def test_a_context_that_is_not_known_can_be_named(stack_file, text, told):
    if text is not None:
        stack_file.write_text(text)
    with pytest.raises(ConfigError, match=told) as refused:
        context_of(stack_file)
    assert "--context" in str(refused.value)
    assert context_of(stack_file, "eco2-night") == "eco2-night"


SERVICES = """services:
  auth-api:
    kind: api
    namespace: auth
    ports: [{name: http, port: 8000}]
  other: {kind: worker, namespace: jobs}
"""


@pytest.mark.parametrize(
    "text",
    [
        SERVICES,
        f"{SERVICES}<<<<<<< HEAD\n  third:\n    kind: api\n",
        f"{SERVICES}  third:\n    kind: api\n",
        f"{SERVICES}  auth-api:\n    kind: api\n",
        f"{SERVICES}  third: 2026-01-01\n",
    ],
)
def test_a_services_place_is_read_whatever_else_is_wrong(tmp_path, text):
    file = tmp_path / "services.yaml"
    file.write_text(text)
    assert places_of(file, ["auth-api", "other"]) == {
        "auth-api": Place("api", "auth"),
        "other": Place("worker", "jobs"),
    }


def test_a_namespace_in_conflict_is_none_and_can_be_named(tmp_path):
    file = tmp_path / "services.yaml"
    file.write_text(
        SERVICES.replace("    namespace: auth\n", "<<<<<<<\n    namespace: auth\n    namespace: auth2\n")
    )
    assert places_of(file, ["auth-api"]) == {"auth-api": Place("api", "")}
    assert places_of(file, ["auth-api"], "auth") == {"auth-api": Place("api", "auth")}


def test_without_the_file_a_named_namespace_is_enough(tmp_path):
    file = tmp_path / "services.yaml"
    with pytest.raises(ConfigError, match="--namespace"):
        places_of(file, ["auth-api"])
    assert places_of(file, ["auth-api"], "auth") == {"auth-api": Place("", "auth")}


def test_the_lines_say_of_the_real_file_what_yaml_says(tmp_path):
    text = (ROOT / "services.yaml").read_text()
    broken = tmp_path / "services.yaml"
    broken.write_text(f"{text}\n=======\n")
    assert places_of(broken, []) == places_of(ROOT / "services.yaml", [])


def test_a_mistyped_service_is_named(tmp_path):
    with pytest.raises(ConfigError, match="did you mean auth-api"):
        places_of(ROOT / "services.yaml", ["auth-ap"])
