"""`eco2 promote`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eco2.options import Json, NoUp, Project, Stack, Yes, complete_service


def promote(
    service: Annotated[
        list[str], typer.Argument(help="The services to promote.", autocompletion=complete_service)
    ],
    stack: Stack,
    yes: Yes = False,
    no_up: NoUp = False,
    as_json: Json = False,
    project: Project = Path(),
) -> None:
    """Make the canary's image stable's, from the last phase, and end the rollout.

    One edit of the stack's file and one update: stable takes the image and is ready while the canary
    still has all the traffic, then routes go back, then the canary goes. If stable does not become
    ready, traffic stays on the canary; mend it and run the same command again.

    Exit codes: 0 done, 1 refused or failed and nothing was changed, 2 wrong usage or nobody to ask, 4 the
    file is written and the update failed.

    Example: eco2 promote auth-api --stack dev
    """
    from eco2.change.run import ChangeRequest, do  # noqa: PLC0415
    from rollout.edits import promoted  # noqa: PLC0415

    request = ChangeRequest(project, stack, tuple(service), yes, not no_up, as_json)
    do(request, lambda wanted, prior: promoted(wanted, prior, request.options))
