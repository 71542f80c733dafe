"""Looking at pods before routes lead to them: before anything is registered, and again when routes move."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import pulumi

from kube.errors import ClusterError
from kube.kinds import path
from rollout.guards.readiness import climbing, lack, led_to
from rollout.plan.order import Direction
from rollout.plan.state import leads_more, written
from rollout.problems import NAMESPACE, ConfigError, Problem
from rollout.text.plain import inert, one_line
from rollout.traffic.names import virtual_services

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from kube.cluster import ClusterClient
    from rollout.guards.readiness import Target
    from rollout.plan.service_plan import RolloutPlan
    from rollout.plan.update import Update
    from rollout.report.report import Report
    from rollout.spec.service import ServiceSpec

PATIENCE_SECONDS = 30
"""How long routes wait for pods that are not ready at that moment. Pods that this very update brought
were awaited before; a probe that failed once, or a server that is just being restarted, is over by then."""

PAUSE_SECONDS = 1

NOT_KNOWN = "whether the canary of {} is ready is not known"
LATER = "an update will refuse to go on without knowing"


class NotReadyError(Exception):
    """Routes are not moved; the message says why."""


class Readiness:
    """What the cluster says of pods that are to get more traffic (rule 8)."""

    def __init__(
        self,
        cluster: Callable[[], ClusterClient] | None,
        resources: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:
        """Prepares; nothing is asked yet, so that a way back needs no answer.

        Args:
            cluster: Leads to the cluster; None where there is none to look at.
            resources: Reads type and outputs of the state's resources, by URN.
        """
        self._cluster, self._resources = cluster, resources
        self._answers: dict[str, asyncio.Future[None]] = {}

    def look(self, update: Update, plan: Report) -> tuple[str, ...]:
        """Refuses an update that sends more traffic to a canary that is dead, gone or another one.

        Args:
            update: The update.
            plan: The report on it.

        Returns:
            Warnings: in a preview, which may have no way to the cluster, what could not be looked at.

        Raises:
            ConfigError: With each such canary, and where an update cannot know it.
        """
        targets = climbing(plan, update.services)
        try:
            found = self.lacks(targets)
        except ClusterError as error:
            told = f"{NOT_KNOWN.format(', '.join(targets))}: {error}"
            if pulumi.runtime.is_dry_run():
                return (f"{told}; {LATER}",)
            raise ConfigError([Problem(update.file, f"{NAMESPACE}:rollouts", told)]) from None
        if found:
            raise ConfigError(
                Problem(
                    update.file,
                    f"{NAMESPACE}:rollouts.{name}",
                    f"its canary must not get more traffic: {why}; wait until it is ready,"
                    f" or take it back: `eco2 abort {name} --stack {update.stack}`",
                )
                for name, why in found.items()
            )
        return ()

    def lacks(self, targets: Mapping[str, Target]) -> dict[str, str]:
        """Why Deployments are not fit for more traffic, by service; with mocks nothing is asked.

        Args:
            targets: The Deployments by service.

        Raises:
            ClusterError: If the cluster does not answer.
        """
        if not targets or self._cluster is None:
            return {}
        cluster = self._cluster()
        with ThreadPoolExecutor() as pool:
            live = dict(zip(targets, pool.map(partial(_live, cluster), targets.values()), strict=True))
        return {name: why for name, one in targets.items() if (why := lack(one, live[name]))}

    def before_routes(
        self, name: str, planned: RolloutPlan, service: ServiceSpec
    ) -> pulumi.ResourceHookBinding | None:
        """What runs before the routes of a service move; None where they lead to nothing new.

        Args:
            name: Its component's name: the engine refuses a second hook of the same name in a program.
            planned: The service's plan.
            service: What it is.
        """
        target = led_to(planned, service)
        cluster = self._cluster
        if target is None or cluster is None:
            return None
        promotes = planned.order.direction is Direction.PROMOTE

        async def hold(args: pulumi.ResourceHookArgs) -> None:
            if not promotes and not leads_more(args.new_inputs or {}, args.old_outputs):
                return
            if args.old_outputs and service.by_weight:
                await _until_there(planned.name, self._routes(name, planned.name, service.namespace), cluster)
            # One answer for both VirtualServices of a service: both move or none.
            if name not in self._answers:
                self._answers[name] = asyncio.ensure_future(_await(target, cluster))
            await asyncio.shield(self._answers[name])

        hook = pulumi.ResourceHook(f"pods-before-routes-{name}", hold)
        return pulumi.ResourceHookBinding(before_create=[hook], before_update=[hook])

    def _routes(self, name: str, app: str, namespace: str) -> set[_Place]:
        """What the state has of a service's routes and subsets."""
        known = written(self._resources())
        kinds = [("VirtualService", virtual_services), ("DestinationRule", lambda one: (one,))]
        return {
            _Place(kind, namespace, there)
            for kind, named in kinds
            for one, there in zip(named(name), named(app), strict=True)
            if (kind, one) in known
        }


class _Place(NamedTuple):
    """Where an object is."""

    kind: str
    namespace: str
    name: str


async def _until_there(
    service: str, routes: Collection[_Place], cluster: Callable[[], ClusterClient]
) -> None:
    """Waits for routes that are to move: the plugin fails at one that somebody deleted, and would move the other.

    Not asked where this one is created. Where the other one is, since a refresh found it gone, it comes in a moment.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            gone = await asyncio.to_thread(lambda: [one for one in routes if cluster().read(*one) is None])
            why = ", ".join(f"{one.kind} {one.namespace}/{one.name}" for one in sorted(gone))
        except ClusterError as error:
            why = f"whether all of them are there is not known: {error}"
        else:
            if not gone:
                return
            why += (
                " is in the state and not in the cluster; what makes it anew: "
                f"pulumi up --refresh --run-program --stack {pulumi.get_stack()}"
            )
        if time.monotonic() > until:
            raise NotReadyError(inert(one_line(f"the routes of {service} stay where they are: {why}")))
        await asyncio.sleep(PAUSE_SECONDS)


def _live(cluster: ClusterClient, target: Target) -> dict[str, Any] | None:
    return cluster.get(path("Deployment", target.namespace, target.name))


async def _await(target: Target, cluster: Callable[[], ClusterClient]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            live = await asyncio.to_thread(lambda: _live(cluster(), target))
            why = lack(target, live)
        except ClusterError as error:
            live, why = {}, f"whether its pods are ready is not known: {error}"
        if not why:
            return
        if live is None or time.monotonic() > until:
            told = f"the routes of {target.service} stay where they are: {why}"
            raise NotReadyError(inert(one_line(told)))
        await asyncio.sleep(PAUSE_SECONDS)
