"""Planning services whose program hands in no plan: by what the last update left of them.

Everything that is refused is refused here, before anything of them is registered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

from components import stack
from components.readiness import LATER, NOT_KNOWN
from kube.errors import ClusterError
from rollout.guards.guards import refusals
from rollout.guards.ports import ports_with_traffic_stay
from rollout.guards.readiness import climbs
from rollout.guards.refusal import overruled
from rollout.plan.prior import read_prior
from rollout.plan.service_plan import plan
from rollout.plan.update import beside_the_state
from rollout.problems import ConfigError, Problem
from rollout.text.plain import inert, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.canary_service import CanaryServiceArgs
    from components.readiness import Readiness
    from rollout.guards.readiness import Target
    from rollout.plan.prior import Prior
    from rollout.plan.service_plan import RolloutPlan

WAY_ON = "a person may overrule it by the argument `overrule`, with the reason"


def planned(services: Mapping[str, CanaryServiceArgs]) -> dict[str, RolloutPlan]:
    """Plans services of one or more platforms.

    Args:
        services: What they are to be, by their components' names.

    Raises:
        SystemExit: With every step that a guard refuses, every canary that is to get more traffic and is not
            ready, and every name that is another's; what was refused is told.
    """
    plans: dict[str, RolloutPlan] = {}
    problems: list[Problem] = []
    targets: dict[Readiness, dict[str, Target]] = {}
    for name, args in services.items():
        prior = left(name, args)
        wanted = args.wanted(name)
        if why := args.platform.taken(name, wanted.name, args.service.namespace):
            problems.append(Problem(stack.file(), name, why))
        if why := args.platform.confused(name, args.service):
            problems.append(Problem(stack.file(), name, why))
        own = plan(wanted, prior)
        found = list(refusals(wanted, prior, first=not args.platform.last.outputs))
        if not own.order.retreats and own.name not in args.platform.args.held:
            found += ports_with_traffic_stay(wanted, prior, name)
        standing, warnings = overruled(found, {own.name: args.overrule} if args.overrule else {})
        problems += [Problem(stack.file(), name, f"{one.finding}; {WAY_ON}") for one in standing]
        for warning in (*warnings, *own.warnings):
            pulumi.log.warn(inert(one_line(warning)))
        if not standing and (target := climbs(own, prior, wanted)):
            targets.setdefault(args.platform.readiness, {})[name] = target
        plans[name] = own
    for readiness, climbing in targets.items():
        problems += _unready(readiness, climbing)
    with stack.problems_in_words():
        if problems:
            # What else the program declares may have been registered before.
            raise ConfigError(problems, f"nothing of {', '.join(services)}")
    return plans


def _unready(readiness: Readiness, climbing: Mapping[str, Target]) -> list[Problem]:
    try:
        found = readiness.lacks(climbing)
    except ClusterError as error:
        told = f"{NOT_KNOWN.format(', '.join(climbing))}: {error}"
        if pulumi.runtime.is_dry_run():
            pulumi.log.warn(inert(one_line(f"{told}; {LATER}")))
            return []
        return [Problem(stack.file(), ", ".join(climbing), told)]
    return [
        Problem(stack.file(), name, f"its canary must not get more traffic: {why}")
        for name, why in found.items()
    ]


def left(name: str, args: CanaryServiceArgs) -> Prior | None:
    """What the last update left of a service; None if none ever did.

    Args:
        name: Its component's name.
        args: What it is made of.
    """
    platform = args.platform
    outputs = {"rollouts": platform.last.outputs.get(platform.output) or {}}
    said = {key: prior for key, prior in read_prior(outputs).items() if key == name}
    return beside_the_state(said, {name: args.service}, platform.resources).get(name)
