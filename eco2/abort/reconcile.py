"""The second stroke of an abort: the stack's file says phase 0, and one update makes cluster and state agree.

It goes on beside an update that is under way: that one may set its own routes, which were right when it began,
so the canary is taken out of them again until the stack is free.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from eco2.abort.canaries import canaries_in, held_by_finalizers, workers_not_in
from eco2.abort.lost import autoscalers_among, forget, targets_without
from eco2.abort.promotions import promotable, refuse_promoted
from eco2.abort.proxies import why_routes_are_not_learnt
from eco2.abort.routes import strike
from eco2.abort.stack_file import restore_stable, write_what_can_be
from eco2.abort.state import ask_for_lock, never_brought_up, resources_of
from eco2.abort.targets import in_flight, targets
from eco2.background import Later
from eco2.stack.cli import LockedError, PulumiError, about, outputs_of, pulumi, target_options
from eco2.stack.lock import owner_has_ended
from eco2.stack.order import in_order
from eco2.terminal.progress import telling
from eco2.update.run import update
from kube.errors import ClusterError
from rollout.plan.prior import LEFT_VARIABLE, read_prior
from rollout.traffic.kinds import reads_queues
from rollout.traffic.names import canary_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from eco2.abort.files import Place
    from eco2.abort.request import AbortRequest
    from kube.cluster import ClusterClient
    from rollout.plan.prior import Prior

LOOK_SECONDS, TRY_SECONDS = 1.0, 5.0
"""How often routes are looked at, and an update tried, while somebody else updates the stack."""
PATIENCE_SECONDS = 1800.0


@dataclass(frozen=True)
class SecondStroke:
    """Makes config, cluster and state agree.

    Attributes:
        request: What to take back.
        cluster: Where the routes are.
        services: Its services.
        say: Takes a line for the user.
    """

    request: AbortRequest
    cluster: ClusterClient
    services: Mapping[str, Place]
    say: Callable[[str], None]

    def run(self, moved: Mapping[str, float]) -> None:
        """Writes the file and updates these services, and nothing else.

        Args:
            moved: When the first stroke moved a service's routes, in seconds since the epoch.

        Raises:
            ConfigError: If the file or what it says cannot be used.
            PromotedError: If another update has ended the promotion of one meanwhile.
            PulumiError: If the update fails, or the stack stays locked.
            OSError: If the file cannot be written.
        """
        moved, end, ended = dict(moved), time.monotonic() + PATIENCE_SECONDS, threading.Event()
        carrying = Later(partial(promotable, self.request, self.services, self.say))
        watch = threading.Thread(target=self._keep_off, args=(moved, ended), daemon=True)
        try:
            while True:
                try:
                    in_order(self.request.project, self.request.stack, self.say, partial(self._update, moved))
                except LockedError as error:
                    if owner_has_ended(str(error)):
                        pulumi(self.request.project, self.request.stack, "cancel", "--yes")
                        self.say(
                            f"unlocked {self.request.stack}, which an update that was killed had left locked"
                        )
                        continue
                    if time.monotonic() > end:
                        raise
                else:
                    return refuse_promoted(carrying.result(), self.request, self.say)
                if watch.ident is None:
                    self.say(
                        "another update is under way; until it ends, what it gives to a canary is taken back; "
                        f"waiting for it for {PATIENCE_SECONDS / 60:g} min at the most. If nothing updates "
                        f"{self.request.stack}: pulumi cancel --stack {self.request.stack}"
                    )
                    watch.start()
                time.sleep(TRY_SECONDS)
        finally:
            ended.set()

    def not_back(self, *, updated: bool = False) -> dict[str, str]:
        """Why a service is not known to be back, by service, after one more look at its routes.

        A worker has none: it is back when its canary has no Deployment, or one that asks for no pods.

        Args:
            updated: Whether the update has set its routes, so that somebody else has given them to the canary again.
        """
        strokes = strike(self.cluster, self.services, self.services)
        workers = [one.service for one in strokes if one.unrouted]
        awake = {one.service: one.awake for one in strokes if one.awake}
        try:
            found = {
                name: awake[name]
                for name in canaries_in(self.cluster, self.services, workers)
                if name in awake
            }
            for name in workers_not_in(self.cluster, self.services, workers):
                if not never_brought_up(self.request, name, self.say):
                    found[name] = "neither of its Deployments is there (is it the right cluster?)"
        except ClusterError as error:
            found = dict.fromkeys(workers, str(error))
        for stroke in strokes:
            if stroke.failure:
                found[stroke.service] = stroke.failure
            elif stroke.missing and not never_brought_up(self.request, stroke.service, self.say):
                found[stroke.service] = (
                    f"{', '.join(stroke.missing)} is not there; what makes it anew: "
                    f"pulumi up --refresh --run-program --stack {self.request.stack}"
                )
            elif updated and stroke.moved and not stroke.unrouted:
                told = "led to the canary once more; it is taken back now; stop what writes it besides"
                found[stroke.service] = f"{', '.join(stroke.moved)} {told}"
        return found

    def _keep_off(self, moved: dict[str, float], ended: threading.Event) -> None:
        """Looks again and again: the other update may write routes at any time, also while this one is tried."""
        unstopped: dict[str, str] = {}
        while not ended.wait(LOOK_SECONDS):
            self._strike_again(moved, unstopped)

    def _strike_again(self, moved: dict[str, float], unstopped: dict[str, str]) -> None:
        for stroke in strike(self.cluster, self.services, self.services):
            why = stroke.unstopped if unstopped.get(stroke.service) != stroke.unstopped else ""
            unstopped[stroke.service] = stroke.unstopped
            if told := stroke.failure or why:
                self.say(f"{stroke.service}: {told}")
            if stroke.moved:
                self.say(f"{stroke.service}: taken back again")
                moved[stroke.service] = time.time()

    def _update(self, moved: dict[str, float]) -> None:
        unwritten, wrong = write_what_can_be(self.request, self.services, self.say)
        # What another update is doing is not in the state yet: a canary whose pods it waits for, a promotion that ends.
        # It holds the lock, so the state is read behind it.
        ask_for_lock(self.request, self.say, wrong)
        resources = resources_of(self.request, self.say)
        last = read_prior(outputs_of(resources))
        moving = [name for name in self.services if name in in_flight(resources, last) - unwritten]
        if moving:
            strangers = workers_not_in(self.cluster, self.services, moving)
            mine = [name for name in moving if name not in strangers]
            if mine:
                self._take_out(mine, resources, last, moved)
            if strangers:
                told = ", ".join(f"{self.services[name].namespace}/{name}" for name in sorted(strangers))
                raise PulumiError(f"of {told} neither Deployment is there (is it the right cluster?)")
        if wrong:
            raise wrong
        if self._left_in_state(moving):
            self._update(moved)
        elif not moving:
            self.say("nothing else is in flight")

    def _left_in_state(self, ended: Iterable[str]) -> bool:
        """Whether another update has brought a canary meanwhile; what was written is read again.

        Args:
            ended: The services whose canaries an update of this abort has ended.

        Raises:
            PulumiError: If one of these is left, or the cluster has a canary of which the state knows nothing.
        """
        resources = resources_of(self.request, self.say)
        left = in_flight(resources, read_prior(outputs_of(resources))) & set(self.services)
        strays = canaries_in(self.cluster, self.services, self.services)
        if still := (left | strays) & set(ended):
            raise PulumiError(
                f"the update ended well, and yet a canary is left of: {', '.join(sorted(still))}"
            )
        if not left and strays:
            told = ", ".join(
                f"Deployment {self.services[name].namespace}/{canary_name(name)}" for name in sorted(strays)
            )
            raise PulumiError(
                f"{told} runs in the cluster, and the state of {self.request.stack} knows no canary. Is it the "
                "right backend (pulumi whoami --verbose)? Then it was made by hand: delete it with kubectl"
            )
        return bool(left)

    def _take_out(
        self,
        moving: list[str],
        resources: list[dict[str, Any]],
        last: Mapping[str, Prior],
        moved: dict[str, float],
    ) -> None:
        """Ends the canaries of services by one update."""
        workers = [name for name in moving if reads_queues(self.services[name].kind)]
        if workers != moving and (silent := why_routes_are_not_learnt(self.cluster)):
            if workers:
                self._take_out(workers, resources, last, moved)
            told = ", ".join(name for name in moving if name not in workers)
            raise PulumiError(f"the canary of {told} stays, since its proxies' routes lead to it: {silent}")
        # An update that ended just now may have set its routes since the last look.
        self._strike_again(moved, {})
        left = {name: last[name] for name in moving if name in last}
        companions = restore_stable(self.request, left, self.say)
        self.say(f"updating {', '.join(moving)}; if this is interrupted, go on with: {self.request.command}")
        variables = about(moving, moving)
        if all(name in moved for name in moving):
            # Proxies learn of the routes while the update starts, so its pause may be shorter by that.
            variables[LEFT_VARIABLE] = str(max(moved[name] for name in moving))
        self._run(targets(resources, moving, last, companions), variables, moving)

    def _run(self, urns: Iterable[str], variables: Mapping[str, str], moving: Iterable[str]) -> None:
        urns, names = tuple(urns), tuple(moving)
        namespaces = {name: self.services[name].namespace for name in names}
        lost = forget(self.request, self.cluster, urns, namespaces, self.say)

        def holders(waited: str) -> list[str]:
            return [
                f"{name}: {waited} for {told}"
                for name in names
                for told in held_by_finalizers(self.cluster, namespaces[name], name)
            ]

        with telling(self.say, holders):
            update(
                self.request.project,
                self.request.stack,
                *self.request.update_options,
                *target_options(targets_without(urns, lost)),
                variables={**variables, **autoscalers_among(lost)},
                quiet=self.request.quiet,
            )
