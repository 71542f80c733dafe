"""What the services are, in every environment: the models of `services.yaml`.

What differs by environment stands in the stack's own file and is merged in
`rollout.spec.services`.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Field, model_validator

from rollout.spec import patterns as forms
from rollout.spec.findings import wrong
from rollout.spec.headers import not_baggage, not_owned, not_sent
from rollout.spec.model import Name, ServiceName, Strict
from rollout.spec.service import ServiceSpec
from rollout.spec.stickiness import user_before

CLUSTERS_OWN: Final = (
    "default",
    "keda",
    "karpenter",
    "cert-manager",
    "external-secrets",
    "amazon-cloudwatch",
)
"""Namespaces of what clusters run beside services; those of Kubernetes and Istio have prefixes."""


def _own_namespace(namespace: str) -> str:
    # The program labels it for sidecars, and a destroy deletes it with everything in it.
    if namespace in CLUSTERS_OWN or namespace.startswith(("kube-", "istio-")):
        raise ValueError(f"{namespace} belongs to the cluster; give the service a namespace of its own")
    return namespace


Domain = Annotated[Name, Field(max_length=56)]
"""A domain's name; that of its node group has 7 characters more, and EKS takes 63."""


class Service(ServiceSpec):
    """One of the services of the catalog.

    Attributes:
        domain: The node group that its pods run on.
        tier: A label that dashboards group by.
    """

    namespace: Annotated[Name, AfterValidator(_own_namespace)]
    domain: Domain
    tier: Name


class Registry(Strict):
    """Where images come from: one repository, a tag for each service.

    Attributes:
        repository: The repository of all images.
        pull_secret: The Secret with its credentials, in every namespace.
    """

    repository: Annotated[str, Field(pattern=forms.REPOSITORY, max_length=255)]
    pull_secret: Name


class CanaryHeader(Strict):
    """The request header that always reaches the canary, by exact match, and its canaries along a chain of calls.

    Attributes:
        name: The header's name.
        value: The value that reaches the canary.
    """

    name: Annotated[
        str,
        Field(pattern=forms.HEADER, max_length=64),
        AfterValidator(not_owned),
        AfterValidator(not_baggage),
        AfterValidator(not_sent),
    ]
    value: Annotated[str, Field(pattern=forms.CANARY_VALUE, max_length=256)]

    def __str__(self) -> str:
        """As `curl -H` takes it: `x-canary: true`."""
        return f"{self.name}: {self.value}"


class Catalog(Strict):
    """The whole of `services.yaml`.

    Attributes:
        part_of: Label `app.kubernetes.io/part-of` of every object.
        registry: Where images come from.
        gateway: Istio's Gateway that public routes bind to.
        canary_header: The header that reaches a canary.
        services: The services by name.
    """

    part_of: Name
    registry: Registry
    gateway: Annotated[str, Field(pattern=forms.GATEWAY, max_length=253)]
    canary_header: CanaryHeader
    services: Annotated[dict[ServiceName, Service], Field(min_length=1)]

    @model_validator(mode="after")
    def _each_its_own_cookie(self) -> Catalog:
        users: dict[str, str] = {}
        for name, service in self.services.items():
            if (own := service.stickiness) and (other := user_before(users, name, own)):
                reason = (
                    f"{other} uses the cookie {own.cookie}, and each would overwrite what the other wrote"
                )
                raise wrong(f"services.{name}.stickiness.cookie", f"{reason}; give {name} one of its own")
        return self

    @property
    def domains(self) -> tuple[str, ...]:
        """The node groups that the services need, sorted."""
        return tuple(sorted({service.domain for service in self.services.values()}))

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces of the services, sorted."""
        return tuple(sorted({service.namespace for service in self.services.values()}))
