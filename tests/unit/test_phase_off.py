"""After an abort's write the file asks for phase 0, read as the program reads it, or the abort fails."""

from __future__ import annotations

import pytest

from eco2.abort.request import AbortRequest
from eco2.abort.stack_file import write_phase_off
from rollout.problems import ConfigError

PROJECT = "name: eco2\nconfig:\n  eco2:routePropagationSeconds:\n    type: integer\n    default: 5\n"


@pytest.fixture
def asked(tmp_path):
    (tmp_path / "Pulumi.yaml").write_text(PROJECT)
    return AbortRequest(tmp_path, "dev", ("auth-api",))


def config(*lines):
    return "config:\n" + "".join(f"  {line}\n" for line in lines)


@pytest.mark.parametrize(
    ("lines", "after"),
    [
        (("eco2:rollouts:", "  auth-api: {phase: 3}"), ("eco2:rollouts:", "  auth-api: {phase: 0}")),
        (("eco2:rollouts: {auth-api: {phase: 3, weight: 22}}",), ("eco2:rollouts: {auth-api: {phase: 0}}",)),
        (("eco2:rollouts:", "  my-api: {phase: 3}"), ("eco2:rollouts:", "  my-api: {phase: 3}")),
        (("eco2:host: a",), ("eco2:host: a",)),
        (("eco2:rollouts:",), ("eco2:rollouts:",)),
    ],
)
def test_the_phase_is_0_afterwards(asked, lines, after):
    asked.file.write_text(config(*lines))
    write_phase_off(asked, ["auth-api"], lambda _: None)
    assert asked.file.read_text() == config(*after)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (("""eco2:rollouts: '{"auth-api": {"phase": 3}}'""",), "config.eco2:rollouts: holds text"),
        (("rollouts:", "  auth-api: {phase: 3}"), "write it as eco2:rollouts"),
        (
            ("eco2:rollouts:", "  auth-api: {phase: 3}", "rollouts:", "  auth-api: {phase: 3}"),
            "config.rollouts: has no namespace; write it as eco2:rollouts",
        ),
        (("""rollouts: '{"auth-api": {"phase": 3}}'""",), "config.rollouts: holds text"),
        (("eco2:rollouts: [auth-api]",), "config.eco2:rollouts: must hold"),
        (("eco2:rollouts:", "  auth-api: 3"), "eco2:rollouts.auth-api: must hold"),
    ],
)
def test_a_file_that_may_ask_for_a_canary_still_is_a_failure(asked, lines, told):
    asked.file.write_text(config(*lines))
    with pytest.raises(ConfigError) as error:
        write_phase_off(asked, ["auth-api"], lambda _: None)
    assert told in str(error.value)


def test_a_default_of_the_project_may_not_ask_for_it_either(asked):
    (asked.project / "Pulumi.yaml").write_text(
        PROJECT + "  eco2:rollouts:\n    value: {auth-api: {phase: 3}}\n"
    )
    asked.file.write_text(config("eco2:host: a"))
    with pytest.raises(ConfigError, match="still asks for phase 3"):
        write_phase_off(asked, ["auth-api"], lambda _: None)
