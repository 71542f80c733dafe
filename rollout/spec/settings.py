"""What differs by environment, and how far each rollout is: the models of a stack's config.

Pulumi checks the outer types (its project schema cannot describe what is inside an
object); everything else is checked here, before any resource is registered.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, ValidationError, field_validator, model_validator

from rollout.problems import NAMESPACE, ConfigError
from rollout.spec import patterns as forms
from rollout.spec.autoscaling import Bounds
from rollout.spec.catalog import CanaryHeader
from rollout.spec.characters import unprintable
from rollout.spec.cross_checks import LONGEST_READY_SECONDS, disagreements
from rollout.spec.findings import from_pydantic
from rollout.spec.image_settings import ImageSettings
from rollout.spec.instances import OTHER_ARCHITECTURE
from rollout.spec.judge_settings import JudgeSettings
from rollout.spec.keys import encrypted_values, of_plugins
from rollout.spec.model import Hostname, Name, Strict
from rollout.spec.rollout_settings import RolloutSettings
from rollout.spec.variables import Variables
from rollout.spec.workload import Resources

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from rollout.spec.catalog import Catalog

LONGEST_ROLE = 64
"""Characters of a role's name in IAM."""

Sizes = Annotated[int, Field(ge=0, le=100)]


class ClusterSettings(Strict):
    """The EKS cluster, which exists already.

    Attributes:
        name: Its name in the account and region.
        subnet_ids: Where its nodes stand; empty: the cluster's own subnets.
    """

    name: Annotated[str, Field(pattern=forms.CLUSTER)]
    subnet_ids: Annotated[tuple[Annotated[str, Field(pattern=forms.SUBNET)], ...], Field(strict=False)] = ()

    @field_validator("name")
    @classmethod
    def _leaves_room_for_the_role(cls, name: str) -> str:
        # The role of `components.domain_node_group`.
        if len(role := f"{name}-nodes") > LONGEST_ROLE:
            told = f"the role of its nodes would be called {role}, and IAM takes {LONGEST_ROLE} characters"
            raise ValueError(f"{told}; a cluster with a shorter name is needed")
        return name


class NodeGroupSettings(Strict):
    """Size and shape of a domain's node group.

    Attributes:
        instance_types: EC2 types, the first preferred.
        min: Fewest nodes.
        desired: Nodes at creation; the cluster autoscaler owns the number afterwards.
        max: Most nodes.
        disk_gib: Root volume in GiB.
    """

    instance_types: Annotated[
        tuple[Annotated[str, Field(pattern=forms.INSTANCE_TYPE)], ...],
        Field(strict=False, min_length=1),
    ] = ("t3.medium",)
    min: Sizes
    desired: Sizes
    max: Annotated[int, Field(ge=1, le=100)]
    disk_gib: Annotated[int, Field(ge=20, le=1000)] = 20

    @field_validator("instance_types")
    @classmethod
    def _of_one_architecture(cls, types: tuple[str, ...]) -> tuple[str, ...]:
        # EKS refuses these at the update; the image is that of `components.domain_node_group`.
        if others := [one for one in types if OTHER_ARCHITECTURE.match(one)]:
            told = f"{', '.join(others)}: no machine of x86-64, which the nodes' image (AL2023_x86_64_STANDARD) needs"
            raise ValueError(f"{told}; choose such a type (t3.medium, m6i.large)")
        if len(set(types)) < len(types):
            raise ValueError("a type stands here twice; leave one of them out")
        return types

    @model_validator(mode="after")
    def _ordered(self) -> NodeGroupSettings:
        # EKS refuses anything else, at update time and in words that name no group.
        if not self.min <= self.desired <= self.max:
            raise ValueError(
                f"min {self.min} <= desired {self.desired} <= max {self.max} does not hold; put the sizes in order"
            )
        return self


class CompanionSettings(Strict):
    """What a companion has different in this environment.

    Attributes:
        replicas: Its pods.
    """

    replicas: Annotated[int, Field(ge=1, le=100)]


class ServiceSettings(Strict):
    """What one service has different in this environment; what is left out comes from `services.yaml`.

    Attributes:
        image: What stable runs.
        replicas: Stable's pods; only where no autoscaler decides.
        resources: Requests and limits of the service's container, replaced whole.
        autoscaler: The autoscaler's bounds, in place of those of `services.yaml`.
        env: Variables, added to those of `services.yaml` or in their place.
        companions: What its companions have different.
        judge: What its canary is judged by here; keys that are left out are those of `services.yaml`.
    """

    image: ImageSettings = ImageSettings()
    replicas: Annotated[int, Field(ge=1, le=100)] | None = None
    resources: Resources | None = None
    autoscaler: Bounds | None = None
    env: Variables = {}
    companions: dict[Name, CompanionSettings] = {}
    judge: JudgeSettings | None = None


class Settings(Strict):
    """A stack's config under `eco2:`.

    Attributes:
        environment: Its name, which stands in labels and in default image tags.
        production: Whether users meet it: canaries with weight then have two pods at the least, and images of
            stable that are pushed again are warned of.
        host: The public host that all APIs share.
        canary_header: The header that reaches canaries here; left out: that of `services.yaml`.
        cluster: The EKS cluster to use.
        node_groups: One for every domain of the services.
        services: What services have different here.
        rollouts: Rollouts under way; a service that is not named is at phase 0.
        overrule: Why the guards may be overruled for a service, by service.
        route_propagation_seconds: How long proxies get to take over new routes before a canary may shrink.
        ready_timeout_seconds: How long pods may take to be ready before an update fails.
        protect: Whether everything but canaries refuses to be deleted.
    """

    environment: Name
    production: bool
    host: Hostname
    canary_header: CanaryHeader | None = None
    cluster: ClusterSettings
    node_groups: dict[Name, NodeGroupSettings]
    services: dict[Name, ServiceSettings] = {}
    rollouts: dict[Name, RolloutSettings] = {}
    overrule: dict[Name, Annotated[str, Field(pattern=forms.REASON, max_length=200)]] = {}
    route_propagation_seconds: Annotated[int, Field(ge=0, le=300)] = 5
    ready_timeout_seconds: Annotated[int, Field(ge=1, le=LONGEST_READY_SECONDS)] = 300
    protect: bool = False

    @field_validator("canary_header", mode="before")
    @classmethod
    def _left_out(cls, given: Any) -> Any:
        # Pulumi asks for a default of every key, and a mapping's is an empty one.
        return None if given == {} else given


def read_settings(
    file: str, config: Mapping[str, str], catalog: Catalog, encrypted: Collection[str] = ()
) -> Settings:
    """Checks a stack's config as Pulumi hands it over.

    Args:
        file: The stack's file, to name in errors.
        config: Every key of the stack (`eco2:host`, `aws:region`, ...) with its value as text;
            what is not a string in the file is JSON.
        catalog: The services, to check names against.
        encrypted: The keys that hold something encrypted, which Pulumi hands over in clear.

    Raises:
        ConfigError: With every mistake.
    """
    secret = {key for key, text in config.items() if re.search(r'"secure"\s*:', text)} | set(encrypted)
    problems = [*of_plugins(file, config, secret), *encrypted_values(file, secret)]
    own = {
        key.removeprefix(f"{NAMESPACE}:"): text
        for key, text in config.items()
        if key.startswith(f"{NAMESPACE}:") and key not in secret
    }
    # What is encrypted is not looked at any further: each word about it could hold a part of it.
    unread = {key.removeprefix(f"{NAMESPACE}:") for key in secret}
    data = {key: _decoded(key, text) for key, text in own.items()}
    problems += unprintable(file, f"{NAMESPACE}:", data)
    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        wrong_ones = [one for one in error.errors() if one["loc"][:1] not in {(key,) for key in unread}]
        problems += from_pydantic(file, f"{NAMESPACE}:", Settings, wrong_ones, data)
        raise ConfigError(problems) from None
    problems += disagreements(file, settings, catalog)
    if problems:
        raise ConfigError(problems)
    return settings


def _decoded(key: str, text: str) -> Any:
    field = next((info for info in Settings.model_fields.values() if info.alias == key), None)
    if field is None or field.annotation is str or key in ("environment", "host"):
        return text
    try:
        return json.loads(text or "null")
    except ValueError:
        return text
