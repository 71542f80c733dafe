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
        str | None, typer.Option(help="Text that makes an image visible that was pushed to the same tag.")
    ] = None,
    phase: Annotated[
        int | None, typer.Option(min=0, max=1, help="Set the phase too: 1 starts the rollout.")
    ] = None,
    start: Annotated[
        bool,
        typer.Option(
            "--start",
            help="Phase 1 as well, refused while the canary has traffic; what an image build calls.",
        ),
    ] = False,
    yes: Yes = False,
    no_up: NoUp = False,
    as_json: Json = False,
    project: Project = Path(),
) -> None:
    """Set a canary's image; what an image build calls, with --start.

    Nothing is looked up: the image is written as it is named. A canary with weight keeps its image, so
    that users meet none that no developer has tried: go back to phase 1 first, or in the same edit
    with --phase 1. With --start no rollout is taken back that has reached users, by the file or since the last
    update; it is refused, too, where that cannot be read.

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
