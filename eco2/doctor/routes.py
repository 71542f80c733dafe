"""Routes of others that decide over requests to the services: Istio merges them with ours in no promised order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from eco2.doctor.finding import fine, warning
from kube.errors import NotServedError
from kube.kinds import path, plural
from rollout.traffic.names import service_host, virtual_services

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from eco2.doctor.finding import CheckResult
    from kube.cluster import ClusterClient
    from rollout.spec.catalog import Catalog, Service
    from rollout.spec.routes import Route

ROUTES: Final = "routes of others"
Document = dict[str, Any]


def routes(cluster: ClusterClient, catalog: Catalog, host: str | None, context: str) -> list[CheckResult]:
    """VirtualServices and DestinationRules that are not the program's, and that speak for its services.

    A rollout moves the program's own alone, so what another sends to a canary, no step and no abort takes back.

    Args:
        cluster: The cluster.
        catalog: What the services are.
        host: The public host; None where the stack's file does not tell.
        context: The context, for commands.

    Raises:
        ClusterError: If the cluster refuses or does not answer.
    """
    found = []
    for kind in ("VirtualService", "DestinationRule"):
        try:
            listed = cluster.list(path(kind))
        except NotServedError:  # which another check tells
            continue
        for one in listed:
            namespace, name = one["metadata"]["namespace"], one["metadata"]["name"]
            if (kind, namespace, name) in _own(catalog):
                continue
            for service, why in _speaks_for(kind, one, catalog, host):
                what = f"{kind} {namespace}/{name} {why} of {service}, beside the program's own"
                take = f"kubectl --context {context} -n {namespace} delete {plural(kind)}.networking.istio.io {name}"
                found.append(warning(ROUTES, what, f"once its rules stand in services.yaml: {take}"))
    return found or [fine(ROUTES, "none for these services")]


def _own(catalog: Catalog) -> set[tuple[str, str, str]]:
    own = {("DestinationRule", service.namespace, name) for name, service in catalog.services.items()}
    return own | {
        ("VirtualService", service.namespace, one)
        for name, service in catalog.services.items()
        for one in virtual_services(name)
    }


def _speaks_for(kind: str, one: Document, catalog: Catalog, host: str | None) -> Iterator[tuple[str, str]]:
    spec, namespace = one.get("spec") or {}, one["metadata"]["namespace"]
    hosts = [spec.get("host")] if kind == "DestinationRule" else spec.get("hosts") or ()
    for name, service in catalog.services.items():
        own = service_host(name, service.namespace)
        called = any(_full(str(told), namespace) == own for told in hosts)
        if kind == "DestinationRule":
            if called:
                yield name, "sets subsets and limits"
        elif called and "mesh" in (spec.get("gateways") or ("mesh",)):
            yield name, "routes calls inside the mesh"
        elif paths := _shared(spec, namespace, service, catalog.gateway, host):
            yield name, f"routes {', '.join(paths)} of {host}"


def _full(told: str, namespace: str) -> str:
    """A host as Istio reads it: a name without dots is of the object's own namespace."""
    return told if "." in told else service_host(told, namespace)


def _takes(pattern: str, host: str) -> bool:
    return pattern in ("*", host) or (pattern.startswith("*.") and host.endswith(pattern[1:]))


def _shared(
    spec: Mapping[str, Any], namespace: str, service: Service, gateway: str, host: str | None
) -> list[str]:
    """The paths of a service on the public host that some rule takes as well."""
    at_gateway = any(
        (told if "/" in told else f"{namespace}/{told}") == gateway for told in spec.get("gateways") or ()
    )
    if not host or not at_gateway or not any(_takes(str(told), host) for told in spec.get("hosts") or ()):
        return []
    everything: list[Document] = [{}]
    matches = [match for rule in spec.get("http") or () for match in rule.get("match") or everything]
    uris = [match.get("uri") or {"prefix": "/"} for match in matches]
    return [route.path for route in service.routes if any(_meets(uri, route) for uri in uris)]


def _meets(uri: Mapping[str, Any], route: Route) -> bool:
    if "regex" in uri:
        return True  # what it matches cannot be told from here
    prefix, exact = uri.get("prefix"), uri.get("exact")
    if exact is not None:
        return exact == route.path if route.exact else str(exact).startswith(route.path)
    told = str(prefix or "/")
    return route.path.startswith(told) or (route.prefix is not None and told.startswith(route.prefix))
