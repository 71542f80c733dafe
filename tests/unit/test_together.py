"""Work beside: what a call gives back, and that nothing holds a Ctrl-C up."""

from __future__ import annotations

import threading
import time
from _thread import interrupt_main

import pytest

from eco2.together import Later


def test_a_call_gives_its_result_or_its_exception():
    assert Later(lambda: 3).result() == 3
    with pytest.raises(ZeroDivisionError):
        Later(lambda: 1 // 0).result()


def test_a_ctrl_c_that_python_notes_and_does_not_wake_for_ends_the_wait():
    released = threading.Event()
    later = Later(released.wait)
    # As with a signal on the way into a lock: it is noted, and the wait goes on.
    threading.Timer(0.1, interrupt_main).start()
    threading.Timer(5, released.set).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        later.result()
    assert time.monotonic() - began < 2
    released.set()
