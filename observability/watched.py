"""Which services are watched in which way: what the catalog says of them, as the rules need it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rollout.spec.judge_settings import JudgeSettings
    from rollout.spec.service import ServiceSpec


@dataclass(frozen=True)
class Watched:
    """The services of a catalog.

    Attributes:
        services: What they are, by name.
    """

    services: Mapping[str, ServiceSpec]

    @property
    def routed(self) -> tuple[str, ...]:
        """Those whose requests routes split, and callers' proxies count."""
        return tuple(name for name, one in self.services.items() if one.by_weight)

    @property
    def selected(self) -> tuple[str, ...]:
        """Those that the gateway's filter calls, which their own proxies alone count."""
        return tuple(name for name, one in self.services.items() if one.by_selector)

    @property
    def answering(self) -> tuple[str, ...]:
        """Those that answer requests."""
        return (*self.routed, *self.selected)

    @property
    def sharing(self) -> tuple[str, ...]:
        """Those whose share of requests tells at every weight whether the canary has fallen back.

        Where users keep their version, a few of them may send most of the requests: there it tells at full weight.
        """
        return tuple(name for name in self.falling_back if self.services[name].stickiness is None)

    @property
    def falling_back(self) -> tuple[str, ...]:
        """Those with routes whose canary's share stable takes where the canary cannot."""
        return tuple(name for name in self.routed if self.services[name].falls_back)

    @property
    def route_names(self) -> tuple[str, ...]:
        """The names that weighted rules have in the services' VirtualServices, sorted."""
        named = {
            route.name
            for name in self.routed
            for route in (*self.services[name].routes, *self.services[name].mesh_routes)
            if route.direct_response is None
        }
        return tuple(sorted({*named, EVERYTHING_ELSE}))

    def namespaces(self, names: Iterable[str]) -> tuple[str, ...]:
        """The namespaces of some services, sorted."""
        return tuple(sorted({self.services[name].namespace for name in names}))

    @property
    def by_settings(self) -> tuple[tuple[JudgeSettings, tuple[str, ...]], ...]:
        """Services that answer requests, put together where the judge allows them the same failures."""
        found: dict[tuple[float, int, int], tuple[JudgeSettings, list[str]]] = {}
        for name in self.answering:
            own = self.services[name].judge
            same = (own.margin, own.least_requests, own.together)
            found.setdefault(same, (own, []))[1].append(name)
        return tuple((settings, tuple(names)) for settings, names in found.values())


EVERYTHING_ELSE: Final = "default"
"""The name of the last rule of a service's VirtualService for the mesh (`rollout.traffic.write`)."""
