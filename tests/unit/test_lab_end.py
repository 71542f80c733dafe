"""A lab that ends with a process: tests that are killed leave none behind."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from lab.control import end_with
from lab.places import ENDS_WITH
from tests.conftest import Lab

SECONDS = 20


@pytest.fixture
def starter():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as running:
        yield running
        running.kill()


def test_it_is_asked_to_end_when_the_process_is_killed(starter):
    ended = threading.Event()
    end_with(str(starter.pid), ended.set)
    assert not ended.wait(0.2)
    starter.kill()
    assert ended.wait(SECONDS)


def test_it_is_asked_to_end_if_the_process_is_gone_already(starter):
    starter.kill()
    starter.wait()
    ended = threading.Event()
    end_with(str(starter.pid), ended.set)
    assert ended.wait(SECONDS)


def test_without_a_process_it_goes_on():
    end_with("", pytest.fail)


def test_a_lab_of_the_tests_ends_with_them(tmp_path):
    assert Lab(tmp_path).own_environment[ENDS_WITH] == str(os.getpid())
