"""One update of a stack as a whole: what every service is to be, and what it was."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from rollout.plan.deleted import Gone, gone
from rollout.plan.prior import ONLY_VARIABLE, by_the_state, read_prior
from rollout.plan.service_plan import RolloutPlan, plan
from rollout.plan.state import applied_deployments, applied_kept, applied_routes, first_ports
from rollout.problems import NAMESPACE, ConfigError, Problem, suggestion
from rollout.spec.services import resolve

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

    from rollout.plan.prior import Prior
    from rollout.spec.catalog import Catalog
    from rollout.spec.service import ServiceSpec
    from rollout.spec.services import Wanted
    from rollout.spec.settings import Settings


@dataclass(frozen=True)
class Update:
    """What an update starts from and where it goes.

    Attributes:
        stack: The stack's name.
        settings: Its config.
        services: Every service as the config asks for it, in the catalog's order.
        prior: What the last update left, by service; empty before the first.
        only: The services that this update is about; empty: all.
        gone: What has traffic and is deleted.
        held: The services of which it changes canary and routes alone.
    """

    stack: str
    settings: Settings
    services: Mapping[str, Wanted]
    prior: Mapping[str, Prior]
    only: frozenset[str] = frozenset()
    gone: tuple[Gone, ...] = ()
    held: frozenset[str] = frozenset()

    @property
    def file(self) -> str:
        """The stack's file, as its users know it."""
        return f"Pulumi.{self.stack}.yaml"

    @cached_property
    def plans(self) -> dict[str, RolloutPlan]:
        """What the update makes true, by service; of one that it leaves alone, what is true already."""
        names = set(self.names)
        return {
            name: plan(wanted if name in names else as_left(wanted, prior), prior)
            for name, wanted in self.services.items()
            for prior in (self.prior.get(name),)
        }

    @property
    def names(self) -> tuple[str, ...]:
        """The services that this update is about."""
        return tuple(name for name in self.services if not self.only or name in self.only)

    @property
    def moving(self) -> tuple[str, ...]:
        """Those of them whose rollout differs from what the last update left."""
        return tuple(name for name in self.names if moves(self.plans[name], self.prior.get(name)))


def update_of(
    stack: str,
    catalog: Catalog,
    settings: Settings,
    outputs: Mapping[str, Any],
    resources: Mapping[str, Any] | None = None,
    only: frozenset[str] = frozenset(),
    *,
    held: frozenset[str] = frozenset(),
) -> Update:
    """Puts together what an update starts from.

    Args:
        stack: The stack's name.
        catalog: What the services are.
        settings: The stack's config, checked against this catalog.
        outputs: The outputs of its last update; empty before the first.
        resources: Type and outputs of its resources by URN; None where the state is not known.
        only: The services that this update is about; empty: all.
        held: The services of which it changes canary and routes alone.

    Raises:
        ConfigError: If one of these is no service: to go on would pass by every guard; or if guards are overruled
            for what never was one.
    """
    if strangers := sorted(only - catalog.services.keys()):
        reason = f"no such service: {', '.join(strangers)}; {suggestion(strangers[0], catalog.services)}"
        raise ConfigError([Problem(ONLY_VARIABLE, "", reason)])
    said = read_prior(outputs)
    # An update with targets deletes nothing of what it leaves alone.
    lost = () if only else gone(catalog, resources, said)
    prior = beside_the_state(said, catalog.services, resources)
    update = Update(stack, settings, resolve(catalog, settings), prior, only, lost, held)
    if outputs:
        # Once it has let a service go, its own reason must not stop the next update.
        known = {one.name for one in lost} | said.keys() | (outputs.get("overrule") or {}).keys()
        _refuse_reasons_for_nothing(update, catalog, known)
    return update


def _refuse_reasons_for_nothing(update: Update, catalog: Catalog, known: Collection[str]) -> None:
    """Refuses an overrule for a name that neither the catalog has nor the last update knew.

    Raises:
        ConfigError: With each of them.
    """
    if strangers := sorted(update.settings.overrule.keys() - catalog.services.keys() - set(known)):
        raise ConfigError(
            Problem(
                update.file,
                f"{NAMESPACE}:overrule.{name}",
                f"no such service; {suggestion(name, catalog.services)}",
            )
            for name in strangers
        )


def prior_of(
    catalog: Catalog, outputs: Mapping[str, Any], resources: Mapping[str, Any] | None
) -> dict[str, Prior]:
    """What the last update left, by service, and what the state says of it otherwise.

    Updates that failed since then may have moved routes and images.

    Args:
        catalog: What the services are.
        outputs: The outputs of the last update that succeeded; empty before the first.
        resources: Type and outputs of the stack's resources by URN; None where the state is not known.
    """
    return beside_the_state(read_prior(outputs), catalog.services, resources)


def beside_the_state(
    said: Mapping[str, Prior], services: Mapping[str, ServiceSpec], resources: Mapping[str, Any] | None
) -> dict[str, Prior]:
    """What outputs say, put right where the resources of the state tell otherwise.

    Args:
        said: What the outputs say, by service.
        services: What the services are, by name.
        resources: Type and outputs of the stack's resources by URN; None where the state is not known.
    """
    if not resources:
        return dict(said)
    weights = {name: prior.weight for name, prior in said.items()}
    routes = applied_routes(resources, services, weights)
    kept, ports = applied_kept(resources), first_ports(resources)
    routed = {
        name: replace(prior, routes=routes.get(name), kept=kept.get(name), first_ports=ports)
        for name, prior in said.items()
    }
    return by_the_state(routed, applied_deployments(resources, services))


def as_left(wanted: Wanted, prior: Prior | None) -> Wanted:
    """A service that an update leaves alone, as far in its rollout as the last update left it.

    Its config may be further, by a change that is not applied yet, and its pods take the room that they have.
    """
    if prior is None:
        return wanted
    said = {"phase": prior.phase, "weight": prior.weight, "ladder": prior.ladder}
    return replace(wanted, rollout=wanted.rollout.model_copy(update=said))


def moves(planned: RolloutPlan, prior: Prior | None) -> bool:
    """Whether an update changes anything of a rollout: its phase, ladder, weight, images or pods."""
    now = planned.leaves
    if prior is None or now != replace(prior, routes=None, deployed=None):
        return True
    if prior.deployed and (prior.deployed.stable, prior.deployed.canary) != (
        now.stable_image,
        now.canary_image,
    ):
        return True
    at = (planned.weight, planned.phase > 0)
    # A Service has no rule for the header, so away from phase 0 its selector is no measure.
    by_routes = planned.header_route or planned.phase == 0
    return prior.routes is not None and prior.stands_at != at and by_routes
