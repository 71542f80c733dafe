"""What was done to a stack, from the backend's own history of its updates."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from eco2.stack.cli import pulumi
from rollout.spec.image import Image
from rollout.spec.image_settings import with_settings
from rollout.spec.rollout_settings import RolloutSettings
from rollout.spec.settings import ServiceSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from rollout.spec.image_settings import ImageSettings

SIGNS: Final = {"create": "+", "update": "~", "replace": "+-", "delete": "-"}
PEOPLE: Final = ("github.login", "git.author", "git.committer")
"""Where the CLI notes down who ran it: in a checkout, or in a CI system that it knows."""

OLDER: Final = 10
"""Updates to read beyond those that are shown, to find the last one that succeeded before them."""


@dataclass(frozen=True)
class HistoryEntry:
    """One entry of a stack's history.

    Attributes:
        started: When it began, with its time zone.
        seconds: How long it took.
        kind: `update`, `refresh`, `destroy`, `import`.
        result: `succeeded`, `failed`, `in-progress`.
        who: Who ran it; empty if that is not known.
        message: What was said with it.
        changes: How many resources were created, updated, replaced, deleted.
        partial: Whether it was about some resources alone, so that not all moves were made.
        moves: What the config of the update said otherwise than that of the last success before, by service.
    """

    started: datetime
    seconds: float
    kind: str
    result: str
    who: str
    message: str
    changes: Mapping[str, int]
    partial: bool
    moves: Mapping[str, tuple[str, ...]]

    @property
    def counts(self) -> str:
        """`+1 ~2`; `none` if nothing changed."""
        return (
            " ".join(f"{sign}{self.changes[key]}" for key, sign in SIGNS.items() if self.changes.get(key))
            or "none"
        )

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {**asdict(self), "started": self.started.isoformat()}


def history(project: Path, stack: str, limit: int) -> list[HistoryEntry]:
    """The last updates of a stack, the newest first.

    Args:
        project: The folder with `Pulumi.yaml`.
        stack: The stack's name.
        limit: How many at most.

    Raises:
        PulumiError: If the CLI refuses.
    """
    text = pulumi(project, stack, "stack", "history", "--json", "--page-size", str(limit + OLDER))
    return list(islice(read_history(json.loads(text) or []), limit))


def read_history(entries: Sequence[Mapping[str, Any]]) -> Iterator[HistoryEntry]:
    """Reads the answer of `pulumi stack history --json`, the newest first."""
    for at, entry in enumerate(entries):
        before = next((one for one in entries[at + 1 :] if _succeeded(one)), None)
        environment = entry.get("environment") or {}
        started, ended = _time(entry["startTime"]), _time(entry.get("endTime") or entry["startTime"])
        yield HistoryEntry(
            started=started,
            seconds=(ended - started).total_seconds(),
            kind=entry["kind"],
            result=entry["result"],
            who=next((environment[key] for key in PEOPLE if environment.get(key)), ""),
            message=entry.get("message") or "",
            changes={key: n for key, n in (entry.get("resourceChanges") or {}).items() if key != "same"},
            partial=any(key.startswith("pulumi.flag.target") for key in environment),
            moves=_moves(before, entry) if entry["kind"] == "update" else {},
        )


def _succeeded(entry: Mapping[str, Any]) -> bool:
    return bool(entry["kind"] == "update" and entry["result"] == "succeeded")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _moves(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """What differs between the configs of two updates; before the first, every service is at phase 0."""
    old, new = _services(before), _services(after)
    found = {}
    for name in sorted(old.keys() | new.keys()):
        was, now = old.get(name, {}), new.get(name, {})
        told = tuple(
            f"{what} {was.get(what, default)} → {now.get(what, default)}"
            for what, default in (
                ("phase", 0),
                ("weight", "0 %"),
                ("canary", "default"),
                ("stable", "default"),
            )
            if was.get(what, default) != now.get(what, default) and (before or what in ("phase", "weight"))
        )
        if told:
            found[name] = told
    return found


def _services(entry: Mapping[str, Any] | None) -> dict[str, dict[str, Any]]:
    """Phase, weight and images of the services that a config names."""
    config = (entry or {}).get("config") or {}
    found: dict[str, dict[str, Any]] = {}
    for name, said in _object(config, "eco2:rollouts").items():
        try:
            rollout = RolloutSettings.model_validate(said)
        except ValidationError:  # a config that was refused
            found[name] = {"phase": said.get("phase", 0), "weight": "?"}
        else:
            found[name] = {"phase": rollout.phase, "weight": f"{rollout.effective_weight} %"}
            found[name] |= _image("canary", rollout.canary)
    for name, said in _object(config, "eco2:services").items():
        with suppress(ValidationError):
            settings = ServiceSettings.model_validate(said)
            found.setdefault(name, {}).update(_image("stable", settings.image))
    return found


def _object(config: Mapping[str, Any], key: str) -> dict[str, dict[str, Any]]:
    held = config.get(key, {})
    value = held.get("objectValue")
    if value is None:
        try:
            value = json.loads(held.get("value") or "{}")
        except ValueError:
            value = {}
    entries = value.items() if isinstance(value, dict) else ()
    return {name: entry for name, entry in entries if isinstance(entry, dict)}


def _image(what: str, said: ImageSettings) -> dict[str, str]:
    default = Image("", "default")
    named = with_settings(default, said)
    return {} if named == default else {what: named.short}
