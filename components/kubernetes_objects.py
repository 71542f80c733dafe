"""Declaring Kubernetes objects with the metadata and options that all of them share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as k8s

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


@dataclass(frozen=True)
class Owner:
    """Whose objects they are.

    Attributes:
        parent: The component.
        provider: The cluster's provider.
        namespace: Where they live.
        namespace_name: Its name.
        protect: Whether they refuse to be deleted.
    """

    parent: pulumi.Resource
    provider: k8s.Provider
    namespace: k8s.core.v1.Namespace
    namespace_name: str
    protect: bool

    def declare(  # noqa: PLR0913  # most are options of Pulumi
        self,
        kind: str,
        name: str,
        labels: Mapping[str, str],
        spec: Mapping[str, Any],
        after: Sequence[pulumi.Resource] = (),
        *,
        annotations: Mapping[str, str] | None = None,
        timeout_seconds: int | None = None,
        hooks: pulumi.ResourceHookBinding | None = None,
        ignore_changes: Sequence[str] = (),
    ) -> pulumi.Resource:
        """Declares one object.

        Args:
            kind: A kind of `BUILT_IN` or `CUSTOM`.
            name: Its name in the cluster, and in Pulumi's state.
            labels: Its labels.
            spec: Its spec in the API's own spelling.
            after: What must be done before.
            annotations: Beside those that every object has.
            timeout_seconds: How long creating and updating may wait for readiness.
            hooks: What runs before or after changes to it.
            ignore_changes: Properties that stay as the state has them.
        """
        wait = f"{timeout_seconds}s"
        options = pulumi.ResourceOptions(
            parent=self.parent,
            provider=self.provider,
            depends_on=[self.namespace, *after],
            custom_timeouts=pulumi.CustomTimeouts(create=wait, update=wait) if timeout_seconds else None,
            hooks=hooks,
            ignore_changes=list(ignore_changes),
            protect=self.protect,
        )
        described = metadata(name, self.namespace_name, dict(labels), dict(annotations or {}))
        declared: pulumi.Resource
        if kind in BUILT_IN:
            declared = BUILT_IN[kind](name, metadata=described, spec=spec, opts=options)
        else:
            declared = k8s.apiextensions.CustomResource(
                name, api_version=CUSTOM[kind], kind=kind, metadata=described, spec=spec, opts=options
            )
        return declared
