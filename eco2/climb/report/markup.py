"""HTML that is put together from parts; whatever is not such a part is text, and escaped."""

from __future__ import annotations

from html import escape

from rollout.text.plain import one_line

EMPTY_TAGS = ("br", "meta", "line", "rect", "polyline", "polygon", "path", "circle")


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def tag(element: str, *inside: str, **attributes: object) -> Markup:
    """An element.

    Args:
        element: `td`, `text`.
        inside: Its children; text of others is escaped, and made visible.
        attributes: `class_` is `class`, `stroke_width` is `stroke-width`; those that are None are left out.
    """
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_escaped(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if element in EMPTY_TAGS and not inside:
        return Markup(f"<{element}{told}/>")
    return Markup(f"<{element}{told}>{together(*inside)}</{element}>")


def together(*parts: str) -> Markup:
    """Parts one after another."""
    return Markup("".join(part if isinstance(part, Markup) else _escaped(part) for part in parts))


def _escaped(text: str) -> str:
    return escape(one_line(text))
