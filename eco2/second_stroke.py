"""The second stroke of an abort: the stack's file says phase 0, and one update makes cluster and state agree.

It goes on beside an update that is under way: that one may set its own routes, which were right when it began,
so the canary is struck out of them again until the stack is free.
"""

from __future__ import annotations

import shlex
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.metadata import CANARY_SERVICE
from eco2.pulumi_stack import LockedError, PulumiError, about, exported, outputs_of, pulumi, update
from eco2.recover import owner_has_ended
from eco2.stack_yaml import alone, read_text, set_phase_off, write_text
from rollout.prior import LEFT_VARIABLE, read_prior

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from eco2.first_stroke import Stroke
    from rollout.prior import Prior

LOOK_SECONDS, TRY_SECONDS = 1.0, 5.0
"""How often routes are looked at, and an update tried, while somebody else updates the stack."""
PATIENCE_SECONDS = 1800.0


@dataclass(frozen=True)
class Wish:
    """What to take back.

    Attributes:
        project: The folder with `Pulumi.yaml`.
        stack: The stack's name.
        services: The services; empty for all.
        reconcile: Whether the second stroke follows.
    """

    project: Path
    stack: str
    services: tuple[str, ...]
    reconcile: bool = True

    @property
    def file(self) -> Path:
        """The stack's file."""
        return self.project / f"Pulumi.{self.stack}.yaml"

    @property
    def command(self) -> str:
        """The command that does the same again."""
        elsewhere = "" if self.project == Path.cwd() else f" --project {shlex.quote(str(self.project))}"
        return f"eco2 abort {' '.join(self.services) or '--all'} --stack {self.stack}{elsewhere}"


@dataclass(frozen=True)
class SecondStroke:
    """Makes config, cluster and state agree.

    Attributes:
        wish: What to take back.
        names: Its services.
        strike: Takes their canaries out of all routes.
        say: Takes a line for the user.
    """

    wish: Wish
    names: tuple[str, ...]
    strike: Callable[[], list[Stroke]]
    say: Callable[[str], None]

    def run(self, moved: Mapping[str, float]) -> None:
        """Writes the file and updates these services, and nothing else.

        Args:
            moved: When the first stroke moved a service's routes, in seconds since the epoch.

        Raises:
            ConfigError: If the file or what it says cannot be used.
            PulumiError: If the update fails, or the stack stays locked.
            OSError: If the file cannot be written.
        """
        moved, end, ended = dict(moved), time.monotonic() + PATIENCE_SECONDS, threading.Event()
        watch = threading.Thread(target=self._keep_off, args=(moved, ended), daemon=True)
        try:
            while True:
                try:
                    return self._update(moved)
                except LockedError as error:
                    if owner_has_ended(str(error)):
                        pulumi(self.wish.project, self.wish.stack, "cancel", "--yes")
                        self.say(
                            f"unlocked {self.wish.stack}, which an update that was killed had left locked"
                        )
                        continue
                    if time.monotonic() > end:
                        raise
                if watch.ident is None:
                    self.say(
                        "another update is under way; until it ends, routes that it sets to a canary are taken "
                        f"back. If nothing updates {self.wish.stack}: pulumi cancel --stack {self.wish.stack}"
                    )
                    watch.start()
                time.sleep(TRY_SECONDS)
        finally:
            ended.set()

    def _keep_off(self, moved: dict[str, float], ended: threading.Event) -> None:
        """Strikes again and again: the other update may write routes at any time, also while this one is tried."""
        while not ended.wait(LOOK_SECONDS):
            for stroke in self.strike():
                if stroke.failure:
                    self.say(f"{stroke.service}: {stroke.failure}")
                if stroke.moved:
                    self.say(f"{stroke.service}: taken back again")
                    moved[stroke.service] = time.time()

    def _update(self, moved: Mapping[str, float]) -> None:
        resources = _resources(self.wish)
        write_phase_off(self.wish, self.names, self.say)
        last = read_prior(outputs_of(resources))
        in_flight = _in_flight(resources, last)
        moving = [name for name in self.names if name in in_flight]
        if not moving:
            self.say("nothing else is in flight")
            return
        restore_stable(self.wish, {name: last[name] for name in moving if name in last}, self.say)
        self.say(f"updating {', '.join(moving)}; if this is interrupted, go on with: {self.wish.command}")
        components = _components(resources)
        targets = [
            one["urn"]
            for one in resources
            if components.get(one["urn"]) in moving or components.get(one.get("parent", "")) in moving
        ]
        variables = about(moving)
        if all(name in moved for name in moving):
            # Proxies learn of the routes while the update starts, so its pause may be shorter by that.
            variables[LEFT_VARIABLE] = str(max(moved[name] for name in moving))
        options = [part for urn in targets for part in ("--target", urn)]
        update(self.wish.project, self.wish.stack, "--skip-preview", *options, variables=variables)


def _resources(wish: Wish) -> list[dict[str, Any]]:
    """The resources of the stack's state; beside a running update a backend of files may hold half of one."""
    for wait_seconds in (0.2, 1.0):
        try:
            return exported(wish.project, wish.stack)
        except PulumiError:
            time.sleep(wait_seconds)
    return exported(wish.project, wish.stack)


def write_phase_off(wish: Wish, names: Iterable[str], say: Callable[[str], None]) -> None:
    """Sets phase 0 in the stack's file.

    Raises:
        ConfigError: If it cannot be changed.
        OSError: If it cannot be written.
    """
    for name in names:
        if set_phase_off(wish.file, name):
            say(f"{wish.file.name}: eco2:rollouts.{name}.phase is 0")


def restore_stable(wish: Wish, left: Mapping[str, Prior], say: Callable[[str], None]) -> None:
    """Has the file ask for the stable images that the last update left.

    After a promotion that was written and not finished it asks for the canary's: phase 0 would then be that
    promotion, and bring the image that is taken back to everybody.

    Raises:
        ConfigError: If the files cannot be used, or such an image cannot be named there.
        OSError: If the file cannot be written.
    """
    from eco2.proposal import services_of, with_moves  # noqa: PLC0415  # with the models, slow to import
    from rollout.files import read_catalog  # noqa: PLC0415
    from rollout.moves import NoMoveError, with_stable_of  # noqa: PLC0415
    from rollout.problems import NAMESPACE, ConfigError, Problem  # noqa: PLC0415

    name = wish.file.name
    with alone(wish.file):
        text = read_text(wish.file)
        wanted = services_of(wish.project, wish.stack, text, read_catalog(wish.project / "services.yaml"))
        moves, wrong = [], []
        for service, prior in left.items():
            try:
                if move := with_stable_of(wanted[service], prior):
                    moves.append(move)
            except NoMoveError as error:
                wrong.append(Problem(name, f"{NAMESPACE}:services.{service}.image", str(error)))
        if wrong:
            raise ConfigError(wrong)
        if moves:
            write_text(wish.file, with_moves(text, moves, name))
    for move in moves:
        say(f"{name}: {move.words}")


def _components(resources: Iterable[dict[str, Any]]) -> dict[str, str]:
    """The services of a state by the URN of their component."""
    return {one["urn"]: one["urn"].rsplit("::", 1)[1] for one in resources if one["type"] == CANARY_SERVICE}


def _in_flight(resources: list[dict[str, Any]], last: Mapping[str, Prior]) -> set[str]:
    """The services that the last update left with a canary, or one that failed left one of."""
    components = _components(resources)
    # An update that failed on the way up has left no outputs, but a canary in the state.
    strays = {components.get(one.get("parent", "")) for one in resources if one["urn"].endswith("-canary")}
    return {name for name, prior in last.items() if prior.phase} | {name for name in strays if name}
