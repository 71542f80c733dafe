"""Taking services back: first the routes at the API, then config, cluster and state (rule 12)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from eco2.abort.everything import finish_all, first_stroke_of_all
from eco2.abort.files import context_of, places_of
from eco2.abort.finish import finish, unknown
from eco2.abort.stack_file import write_phase_off
from eco2.abort.stroke import Ready, first_stroke
from kube.cluster import ClusterClient
from rollout.problems import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from eco2.abort.files import Place
    from eco2.abort.request import AbortRequest


def abort(request: AbortRequest, say: Callable[[str], None]) -> None:
    """Takes services back; run again, it finishes what an interrupted one began.

    Args:
        request: What to take back.
        say: Takes a line for the user.

    Raises:
        ConfigError: If a service is unknown, or nothing names the context.
        ClusterError: If the context is unknown.
        RoutesError: If the routes of a service could not be moved, or were not found.
        ReconcileError: If the routes were moved and the rest failed.
    """
    began = time.monotonic()
    services = places_of(request.project / "services.yaml", request.services, request.namespace)
    ready = Ready(request, ClusterClient(context_of(request.file, request.context)), services)
    if request.services:
        finish(ready, first_stroke(ready, say, began), say)
    else:
        finish_all(first_stroke_of_all(ready, say, began), say)


def record(request: AbortRequest, say: Callable[[str], None]) -> None:
    """Writes phase 0 to the stack's file and touches nothing else, for a commit.

    Raises:
        ConfigError: If a service is unknown, or the file cannot be changed.
        OSError: If it cannot be written.
    """
    names: Mapping[str, Place] = places_of(
        request.project / "services.yaml", request.services, request.namespace
    )
    if strange := unknown(request, names):
        raise ConfigError(Problem("", name, why) for name, why in strange.items())
    write_phase_off(request, names, say)
