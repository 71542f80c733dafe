"""Wished changes of a YAML text, made one after the other, each checked by reading the result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from eco2.yaml_text.places import CannotError
from eco2.yaml_text.removing import removed
from eco2.yaml_text.setting import with_value
from rollout.problems import ConfigError, Problem, key_path
from rollout.spec.files import in_one_line
from rollout.spec.yaml_bounds import Loader, within_bounds

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Edit:
    """One wished change.

    Attributes:
        path: The keys from the outermost on.
        value: The new value; None removes the key.
    """

    path: tuple[str, ...]
    value: int | str | None

    @property
    def key(self) -> str:
        """The path as errors name it: `eco2:rollouts.auth-api.phase`."""
        return key_path(self.path[1:] if self.path[0] == "config" else self.path)


def edited(text: str, edits: Iterable[Edit], name: str) -> str:
    """The text with some keys set or removed; a key to remove that is not there is passed over.

    Args:
        text: A YAML document.
        edits: What to change, one after the other.
        name: The file's name, for errors.

    Raises:
        ConfigError: If the text is no YAML, or a change cannot be made without another: the key
            stands behind an alias, in a merged mapping, twice, or where no mapping is.
    """
    for edit in edits:
        before = _read(text, name)
        try:
            changed = _changed(text, edit, before)
        except (CannotError, yaml.YAMLError) as error:
            told = str(error) if isinstance(error, CannotError) else "the text around it is unusual"
            reason = f"cannot be changed without changing something else: {told}; change it by hand"
            raise ConfigError([Problem(name, edit.key, reason)]) from None
        text = changed
    return text


def _read(text: str, name: str) -> Any:
    try:
        within_bounds(text, name, one_meaning=False)
        return _decoded(text)
    except yaml.YAMLError as error:
        raise ConfigError([Problem(name, "", f"is not valid YAML: {in_one_line(error)}")]) from None
    except (ValueError, RecursionError) as error:
        raise ConfigError([Problem(name, "", f"cannot be read: {error}")]) from None


def _changed(text: str, edit: Edit, before: Any) -> str:
    changed = removed(text, edit.path) if edit.value is None else with_value(text, edit.path, edit.value)
    if _decoded(changed) != _wished(before, edit):
        raise CannotError("an anchor or a merged mapping gets in the way")
    return changed


def _decoded(text: str) -> Any:
    """The text's values, with what aliases share copied for each."""
    return _copied(yaml.load(text, Loader=Loader))  # noqa: S506  # derived from SafeLoader


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _wished(document: Any, edit: Edit) -> Any:
    """The document with the change made; keys that hold nothing count as empty mappings."""
    place = document
    *parents, last = edit.path
    for part in parents:
        if not isinstance(place, dict) or (edit.value is None and place.get(part) is None):
            return document
        if place.get(part) is None:
            place[part] = {}
        place = place[part]
    if isinstance(place, dict) and edit.value is None:
        place.pop(last, None)
    elif isinstance(place, dict):
        place[last] = edit.value
    return document
