"""`eco2 advance`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eco2.options import Json, NoUp, Project, Stack, Yes, complete_service


def advance(
    service: Annotated[
        list[str], typer.Argument(help="The services to move.", autocompletion=complete_service)
    ],
    stack: Stack,
    to: Annotated[int | None, typer.Option(help="The phase, also a lower one. Default: the next.")] = None,
    yes: Yes = False,
    no_up: NoUp = False,
    wait: Annotated[
        int, typer.Option(min=0, metavar="SECONDS", help="Watch the canaries for this long after the update.")
    ] = 0,
    prometheus: Annotated[
        str | None,
        typer.Option(
            metavar="URL", envvar="ECO2_PROMETHEUS_URL", help="Where --wait finds the canaries' requests."
        ),
    ] = None,
    as_json: Json = False,
    project: Project = Path(),
) -> None:
    """Move rollouts one phase up, or to any phase with --to.

    Shows the plan and asks. Then writes the phase to the stack's file, where comments and order stay, and removes a
    weight that overrides the old phase's. Then updates the stack. If a guard refuses the step, the file stays as it
    is; going back is never refused.

    Exit codes: 0 done, 1 refused or failed and nothing was changed, 2 wrong usage or nobody to ask, 4 the
    file is written and the update failed, 5 updated, and a canary is sick or cannot be watched (--wait). If
    there are too few requests to judge by, it says so and ends with 0.

    Example: eco2 advance auth-api --stack dev --wait 60
    """
    from eco2.change.run import ChangeRequest, do  # noqa: PLC0415
    from rollout.edits import advanced  # noqa: PLC0415

    request = ChangeRequest(project, stack, tuple(service), yes, not no_up, as_json, wait, prometheus)
    do(request, lambda wanted, _: advanced(wanted, to, request.options))
