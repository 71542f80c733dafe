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
    yes: Yes = False,
    no_up: NoUp = False,
    as_json: Json = False,
    project: Project = Path(),
) -> None:
    """Set a canary's image; what an image build calls, with --phase 1.

    Nothing is looked up: the image is written as it is named. A canary with weight keeps its image, so
    that users meet none that no developer has tried: go back to phase 1 first, or in the same edit.

    Exit codes: 0 done, 1 refused or failed and nothing was changed, 2 wrong usage or nobody to ask, 4 the
    file is written and the update failed.

    Example: eco2 set-image auth-api auth-api-0.8.0 --phase 1 --stack dev
    """
    from eco2.moving import Request, do, image_of  # noqa: PLC0415
    from rollout.moves import with_canary_image  # noqa: PLC0415

    request = Request(project, stack, (service,), yes, not no_up, as_json)
    settings = image_of(request, image, revision)
    do(request, lambda wanted, _: with_canary_image(wanted, settings, phase, request.options))
