"""`--all`: every service of the file, and every canary that the cluster or the state knows besides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from eco2.abort.errors import ReconcileError, RoutesError
from eco2.abort.files import is_whole
from eco2.abort.finish import finish, left_alone
from eco2.abort.state import resources_of
from eco2.abort.strays import canaries_of_all, places_in_state
from eco2.abort.stroke import first_stroke
from eco2.abort.targets import in_flight
from eco2.background import Later
from eco2.stack.cli import PulumiError, outputs_of
from rollout.plan.prior import read_prior

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from eco2.abort.routes import Stroke
    from eco2.abort.stroke import FirstStroke, Ready


@dataclass(frozen=True)
class AllStruck:
    """What the first stroke has done to all services.

    Attributes:
        ready: Those that the checkout knows.
        struck: What it did to them.
        strangers: What it did to those that only the cluster knows.
        unknown: Why there may be more of these; empty where there are none.
    """

    ready: Ready
    struck: FirstStroke
    strangers: tuple[Stroke, ...]
    unknown: str


def first_stroke_of_all(ready: Ready, say: Callable[[str], None], began: float) -> AllStruck:
    """Takes all canaries out of all routes: of what the checkout knows, and of what the cluster has besides.

    Args:
        ready: The services of the checkout.
        say: Takes a line for the user.
        began: When the whole began, by the monotonic clock.
    """
    placed = {name: place for name, place in ready.services.items() if place.namespace}
    namespaces = {place.namespace for place in placed.values()}
    look = Later(partial(canaries_of_all, ready.cluster, _file(ready), namespaces))
    # Whatever holds this one up, a canary that only the cluster knows does not keep its traffic for it.
    known_first = Later(partial(first_stroke, replace(ready, services=placed), say, began))
    try:
        seen = look.result()
        rest = {
            name: seen.places.get(name, place) for name, place in ready.services.items() if name not in placed
        }
        rest |= {name: place for name, place in seen.places.items() if name not in ready.services}
        more = first_stroke(replace(ready, services=rest), say, began) if rest else None
    finally:
        struck = known_first.result()
    strokes = [*struck.strokes, *(more.strokes if more else ())]
    own = [stroke for stroke in strokes if stroke.service in ready.services]
    strangers = tuple(stroke for stroke in strokes if stroke.service not in ready.services)
    known = {name: placed.get(name) or rest[name] for name in ready.services}
    return AllStruck(replace(ready, services=known), replace(struck, strokes=own), strangers, seen.unknown)


def finish_all(done: AllStruck, say: Callable[[str], None]) -> None:
    """What follows it.

    An update of a service that the checkout does not know would delete all of it, so its canary stays, and that is
    no success.

    Args:
        done: The first stroke.
        say: Takes a line for the user.

    Raises:
        ConfigError: If the file names no context.
        RoutesError: If the routes of a service could not be moved, or were not found.
        ReconcileError: If the routes were moved and the rest failed.
    """
    request, told = done.ready.request, list[str]()
    failed: type[RoutesError | ReconcileError] = ReconcileError
    try:
        finish(done.ready, done.struck, say)
    except (RoutesError, ReconcileError) as error:
        told.append(str(error))
        failed = type(error)
    strangers = [*done.strangers, *(_of_the_state(done, say) if request.reconcile else ())]
    file = _file(done.ready)
    if done.unknown:
        why = f"whether the cluster has canaries that {file.name} does not know is not known: {done.unknown}"
        if is_whole(file):
            say(why)
        else:
            told, failed = [*told, why], RoutesError
    if wrong := [f"{one.service}: {_why(one)}" for one in strangers if _why(one)]:
        told, failed = [*told, *wrong], RoutesError
    if strangers:
        line = left_alone(request, [one.service for one in strangers])
        if request.reconcile:
            told.append(line)
        else:
            say(line)
    if told:
        raise failed("\n".join(told))


def _of_the_state(done: AllStruck, say: Callable[[str], None]) -> Iterable[Stroke]:
    """The first stroke of what only the state knows, as where the cluster may not be listed."""
    ready = done.ready
    try:
        resources = resources_of(ready.request, say)
    except PulumiError as error:
        say(f"whether the state of {ready.request.stack} knows more canaries is not known: {error}")
        return ()
    struck = {one.service for one in done.strangers} | ready.services.keys()
    names = in_flight(resources, read_prior(outputs_of(resources))) - struck
    places = places_in_state(resources, names)
    return first_stroke(replace(ready, services=places), say).strokes if places else ()


def _why(stroke: Stroke) -> str:
    """Why a canary may still get traffic; empty where it does not."""
    told = (
        f"{', '.join(stroke.missing)} is not there, so that canary may get traffic" if stroke.missing else ""
    )
    return stroke.failure or stroke.unstopped or told


def _file(ready: Ready) -> Path:
    return ready.request.project / "services.yaml"
