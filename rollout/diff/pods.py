"""Why pods restart: where the template of a Deployment differs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from rollout.diff.values import Difference, grouped
from rollout.spec.image import REVISION_ANNOTATION

if TYPE_CHECKING:
    from collections.abc import Iterable

TEMPLATE: Final = "spec.template."
CONTAINER: Final = re.compile(r"spec\.containers\[[^\]]+\]\.")
VARIABLE: Final = re.compile(r"env(\[(?P<name>[^\]]+)\])?(\..*)?")
IMAGE: Final = ("image", f"metadata.annotations.{REVISION_ANNOTATION}")


def because(found: Iterable[Difference], *, images: bool) -> tuple[str, ...]:
    """Why the pods of a Deployment restart; empty if they do not.

    Args:
        found: Where the Deployment differs.
        images: Whether to tell of its image and revision, too.
    """
    variables: dict[str, None] = {}
    others = []
    for one in found:
        if not one.path.startswith(TEMPLATE):
            continue
        path = CONTAINER.sub("", one.path.removeprefix(TEMPLATE))
        if path in IMAGE and not images:
            continue
        if variable := VARIABLE.fullmatch(path):
            variables |= dict.fromkeys(_variables(one, variable["name"]))
        else:
            short = path.replace(f"metadata.annotations.{REVISION_ANNOTATION}", "revision")
            others.append(Difference(short.removeprefix("metadata."), one.old, one.new))
    return (*variables, *grouped(others))


def _variables(one: Difference, name: str | None) -> list[str]:
    """Variables by name and never by value, whatever that may be."""
    if name is None:
        if one.old and one.new:
            return ["order of variables changed"]
        # The first of all variables, or the last.
        said = "gone" if one.old else "new"
        return [f"variable {variable['name']} is {said}" for variable in one.new or one.old]
    if one.path.endswith(f"[{name}]"):
        return [f"variable {name} is {'new' if one.old is None else 'gone'}"]
    return [f"variable {name} changed"]
