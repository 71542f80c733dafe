"""Where everything stands in a YAML text: its nodes with their places, read from the parser's events.

PyYAML's own nodes forget aliases (one node stands for all of them) and the place of an opening
bracket, and both decide whether a change of the text changes only what it should.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

BREAK = re.compile(r"\r\n|\n|\r")
BYTE_ORDER_MARK = "\ufeff"


class CannotError(Exception):
    """A change that no edit of the text makes without making another; says why."""


@dataclass(frozen=True)
class Alias:
    """`*name`: the value stands elsewhere.

    Attributes:
        start: Offset of its first character.
        end: Offset behind its last one.
    """

    start: int
    end: int


@dataclass(frozen=True)
class Scalar:
    """One value.

    Attributes:
        start: Offset of its first character, an anchor and a tag included.
        end: Offset behind its last one; `start` if nothing stands there, which means null.
        value: Its text, unquoted.
        style: The quote or the block indicator; empty for plain text.
    """

    start: int
    end: int
    value: str
    style: str

    @property
    def is_null(self) -> bool:
        """Whether YAML 1.1 reads nothing from it."""
        return not self.style and self.value in ("", "~", "null", "Null", "NULL")


@dataclass(frozen=True)
class Sequence:
    """A list, which no change looks into.

    Attributes:
        start: Offset of its first character.
        end: Offset behind its last one.
    """

    start: int
    end: int


@dataclass(frozen=True)
class Mapping:
    """Keys and values.

    Attributes:
        start: Offset of its first character, an anchor and a tag included.
        opening: Offset behind `{`, or of the first key in block style.
        end: Offset behind `}`, or behind the last value.
        flow: Whether it stands in braces.
        pairs: Keys and values in the text's order.
    """

    start: int
    opening: int
    end: int
    flow: bool
    pairs: tuple[tuple[Node, Node], ...]


Node = Alias | Scalar | Sequence | Mapping


def places(text: str) -> Node | None:
    """The root of a text that holds one document; None if it holds none.

    Raises:
        yaml.YAMLError: If it is no YAML, or holds several documents.
    """
    events = yaml.parse(text, Loader=yaml.SafeLoader)
    root: Node | None = None
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            if root is not None:
                raise yaml.YAMLError("it holds several documents, and a stack's file holds one")
            root = _node(text, next(events), events)
    return root


def commas(text: str) -> list[int]:
    """The offsets of all commas between entries in braces and brackets."""
    tokens = yaml.scan(text, Loader=yaml.SafeLoader)
    marks = [token.start_mark for token in tokens if isinstance(token, yaml.FlowEntryToken)]
    return [mark.index for mark in marks if mark is not None]


def find(mapping: Mapping, name: str) -> tuple[Node, Node] | None:
    """A key and its value; None where the text of the mapping does not hold it.

    Raises:
        CannotError: If it stands there twice.
    """
    pairs = [pair for pair in mapping.pairs if isinstance(pair[0], Scalar) and pair[0].value == name]
    if len(pairs) > 1:
        raise CannotError(f"the key {name} stands there twice")
    return pairs[0] if pairs else None


def column(text: str, offset: int) -> int:
    """The column of a key that begins its line.

    Raises:
        CannotError: If something else begins it.
    """
    before = text[line_start(text, offset) : offset].lstrip(BYTE_ORDER_MARK)
    if before.strip(" "):
        raise CannotError("the keys beside it do not begin their lines")
    return len(before)


def line_start(text: str, offset: int) -> int:
    """The offset of the first character of an offset's line."""
    return max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1


def line_end(text: str, offset: int) -> int:
    """The offset of the break of an offset's line, or the end of the text."""
    found = BREAK.search(text, offset)
    return found.start() if found else len(text)


def _node(text: str, event: Any, events: Iterator[Any]) -> Node:
    start, end = event.start_mark.index, event.end_mark.index
    if isinstance(event, yaml.AliasEvent):
        return Alias(start, end)
    if isinstance(event, yaml.ScalarEvent):
        if event.style in ("|", ">"):  # whose end lies behind the blank lines that follow
            end = start + len(text[start:end].rstrip())
        return Scalar(start, end, event.value, event.style or "")
    children: list[Node] = []
    inner: Any = next(events)
    while not isinstance(inner, yaml.CollectionEndEvent):
        children.append(_node(text, inner, events))
        inner = next(events)
    flow = bool(event.flow_style)
    # A collection in block style ends for the parser where the next token begins.
    mark: Any = inner.end_mark
    last = mark.index if flow or not children else children[-1].end
    if isinstance(event, yaml.SequenceStartEvent):
        return Sequence(start, last)
    opening = end if flow or not children else children[0].start
    return Mapping(start, opening, last, flow, tuple(zip(children[::2], children[1::2], strict=True)))
