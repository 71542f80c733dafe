"""Images that a climb took back because they were sick: how the record is written, and how it is read again.

The message of the update that takes services back ends with a line for each canary that was judged sick, in the manner
of a commit's trailers. Who was taken back along with it has none: nothing is known against that one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rollout.text.plain import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from rollout.climb.standing import Standing

TRAILER: Final = re.compile(
    r"^Sick: (?P<service>[a-z0-9-]+), phase (?P<phase>[0-9]+), (?P<image>.+)$", re.MULTILINE
)


@dataclass(frozen=True)
class SickBefore:
    """A verdict of an earlier climb.

    Attributes:
        at: When the service was taken back, with its time zone.
        phase: The phase at which its canary was sick.
        image: The canary's image, in its short form.
        message: What the update said that took it back: the figures.
    """

    at: datetime
    phase: int
    image: str
    message: str

    @property
    def words(self) -> str:
        """When, where, and by which figures, for a person."""
        when = f"{self.at:%Y-%m-%d %H:%M %Z}".rstrip()
        return (
            f"its canary image {self.image} was judged sick at phase {self.phase} on {when}: {self.message}"
        )


def trailer(service: str, phase: int, image: str) -> str:
    """The line that a message ends with, for one canary that was judged sick."""
    return f"Sick: {service}, phase {phase}, {one_line(image)}"


def sick_before(
    updates: Iterable[tuple[datetime, str]], stands: Mapping[str, Standing]
) -> dict[str, SickBefore]:
    """The newest verdict of each service's canary image, where it was sick.

    Args:
        updates: When each update began and what was said with it, the newest first.
        stands: The services to look for.
    """
    found: dict[str, SickBefore] = {}
    for at, message in updates:
        for line in TRAILER.finditer(message):
            name, image = line["service"], line["image"]
            if name in stands and name not in found and image == stands[name].asked.canary.short:
                first = message.partition("\n")[0]
                found[name] = SickBefore(at, int(line["phase"]), image, one_line(first))
    return found


def refusal_of_sick(found: Mapping[str, SickBefore], options: str, retry: str) -> str:
    """Why an image that was sick does not climb again by itself; empty where none was.

    Args:
        found: The verdicts, by service.
        options: What commands need to mean this stack: `--stack dev`.
        retry: How a person says that it is to climb all the same.
    """
    if not found:
        return ""
    told = "; ".join(f"{name}: {one.words}" for name, one in found.items())
    way = f"`eco2 set-image {next(iter(found))} IMAGE --no-up {options}`"
    return f"{told}. Name an image that is mended: {way}; or, if the cause was elsewhere, climb with it again: {retry}"
