"""What users meet while a canary with a fifth of the traffic fails and nobody does anything.

Ours, ours with `trafficPolicy.fallback: null` (routes as every Istio canary has them), and Argo Rollouts, which
reacts to nothing without an analysis.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from tests.bench import argo, argo_objects, ours
from tests.traffic import HOST, Traffic
from tests.updates import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Lab

RATE = 100.0
BEFORE_SECONDS, AFTER_SECONDS = 3.0, 11.0
UNREADY, ERRORS, HALF, DELETED, CRASHING, LOST, HANGING = (
    "all pods unready",
    "500 to everything",
    "500 to every second",
    "pods deleted by force",
    "crash loop",
    "node lost, not noticed yet",
    "takes requests, never answers",
)
BEHAVIOURS = {
    UNREADY: ("--unready",),
    ERRORS: ("--status", "500"),
    HALF: ("--status", "500", "--share", "0.5"),
    # The pods in their place take a while.
    DELETED: ("--start", "5", "--only-new"),
    CRASHING: ("--crash",),
    LOST: ("--lost",),
    HANGING: ("--hang",),
}
FAULTS = tuple(BEHAVIOURS)


@dataclass(frozen=True)
class Canary:
    """A canary that can be made to fail.

    Attributes:
        lab: Where it runs.
        host: The host of its requests.
        namespace: Where its pods are.
        version: Their label.
        image: A part of their image's name that no other has.
    """

    lab: Lab
    host: str
    namespace: str
    version: str
    image: str

    def fail(self, fault: str) -> None:
        """Breaks it."""
        self.lab.command("behave", self.image, *BEHAVIOURS[fault])
        if fault == DELETED:
            for name in self._pods():
                self.lab.api.request("DELETE", f"{self._path}/{name}?gracePeriodSeconds=0")

    def mend(self) -> None:
        """Lets it behave well, and waits until it is ready again."""
        self.lab.command("behave", "--reset")
        until(lambda: bool(self._pods()) and all(self._pods().values()), "the canary, ready again")
        time.sleep(2)

    @property
    def _path(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/pods"

    def _pods(self) -> dict[str, bool]:
        listed = self.lab.api.request("GET", f"{self._path}?labelSelector=version%3D{self.version}")["items"]
        return {
            one["metadata"]["name"]: any(
                condition["type"] == "Ready" and condition["status"] == "True"
                for condition in one.get("status", {}).get("conditions", ())
            )
            for one in listed
        }


def fallback(on: ours.Bench, runs: int) -> Iterator[dict[str, Any]]:
    """Ours."""
    on.jump(3)
    return _each(_own(on), runs)


def alone(on: ours.Bench, runs: int) -> Iterator[dict[str, Any]]:
    """Ours, with a canary that nobody stands in for."""
    with without_fallback(on):
        on.jump(3)
        yield from _each(_own(on), runs)
    on.jump(3)


@contextmanager
def saying(on: ours.Bench, **keys: Any) -> Iterator[None]:
    """The catalog says meanwhile something else of the service."""
    catalog = on.stack.folder / "services.yaml"
    kept = catalog.read_text("utf-8")
    described = yaml.safe_load(kept)
    described["services"][ours.SERVICE] |= keys
    catalog.write_text(yaml.safe_dump(described), "utf-8")
    try:
        yield
    finally:
        catalog.write_text(kept, "utf-8")


@contextmanager
def without_fallback(on: ours.Bench) -> Iterator[None]:
    """The catalog says meanwhile that nobody stands in for the canary."""
    described = yaml.safe_load((on.stack.folder / "services.yaml").read_text("utf-8"))
    policy = described["services"][ours.SERVICE]["trafficPolicy"]
    with saying(on, trafficPolicy=policy | {"fallback": None}):
        yield


def rollouts(on: argo.Bench, runs: int) -> Iterator[dict[str, Any]]:
    """Argo Rollouts."""
    on.climb(3)
    canary = Canary(
        on.lab, argo_objects.HOST, argo_objects.NAMESPACE, on.version, f"{argo_objects.NAME}-{on.version}"
    )
    yield from _each(canary, runs)
    on.plugin("abort")
    on.withdraw()


def _own(on: ours.Bench) -> Canary:
    return Canary(on.lab, HOST, "auth", "v2", ours.FIRST_CANARY)


def _each(canary: Canary, runs: int) -> Iterator[dict[str, Any]]:
    for _ in range(runs):
        for fault in FAULTS:
            yield _broken(canary, fault)
            canary.mend()


def _broken(canary: Canary, fault: str) -> dict[str, Any]:
    with Traffic(canary.lab, canary.host, (ours.PATH,), RATE) as users:
        time.sleep(BEFORE_SECONDS)
        broken = time.time()
        canary.fail(fault)
        time.sleep(AFTER_SECONDS)
        ended = time.time()
    told = users.told
    ill = [one["at"] for one in told["seconds"] if one.get("failed")]
    return {
        "fault": fault,
        "sent": told["sent"],
        "failed": told["failed"],
        # Failures in the last two seconds: nothing has ended them.
        "until": None if ill and ill[-1] > ended - 2 else max(ill[-1] + 1 - broken, 0.0) if ill else 0.0,
        "load": {
            **{key: told[key] for key in ("seconds", "sent", "failed")},
            "marks": [{"at": broken, "what": fault}],
        },
    }
