"""Removing one key from a YAML text."""

from __future__ import annotations

from eco2.yaml_text.places import (
    BREAK,
    Alias,
    CannotError,
    Mapping,
    Node,
    commas,
    find,
    line_end,
    line_start,
    places,
)

Pair = tuple[Node, Node]


def removed(text: str, path: tuple[str, ...]) -> str:
    """The text without a key and its value, or as it is if the key is not there.

    Comments stay, but for one on a line that goes. What a mapping loses its last key by becomes `{}`.

    Raises:
        CannotError: If it stands behind an alias or twice, or shares its line in block style.
        yaml.YAMLError: If the text is no YAML.
    """
    node, owner = places(text), None
    for depth, part in enumerate(path, start=1):
        found = find(node, part) if isinstance(node, Mapping) else None
        if found is None or not isinstance(node, Mapping):
            return text
        if depth == len(path) and node.flow:
            return _without_entry(text, node, found)
        if depth == len(path):
            return _without_lines(text, node, found, owner)
        if isinstance(found[1], Alias):
            raise CannotError("it stands behind an alias")
        owner, node = found
    raise AssertionError(path)


def _without_lines(text: str, mapping: Mapping, pair: Pair, owner: Node | None) -> str:
    """The text without the lines of a key in block style."""
    start, end = line_start(text, pair[0].start), line_end(text, pair[1].end)
    if text[start : pair[0].start].strip():
        raise CannotError("it does not begin its line")
    after = text[_behind_break(text, end) :]
    if len(mapping.pairs) > 1:
        return text[:start] + after
    if owner is None or mapping.start != mapping.opening:
        raise CannotError("it is the only key there")
    colon = text.index(":", owner.end) + 1
    return f"{text[:colon]} {{}}{text[colon:start]}{after}"


def _without_entry(text: str, mapping: Mapping, pair: Pair) -> str:
    """The text without a key in braces and one of the commas beside it."""
    at, (key, value) = mapping.pairs.index(pair), pair
    limit = mapping.pairs[at + 1][0].start if at + 1 < len(mapping.pairs) else mapping.end
    behind = next((comma for comma in commas(text) if value.end <= comma < limit), None)
    if behind is not None:
        return _cut(text, key.start, behind + 1)
    if at == 0:
        return _cut(text, key.start, value.end)
    last = mapping.pairs[at - 1][1].end
    before = next(comma for comma in commas(text) if last <= comma < key.start)
    if not text[before + 1 : key.start].strip():
        return text[:before] + text[value.end :]
    # A comment stands between the comma and the key.
    rest = _cut(text, key.start, value.end)
    return rest[:before] + rest[before + 1 :]


def _cut(text: str, start: int, end: int) -> str:
    """The text without a span and the spaces behind it; a line that held nothing else goes, too."""
    first, last = line_start(text, start), line_end(text, end)
    if not text[first:start].strip() and not text[end:last].strip():
        return text[:first] + text[_behind_break(text, last) :]
    rest = text[end:].lstrip(" ")
    space = " " if rest[:1] == "#" and not text[start - 1].isspace() else ""
    return text[:start] + space + rest


def _behind_break(text: str, end: int) -> int:
    found = BREAK.match(text, end)
    return found.end() if found else end
