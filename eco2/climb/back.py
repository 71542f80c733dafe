"""A canary is sick: the first stroke of the abort at once, and then the rest of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from eco2.climb.events import Struck, TakenBack, Waits
from eco2.climb.interrupts import held
from eco2.climb.site import NotBackError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from eco2.climb.endings import Ending, Endings
    from eco2.climb.interrupts import Held
    from eco2.climb.site import Site
    from eco2.climb.telling import Ways

PATIENCE_SECONDS: Final = 600.0
"""How long routes are tried again while the API server takes none."""
SOME_PATIENCE_SECONDS: Final = 30.0
"""The same where it takes those of some services: the rest of their abort waits meanwhile."""
AGAIN_SECONDS: Final = 1.0


def take_back(
    site: Site,
    endings: Endings,
    ways: Ways,
    why: Mapping[str, str],
    message: str,
    judged: Callable[[], None],
    *,
    interrupted: bool = False,
) -> Ending:
    """Takes all services of a climb back.

    Args:
        site: What to touch.
        endings: What there is to say.
        ways: How it is told.
        why: What is wrong, by service.
        message: For the update.
        judged: Tells the verdict; told after the first stroke, which nothing may hold up.
        interrupted: Whether a Ctrl-C came before: then only the first stroke is done.
    """
    began = site.now()
    with held() as ends:  # whatever ends it now would leave users with a canary that is known to be sick
        ends.came = interrupted
        failures = _strike(site, endings, ways, why, judged, ends)
    if ends.came:
        return endings.interrupted_back(why, failures, message)
    try:
        site.finish_back(message)
    except NotBackError as error:
        return endings.not_back(why, str(error), error.code)
    except KeyboardInterrupt:
        return endings.interrupted_back(why, failures, message)
    ways.tell(TakenBack(endings.names, site.now() - began))
    return endings.sick(why)


def _strike(
    site: Site,
    endings: Endings,
    ways: Ways,
    why: Mapping[str, str],
    judged: Callable[[], None],
    ends: Held,
) -> Mapping[str, str]:
    """The first stroke, tried again where it fails; why it failed in the end, by service."""
    began, tells, said = site.now(), judged, ""
    while failures := site.strike():
        tells()
        tells = _nothing
        some = len(failures) < len(endings.names)
        if ends.came or site.now() - began >= (SOME_PATIENCE_SECONDS if some else PATIENCE_SECONDS):
            return failures  # the rest of the abort says so, and takes the others back
        told = "; ".join(f"{name}: {reason}" for name, reason in failures.items())
        if told != said:
            said = told
            ways.tell(Waits(f"routes are not moved yet, and are tried again: {told}"))
        site.sleep(AGAIN_SECONDS)
    seconds = site.now() - began
    tells()
    ways.tell(Struck(endings.names, dict(why), seconds, dict(site.unmoved())))
    return {}


def _nothing() -> None:
    """The verdict is told once."""
