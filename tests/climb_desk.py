"""A desk from which `eco2 climb` is typed: a Pulumi that only does what the file says, and canaries that are ready."""

from __future__ import annotations

import json
import sys
import time

import pytest
import yaml

from eco2.judge.watch import Watch
from rollout.judge.judging import Earlier, Reading
from rollout.judge.observations import Counts
from rollout.judge.signs import PodLook
from tests.api_server import ApiServer
from tests.conftest import ROOT
from tests.desk import IMAGE
from tests.mountain import GOOD
from tests.prometheus_server import PrometheusServer

OBEDIENT = """#!/bin/sh
case "$*" in
  "stack export "*) cat "{folder}/state.json"; exit 0;;
  "stack history "*) if [ -e "{folder}/history" ]; then cat "{folder}/history"; else echo "[]"; fi; exit 0;;
  "preview "*) echo '{{"steps": []}}'; exit 0;;
  "refresh "*) exit 0;;
  "cancel "*) rm -f "{folder}/locked"; exit 0;;
  "up "*)
    echo "$*" | tr '\\n' ' ' >> "{folder}/updates"; echo >> "{folder}/updates"
    if [ -e "{folder}/locked" ]; then cat "{folder}/locked" >&2; exit 255; fi
    echo "updating as asked"
    if [ -e "{folder}/slow" ]; then
      trap 'echo >> "{folder}/ended"; exit 3' INT
      sleep 20 & wait
    fi
    if [ -e "{folder}/stubborn" ]; then
      trap 'echo >> "{folder}/asked"' INT
      sleep 2 & wait; wait
    fi
    [ "$(cat "{folder}/code")" = 0 ] || exit 255
    cd "{root}" && exec "{python}" -m tests.obedient "{folder}";;
esac
exit 9
"""


OPTIONS = (
    "--prometheus",
    "http://127.0.0.1:1",
    "--soak",
    "0s",
    "--give-up",
    "60s",
    "--look-every",
    "10ms",
    "--yes",
)


@pytest.fixture
def cluster(tmp_path, monkeypatch, desk):
    """A cluster in which the canaries of auth-api and scan-api are ready, and a Pulumi that does what the file says."""
    program = tmp_path / "bin" / "pulumi"
    program.write_text(OBEDIENT.format(folder=desk.folder, root=ROOT, python=sys.executable))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    with ApiServer(tmp_path / "kubeconfig", "eco2-dev") as running:
        for name, namespace in (("auth-api", "auth"), ("scan-api", "scan")):
            running.canary(namespace, name, f"{IMAGE}{name}-dev-canary")
            running.routes(namespace, name, 20)
        yield running


@pytest.fixture
def sees(monkeypatch):
    """What the judge sees of each canary, by service and weight."""
    seen = {}

    def look(_, weights):
        counts = {name: seen.get((name, weight), GOOD) for name, weight in weights.items()}
        return {name: Reading(time.time(), one, one, PodLook(1, 1, {})) for name, one in counts.items()}

    monkeypatch.setattr(Watch, "look", look)
    monkeypatch.setattr(Watch, "away", lambda _: "")
    monkeypatch.setattr("eco2.change.canaries.fallen_back", lambda *_: {})
    monkeypatch.setattr(Watch, "earlier", lambda *_: Earlier(Counts(9999, 9), Counts(9999, 9)))
    return seen


@pytest.fixture
def counting():
    """A Prometheus that answers and has counted nothing, for a process of its own."""
    with PrometheusServer() as running:
        running.series.now = time.time()
        yield running


def phases(desk):
    entries = yaml.safe_load(desk.file.read_text())["config"]["eco2:rollouts"]
    return {name: entry["phase"] for name, entry in entries.items()}


def told(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def messages(desk):
    return [line.partition("--message ")[2] for line in desk.updates]
