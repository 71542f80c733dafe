"""`eco2 set-image`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eco2.options import Json, NoUp, Project, Stack, Yes, complete_service


def set_image(
    service: Annotated[str, typer.Argument(help="The service.", autocompletion=complete_service)],
    image: Annotated[str, typer.Argument(help="TAG, TAG@DIGEST or REPOSITORY:TAG[@DIGEST].")],
    stack: Stack,
    revision: Annotated[
        str | None,
        typer.Option(help="Any text: a new one makes pods start anew, after a push to the same tag."),
    ] = None,
    phase: Annotated[
        int | None, typer.Option(min=0, max=1, help="Set the phase too: 1 starts the rollout.")
    ] = None,
    start: Annotated[
        bool,
        typer.Option(
            "--start",
            help="Set phase 1 as well; refuse while the canary has traffic. For image builds.",
        ),
    ] = False,
    yes: Yes = False,
    no_up: NoUp = False,
    as_json: Json = False,
    project: Project = Path(),
) -> None:
    """Set a canary's image; an image build calls it with --start.

    The image is written as you name it; no registry is asked. A canary with weight keeps its image, so that users
    never meet an image that no developer has tried: go back to phase 1 first, or in the same edit with --phase 1.

    With --start it refuses if the canary has traffic by the file or by the last update, or if it cannot read that.

    Exit codes: 0 done, 1 refused or failed and nothing was changed, 2 wrong usage or nobody to ask, 4 the
    file is written and the update failed.

    Example: eco2 set-image auth-api auth-api-0.8.0 --start --stack dev
    """
    from eco2.change.run import ChangeRequest, do, image_of  # noqa: PLC0415
    from rollout.edits import started, with_canary_image  # noqa: PLC0415

    if start and phase is not None:
        typer.echo("error: --start sets phase 1 by itself: choose one of --start and --phase", err=True)
        raise typer.Exit(2)
    request = ChangeRequest(project, stack, (service,), yes, not no_up, as_json, needs_state=start)
    settings = image_of(request, image, revision)
    if start:
        do(request, lambda wanted, prior: started(wanted, prior, settings, request.options))
    do(request, lambda wanted, _: with_canary_image(wanted, settings, phase, request.options))
