"""Bringing single services under the program, while all others stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eco2.stack.cli import about, exported, pulumi, target_options
from eco2.update.run import update
from rollout.marks import CANARY_SERVICE, DOMAIN_NODE_GROUP
from rollout.plan.prior import ADOPTING_VARIABLE, ONLY_VARIABLE
from rollout.problems import refuse_strangers
from rollout.spec.files import read_catalog
from rollout.traffic.names import own_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from rollout.spec.catalog import Catalog, Service

GROUND = ("**eco2:nodes**", "**eco2:cluster**")
"""What every service stands on: nodes, their role, namespaces and the provider."""


def adopt(project: Path, stack: str, services: Iterable[str], agreed: Callable[[str], bool]) -> bool:
    """Updates a stack with the nodes and some services alone, and takes over what is there by force.

    Args:
        project: The folder with `Pulumi.yaml`.
        stack: The stack's name.
        services: The services.
        agreed: Asked with the preview's text before anything is changed.

    Returns:
        Whether it was agreed to and done.

    Raises:
        ConfigError: If a service is unknown.
        PulumiError: If the preview or the update fails.
    """
    catalog, names = read_catalog(project / "services.yaml"), tuple(dict.fromkeys(services))
    refuse_strangers(names, catalog.services)
    wanted = [target for name in names for target in targets(catalog, name)]
    urns = [one["urn"] for one in exported(project, stack)]
    wanted += [pattern for name in names for pattern in ground(catalog.services[name], urns)]
    wanted = list(dict.fromkeys(wanted))
    variables = about(names)
    variables[ADOPTING_VARIABLE] = variables[ONLY_VARIABLE]
    options = target_options(wanted)
    if not agreed(pulumi(project, stack, "preview", *options, variables=variables)):
        return False
    update(project, stack, "--skip-preview", *options, variables=variables)
    return True


def ground(service: Service, urns: Iterable[str]) -> Iterator[str]:
    """Patterns of what a service stands on and a state lacks, as after an adoption whose nodes were refused.

    What others of the state stand on cannot be a target without them, and is there.
    """
    there = tuple(urns)
    if not any(urn.split("::")[2].endswith("kubernetes:apps/v1:Deployment") for urn in there):
        yield from GROUND
        return
    if not any(urn.endswith(f"NodeGroup::{service.domain}") and "aws:eks" in urn for urn in there):
        yield f"**::{DOMAIN_NODE_GROUP}::{service.domain}"
        yield f"**::{DOMAIN_NODE_GROUP}$**::{service.domain}"
    if not any(urn.endswith(f":Namespace::{service.namespace}") for urn in there):
        yield f"**:Namespace::{service.namespace}"


def targets(catalog: Catalog, name: str) -> list[str]:
    """Patterns of all URNs that belong to a service, whether they exist yet or not.

    A pattern must not match another service's: that is not declared, and as a target it would be deleted.
    """
    own = (*own_names(name), *catalog.services[name].companions)
    return [f"**::{CANARY_SERVICE}::{name}", *(f"**::{CANARY_SERVICE}$**::{one}" for one in own)]
