"""Options that commands share."""

from __future__ import annotations

import re
from typing import Annotated

import typer

NAME_FORM = r"[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?"


def _name(name: str) -> str:
    """A lab's name is that of its folder, which `lab stop` removes: it must not lead elsewhere."""
    if not re.fullmatch(NAME_FORM, name):
        raise typer.BadParameter(f"{name!r} is no name of a lab: lower case, digits and hyphens, 32 at most")
    return name


Name = Annotated[
    str,
    typer.Option("--name", envvar="LAB_NAME", callback=_name, help="Which lab; several run side by side."),
]
