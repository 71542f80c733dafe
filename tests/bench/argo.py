"""What the same moves take with Argo Rollouts, in the same kind of lab and under the same load.

One service with a Rollout in a namespace of its own: the pod template, the traffic policy, the
gateway, the load and the ladder are those of auth-api; its host is its own. Argo's controller and
its kubectl plugin are built from their Go module and run as they come; all delays are its own.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from lab import tools
from lab.api import Api, ApiError, Unreachable, connection
from lab.mesh.routes import Split
from lab.parts import ADMIN_CONTEXT
from lab.places import LabFolder
from lab.ports import free_ports
from tests.bench import ours
from tests.bench.argo_objects import HOST, NAME, NAMESPACE, PAUSES, ROLLOUTS, around, rollout, template
from tests.bench.observe import Command, Gateway, run, until
from tests.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Lab

CONTROLLER, PLUGIN, DEFINITIONS = tools.ARGO
MERGE = "application/merge-patch+json"


@dataclass
class Bench:
    """A Rollout under way.

    Attributes:
        lab: The lab.
        api: Its API server.
        deployment: auth-api's own stable Deployment, whose pods the Rollout has, too.
        revision: The newest one's number.
        stable: The label of stable's pods.
    """

    lab: Lab
    api: Api
    deployment: dict[str, Any]
    revision: int = 1
    stable: str = "r1"

    @property
    def path(self) -> str:
        return self.api.path(ROLLOUTS, "Rollout", NAMESPACE, NAME)

    @property
    def version(self) -> str:
        """The label of the newest revision's pods."""
        return f"r{self.revision}"

    def status(self) -> dict[str, Any]:
        """The Rollout's status, once the controller has seen the last change; empty before."""
        found = self.api.request("GET", self.path)
        status: dict[str, Any] = found.get("status", {})
        seen = str(found["metadata"]["generation"]) == status.get("observedGeneration")
        return status if seen else {}

    def until_paused(self, phase: int) -> float:
        """Waits until it stands still at the step of a phase."""
        wanted = ("Paused", PAUSES[phase])

        def there() -> bool:
            status = self.status()
            return (status.get("phase"), status.get("currentStepIndex")) == wanted and not status.get("abort")

        return until(there, f"the Rollout paused at step {PAUSES[phase]}")

    def until_phase(self, phase: str) -> float:
        """Waits for a phase in Argo's sense: Healthy, Degraded."""
        return until(lambda: self.status().get("phase") == phase, f"the Rollout {phase}")

    def push(self) -> float:
        """A new image, as `kubectl apply` sends it; when it was sent."""
        self.revision += 1
        return self._patch_template(self.version)

    def withdraw(self) -> None:
        """Gives an aborted Rollout the stable image back, which makes it healthy again."""
        self._patch_template(self.stable)
        self.until_phase("Healthy")

    def _patch_template(self, version: str) -> float:
        began = time.time()
        body = {"spec": {"template": template(self.deployment, version)}}
        self.api.request("PATCH", self.path, body, content_type=MERGE)
        return began

    def plugin(self, what: str) -> Command:
        """`kubectl argo rollouts promote` or `abort`, without kubectl's own start."""
        kubeconfig = LabFolder(self.lab.home / self.lab.name).root / "admin.kubeconfig"
        command = [str(tools.program(PLUGIN)), what, NAME, "--namespace", NAMESPACE]
        done = run(command, Path.cwd(), {**os.environ, "KUBECONFIG": str(kubeconfig)})
        assert done.code == 0, done.text
        return done

    def climb(self, phase: int) -> None:
        """A new image, and on to a phase."""
        self.push()
        self.until_paused(1)
        for step in range(2, phase + 1):
            # A promotion within milliseconds of the pause is lost: the controller writes its own last
            # version over the promoted one in its cache and sees no change (v1.9.2).
            time.sleep(1)
            self.plugin("promote")
            self.until_paused(step)


@contextmanager
def bench(on: ours.Bench) -> Iterator[Bench]:
    """Argo's controller in the lab of our own moves, with our service at phase 0."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = LabFolder(on.lab.home / on.lab.name)
        kubeconfig = folder.root / "admin.kubeconfig"
        api = Api(connection(kubeconfig, ADMIN_CONTEXT))
        _define(api)
        deployment = api.request("GET", api.path("apps/v1", "Deployment", "auth", "auth-api"))
        rule = api.request("GET", api.path("networking.istio.io/v1", "DestinationRule", "auth", "auth-api"))
        for document in around(rule):
            api.apply(document, "bench")
        ports = free_ports("metrics", "health")
        command = [
            str(tools.program(CONTROLLER)), f"--kubeconfig={kubeconfig}", "--leader-elect=false",
            f"--metricsPort={ports['metrics']}", f"--healthzPort={ports['health']}", "--loglevel=warn",
        ]  # fmt: skip
        log = Path(scratch) / "controller.log"
        with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as controller:
            try:
                api.apply(rollout(deployment, "r1"), "bench")
                made = Bench(on.lab, api, deployment)
                made.until_phase("Healthy")
                yield made
            except BaseException:
                print(log.read_text("utf-8", "replace")[-3000:], flush=True)
                raise
            finally:
                controller.terminate()


def _define(api: Api) -> None:
    """Installs Argo's definitions and waits until they are served."""
    for path in sorted(tools.folder(DEFINITIONS).glob("*.yaml")):
        api.apply(yaml.safe_load(path.read_text("utf-8")), "bench")

    def served() -> bool:
        try:
            found = api.request("GET", f"/apis/{ROLLOUTS}")["resources"]
        except (ApiError, Unreachable):
            return False
        return any(one["kind"] == "Rollout" for one in found)

    until(served, "Argo's definitions")


def abort(on: Bench, runs: int) -> Iterator[dict[str, Any]]:
    """`kubectl argo rollouts abort` at 50 %."""
    for _ in range(runs):
        on.climb(4)
        with (
            Gateway(on.lab, HOST, ours.PATH) as gateway,
            Traffic(on.lab, HOST, (ours.PATH,), ours.RATE) as users,
        ):
            time.sleep(1)
            done = on.plugin("abort")
            routes = gateway.until(done.began, lambda split: split == Split(), "off")
            settled = on.until_phase("Degraded")
            time.sleep(0.5)
        yield (
            {
                "canary": users.told["last"][on.version] - done.began,
                "routes": routes - done.began,
                "done": settled - done.began,
                "struck": done.seconds,
                "sent": users.told["sent"],
                "failed": users.told["failed"],
            }
        )
        on.withdraw()


def moves(on: Bench, runs: int) -> Iterator[dict[str, Any]]:
    """A whole rollout, from a new image to its promotion, under one load each."""
    for _ in range(runs):
        with (
            Gateway(on.lab, HOST, ours.PATH) as gateway,
            Traffic(on.lab, HOST, (ours.PATH,), ours.RATE) as users,
        ):
            made = []
            for phase in range(1, 6):
                time.sleep(ours.SETTLE_SECONDS)
                began = on.push() if phase == 1 else on.plugin("promote").began
                wanted = Split(header=True, weight=ours.WEIGHTS[phase])
                paused = on.until_paused(phase)
                routes = gateway.until(began, lambda split, wanted=wanted: split == wanted, str(wanted))
                made.append(_move(str(phase), began, routes, paused))
            time.sleep(ours.SETTLE_SECONDS)
            began = on.plugin("promote").began
            healthy = on.until_phase("Healthy")
            routes = gateway.until(began, lambda split: split == Split(), "off")
            made.append(_move("promotion", began, routes, healthy))
            on.stable = on.version
            time.sleep(ours.SETTLE_SECONDS)
            seen = list(gateway.seen)
        # No chart is drawn of it.
        yield {"moves": ours.rollout(users.told, made, seen)["moves"]}


def _move(name: str, began: float, routes: float, done: float) -> dict[str, Any]:
    return {"move": name, "at": began, "routes": routes - began, "done": max(done, routes) - began}


def swap(on: Bench, runs: int) -> Iterator[dict[str, Any]]:
    """A new image at 20 %: Argo takes it and begins anew, until the header reaches it."""
    for _ in range(runs):
        on.climb(3)
        with (
            Gateway(on.lab, HOST, ours.PATH) as gateway,
            Traffic(on.lab, HOST, (ours.PATH,), ours.RATE) as users,
        ):
            time.sleep(1)
            began = on.push()
            paused = on.until_paused(1)
            away = gateway.until(began, lambda split: not split.weight, "no weight")
            header = gateway.until(away, lambda split: split == Split(header=True), "header")
            time.sleep(1)
        yield (
            {
                "routes": away - began,
                "done": max(paused, header) - began,
                "sent": users.told["sent"],
                "failed": users.told["failed"],
            }
        )
        on.plugin("abort")
        on.until_phase("Degraded")
        on.withdraw()
