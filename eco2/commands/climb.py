"""`eco2 climb`."""

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
    Yes,
    complete_service,
    in_words,
)


def climb(
    service: Annotated[
        list[str], typer.Argument(help="The services that climb together.", autocompletion=complete_service)
    ],
    stack: Stack,
    to: Annotated[
        int | None, typer.Option(min=1, help="The phase to arrive at. Default: each ladder's last.")
    ] = None,
    promote: Annotated[
        bool, typer.Option("--promote", help="In the end, give stable the canary's image.")
    ] = False,
    retry: Annotated[
        bool, typer.Option("--retry", help="Climb with an image that an earlier climb took back as sick.")
    ] = False,
    soak: Soak = 600,
    give_up: GiveUp = 7200,
    prometheus: PrometheusUrl = None,
    yes: Yes = False,
    as_json: Json = False,
    report: Report = None,
    look_every: LookEvery = 5,
    project: Project = Path(),
) -> None:
    """Climb phase by phase while the canaries are well, and take them back when one is sick.

    Shows the steps and asks once. At each phase it compares the canary's requests with stable's of the same seconds,
    and looks at pods, routes and own checks. All services are well: the next phase, by an update that the guards
    judge as those of `eco2 advance`. One is sick: all go back, their routes within a second. Not known: it stays,
    and gives up after --give-up at one phase.

    It does not begin where nobody could tell that a canary is well: a worker without checks, a Prometheus that does not
    answer. Nor with an image that an earlier climb took back as sick, unless --retry says so.

    It keeps nothing of its own: ended by Ctrl-C or killed, run it again, and it goes on from where the stack is. If
    somebody else moves one of its services, it ends and does not go up again.

    Exit codes: 0 arrived or promoted, 1 a step was refused, or it ended by a fault of its own: what was done before
    stays, 2 wrong usage or nobody to ask, 4 an update failed, 5 sick and taken back, 6 gave up and stays at its phase,
    7 somebody else moved it, 130 ended by Ctrl-C. If it is sick and the way back fails, the codes are those of
    `eco2 abort`.

    Example: eco2 climb auth-api scan-api --stack prod --promote --report climb.html
    """
    from eco2.climb.request import ClimbRequest, refuse_usage  # noqa: PLC0415
    from rollout.climb.steps import Goal  # noqa: PLC0415

    goal = Goal(to, promote, soak, give_up, retry=retry)
    refuse_usage(goal, asks=not yes)

    from eco2.climb.run import run  # noqa: PLC0415  # slow to import
    from rollout.problems import ConfigError  # noqa: PLC0415

    names = tuple(dict.fromkeys(service))
    request = ClimbRequest(
        project.resolve(), stack, names, goal, yes, prometheus, as_json, report, look_every
    )
    with in_words(ConfigError):
        raise typer.Exit(run(request))
