"""The verdict as a page: one HTML file without a network, for whoever asks later why a canary went up or back."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eco2.climb.events import Entry


def page(entries: Sequence[Entry]) -> str:
    """The page of a climb so far.

    Args:
        entries: What happened, in order.
    """
    return "".join(f"<p>{escape(str(entry.as_json()))}</p>\n" for entry in entries)
