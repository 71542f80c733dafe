"""What a command says while it waits."""

from __future__ import annotations

import time

from eco2.abort import state as abort_state
from eco2.abort.request import AbortRequest
from eco2.terminal import progress as telling


def test_nothing_is_said_of_what_is_quick(monkeypatch):
    monkeypatch.setattr(telling, "SLOW_SECONDS", 0.05)
    said = []
    with telling.telling(said.append, lambda waited: [waited]):
        pass
    time.sleep(0.1)
    assert said == []


def test_a_backend_that_hangs_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(telling, "SLOW_SECONDS", 0.05)
    monkeypatch.setattr(abort_state, "exported", lambda *_: time.sleep(0.2) or [])
    said = []
    assert abort_state.resources_of(AbortRequest(tmp_path, "dev", ()), said.append) == []
    assert said[0] == "waiting for 0 s for the state of dev, from its backend"
