"""What a stack's settings and the catalog must agree on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rollout.problems import NAMESPACE, Problem, suggestion
from rollout.spec.headers import changed_by

if TYPE_CHECKING:
    from rollout.spec.catalog import Catalog
    from rollout.spec.settings import Settings

LONGEST_READY_SECONDS: Final = 3600
"""How long an update of any stack may wait for its pods."""


def disagreements(file: str, settings: Settings, catalog: Catalog) -> list[Problem]:
    """What the settings name and the catalog does not know, or the other way round.

    An overrule may name a service that is to go, which the state alone knows (`rollout.plan.update`).

    Args:
        file: The stack's file, to name in problems.
        settings: Its config.
        catalog: What the services are.
    """
    problems = [
        Problem(file, f"{NAMESPACE}:{key}.{name}", f"no such service; {suggestion(name, catalog.services)}")
        for key, names in (
            ("services", settings.services),
            ("rollouts", settings.rollouts),
        )
        for name in names
        if name not in catalog.services
    ]
    problems += [
        *_headers(file, settings, catalog),
        *_changed(settings, catalog),
        *_late(catalog),
    ]
    groups = f"{NAMESPACE}:nodeGroups"
    for domain in sorted(settings.node_groups.keys() ^ set(catalog.domains)):
        if domain in settings.node_groups:
            reason = f"no service runs on this domain; {suggestion(domain, catalog.domains)}"
        else:
            users = ", ".join(name for name, service in catalog.services.items() if service.domain == domain)
            reason = f"missing; {users} would have no node to run on"
        problems.append(Problem(file, f"{groups}.{domain}", reason))
    for name, rollout in settings.rollouts.items():
        if rollout.canary.queues and name in catalog.services and not catalog.services[name].queues:
            key = f"{NAMESPACE}:rollouts.{name}.canary.queues"
            problems.append(
                Problem(file, key, "this service reads no queue that could be replaced; leave it out")
            )
        elif name in catalog.services and (
            both := set(rollout.canary.queues) & set(catalog.services[name].queues)
        ):
            key = f"{NAMESPACE}:rollouts.{name}.canary.queues"
            reason = (
                f"{', '.join(sorted(both))}: stable reads it, so a canary without weight would take its tasks"
            )
            problems.append(Problem(file, key, f"{reason}; name a queue of the canary's own"))
    problems += [
        Problem(
            file,
            f"{NAMESPACE}:services.{name}.companions.{companion}",
            f"no such companion; {suggestion(companion, catalog.services[name].companions)}",
        )
        for name, differing in settings.services.items()
        for companion in differing.companions
        if name in catalog.services and companion not in catalog.services[name].companions
    ]
    return problems + _scaled(file, settings, catalog)


def _headers(file: str, settings: Settings, catalog: Catalog) -> list[Problem]:
    """A header cannot both ask for the canary and name the user."""
    own = settings.canary_header
    header = (own or catalog.canary_header).name
    place, key = (file, f"{NAMESPACE}:canaryHeader.name") if own else ("services.yaml", "canaryHeader.name")
    reason = (
        "knows its users by {} (stickiness.header in services.yaml); choose another header for one of the two"
    )
    return [
        Problem(place, key, f"{name} {reason.format(header)}")
        for name, service in catalog.services.items()
        if service.stickiness and service.stickiness.header == header
    ]


def _changed(settings: Settings, catalog: Catalog) -> list[Problem]:
    """A header that a rule matches on says who sent the request, and a route must not say otherwise."""
    users = {
        service.stickiness.header: f"is how {name} knows its users (stickiness.header)"
        for name, service in catalog.services.items()
        if service.stickiness and service.stickiness.header
    }
    kept = users | {
        (settings.canary_header or catalog.canary_header).name: "asks for the canary (canaryHeader)"
    }
    return [
        Problem("services.yaml", f"services.{name}.{key}[{place}].requestHeaders", why)
        for name, service in catalog.services.items()
        for key, routes in (("routes", service.routes), ("meshRoutes", service.mesh_routes))
        for place, why in changed_by(routes, kept).items()
    ]


def _late(catalog: Catalog) -> list[Problem]:
    """A probe that is first asked when the update of every stack has failed already."""
    problems = []
    for name, service in catalog.services.items():
        for key, workload in (
            ("", service),
            *((f"companions.{one}.", own) for one, own in service.companions.items()),
        ):
            for probe, asked in workload.probes.each:
                delay = asked.initial_delay_seconds or 0 if asked and probe != "liveness" else 0
                if delay >= LONGEST_READY_SECONDS:
                    most = f"no update waits longer than {LONGEST_READY_SECONDS} s"
                    place = f"services.{name}.{key}probes.{probe}.initialDelaySeconds"
                    problems.append(
                        Problem(
                            "services.yaml", place, f"is first asked after {delay} s, and {most}; ask sooner"
                        )
                    )
    return problems


def _scaled(file: str, settings: Settings, catalog: Catalog) -> list[Problem]:
    """Numbers of pods, and what they are measured by, that the services' autoscalers do not go with."""
    problems = []
    for name, differing in settings.services.items():
        if differing.autoscaler and name in catalog.services and catalog.services[name].autoscaler is None:
            key = f"{NAMESPACE}:services.{name}.autoscaler"
            reason = "this service has no autoscaler in services.yaml to set bounds for; set replicas instead"
            problems.append(Problem(file, key, reason))
        scaler = catalog.services[name].autoscaler if name in catalog.services else None
        if scaler and differing.autoscaler and (why := scaler.falls_above(differing.autoscaler.max)):
            problems.append(Problem(file, f"{NAMESPACE}:services.{name}.autoscaler.max", why))
        if scaler and differing.resources and (why := scaler.measures(differing.resources.requests)):
            problems.append(Problem(file, f"{NAMESPACE}:services.{name}.resources", why))
        if differing.replicas and name in catalog.services and catalog.services[name].autoscaler:
            key = f"{NAMESPACE}:services.{name}.replicas"
            reason = "this service has an autoscaler, which owns the number; set autoscaler.min instead"
            problems.append(Problem(file, key, reason))
    return problems
