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
    """At the last phase, give stable the canary's image and end the rollout.

    Changes the stack's file once and runs one update: stable takes the image and becomes ready while the canary
    still has all the traffic; then the routes go back to stable; then the canary goes. If stable does not become
    ready, traffic stays on the canary; mend stable and run the same command again.

    Exit codes: 0 done, 1 refused or failed and nothing was changed, 2 wrong usage or nobody to ask, 4 the
    file is written and the update failed.

    Example: eco2 promote auth-api --stack dev
    """
    from eco2.change.run import ChangeRequest, do  # noqa: PLC0415
    from rollout.edits import promoted  # noqa: PLC0415

    request = ChangeRequest(project, stack, tuple(service), yes, not no_up, as_json)
    do(request, lambda wanted, prior: promoted(wanted, prior, request.options))
