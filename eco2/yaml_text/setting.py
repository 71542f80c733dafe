"""Setting one key of a YAML text, with the keys above it where they are missing."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace

from eco2.yaml_text.places import (
    BREAK,
    Alias,
    CannotError,
    Mapping,
    Node,
    Scalar,
    column,
    find,
    line_end,
    places,
)

DEPTH_ON_LINES = 3
"""Keys down to `config`, `eco2:rollouts`, `auth-api` get lines of their own; deeper ones stand in braces."""

PLAIN = re.compile(r"[A-Za-z](?:[\w./@-]|:(?=\w))*", re.ASCII)
"""Text without quotes that no version of YAML takes for anything else: `7e3` is a number for some."""

WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")


@dataclass(frozen=True)
class _Addition:
    """What is to come into a mapping.

    Attributes:
        keys: Its key, and the keys below that.
        value: The value of the last.
        depth: How deep the first stands: 1 is the outermost.
        step: By how many columns the file indents.
    """

    keys: tuple[str, ...]
    value: int | str
    depth: int
    step: int

    def in_braces(self) -> str:
        """`phase: 1`, or `canary: {tag: x}`."""
        inner = f"{{{self._below().in_braces()}}}" if len(self.keys) > 1 else scalar(self.value)
        return f"{scalar(self.keys[0])}: {inner}"

    def on_lines(self, column: int) -> list[str]:
        """The same in block style as deep as is usual, from a column on."""
        indent = " " * column
        if len(self.keys) > 1 and self.depth < DEPTH_ON_LINES:
            return [f"{indent}{scalar(self.keys[0])}:", *self._below().on_lines(column + self.step)]
        return [f"{indent}{self.in_braces()}"]

    def _below(self) -> _Addition:
        return replace(self, keys=self.keys[1:], depth=self.depth + 1)


def with_value(text: str, path: tuple[str, ...], value: int | str) -> str:
    """The text with a key set; it is replaced where it stands, or comes last in its mapping.

    Raises:
        CannotError: If it stands behind an alias or twice, or a key above it holds no mapping.
        yaml.YAMLError: If the text is no YAML.
    """
    node: Node | None = places(text)
    if not isinstance(node, Mapping) or not node.pairs:
        raise CannotError("the file holds no keys")
    step = _step(text, node)
    for depth, part in enumerate(path, start=1):
        found = find(node, part)
        if found is None:
            return _with_another(text, node, _Addition(path[depth - 1 :], value, depth, step))
        key, inner = found
        if isinstance(inner, Alias):
            raise CannotError("it stands behind an alias")
        if depth == len(path):
            return _replaced(text, inner, value)
        if (isinstance(inner, Scalar) and inner.is_null) or (isinstance(inner, Mapping) and not inner.pairs):
            first = _Addition(path[depth:], value, depth + 1, step)
            return _with_the_first(text, None if node.flow else column(text, key.start), inner, first)
        if not isinstance(inner, Mapping):
            raise CannotError(f"{part} holds no keys")
        node = inner
    raise AssertionError(path)


def scalar(value: int | str, style: str = "") -> str:
    """A value as YAML writes it; text is quoted where it could be taken for something else."""
    if isinstance(value, int):
        return str(value)
    if style == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    if not style and PLAIN.fullmatch(value) and value.lower() not in WORDS:
        return value
    # PyYAML joins no two halves of a character, so none is written as such.
    return json.dumps(value, ensure_ascii=not value.isprintable())


def _step(text: str, root: Mapping) -> int:
    """By how many columns the file indents: as far as the keys of its first nested mapping stand in."""
    nested = (value for _, value in root.pairs if isinstance(value, Mapping) and not value.flow)
    first = next(nested, None)
    return column(text, first.opening) if first else 2


def _replaced(text: str, old: Node, value: int | str) -> str:
    """Another scalar in the place of one, in the same quotes, behind the same anchor."""
    if not isinstance(old, Scalar):
        raise CannotError("it holds a list or keys of its own, and not one value")
    properties = PROPERTIES.match(text, old.start, old.end)
    start = properties.end() if properties else old.start
    style = old.style if isinstance(value, str) and old.style in ("'", '"') else ""
    space = "" if text[start - 1].isspace() or text[start - 1] in "{[," else " "
    return f"{text[:start]}{space}{scalar(value, style)}{text[old.end :]}"


def _with_another(text: str, mapping: Mapping, addition: _Addition) -> str:
    """A new key at the end of a mapping that has some."""
    if mapping.flow:
        end = mapping.pairs[-1][1].end
        space = " " if text[end - 1] == ":" else ""
        return f"{text[:end]}{space}, {addition.in_braces()}{text[end:]}"
    return _with_lines(text, mapping.end, addition.on_lines(column(text, mapping.opening)))


def _with_the_first(text: str, owner_column: int | None, empty: Scalar | Mapping, first: _Addition) -> str:
    """A first key in `{}`, null or nothing; `owner_column` is None where the key above stands in braces."""
    before, after = text[: empty.start], text[empty.end :]
    nothing_behind = not text[empty.end : line_end(text, empty.end)].partition("#")[0].strip()
    bare = text[empty.start : empty.end].replace(" ", "") in ("{}", "", "~", "null")
    if owner_column is not None and first.depth <= DEPTH_ON_LINES and nothing_behind and bare:
        before = before.rstrip(" ")
        return _with_lines(before + after, len(before), first.on_lines(owner_column + first.step))
    if isinstance(empty, Mapping):
        return f"{text[: empty.opening]}{first.in_braces()}{text[empty.opening : empty.end - 1].rstrip(' ')}}}{after}"
    space = "" if before[-1].isspace() else " "
    return f"{before}{space}{{{first.in_braces()}}}{after}"


def _with_lines(text: str, behind: int, lines: list[str]) -> str:
    """New lines behind the one that holds an offset, with that one's line break."""
    end = line_end(text, behind)
    found = BREAK.match(text, end) or BREAK.search(text)
    line_break = found[0] if found else "\n"
    return text[:end] + "".join(line_break + line for line in lines) + text[end:]
