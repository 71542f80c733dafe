"""Where two sets of properties differ, in the engine's words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pulumi.runtime.proto import provider_pb2

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

Kind = provider_pb2.PropertyDiff
PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*$")


def differences(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, int]]:
    """Yields the path and kind (ADD, UPDATE, DELETE) of each difference.

    Args:
        old: Properties before.
        new: Properties after.
        path: Where both stand; empty at the top.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            step = (f".{key}" if path else key) if PLAIN.match(key) else f'["{key}"]'
            if key not in new:
                yield path + step, Kind.DELETE
            elif key not in old:
                yield path + step, Kind.ADD
            else:
                yield from differences(old[key], new[key], path + step)
    elif isinstance(old, list) and isinstance(new, list):
        for position in range(max(len(old), len(new))):
            if position >= len(new):
                yield f"{path}[{position}]", Kind.DELETE
            elif position >= len(old):
                yield f"{path}[{position}]", Kind.ADD
            else:
                yield from differences(old[position], new[position], f"{path}[{position}]")
    elif old != new:
        yield path, Kind.UPDATE


def keep(old: dict[str, Any], new: dict[str, Any], path: str) -> None:
    """Puts the old value at an ignored path, `spec.replicas`, into the new properties."""
    *parents, last = path.split(".")
    for parent in parents:
        old, new = old.get(parent, {}), new.get(parent, {})
    if last in old:
        new[last] = old[last]


def answer(
    old: dict[str, Any], new: dict[str, Any], replaced_by: Collection[str], *, delete_first: bool = False
) -> Any:
    """The engine's answer to "what would change?".

    Args:
        old: The inputs of the last update.
        new: The inputs of this one.
        replaced_by: Paths at or below which a change needs a new object.
        delete_first: Whether the old object must go before a new one can come.
    """
    found = dict(differences(old, new))
    replacing = [
        path
        for path in found
        if any(path == one or path.startswith((f"{one}.", f"{one}[")) for one in replaced_by)
    ]
    detailed = {
        # Each kind is followed by the same with replacement.
        path: Kind(kind=Kind.Kind.values()[kind + (path in replacing)], inputDiff=True)
        for path, kind in found.items()
    }
    changes = provider_pb2.DiffResponse.DIFF_SOME if found else provider_pb2.DiffResponse.DIFF_NONE
    return provider_pb2.DiffResponse(
        changes=changes,
        replaces=replacing,
        diffs=sorted({re.split(r"[.\[]", path)[0] for path in found}),
        detailedDiff=detailed,
        hasDetailedDiff=True,
        deleteBeforeReplace=bool(replacing) and delete_first,
    )
