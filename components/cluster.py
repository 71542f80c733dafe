"""The EKS cluster that exists already: looked up, never created."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

from components.adoption import marks
from rollout.fields import present
from rollout.text.plain import inert, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

WAY_ON = "is eco2:cluster.name right, and has this role eks:DescribeCluster? Then run the same command again"


@dataclass(frozen=True, kw_only=True)
class ClusterArgs:
    """What a `Cluster` is made of.

    Attributes:
        context: The kubeconfig's context for it.
        subnet_ids: Where nodes stand; empty: in the cluster's own subnets.
        identifier: Its ARN, where that is known; None asks AWS.
        protect: Whether the namespaces refuse to be deleted.
        adopting: Whether this update takes over what other tools have made.
    """

    context: str
    subnet_ids: tuple[str, ...] = ()
    identifier: str | None = None
    protect: bool = False
    adopting: bool = False


class Cluster(pulumi.ComponentResource):
    """A cluster, the way to its API, and the namespaces of the services.

    Attributes:
        name: Its name in AWS.
        kubernetes: The provider for everything inside the cluster, bound to one named context.
    """

    name: str
    kubernetes: k8s.Provider

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declares the way to its API.

        Args:
            name: Its name in AWS.
            args: What it is made of.
            opts: Pulumi's own.
        """
        super().__init__("eco2:cluster:Cluster", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.name, self._args = name, args
        # The identifier, and not the kubeconfig's text, says whether this is still the same cluster:
        # otherwise a renewed kubeconfig could look like a new cluster and replace everything.
        self.kubernetes = k8s.Provider(
            "kubernetes",
            context=args.context,
            cluster_identifier=args.identifier or self._found.arn,
            # An update that was killed between creating an object and writing that down finds it here
            # again; all names are fixed, so it is the same one.
            upsert_existing_objects=True,
            opts=child,
        )
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
    def subnet_ids(self) -> Sequence[str] | pulumi.Output[Sequence[str]]:
        """Where nodes stand: the subnets that were named, or as an output the cluster's."""
        return self._args.subnet_ids or self._found.vpc_config.subnet_ids

    def namespace(self, name: str) -> k8s.core.v1.Namespace:
        """A namespace, declared when it is first asked for: one that is refused must not come before a retreat."""
        if name not in self._namespaces:
            self._namespaces[name] = k8s.core.v1.Namespace(
                name,
                metadata=present(
                    name=name,
                    labels={"app.kubernetes.io/managed-by": "pulumi", "istio-injection": "enabled"},
                    annotations=marks(adopting=self._args.adopting),
                ),
                opts=pulumi.ResourceOptions(
                    parent=self, provider=self.kubernetes, protect=self._args.protect
                ),
            )
        return self._namespaces[name]
