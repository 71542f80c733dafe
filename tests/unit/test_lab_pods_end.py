"""A pod of the lab that is deleted by force ends alone: all pods are one process."""

from __future__ import annotations

import subprocess
import sys

ENDS = """
import asyncio, contextlib
from lab.pods import behaviour
from lab.pods.application import Application

async def end_twice():
    pod = Application("127.0.0.1", {0: "grpc"}, {"version": "v1"}, lambda: behaviour.GOOD, contextlib.nullcontext)
    await pod.listen()
    await asyncio.gather(pod.drain(first), pod.drain(0))

for first in (0, 0, 0, 5, 0.01) * 20:
    asyncio.run(end_twice())
"""


def test_a_pod_that_ends_and_is_cut_at_the_same_moment_takes_no_other_along():
    done = subprocess.run(
        [sys.executable, "-c", ENDS], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
