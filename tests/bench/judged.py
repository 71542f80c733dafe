"""A canary with 5 % that falls sick while it is watched: how soon it is taken back, and what users meet until then.

Ours is `eco2 climb`; beside it a Rollout whose background analysis asks the same Prometheus by the rule of Argo's own
documentation: every 30 s, a success rate of 99 %, failed after more than three such measurements.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench import argo, argo_objects, ours
from tests.bench.observe import Gateway, Late
from tests.traffic import HOST, Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Lab

PHASE = 2
QUIET_SECONDS = 20.0
"""Of health, before the canary falls sick."""
LONGEST_SECONDS = 200.0
"""How long anybody gets to notice."""
STABLE_SLOW, CANARY_SLOW = 0.04, 0.052
"""Seconds of each answer: the canary is slower by 30 %, and buckets end at 50 ms."""

FAILS, SLOWER, CRASHING, FALLS_BACK = (
    "2 % of its answers are 500",
    "slower by 30 %",
    "crash loop",
    "500 to everything",
)
BEHAVIOURS = {
    # First: what is slow is measured by what stable did in the last hour.
    SLOWER: ("--slow", str(CANARY_SLOW)),
    FAILS: ("--status", "500", "--share", "0.02"),
    CRASHING: ("--crash",),
    FALLS_BACK: ("--status", "500"),
}


def climbs(on: ours.Bench, runs: int) -> Iterator[dict[str, Any]]:
    """`eco2 climb` at 5 %."""
    for _ in range(runs):
        for fault in BEHAVIOURS:
            on.jump(PHASE, ours.FIRST_CANARY)
            with _climb(on) as began:
                yield _one(on.lab, HOST, fault, f"{ours.SERVICE}-dev-latest", ours.FIRST_CANARY, "v2", began)
            on.lab.command("behave", "--reset")
            on.set(0, ours.FIRST_CANARY)
            on.up()


def analysed(on: argo.Bench, runs: int) -> Iterator[dict[str, Any]]:
    """Argo Rollouts' analysis in the background, from the step with 5 % on."""
    for document in _templates():
        on.api.apply(document, "bench")
    for _ in range(runs):
        for fault in BEHAVIOURS:
            revision = f"r{on.revision + 1}"
            _analyse(on, revision)
            on.climb(PHASE)
            images = (f"{argo_objects.NAME}-{on.stable}", f"{argo_objects.NAME}-{on.version}")
            yield _one(on.lab, argo_objects.HOST, fault, *images, on.version, lambda: None)
            on.lab.command("behave", "--reset")
            if on.status().get("phase") != "Degraded":
                on.plugin("abort")
            on.until_phase("Degraded")
            on.withdraw()
    _analyse(on, None)


def _one(  # noqa: PLR0917  # what is measured has so many sides
    lab: Lab, host: str, fault: str, stable: str, canary: str, version: str, began: Callable[[], None]
) -> dict[str, Any]:
    """One canary that falls sick under load.

    Returns:
        Seconds from the fault to the last answer of the canary and to routes without it, None if nobody noticed;
        and the requests that failed.
    """
    if fault == SLOWER:
        lab.command("behave", stable, "--slow", str(STABLE_SLOW))
        lab.command("behave", canary, "--slow", str(STABLE_SLOW))
        with Traffic(lab, host, (ours.PATH,), ours.RATE):
            time.sleep(QUIET_SECONDS)
    with Gateway(lab, host, ours.PATH) as gateway, Traffic(lab, host, (ours.PATH,), ours.RATE) as users:
        began()
        time.sleep(QUIET_SECONDS)
        struck = time.time()
        lab.command("behave", canary, *BEHAVIOURS[fault])
        try:
            routes = gateway.until(struck, lambda split: not split.weight, "no weight", LONGEST_SECONDS)
        except Late:
            routes = None
        time.sleep(1)
    last = users.told["last"].get(version)
    return {
        "fault": fault,
        "routes": routes - struck if routes else None,
        "canary": last - struck if routes and last else None,
        "sent": users.told["sent"],
        "failed": users.told["failed"],
    }


@contextmanager
def _climb(on: ours.Bench) -> Iterator[Callable[[], None]]:
    """A climb that stays at its phase, since it is to soak for longer than anybody waits here."""
    eco2 = str(Path(sys.executable).with_name("eco2"))
    asked = ("climb", ours.SERVICE, "--stack", "dev", "--yes", "--json", "--soak", "1h", "--give-up", "2h")
    running: list[subprocess.Popen[str]] = []

    def begin() -> None:
        process = subprocess.Popen(
            [eco2, *asked], cwd=on.stack.folder, env=on.lab.environment, stdout=subprocess.PIPE, text=True
        )
        running.append(process)
        assert process.stdout is not None
        while json.loads(process.stdout.readline())["event"] != "looked":
            pass
        # Nobody else reads it, and it must not stand still.
        threading.Thread(target=process.stdout.read, daemon=True).start()

    try:
        yield begin
    finally:
        for process in running:
            if process.poll() is None:
                os.kill(process.pid, signal.SIGINT)
            process.wait(timeout=120)


def _templates() -> Iterator[dict[str, Any]]:
    requests = (
        "sum(increase(istio_requests_total{{reporter='source',destination_service_namespace='"
        + argo_objects.NAMESPACE
        + "',destination_version='{{{{args.version}}}}'{more}}}[1m]))"
    )
    good, all_of_them = (requests.format(more=more) for more in (",response_code!~'5.*'", ""))
    yield {
        "apiVersion": argo_objects.ROLLOUTS,
        "kind": "AnalysisTemplate",
        "metadata": {"name": "success-rate", "namespace": argo_objects.NAMESPACE},
        "spec": {
            "args": [{"name": "version"}, {"name": "prometheus"}],
            "metrics": [
                {
                    "name": "success-rate",
                    "interval": "30s",
                    "failureLimit": 3,
                    "successCondition": "len(result) == 0 || isNaN(result[0]) || result[0] >= 0.99",
                    "provider": {
                        "prometheus": {
                            "address": "{{args.prometheus}}",
                            "query": f"{good} / {all_of_them}",
                        }
                    },
                }
            ],
        },
    }


def _analyse(on: argo.Bench, version: str | None) -> None:
    """Gives the Rollout its analysis, or takes it away."""
    analysis = version and {
        "templates": [{"templateName": "success-rate"}],
        "startingStep": argo_objects.PAUSES[PHASE],
        "args": [
            {"name": "version", "value": version},
            {"name": "prometheus", "value": on.lab.environment["ECO2_PROMETHEUS_URL"]},
        ],
    }
    body = {"spec": {"strategy": {"canary": {"analysis": analysis}}}}
    on.api.request("PATCH", on.path, body, content_type=argo.MERGE)
