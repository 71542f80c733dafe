"""Alerts: a canary that hurts, one that has fallen back, rollouts that nobody ends, and a cluster that disagrees.

They stand beside the judge and decide nothing: a threshold that is looked at every half minute is either slow or
wrong. Each says what to type next. The stack's name comes from Prometheus' external label `stack`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from observability.promql import (
    ANSWERED,
    AVAILABLE,
    BOTH,
    CANARY,
    CANARYS,
    CREATED,
    EXPECTED,
    FAILED_RATIO,
    FAILED_VARIANCE,
    HEADER_RULES,
    LEAST_WEIGHT,
    MOST_WEIGHT,
    REQUESTS,
    SERVICE,
    SETTLED_WEIGHT,
    SHARE,
    STABLE_RATIO,
    STABLE_VARIANCE,
    any_of,
)
from observability.recording import REMEMBERED
from rollout.guards.fallen_back import DEVIATIONS, FEWEST_REQUESTS
from rollout.judge.limits import PERCENT
from rollout.judge.share import LEAST_SHORTAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observability.watched import Watched
    from rollout.spec.judge_settings import JudgeSettings

RUNBOOK: Final = "https://github.com/OWNER/REPOSITORY/blob/main/docs/rollback.md"
"""Where the page of the night call is read. Replace OWNER/REPOSITORY, as in docs/iam, and run `make docs`."""

STACK: Final = '{{ or $externalLabels.stack "STACK" }}'
NAME: Final = "{{ $labels.service }}"
LOOK: Final = f"Look: `eco2 status {NAME} --stack {STACK}`."
TAKE_BACK: Final = f"To take it back: `eco2 abort {NAME} --stack {STACK}`."
OLDEST_DAYS: Final = 7
DAY_SECONDS: Final = 86400
WARNING: Final = "warning"
CRITICAL: Final = "critical"


def alerts(watched: Watched) -> list[dict[str, Any]]:
    """All of them."""
    return [
        *_all_sick(watched),
        *_fell_back(watched),
        _old(),
        *(_apart(watched) if watched.routed else ()),
        *(_unseen(watched) if watched.routed else ()),
    ]


def _all_sick(watched: Watched) -> Iterator[dict[str, Any]]:
    """One for each way of judging. Prometheus wants rules of one name to differ in a label."""
    several = len(watched.by_settings) > 1
    for settings, names in watched.by_settings:
        made = _sick(settings, names)
        if several:
            allowed = f"{settings.margin:g} points, {settings.least_requests} requests, {settings.together} together"
            made["labels"]["judged_by"] = allowed
        yield made


def _sick(settings: JudgeSettings, names: tuple[str, ...]) -> dict[str, Any]:
    """Its failed share is above stable's by more than the margin, and by more than chance explains."""
    own = f'service=~"{any_of(names)}"'
    stable, variance = (
        f"last_over_time({one}{{{own}}}[{REMEMBERED}])" for one in (STABLE_RATIO, STABLE_VARIANCE)
    )
    return _alert(
        "Eco2CanarySick",
        f"""\
(
  sum by ({SERVICE}) ({FAILED_RATIO}{{{CANARY},{own}}})
  - {stable}
  - {settings.margin / PERCENT:g}
  > {DEVIATIONS:g} * sqrt(
    {settings.together} * (sum by ({SERVICE}) ({FAILED_VARIANCE}{{{CANARY},{own}}}) + {variance})
  )
)
and on ({SERVICE}) {ANSWERED}{{{CANARY},{own}}} >= {settings.least_requests}
unless on ({SERVICE}) {MOST_WEIGHT} == 0""",
        "2m",
        CRITICAL,
        f"The canary of {NAME} fails more often than stable",
        "Over 5 minutes, more of its requests failed than of stable's, and the margin of "
        f"{settings.margin:g} points is exceeded by {{{{ $value | humanizePercentage }}}}. This is a threshold; the "
        f"judge decides: `eco2 judge {NAME} --stack {STACK}`. {LOOK} {TAKE_BACK}",
    )


def _fell_back(watched: Watched) -> Iterator[dict[str, Any]]:
    """It answers clearly fewer requests than its weight sends (`rollout.guards.fallen_back`)."""
    full = tuple(name for name in watched.falling_back if name not in watched.sharing)
    for names, at in ((watched.sharing, "> 0"), (full, "== 1")):
        if names:
            made = _fell_back_where(f'service=~"{any_of(names)}"', at)
            if names is full:
                made["labels"]["users"] = "kept"
            yield made


def _fell_back_where(own: str, at: str) -> dict[str, Any]:
    return _alert(
        "Eco2CanaryFellBack",
        f"""\
{SHARE}{{{own}}}
and {CANARYS} < {EXPECTED} * (1 - {LEAST_SHORTAGE:g}) - 1
and {CANARYS} < {EXPECTED} - {DEVIATIONS:g} * sqrt({EXPECTED} * (1 - {SETTLED_WEIGHT})) - 1
and {BOTH} >= {FEWEST_REQUESTS}
and {SETTLED_WEIGHT} {at}""",
        "2m",
        CRITICAL,
        f"Stable answers requests of the canary of {NAME}",
        "Over 5 minutes it answered {{ $value | humanizePercentage }} of the requests, clearly fewer than its weight "
        "sends to it: proxies have left its pods out, since they answer with errors or take no connection. Stable "
        f"serves users; the canary is sick. {LOOK} What the judge says: `eco2 judge {NAME} --stack {STACK}`. "
        f"{TAKE_BACK}",
    )


def _old() -> dict[str, Any]:
    return _alert(
        "Eco2RolloutOld",
        f"time() - {CREATED} > {OLDEST_DAYS * DAY_SECONDS}",
        "15m",
        WARNING,
        f"The rollout of {NAME} is older than a week",
        "Its canary came up {{ $value | humanizeDuration }} ago. It costs pods, and stable's fixes wait for its end. "
        f"What is next, tells `eco2 status {NAME} --stack {STACK}`: go on with `eco2 advance {NAME} --stack {STACK}`, "
        f"end it with `eco2 promote {NAME} --stack {STACK}` or `eco2 abort {NAME} --stack {STACK}`.",
    )


def _apart(watched: Watched) -> Iterator[dict[str, Any]]:
    """What an update never leaves behind: so a hand did, or an abort or an update that did not end."""
    routed = f'service=~"{any_of(watched.routed)}"'
    known = f"and on (namespace) group by (namespace) ({ANY_DEPLOYMENT})"
    yield _alert(
        "Eco2RoutesDisagree",
        f"{MOST_WEIGHT} - {LEAST_WEIGHT} > 0",
        "10m",
        WARNING,
        f"The routes of {NAME} have different weights",
        "They are {{ $value }} points apart: those of the public host and of the mesh, or several of one. An update "
        "writes one weight into all, so a hand changed one, or an update did not end. Which: "
        f"`eco2 status {NAME} --stack {STACK}`. What the next update would change: `eco2 plan --stack {STACK}`.",
    )
    for severity, routes, what in (
        (CRITICAL, f"{MOST_WEIGHT} > 0", "send weight"),
        (WARNING, f"{HEADER_RULES} > 0\nunless {MOST_WEIGHT} > 0", "send the header's requests"),
    ):
        yield _alert(
            "Eco2RoutesWithoutPods",
            f"(\n  {routes.replace(chr(10), chr(10) + '  ')}\n)\nunless {AVAILABLE} > 0\n{known}",
            "5m",
            severity,
            f"Routes of {NAME} lead to a canary without pods",
            f"They {what} to the canary, and none of its pods is available. Where stable does not take over, these "
            f"requests fail. {LOOK} To lead all to stable: `eco2 abort {NAME} --stack {STACK}`.",
        )
    yield _alert(
        "Eco2CanaryWithoutRoutes",
        f"{CREATED}{{{routed}}}\nand {MOST_WEIGHT} == 0\nunless {HEADER_RULES} > 0",
        "20m",
        WARNING,
        f"No route leads to the canary of {NAME}",
        "Its Deployment is there, and neither weight nor header reaches it: an abort stopped after the routes "
        "(`--no-reconcile`), an update did not end, or a hand changed routes. Config and cluster are apart, and the "
        f"next update may bring it back. {LOOK} To end it: "
        f"`eco2 abort {NAME} --stack {STACK}`.",
    )


ANY_DEPLOYMENT: Final = "kube_deployment_created"


def _unseen(watched: Watched) -> Iterator[dict[str, Any]]:
    """What blinds the alerts above."""
    routed = f'service=~"{any_of(watched.routed)}"'
    yield _alert(
        "Eco2WeightUnseen",
        f"{CREATED}{{{routed}}}\nunless {MOST_WEIGHT}",
        "30m",
        WARNING,
        f"{NAME} has a canary, and no metric tells its weight",
        "Without it, a canary that has fallen back and routes that disagree are not seen. Is "
        "kube-state-metrics' config `observability/kube-state-metrics/custom-resource-state.yaml` installed, and may "
        f"it list VirtualServices? Until then look by hand: `eco2 status {NAME} --stack {STACK}`.",
    )
    yield _alert(
        "Eco2RequestsUnseen",
        f"{MOST_WEIGHT}{{{routed}}} > 0\nunless {BOTH}",
        "30m",
        WARNING,
        f"The canary of {NAME} has weight, and nobody counts its requests",
        f"There is no `{REQUESTS}` of it: nobody has called it, or the proxies of its callers are not scraped. The "
        f"judge knows as little, and never calls it well. {LOOK}",
    )


def _alert(
    name: str, expression: str, lasting: str, severity: str, summary: str, description: str
) -> dict[str, Any]:
    """A rule that fires.

    Args:
        name: The alert's name.
        expression: What is wrong, as an instant vector with the label `service`.
        lasting: For how long it must hold.
        severity: `critical`: users are hurt, or would be; `warning`: somebody looks by day.
        summary: One line.
        description: What it means, with the next command.
    """
    return {
        "alert": name,
        "expr": expression,
        "for": lasting,
        "labels": {"severity": severity},
        "annotations": {"summary": summary, "description": description, "runbook_url": RUNBOOK},
    }
