"""The abort of a climb's services, prepared: before its first stroke are only requests to the API server."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eco2.abort.errors import ReconcileError, RoutesError
from eco2.abort.files import places_of
from eco2.abort.finish import finish
from eco2.abort.request import AbortRequest
from eco2.abort.stroke import Ready, first_stroke
from eco2.climb.site import NotBackError
from kube.errors import ClusterError
from rollout.problems import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eco2.abort.stroke import FirstStroke
    from eco2.climb.request import ClimbRequest
    from kube.cluster import ClusterClient


class WayBack:
    """Takes all services of a climb back, in two strokes."""

    def __init__(self, request: ClimbRequest, cluster: ClusterClient) -> None:
        """Finds out where the services are.

        Args:
            request: What was asked for.
            cluster: The stack's cluster.

        Raises:
            ConfigError: If a service is unknown.
        """
        self._request = request
        asked = AbortRequest(request.project, request.stack, request.services, quiet=request.as_json)
        self._ready = Ready(asked, cluster, places_of(request.project / "services.yaml", request.services))
        self._struck: FirstStroke | None = None
        self._told: list[str] = []

    def strike(self) -> Mapping[str, str]:
        """The first stroke; why not, by service, where it failed."""
        self._told = []
        self._struck = first_stroke(self._ready, self._told.append)
        return {one.service: one.failure for one in self._struck.strokes if one.failure}

    def unmoved(self) -> Mapping[str, str]:
        """Why work, or requests, may meet a canary still after the first stroke, by service."""
        assert self._struck is not None  # the first stroke comes first
        found = {}
        for one in self._struck.strokes:
            if one.unrouted:
                # No failure, which would be tried again first: the update ends this canary.
                left = f"its canary may take work until the update ends it: {one.unstopped}"
                found[one.service] = left if one.unstopped else one.resting or "has no canary any more"
            elif one.missing:
                told = f"{', '.join(one.missing)} is not there"
                found[one.service] = f"{told}, so whether requests meet its canary is not known"
            elif self._struck.silent:
                found[one.service] = f"its routes lead to stable; {self._struck.silent}"
        return found

    def finish(self, message: str) -> None:
        """The rest of the abort.

        Args:
            message: For the history of the stack.
        """
        assert self._struck is not None  # the first stroke comes first
        ready = replace(self._ready, request=replace(self._ready.request, message=message))
        try:
            with self._request.aside():
                for line in self._told:
                    self._request.say(line)
                finish(ready, self._struck, self._request.say)
        except ReconcileError as error:
            raise NotBackError(str(error), 4) from None
        except (RoutesError, ConfigError, ClusterError, OSError) as error:
            raise NotBackError(str(error), 1) from None
