"""Work beside: what a call gives back, and that nothing holds a Ctrl-C up."""

from __future__ import annotations

import threading
import time
from _thread import interrupt_main

import pytest

from eco2.background import Later, each


def test_a_call_gives_its_result_or_its_exception():
    assert Later(lambda: 3).result() == 3
    with pytest.raises(ZeroDivisionError):
        Later(lambda: 1 // 0).result()


def test_a_ctrl_c_that_python_notes_and_does_not_wake_for_ends_the_wait():
    released = threading.Event()
    later = Later(released.wait)
    # As with a signal on the way into a lock: it is noted, and the wait goes on.
    threading.Timer(0.1, interrupt_main).start()
    late = threading.Timer(60, released.set)
    late.start()
    with pytest.raises(KeyboardInterrupt):
        later.result()
    assert not released.is_set()
    late.cancel()
    released.set()


@pytest.mark.parametrize("count", [0, 1, 4, 11])
def test_results_come_in_the_order_of_their_items_and_so_many_at_once(count):
    names = set()

    def squared(number):
        names.add(threading.get_ident())
        time.sleep(0.01)
        return number**2

    assert each(squared, range(count), 4) == [number**2 for number in range(count)]
    assert len(names) <= 4


def test_a_failure_ends_the_wait_for_all():
    released, waited = threading.Event(), []

    def fails_first(number):
        if number:
            released.wait(60)
            waited.append(number)
            return number
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        each(fails_first, range(8), 4)
    assert not waited
    released.set()
