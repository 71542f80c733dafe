"""Reading what the last update left, from a state that may be half-written at that moment."""

from __future__ import annotations

import pulumi
import pytest

from components import stack


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
