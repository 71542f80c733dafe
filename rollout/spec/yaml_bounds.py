"""What a YAML text may be before anybody reads it: small, flat, and of one meaning.

A hostile text crashes the parser's own recursion (a hundred thousand brackets), multiplies itself (nine
levels of aliases make a billion nodes), or holds scalars that PyYAML and Pulumi's reader take for different
things. All three show in the parser's events, which come one by one and need no recursion.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import yaml

from rollout.problems import ConfigError, Problem, key_path
from rollout.spec.yaml_scalars import two_meanings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

LARGEST: Final = 5_000_000
"""Characters; the files here have twenty thousand, a kubeconfig of many clusters some hundred thousand."""
LARGEST_BYTES: Final = 4 * LARGEST
"""The same in bytes: UTF-8 has at most four a character."""
DEEPEST: Final = 30
"""Levels of nesting; the files here have ten."""
TOO_LARGE: Final = f"is larger than {LARGEST} characters"
TEXT_TAGS: Final = (None, "tag:yaml.org,2002:str")
"""No tag, and the one that says the same to every reader: `! 017` is 15 for PyYAML and text for Go's."""
MOST_NODES: Final = 100_000
"""Keys and values with what aliases repeat; the files here have three thousand."""


@dataclass
class _Collection:
    """A mapping or a list that is being read.

    Attributes:
        is_mapping: Which of the two.
        anchor: Its name for aliases; None without one.
        nodes: Keys and values that were read in it, with what aliases repeat.
        children: Those directly in it.
        key: The key, or the position, that is being read.
    """

    is_mapping: bool
    anchor: str | None
    nodes: int = 1
    children: int = 0
    key: str | int = ""

    @property
    def at_key(self) -> bool:
        """Whether the next node is a key."""
        return self.is_mapping and self.children % 2 == 0


@dataclass
class _Reading:
    """A walk through a text's events."""

    file: str
    open: list[_Collection] = field(default_factory=list)
    anchors: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def take(self, event: yaml.Event) -> None:
        """Takes the next event.

        Raises:
            ConfigError: If the text is deeper or larger than any file here.
        """
        if isinstance(event, yaml.CollectionEndEvent):
            done = self.open.pop()
            self._count(done.nodes)
            if done.anchor:
                self.anchors[done.anchor] = done.nodes
        elif isinstance(event, yaml.NodeEvent):
            at_key = bool(self.open) and self.open[-1].at_key
            self._place(event)
            if isinstance(event, yaml.CollectionStartEvent):
                if len(self.open) > DEEPEST:
                    raise ConfigError([self._problem(f"nests deeper than {DEEPEST} levels", shown=3)])
                self.open.append(_Collection(isinstance(event, yaml.MappingStartEvent), event.anchor))
            elif isinstance(event, yaml.AliasEvent):
                self._count(self.anchors.get(event.anchor or "", 1))
            elif isinstance(event, yaml.ScalarEvent):
                self._scalar(event, at_key=at_key)

    def _place(self, event: yaml.NodeEvent) -> None:
        """Notes under which key the next node stands."""
        if not self.open:
            return
        above = self.open[-1]
        if not above.is_mapping:
            above.key = above.children
        elif above.at_key:
            above.key = event.value if isinstance(event, yaml.ScalarEvent) else "?"
        above.children += 1

    def _scalar(self, event: yaml.ScalarEvent, *, at_key: bool) -> None:
        self._count(1)
        if event.anchor:
            self.anchors[event.anchor] = 1
        if event.tag not in TEXT_TAGS:
            reason = f"line {_line(event)}: the tag {event.tag} is not the same for all readers; leave it out"
            self.problems.append(self._problem(reason))
        if event.style or event.tag:
            return
        meanings = two_meanings(event.value)
        if meanings and not (at_key and event.value == "<<"):
            what = "the key " if at_key else ""
            told = f"{meanings[0]} for some readers and {meanings[1]} for others"
            reason = f"line {_line(event)}: {what}{event.value} is {told}"
            self.problems.append(self._problem(f'{reason}; quote it: "{event.value}"'))

    def _count(self, nodes: int) -> None:
        if not self.open:
            return
        self.open[-1].nodes += nodes
        if self.open[-1].nodes > MOST_NODES:
            reason = f"holds more than {MOST_NODES} keys and values with all aliases; repeat less"
            raise ConfigError([self._problem(reason, shown=3)])

    def _problem(self, reason: str, shown: int | None = None) -> Problem:
        return Problem(self.file, key_path([one.key for one in self.open][:shown]), reason)


def read_bounded(file: Path) -> bytes:
    """A file's bytes; one without an end, such as a device, is not read to its end.

    Raises:
        ConfigError: If it is larger than any file here.
        OSError: If it cannot be read.
    """
    with file.open("rb") as opened:
        return bounded(opened, file.name)


def bounded(stream: BinaryIO, name: str) -> bytes:
    """The same of a stream that is open.

    Raises:
        ConfigError: If there is more of it than of any file here.
        OSError: If it cannot be read.
    """
    held = stream.read(LARGEST_BYTES + 1)
    if len(held) > LARGEST_BYTES:
        raise ConfigError([Problem(name, "", f"{TOO_LARGE}; is it the right file?")])
    return held


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def within_bounds(text: str, name: str, *, one_meaning: bool = True) -> None:
    """Refuses a YAML text that is large, deep, multiplies itself, or has two meanings.

    Args:
        text: What a file holds, or would hold.
        name: The file's name, for errors.
        one_meaning: Whether scalars of two meanings are refused; a way back must not hang on them.

    Raises:
        ConfigError: At the first bound, or with every scalar of two meanings.
        yaml.YAMLError: If it is no YAML.
        ValueError: If a number in it is beyond reading.
    """
    if len(text) > LARGEST:
        raise ConfigError([Problem(name, "", f"{TOO_LARGE}; is it the right file?")])
    reading = _Reading(name)
    for event in _events(text):
        reading.take(event)
    if reading.problems and one_meaning:
        raise ConfigError(reading.problems)


def _events(text: str) -> Iterator[Any]:
    return iter(yaml.parse(text, Loader=Loader))
