"""Declaring Kubernetes objects with the metadata and options that all of them share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as k8s

from components.adoption import FORCE, marks, without
from components.metadata import metadata

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BUILT_IN = {
    "Deployment": k8s.apps.v1.Deployment,
    "HorizontalPodAutoscaler": k8s.autoscaling.v2.HorizontalPodAutoscaler,
    "PodDisruptionBudget": k8s.policy.v1.PodDisruptionBudget,
    "Service": k8s.core.v1.Service,
}
CUSTOM = {
    "DestinationRule": "networking.istio.io/v1",
    "ScaledObject": "keda.sh/v1alpha1",
    "VirtualService": "networking.istio.io/v1",
}

LEADS_TRAFFIC = frozenset({"DestinationRule", "Service", "VirtualService"})
"""Kinds that are the program's alone, so that it takes them back from any hand by force.

A conflict at one of them would part the two VirtualServices of a service, one moved and one refused, or hold
a canary where a rollback is to take it away. With force nothing that a hand did can refuse either of them.
(A dependency between the two would not keep them together: a failure elsewhere would then have more time to
come between them.)"""


@dataclass(frozen=True)
class Change:
    """How an object comes and changes.

    Attributes:
        timeout_seconds: How long creating and updating may wait for readiness; None: the plugin's own.
        hooks: What runs before or after changes to it.
        ignored: Paths of inputs that somebody else owns once the object exists.
    """

    timeout_seconds: int | None = None
    hooks: pulumi.ResourceHookBinding | None = None
    ignored: tuple[str, ...] = ()


AT_ONCE = Change()


@dataclass(frozen=True)
class Owner:
    """Whose objects they are.

    Attributes:
        parent: The component, whose provider they take.
        app: The name in the cluster that names of objects begin with.
        name: What stands in its place in Pulumi's state: there two clusters' services must differ.
        namespace: Where they live.
        after: What all of them wait for, such as the namespace.
        field_manager: The field manager of every write.
        protect: Whether they refuse to be deleted.
        held: The paths that stay what the state says they are, whatever is declared, by kind.
        adopting: Whether this update takes over what other tools have made.
    """

    parent: pulumi.Resource
    app: str
    name: str
    namespace: str
    after: Sequence[pulumi.Resource]
    field_manager: str
    protect: bool
    held: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    adopting: bool = False

    def declare(
        self,
        kind: str,
        name: str,
        labels: Mapping[str, str],
        spec: Mapping[str, Any],
        after: Sequence[pulumi.Resource] = (),
        *,
        annotations: Mapping[str, str] | None = None,
        change: Change = AT_ONCE,
    ) -> pulumi.Resource:
        """Declares one object.

        Args:
            kind: A kind of `BUILT_IN` or `CUSTOM`.
            name: Its name in the cluster.
            labels: Its labels.
            spec: Its spec in the API's own spelling.
            after: What must be done before.
            annotations: Beside those that every object has.
            change: How it comes and changes.
        """
        wait = f"{change.timeout_seconds}s" if change.timeout_seconds else None
        options = pulumi.ResourceOptions(
            parent=self.parent,
            depends_on=[*self.after, *after],
            custom_timeouts=pulumi.CustomTimeouts(create=wait, update=wait) if wait else None,
            hooks=change.hooks,
            ignore_changes=list(self.held.get(kind) or change.ignored),
            protect=self.protect,
        )
        force = FORCE if kind in LEADS_TRAFFIC else marks(adopting=self.adopting)
        described = metadata(
            name, self.namespace, self.field_manager, dict(labels), {**force, **(annotations or {})}
        )
        spec = without(spec, change.ignored) if self.adopting else spec
        declared: pulumi.Resource
        if kind in BUILT_IN:
            declared = BUILT_IN[kind](self.in_state(name), metadata=described, spec=spec, opts=options)
        else:
            declared = k8s.apiextensions.CustomResource(
                self.in_state(name),
                api_version=CUSTOM[kind],
                kind=kind,
                metadata=described,
                spec=spec,
                opts=options,
            )
        return declared

    def in_state(self, name: str) -> str:
        """The name in Pulumi's state of an object with some name in the cluster."""
        if self.app == self.name:
            return name
        return self.name + name.removeprefix(self.app) if name.startswith(self.app) else f"{self.name}-{name}"
