"""Reading what the last update left, from a state that may be half-written at that moment."""

from __future__ import annotations

import pulumi
import pytest
from pulumi.runtime.mocks import MockMonitor

from components import stack
from rollout.problems import ConfigError, Problem


class Answer:
    value = {"outputs": {"rollouts": {"auth-api": {"phase": 3}}}}  # as the SDK returns it


@pytest.fixture
def engine(monkeypatch):
    """Refuses as often as told, then answers."""
    refusals: list[str] = []

    def invoke(*_):
        if refusals:
            raise Exception(refusals.pop())  # noqa: TRY002  # the SDK's own class
        return Answer()

    monkeypatch.setattr(pulumi.runtime, "invoke", invoke)
    monkeypatch.setattr(stack, "STATE_WAITS_SECONDS", (0, 0, 0))
    return refusals


def test_a_half_written_state_is_read_again(engine):
    engine += ["failed to load checkpoint: EOF"] * 3
    assert stack.last_outputs() == {"rollouts": {"auth-api": {"phase": 3}}}
    assert engine == []


def test_a_state_that_cannot_be_read_ends_the_update_in_words_and_is_not_taken_for_a_first_one(engine):
    engine += ["failed to load checkpoint: EOF"] * 4
    with pytest.raises(pulumi.RunError, match="nothing was changed, run the same command again"):
        stack.last_outputs()


def test_a_refusal_is_told_and_ends_the_program_with_the_code_after_which_the_host_adds_nothing(monkeypatch):
    told = []
    monkeypatch.setattr(pulumi.log, "error", told.append)
    monkeypatch.setattr(stack, "get_monitor", lambda: None)
    with pytest.raises(SystemExit) as ended, stack.problems_in_words():
        raise ConfigError([Problem("Pulumi.dev.yaml", "eco2:rollouts", "no")])
    assert (ended.value.code, told[0].splitlines()[-1].strip()) == (32, "Pulumi.dev.yaml: eco2:rollouts: no")


def test_with_mocks_a_refusal_is_an_exception(monkeypatch):
    monkeypatch.setattr(stack, "get_monitor", lambda: MockMonitor(None))
    with pytest.raises(pulumi.RunError, match="no"), stack.problems_in_words():
        raise ConfigError([Problem("Pulumi.dev.yaml", "eco2:rollouts", "no")])
