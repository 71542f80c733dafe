"""What is asked before a climb's first update: whether anybody could tell how its canaries are, and how they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eco2.climb.site import RefusedError
from eco2.stack.file import read_text
from eco2.stack.moves import services_of
from rollout.climb.measured import unmeasured
from rollout.climb.sick_before import refusal_of_sick
from rollout.climb.steps import TakeBack, beginning
from rollout.problems import ConfigError, refuse_strangers
from rollout.spec.files import read_catalog

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eco2.climb.request import ClimbRequest
    from eco2.climb.site import Site
    from rollout.climb.standing import Standing
    from rollout.climb.steps import Goal, Step


def refuse_blind(request: ClimbRequest) -> None:
    """Refuses services of which nobody could ever tell that they are well, all of them at once.

    Raises:
        ConfigError: If a service is unknown, or cannot be measured, or the stack's file cannot be read.
    """
    catalog = read_catalog(request.project / "services.yaml")
    refuse_strangers(request.services, catalog.services)
    text = read_text(request.project / f"Pulumi.{request.stack}.yaml")
    wanted = services_of(request.project, request.stack, text, catalog)
    services = {name: wanted[name].service for name in request.services}
    counted, moves = request.prometheus is not None, request.goal.moves
    if found := list(unmeasured(services, request.options, counted=counted, moves=moves)):
        raise ConfigError(found)


def before_first_update(
    site: Site, stands: Mapping[str, Standing], step: Step, goal: Goal, options: str
) -> dict[str, str]:
    """Asks for what speaks against bringing canaries up.

    Of canaries that are up already nothing is asked: none goes higher before it is known to be well, and a climb that
    did not begin for it would leave them unwatched.

    Returns:
        By service, what a person is to know who wants an image again that was sick.

    Raises:
        RefusedError: If Prometheus does not answer, or an image was judged sick before and nobody says that it is to
            climb all the same.
        NotNowError: If the history of the stack cannot be read.
    """
    names = [] if isinstance(step, TakeBack) else beginning(stands, goal)
    # Stable runs it by now: somebody knew better.
    new = [name for name in names if not stands[name].promoted]
    found = site.sick_before(new) if new else {}
    told = [] if goal.retry else [refusal_of_sick(found, options, "add --retry")]
    if names and not any(one.phase for one in stands.values()) and (away := site.away()):
        way = "wait until it answers, or name another one: --prometheus URL, or ECO2_PROMETHEUS_URL"
        told.append(f"{away}; without it no canary is known to be well, so none is brought up: {way}")
    if why := "; ".join(filter(None, told)):
        raise RefusedError(why)
    return {name: one.words for name, one in found.items()}
