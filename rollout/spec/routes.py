"""What a service says of its routes and connections; Istio's own words and spelling."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from rollout.spec import patterns as forms
from rollout.spec.direct_response import DirectResponse
from rollout.spec.headers import changes, names
from rollout.spec.model import Duration, Name, Strict
from rollout.traffic.baggage import BAGGAGE

LARGEST: Final = 2**31 - 1
"""What Istio's fields for numbers hold."""

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
UriPath = Annotated[str, Field(pattern=forms.ROUTE_PATH, max_length=2000)]


class Retries(Strict):
    """How often a proxy tries again; 0 never.

    Attributes:
        attempts: Tries after the first.
    """

    attempts: Annotated[int, Field(ge=0, le=10)]


class HeaderOperations(Strict):
    """Changes to the headers of a request on its way.

    Attributes:
        set: Headers that are set, whatever was there; not `baggage`.
        add: Headers that are added; not `baggage`.
        remove: Headers that are taken away. `baggage`: that of a client; the canary's header still goes on.
    """

    set: Annotated[dict[str, str], AfterValidator(changes)] = {}
    add: Annotated[dict[str, str], AfterValidator(changes)] = {}
    remove: Annotated[tuple[str, ...], Field(strict=False), AfterValidator(names)] = ()

    @model_validator(mode="after")
    def _one_change_of_each(self) -> HeaderOperations:
        told = [*self.set, *self.add, *self.remove]
        if twice := sorted({name for name in told if told.count(name) > 1}):
            raise ValueError(f"several changes of one header: {', '.join(twice)}; leave one of them")
        return self


class Route(Strict):
    """One match of paths, and how requests that match are treated.

    Attributes:
        name: Stands in access logs.
        exact: A whole path; exclusive with `prefix`.
        prefix: The beginning of a path.
        methods: Methods that match; empty: all.
        timeout: Istio's duration; left out: none.
        retries: Left out: Istio's default (2 tries after connection failures).
        request_headers: Changes before the request goes on.
        direct_response: The proxy answers; such a route reaches no pod.
    """

    name: Name
    exact: UriPath | None = None
    prefix: UriPath | None = None
    methods: Annotated[tuple[Method, ...], Field(strict=False)] = ()
    timeout: Duration | None = None
    retries: Retries | None = None
    request_headers: HeaderOperations | None = None
    direct_response: DirectResponse | None = None

    @model_validator(mode="after")
    def _one_match(self) -> Route:
        if (self.exact is None) == (self.prefix is None):
            raise ValueError("a route has either exact or prefix")
        return self

    @field_validator("methods")
    @classmethod
    def _methods_differ(cls, methods: tuple[Method, ...]) -> tuple[Method, ...]:
        if twice := sorted({one for one in methods if methods.count(one) > 1}):
            raise ValueError(f"{', '.join(twice)} stands here twice; leave one of them out")
        return methods

    @property
    def path(self) -> str:
        """The path or prefix that it matches."""
        return self.exact or self.prefix or ""

    @property
    def removes_baggage(self) -> bool:
        """Whether the `baggage` of a client does not go on."""
        return self.request_headers is not None and BAGGAGE in self.request_headers.remove

    @property
    def match_key(self) -> tuple[bool, str, tuple[str, ...]]:
        """What two routes of one service must not share."""
        return self.exact is not None, self.path, self.methods

    def covers(self, other: Route) -> bool:
        """Whether every request that another matches is one of its own."""
        if self.methods and not (other.methods and set(other.methods) <= set(self.methods)):
            return False
        return other.path.startswith(self.prefix) if self.prefix is not None else self.exact == other.exact


def each_is_reached(routes: tuple[Route, ...]) -> tuple[Route, ...]:
    """Routes, of which a proxy takes the first that matches.

    Raises:
        ValueError: If one stands behind another that takes all its requests.
    """
    for place, route in enumerate(routes):
        if before := next((one for one in routes[:place] if one.covers(route)), None):
            told = f"{route.name} ({route.path}) is never reached: {before.name} ({before.path}) takes its requests"
            raise ValueError(f"{told}; put {route.name} first, or leave it out")
    return routes


def none_ends_a_chain(routes: tuple[Route, ...]) -> tuple[Route, ...]:
    """Routes inside the mesh, which leave `baggage` as it is.

    Raises:
        ValueError: If one takes it away.
    """
    if one := next((route for route in routes if route.removes_baggage), None):
        told = f"{one.name} removes baggage, which carries the canary's header from service to service"
        raise ValueError(f"{told}; remove it in routes, where clients come in")
    return routes


class Http(Strict):
    """`connectionPool.http` of a DestinationRule.

    Attributes:
        h2_upgrade_policy: Whether HTTP/1.1 goes on as HTTP/2.
        http1_max_pending_requests: Requests that wait for a connection.
        http2_max_requests: Requests at the same time.
        max_requests_per_connection: After how many a connection is closed; 0: never.
    """

    h2_upgrade_policy: Literal["DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"] | None = Field(
        None, alias="h2UpgradePolicy"
    )
    http1_max_pending_requests: Annotated[int, Field(ge=1, le=LARGEST)] | None = Field(
        None, alias="http1MaxPendingRequests"
    )
    http2_max_requests: Annotated[int, Field(ge=1, le=LARGEST)] | None = Field(None, alias="http2MaxRequests")
    max_requests_per_connection: Annotated[int, Field(ge=0, le=LARGEST)] | None = None


class TcpKeepalive(Strict):
    """`connectionPool.tcp.tcpKeepalive` of a DestinationRule.

    Attributes:
        time: Idle time before the first probe.
        interval: Between probes.
        probes: Unanswered probes that end a connection.
    """

    time: Duration
    interval: Duration
    probes: Annotated[int, Field(ge=1, le=LARGEST)]


class Tcp(Strict):
    """`connectionPool.tcp` of a DestinationRule.

    Attributes:
        max_connections: Connections at the same time.
        connect_timeout: How long connecting may take.
        tcp_keepalive: Probes of idle connections.
    """

    max_connections: Annotated[int, Field(ge=1, le=LARGEST)] | None = None
    connect_timeout: Duration | None = None
    tcp_keepalive: TcpKeepalive | None = None


class ConnectionPool(Strict):
    """Limits of the connections from a proxy to a service.

    Attributes:
        http: Limits of HTTP.
        tcp: Limits of TCP.
    """

    http: Http | None = None
    tcp: Tcp | None = None


class CanaryFallback(Strict):
    """When the canary's share goes to stable: `outlierDetection` of the subset that holds both.

    Without routes (`grpc`) it is that of the whole DestinationRule, at every weight. Each proxy counts for itself. Pods
    that are not ready, or gone, need none of it: they are left out at once.

    Attributes:
        consecutive_errors: Answers with 5xx in a row after which a pod gets nothing.
        connection_failures: Failed connections, resets and timeouts in a row that count the same. At most the tries
            that a request has (Istio: 3), or the request that meets them fails. Not used without routes, where they
            count as answers with 5xx.
        interval: How often pods that were left out are looked at.
        ejection_time: How long a pod is left out the first time; each further time it is that much longer.
        least_healthy_percent: Below this share of healthy pods all are sent to: errors that stable has, too,
            are no reason to leave anything out.
        connect_timeout: How long connecting to a pod of that subset may take; it stands in for `connectionPool`'s
            own. A pod whose node is lost refuses nothing, and Envoy waits 10 s by itself. Not used without routes.
    """

    consecutive_errors: Annotated[int, Field(ge=1, le=100)] = 3
    connection_failures: Annotated[int, Field(ge=1, le=100)] = 2
    interval: Duration = "1s"
    ejection_time: Duration = "15s"
    least_healthy_percent: Annotated[int, Field(ge=1, le=100)] = 50
    connect_timeout: Duration = "500ms"


class TrafficPolicy(Strict):
    """How proxies spread requests over the pods of a subset.

    Attributes:
        load_balancer: How requests spread over pods.
        connection_pool: Limits of connections.
        fallback: When stable takes the canary's share; null: never.
    """

    load_balancer: Literal["ROUND_ROBIN", "LEAST_REQUEST", "RANDOM"]
    connection_pool: ConnectionPool | None = None
    fallback: CanaryFallback | None = CanaryFallback()
