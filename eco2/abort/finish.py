"""What follows the first stroke: what it did is judged, then config, cluster and state follow (rule 12)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from eco2.abort.errors import ReconcileError, RoutesError
from eco2.abort.files import context_of, strangers
from eco2.abort.promotions import PromotedError
from eco2.abort.proxies import silence
from eco2.abort.reconcile import SecondStroke
from eco2.abort.state import never_brought_up, what_waits
from eco2.stack.cli import EndedError, PulumiError
from eco2.stack.config import phases_in
from kube.errors import ClusterError
from rollout.problems import ConfigError
from rollout.traffic.names import canary_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from eco2.abort.files import Place
    from eco2.abort.request import AbortRequest
    from eco2.abort.routes import Stroke
    from eco2.abort.stroke import FirstStroke, Ready


def finish(ready: Ready, struck: FirstStroke, say: Callable[[str], None]) -> None:
    """What follows the first stroke.

    Args:
        ready: What it was about.
        struck: What it did.
        say: Takes a line for the user.

    Raises:
        ConfigError: If the file names no context.
        RoutesError: If the routes of a service could not be moved, or were not found.
        ReconcileError: If the routes were moved and the rest failed.
    """
    request, services, strokes = ready.request, ready.services, struck.strokes
    failed = failures(strokes, request, say) | unknown(request, services)
    told = "; ".join(f"{name}: {why}" for name, why in failed.items())
    # Whoever names a namespace may name any service.
    outside = strangers(request.project / "services.yaml", services) if request.namespace else {}
    beyond = left_alone(request, outside) if outside else ""
    good = tuple(name for name in services if name not in failed and name not in outside)
    # Where no route at all was found, this may be the wrong cluster: nothing else is touched in it.
    lost = any(stroke.lost for stroke in strokes if stroke.service in failed)
    sure = not lost or any(stroke.found or stroke.moved or stroke.rested for stroke in strokes)
    if good and request.reconcile and not sure:
        told += f"; so nothing of {', '.join(good)} was touched either"
    elif good and request.reconcile:
        second = SecondStroke(request, ready.cluster, {name: services[name] for name in good}, say)
        try:
            _reconcile(
                second, {one.service: struck.ended for one in strokes if one.moved and one.service in good}
            )
        except (RoutesError, ReconcileError) as error:
            raised = RoutesError if failed else type(error)
            raise raised("\n".join(filter(None, (told, str(error), beyond)))) from None
    if failed:
        raise RoutesError("\n".join(filter(None, (f"{told}; {again(request)}", beyond))))
    if not request.reconcile:
        _say_what_is_left(request, strokes, say)
        if beyond:
            say(beyond)
        _refuse_silence(struck, request)
        return
    if beyond:
        raise ReconcileError(beyond)
    say(f"done after {time.monotonic() - struck.began:.1f} s")
    if good and (waits := what_waits(request, good, say)):
        say(waits)


def unknown(request: AbortRequest, services: Mapping[str, Place]) -> dict[str, str]:
    """Why services that were named were not found, by name; the file is read again only where there are any."""
    names = [name for name in request.services if name not in services]
    return strangers(request.project / "services.yaml", names) if names else {}


def left_alone(request: AbortRequest, names: Iterable[str]) -> str:
    """That only the routes of some services were moved, since an update by this checkout would delete them whole."""
    way = f"canary, file and state stay as they are: run it again where services.yaml has them: {request.command}"
    return f"{', '.join(names)}: this checkout's services.yaml does not know it; {way}"


def failures(strokes: Iterable[Stroke], request: AbortRequest, say: Callable[[str], None]) -> dict[str, str]:
    """Why a service's routes, or a worker's canary, are not known to be back, by service.

    Absence is no success: of a service that has routes, and none was found, only the state can tell that it
    never had any. A worker's canary that could not be scaled waits for the update, where one follows.
    """
    failed = {}
    for stroke in strokes:
        if stroke.failure:
            failed[stroke.service] = stroke.failure
        elif stroke.unstopped and request.reconcile:
            say(f"{stroke.service}: until the update ends its canary, it may take work: {stroke.unstopped}")
        elif stroke.unstopped:
            failed[stroke.service] = f"its canary may take work still: {stroke.unstopped}"
        elif stroke.lost:
            if request.reconcile and never_brought_up(request, stroke.service, say):
                say(f"{stroke.service}: was never brought up on {request.stack}, so it has no routes")
                continue
            looked = ", ".join(stroke.missing)
            failed[stroke.service] = (
                f"no route was found, looked for {looked} in context {context_of(request.file, request.context)}; "
                "whether its canary gets traffic is not known. Is it the right cluster, and the right namespace? "
                "(--context, --namespace)"
            )
        elif stroke.missing and not request.reconcile:
            failed[stroke.service] = (
                f"{', '.join(stroke.missing)} is not there, so that canary may get traffic"
            )
        elif stroke.missing:
            say(
                f"{stroke.service}: {', '.join(stroke.missing)} is not there, so nothing of it could be taken back"
            )
    return failed


def _say_what_is_left(request: AbortRequest, strokes: Iterable[Stroke], say: Callable[[str], None]) -> None:
    names = [stroke.service for stroke in strokes]
    for stroke in strokes:
        if stroke.unrouted and not stroke.rested:
            say(f"{stroke.service}: has no canary: no Deployment {canary_name(stroke.service)} is there")
    try:
        phases = phases_in(request.project, request.stack)
    except ConfigError:
        phases = dict.fromkeys(names, 1)  # not known, which is no zero
    if any(phases.get(name, 0) for name in names):
        say(f"config and state still say otherwise; somebody who can update them runs: {request.command}")
    else:
        say(f"the file says phase 0; whether the state does is not looked at: {request.command}")


def _refuse_silence(struck: FirstStroke, request: AbortRequest) -> None:
    """Without an update that looks once more, routes that proxies may not know are no success.

    Raises:
        RoutesError: If there are any.
    """
    written = [one.service for one in struck.strokes if one.found]
    if written and struck.silent:
        told = "the routes are written, and proxies do not know them, or may not: the canary may get traffic still"
        raise RoutesError(f"{', '.join(written)}: {told}; {again(request)}")


def again(request: AbortRequest) -> str:
    """How to try once more."""
    return f"run it again: {request.again(*[] if request.reconcile else ['--no-reconcile'])}"


def _reconcile(second: SecondStroke, moved: Mapping[str, float]) -> None:
    """Runs the second stroke and looks at what it left.

    Raises:
        RoutesError: If the update ended well and a service's routes do not lead to stable alone.
        ReconcileError: If it failed.
    """
    request = second.request
    try:
        second.run(moved)
    except EndedError:
        raise KeyboardInterrupt from None
    except PromotedError as error:
        raise ReconcileError(str(error)) from None
    except (PulumiError, ConfigError, ClusterError, OSError) as error:
        # Whatever ran beside this may have set its own routes.
        unknown = "; ".join(f"{name}: {why}" for name, why in second.not_back().items())
        names, silent = ", ".join(second.services), silence(second.cluster)
        if unknown:
            where = f"Not back, or not known to be: {unknown}"
        elif silent:
            where = f"The routes of {names} are written, and {silent}"
        else:
            where = f"No canary of {names} gets traffic any more"
        raise ReconcileError(
            f"{error}\n{where}. Config, cluster and state do not agree yet: "
            f"mend what the error says and run it again: {request.command}"
        ) from None
    if left := second.not_back(updated=True):
        told = "; ".join(f"{name}: {why}" for name, why in left.items())
        raise RoutesError(f"the update ended well, and yet {told}; {again(request)}")
