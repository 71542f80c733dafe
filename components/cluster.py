"""The EKS cluster that exists already: looked up, never created."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

from components.adoption import marks
from rollout.fields import present
from rollout.text.plain import inert, one_line

if TYPE_CHECKING:
    from rollout.spec.settings import ClusterSettings

WAY_ON = "is eco2:cluster.name right, and has this role eks:DescribeCluster? Then run the same command again"


class Cluster(pulumi.ComponentResource):
    """A cluster, the way to its API, and the namespaces of the services.

    Attributes:
        name: Its name in AWS.
        own_subnets: The subnets that the settings name; empty: the cluster's.
        kubernetes: The provider for everything inside the cluster, bound to one named context.
    """

    name: str
    own_subnets: tuple[str, ...]
    kubernetes: k8s.Provider

    def __init__(
        self, settings: ClusterSettings, context: str, identifier: str | None, *, protect: bool
    ) -> None:
        """Declares the way to its API.

        Args:
            settings: Its name and, where nodes stand elsewhere than the cluster, their subnets.
            context: The kubeconfig's context for it.
            identifier: Its ARN, where that is known; None asks AWS.
            protect: Whether the namespaces refuse to be deleted.
        """
        super().__init__("eco2:cluster:Cluster", settings.name)
        child = pulumi.ResourceOptions(parent=self)
        self.name, self.own_subnets = settings.name, settings.subnet_ids
        # The identifier, and not the kubeconfig's text, says whether this is still the same cluster:
        # otherwise a renewed kubeconfig could look like a new cluster and replace everything.
        self.kubernetes = k8s.Provider(
            "kubernetes",
            context=context,
            cluster_identifier=identifier or self._found.arn,
            # An update that was killed between creating an object and writing that down finds it here
            # again; all names are fixed, so it is the same one.
            upsert_existing_objects=True,
            opts=child,
        )
        self._protect = protect
        self._namespaces: dict[str, k8s.core.v1.Namespace] = {}
        self.register_outputs({"name": self.name})

    @cached_property
    def _found(self) -> pulumi.Output[aws.eks.GetClusterResult]:
        return pulumi.Output.from_input(self._ask())

    async def _ask(self) -> aws.eks.GetClusterResult:
        asked = aws.eks.get_cluster_output(name=self.name, opts=pulumi.InvokeOutputOptions(parent=self))
        try:
            found = await asked.future()
        except Exception as error:  # noqa: BLE001  # the SDK raises no narrower class
            told = f"the EKS cluster {self.name} cannot be looked up: {error}; {WAY_ON}"
            raise pulumi.RunError(inert(one_line(told))) from None
        assert found is not None  # only an output that is not known yet has no value
        return found

    @property
    def subnet_ids(self) -> pulumi.Output[list[str]]:
        """Where nodes stand: the subnets that the settings name, or the cluster's."""
        return pulumi.Output.from_input(list(self.own_subnets) or self._found.vpc_config.subnet_ids)

    def namespace(self, name: str) -> k8s.core.v1.Namespace:
        """A namespace, declared when it is first asked for: one that is refused must not come before a retreat."""
        if name not in self._namespaces:
            self._namespaces[name] = k8s.core.v1.Namespace(
                name,
                metadata=present(
                    name=name,
                    labels={"app.kubernetes.io/managed-by": "pulumi", "istio-injection": "enabled"},
                    annotations=marks(),
                ),
                opts=pulumi.ResourceOptions(parent=self, provider=self.kubernetes, protect=self._protect),
            )
        return self._namespaces[name]
