"""Pages for a terminal: tables, trees and plans."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich.console
from rich.segment import Segment

from rollout.text.plain import visible

if TYPE_CHECKING:
    from collections.abc import Iterable


class Console(rich.console.Console):
    """A console on which only rich itself writes escape sequences: none of the text that it shows does."""

    def render(
        self,
        renderable: rich.console.RenderableType,
        options: rich.console.ConsoleOptions | None = None,
    ) -> Iterable[Segment]:
        """Renders, with every character of the text seen."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)
