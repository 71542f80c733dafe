"""Options that commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Name = Annotated[str, typer.Option("--name", envvar="LAB_NAME", help="Which lab; several run side by side.")]
