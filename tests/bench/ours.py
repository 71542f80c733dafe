"""What our moves take, under constant load, in a lab of their own."""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from lab.mesh.routes import Split
from tests.bench.observe import Command, Gateway, run
from tests.conftest import Lab, Stack, new_stack
from tests.traffic import HOST, PATHS, Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SERVICE = "auth-api"
PATH = PATHS[SERVICE]
RATE = 200.0
FIRST_CANARY = f"{SERVICE}-0.8.0"
WEIGHTS = {0: 0, 1: 0, 2: 5, 3: 20, 4: 50, 5: 100}
SETTLE_SECONDS = 3.0
"""Between a move and the next: long enough to see the split in the chart."""
UP = ("up", "--yes", "--skip-preview", "--suppress-outputs", "--non-interactive", "--color", "never")


@dataclass(frozen=True)
class Bench:
    """A lab with the stack dev, and a load on one service of it."""

    lab: Lab
    stack: Stack

    def up(self) -> Command:
        """`pulumi up` as a person or CI calls it."""
        return self._run("pulumi", *UP, "--stack", self.stack.name)

    def abort(self) -> Command:
        """`eco2 abort`."""
        eco2 = str(Path(sys.executable).with_name("eco2"))
        return self._run(eco2, "abort", SERVICE, "--stack", self.stack.name)

    def _run(self, *command: str) -> Command:
        done = run(command, self.stack.folder, self.lab.environment)
        if done.code:
            raise AssertionError(f"{' '.join(command)} ended with {done.code}:\n{done.text[-3000:]}")
        return done

    def set(self, phase: int, tag: str, **more: Any) -> None:
        """Writes a phase and the canary's tag to the stack's file."""
        self.stack.change(rollouts={SERVICE: {"phase": phase, "canary": {"tag": tag}}}, **more)

    def jump(self, phase: int, tag: str = FIRST_CANARY) -> None:
        """To a phase at once: the way there is not what is measured."""
        self.set(phase, tag, overrule={SERVICE: "the way up is not measured"})
        self.up()
        self.stack.change(overrule={})


@contextmanager
def bench() -> Iterator[Bench]:
    """A fresh lab with the stack up."""
    with tempfile.TemporaryDirectory() as scratch:
        lab = Lab(Path(scratch) / "labs", "ours", "eco2-dev")
        lab.command("start", "--cluster=eco2-dev")
        try:
            stack = new_stack(lab, Path(scratch) / "project", "dev")
            stack.up()
            yield Bench(lab, stack)
        finally:
            lab.command("stop", check=False)


def abort(on: Bench, runs: int) -> Iterator[dict[str, Any]]:
    """`eco2 abort` at 50 %."""
    return _back(on, runs, Bench.abort)


def plain(on: Bench, runs: int) -> Iterator[dict[str, Any]]:
    """Phase 0 in the stack's file and `pulumi up`, at 50 %."""

    def back(on: Bench) -> Command:
        on.set(0, FIRST_CANARY)
        return on.up()

    return _back(on, runs, back)


def _back(on: Bench, runs: int, way: Callable[[Bench], Command]) -> Iterator[dict[str, Any]]:
    for _ in range(runs):
        on.jump(4)
        with (
            Gateway(on.lab, HOST, PATH) as gateway,
            Traffic(on.lab, HOST, (PATH,), RATE) as users,
        ):
            time.sleep(1)
            done = way(on)
            routes = gateway.until(done.began, lambda split: split == Split(), "off")
            time.sleep(0.5)
        yield (
            {
                "canary": users.told["last"]["v2"] - done.began,
                "routes": routes - done.began,
                "done": done.seconds,
                "sent": users.told["sent"],
                "failed": users.told["failed"],
                **milestones(done),
            }
        )


def milestones(done: Command) -> dict[str, float | None]:
    """When a way back had got how far, in seconds since its command."""
    return {
        "struck": done.after(f"{SERVICE}: all traffic to stable"),
        "updating": done.after("updating", SERVICE, "interrupted"),
        "written": done.after("VirtualService", f" {SERVICE}-mesh ", "updated"),
        "deleting": done.after("Deployment", f" {SERVICE}-canary ", "deleting"),
        "deleted": done.after("Deployment", f" {SERVICE}-canary ", "deleted"),
    }


def moves(on: Bench, runs: int) -> Iterator[dict[str, Any]]:
    """A whole rollout, from off to its promotion, under one load each."""
    for number in range(1, runs + 1):
        tag = f"{SERVICE}-0.8.{number}"
        with Gateway(on.lab, HOST, PATH) as gateway, Traffic(on.lab, HOST, (PATH,), RATE) as users:
            made = []
            for phase in range(1, 6):
                time.sleep(SETTLE_SECONDS)
                made.append(_advance(on, gateway, phase, tag))
            time.sleep(SETTLE_SECONDS)
            made.append(_promote(on, gateway, tag))
            time.sleep(SETTLE_SECONDS)
            seen = list(gateway.seen)
        yield rollout(users.told, made, seen)


def rollout(
    users: dict[str, Any], made: list[dict[str, Any]], seen: list[tuple[float, Split]]
) -> dict[str, Any]:
    """A rollout's moves, each with the requests from its beginning to that of the next, and its whole load."""
    ends = [one["at"] for one in made[1:]] + [float("inf")]
    for one, end in zip(made, ends, strict=True):
        meanwhile = [
            second for second in users["seconds"] if int(one["at"]) <= second["at"] < int(min(end, 1e12))
        ]
        one["failed"] = sum(second.get("failed", 0) for second in meanwhile)
        one["sent"] = sum(number for second in meanwhile for key, number in second.items() if key != "at")
    load = {key: users[key] for key in ("seconds", "sent", "failed")}
    load["marks"] = [{"at": at, "what": str(split)} for at, split in seen]
    return {
        "moves": [{key: value for key, value in one.items() if key != "at"} for one in made],
        "load": load,
    }


def _advance(on: Bench, gateway: Gateway, phase: int, tag: str) -> dict[str, Any]:
    on.set(phase, tag)
    done = on.up()
    wanted = Split(header=True, weight=WEIGHTS[phase])
    return _move(str(phase), done, gateway.until(done.began, lambda split: split == wanted, str(wanted)))


def _promote(on: Bench, gateway: Gateway, tag: str) -> dict[str, Any]:
    services = yaml.safe_load(on.stack.file.read_text("utf-8"))["config"]["eco2:services"]
    on.set(0, tag, services={**services, SERVICE: {"image": {"tag": tag}}})
    done = on.up()
    return _move("promotion", done, gateway.until(done.began, lambda split: split == Split(), "off"))


def _move(name: str, done: Command, routes: float) -> dict[str, Any]:
    return {"move": name, "at": done.began, "routes": routes - done.began, "done": done.seconds}


def swap(on: Bench, runs: int) -> Iterator[dict[str, Any]]:
    """A new canary image at 20 %: refused, and the way that is allowed, until the header reaches it."""
    for number in range(1, runs + 1):
        old, new = f"{SERVICE}-0.8.{2 * number}", f"{SERVICE}-0.8.{2 * number + 1}"
        on.jump(3, old)
        with Gateway(on.lab, HOST, PATH) as gateway, Traffic(on.lab, HOST, (PATH,), RATE) as users:
            on.set(3, new)
            refused = run(("pulumi", *UP, "--stack", "dev"), on.stack.folder, on.lab.environment)
            assert refused.code, "a new image in mid-canary was not refused"
            assert "rule 14" in refused.text, refused.text
            on.set(1, old)
            back = on.up()
            on.set(1, new)
            pushed = on.up()
            away = gateway.until(back.began, lambda split: not split.weight, "no weight")
        yield (
            {
                "refused": refused.seconds,
                "routes": away - back.began,
                "done": pushed.ended - back.began,
                "sent": users.told["sent"],
                "failed": users.told["failed"],
            }
        )
        on.set(0, new)
        on.up()
