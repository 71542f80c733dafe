"""Where two values differ: what is declared from what was before, and what is live from what must be there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from rollout.spec.quantities import amount

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SPARSE: Final = (".annotations", ".labels")
"""Left out where they are empty, and told by their keys."""

LONGEST: Final = 120
"""The most characters of an old and a new value that words repeat."""


@dataclass(frozen=True)
class Difference:
    """One place where two objects differ.

    Attributes:
        path: Keys with dots between; elements of a list by name or position: `containers[auth-api].image`.
        old: What stood there; None for nothing.
        new: What stands there now.
    """

    path: str
    old: Any
    new: Any

    def words(self, name: str) -> str:
        """What changes, under a name: `maxReplicas 2 → 3`."""
        if self.old is None or self.new is None:
            return f"{name} is {'new' if self.old is None else 'gone'}"
        old, new = _plain(self.old), _plain(self.new)
        return f"{name} {old} → {new}" if old and new and len(old + new) <= LONGEST else f"{name} changed"


def different(before: Any, after: Any) -> tuple[Difference, ...]:
    """Where two values differ."""
    return tuple(differences(before, after, whole=True))


def grouped(found: Iterable[Difference], prefix: str = "") -> tuple[str, ...]:
    """Differences in words, those under one key as one: `maxReplicas 2 → 3`, `readinessProbe changed`.

    Args:
        found: The differences.
        prefix: What all of their paths begin with, and words leave out.
    """
    by_head: dict[str, list[Difference]] = {}
    for one in found:
        head = one.path.removeprefix(prefix).removeprefix("spec.").split(".", 1)[0].split("[", 1)[0]
        by_head.setdefault(head, []).append(one)
    return tuple(
        group[0].words(group[0].path.removeprefix(prefix).removeprefix("spec."))
        if len(group) == 1
        else f"{head} changed"
        for head, group in by_head.items()
    )


def differences(before: Any, after: Any, path: str = "", *, whole: bool) -> Iterator[Difference]:
    """Where a value that is declared differs from the one before.

    Args:
        before: The value before.
        after: What is declared.
        path: Where the values are.
        whole: Whether a key that is declared no more counts, too.
    """
    if _unknown(after) or before == after:
        return
    if path.endswith(SPARSE):
        before, after = before or {}, after or {}
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in [*after, *(key for key in before if whole and key not in after)]:
            under = f"{path}.{key}" if path else str(key)
            yield from differences(before.get(key), after.get(key), under, whole=whole)
        return
    old, new = by_name(before), by_name(after)
    if old is None or new is None:
        yield Difference(path, before, after)
        return
    keys = [*new, *(key for key in old if key not in new)]
    yield from _in_lists(old, new, keys, path, partial(differences, whole=whole))


def lacking(wanted: Any, live: Any, path: str) -> Iterator[Difference]:
    """Where something of what is wanted is missing or otherwise; what is there beside it does not matter.

    Args:
        wanted: What must be there.
        live: What is there, in a server's own words: it writes `500m` for `0.5`, and leaves out what is empty.
        path: Where the values are.
    """
    if wanted == live or (_empty(wanted) and _empty(live)) or _equal_quantities(wanted, live):
        return
    if isinstance(wanted, Mapping) and isinstance(live or {}, Mapping):
        for key, value in wanted.items():
            yield from lacking(value, (live or {}).get(key), f"{path}.{key}")
        return
    old, new = ({} if _empty(side) else by_name(side) for side in (wanted, live))
    if old is None or new is None:
        yield Difference(path, wanted, live)
        return
    # Rules and variables are lists whose every element counts, and rules by their order.
    keys = [*old, *(key for key in new if key not in old)]
    yield from _in_lists(old, new, keys, path, lacking)


def _in_lists(
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    keys: Iterable[str],
    path: str,
    inside: Callable[[Any, Any, str], Iterator[Difference]],
) -> Iterator[Difference]:
    """Where lists differ, element by element, and in their order where they hold the same."""
    for key in keys:
        place = f"{path}[{key}]"
        if key in old and key in new:
            yield from inside(old[key], new[key], place)
        else:
            yield Difference(place, old.get(key), new.get(key))
    if old.keys() == new.keys() and list(old) != list(new):
        yield Difference(path, list(old), list(new))


def _plain(value: Any) -> str:
    """A value as a person would write it; empty for one that has parts of its own."""
    if isinstance(value, (list, tuple)):
        parts = [_plain(one) for one in value]
        return ", ".join(parts) if all(parts) else ""
    return "" if isinstance(value, Mapping) else str(value)


def by_name(value: Any) -> dict[str, Any] | None:
    """A list by its elements' names or positions; None for no list of mappings."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return None
    if not value or not all(isinstance(one, Mapping) for one in value):
        return None
    names = [str(one.get("name")) for one in value]
    if None in [one.get("name") for one in value] or len(set(names)) != len(names):
        names = [str(place) for place in range(len(value))]
    return dict(zip(names, value, strict=True))


def _unknown(value: Any) -> bool:
    """Whether a value is one of those that stand for what is known only once something exists."""
    if isinstance(value, str):
        return value.startswith("<") and value.endswith(">")
    return isinstance(value, (list, tuple)) and any(isinstance(one, str) and _unknown(one) for one in value)


def _empty(value: Any) -> bool:
    return value is None or value in ({}, [], "")


def _equal_quantities(one: Any, other: Any) -> bool:
    """Whether two values are the same amount: the server writes `0.5` as `500m`."""
    if not (isinstance(one, str | int | float) and isinstance(other, str | int | float)):
        return False
    try:
        return amount(str(one)) == amount(str(other))
    except ValueError:
        return False
