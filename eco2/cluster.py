"""What runs in the cluster, read through the official client and one named context."""

from __future__ import annotations

from dataclasses import dataclass

import urllib3
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

TIMEOUT_SECONDS = 10


class ClusterError(Exception):
    """The cluster cannot be asked; the message says why and what to do."""


@dataclass(frozen=True)
class Pods:
    """The pods of one Deployment.

    Attributes:
        ready: Those that are ready.
        wanted: Those that should be.
    """

    ready: int
    wanted: int

    def __str__(self) -> str:
        """`2/3`."""
        return f"{self.ready}/{self.wanted}"


def deployments(context: str, part_of: str) -> dict[str, Pods]:
    """The Deployments of the system, by name.

    Args:
        context: The kubeconfig's context; never the ambient one.
        part_of: The value of `app.kubernetes.io/part-of`.

    Raises:
        ClusterError: If the context is unknown, or the cluster does not answer.
    """
    try:
        connected = config.new_client_from_config(context=context)  # type: ignore[no-untyped-call]
        api = client.AppsV1Api(connected)
        found = api.list_deployment_for_all_namespaces(
            label_selector=f"app.kubernetes.io/part-of={part_of}", _request_timeout=TIMEOUT_SECONDS
        )
    except config.ConfigException as error:
        raise ClusterError(
            f"no context {context} in the kubeconfig ({error}); is KUBECONFIG right?"
        ) from None
    except ApiException as error:
        raise ClusterError(f"the cluster of context {context} refused: {error.reason}") from None
    except (urllib3.exceptions.HTTPError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise ClusterError(f"the cluster of context {context} does not answer: {reason}") from None
    return {
        item.metadata.name: Pods(item.status.ready_replicas or 0, item.spec.replicas or 0)
        for item in found.items
        if item.metadata and item.metadata.name and item.status and item.spec
    }
