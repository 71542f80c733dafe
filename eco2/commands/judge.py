"""`eco2 judge`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eco2.options import (
    GiveUp,
    Json,
    LookEvery,
    Project,
    PrometheusUrl,
    Report,
    Soak,
    Stack,
    complete_service,
    in_words,
)


def judge(
    service: Annotated[
        list[str],
        typer.Argument(help="The services whose canaries to judge.", autocompletion=complete_service),
    ],
    stack: Stack,
    soak: Soak = 600,
    give_up: GiveUp = 7200,
    prometheus: PrometheusUrl = None,
    as_json: Json = False,
    report: Report = None,
    look_every: LookEvery = 5,
    project: Project = Path(),
) -> None:
    """Watch canaries at their present phase until it is known whether they are well. Moves nothing.

    Compares a canary's requests with stable's of the same seconds, and looks at its pods, its routes and the service's
    own checks. How often it looks does not make a false answer likelier: judge.falseAlarm in services.yaml is for all
    looks together, at requests that fail or are slow.

    A service without a canary is named and left out; where none has one, this is refused.

    Exit codes: 0 all that have a canary are well for at least --soak, 1 refused or failed, 2 wrong usage, 5 one is
    sick, 6 not known after --give-up, 7 somebody moved one meanwhile, 130 ended by Ctrl-C.

    Example: eco2 judge auth-api --stack prod --soak 5m --prometheus http://127.0.0.1:9090
    """
    from eco2.climb.request import ClimbRequest, refuse_usage  # noqa: PLC0415
    from rollout.climb.steps import Goal  # noqa: PLC0415

    goal = Goal(soak_seconds=soak, give_up_seconds=give_up, moves=False)
    refuse_usage(goal, asks=False)

    from eco2.climb.run import run  # noqa: PLC0415  # slow to import
    from rollout.problems import ConfigError  # noqa: PLC0415

    names = tuple(dict.fromkeys(service))
    request = ClimbRequest(
        project.resolve(), stack, names, goal, True, prometheus, as_json, report, look_every
    )
    with in_words(ConfigError):
        raise typer.Exit(run(request))
