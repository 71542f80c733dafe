"""Looking at pods before routes lead to them: before anything is registered, and again when routes move."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import pulumi

from kube.errors import ClusterError
from kube.kinds import path
from rollout.guards.readiness import climbing, lack, led_to
from rollout.plan.order import Direction
from rollout.plan.state import leads_more
from rollout.problems import NAMESPACE, ConfigError, Problem
from rollout.text.plain import inert, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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

    def __init__(self, cluster: Callable[[], ClusterClient] | None) -> None:
        """Prepares; nothing is asked yet, so that a way back needs no answer.

        Args:
            cluster: Leads to the cluster; None where there is none to look at.
        """
        self._cluster = cluster
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
            # One answer for both VirtualServices of a service: both move or none.
            if name not in self._answers:
                self._answers[name] = asyncio.ensure_future(_await(target, cluster))
            await asyncio.shield(self._answers[name])

        hook = pulumi.ResourceHook(f"pods-before-routes-{name}", hold)
        return pulumi.ResourceHookBinding(before_create=[hook], before_update=[hook])


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
