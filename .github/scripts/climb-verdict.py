"""Tells what `eco2 judge --json` saw: the first line in words, then a page in Markdown, with the figures by version.

Usage: climb-verdict.py FILE [--message]. A line that is no event is passed over: the judge may have been cut off. The
first line is empty if it said nothing. With --message it tells what the history of the stack is to say where a canary
was sick, by which the next climb of that image finds it; nothing otherwise.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rollout.climb.sick_before import trailer
from rollout.climb.words import duration
from rollout.text.markdown import prose
from rollout.text.plain import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST = 160
"""Letters of the words: they stand in the title of a commit, and of a pull request."""


def events(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The events, one a line."""
    for line in lines:
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            yield found


def title(words: str) -> str:
    """Words in which GitHub finds no issue to close and nobody to call."""
    told = re.sub("[#@]", "", one_line(words))
    return told if len(told) <= LONGEST else f"{told[: LONGEST - 3]}..."


def page(looks: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Each canary's figures since its phase began, and what each measure says."""
    for one in looks:
        yield f"**{prose(str(one['service']))}** at phase {one['phase']} ({one['weight']} %)"
        yield ""
        yield "| | stable | canary |"
        yield "|---|---|---|"
        for name, unit in (("requests", ""), ("failed", ""), ("latency_ms", " ms")):
            figures = one.get(name) or {}
            cells = [figure(figures.get(version), unit) for version in ("stable", "canary")]
            yield f"| {name.removesuffix('_ms')} | {cells[0]} | {cells[1]} |"
        yield ""
        for part in one["verdict"]["parts"]:
            evidence = [
                f"{100 * value:.0f} % of the evidence for {name}"
                for name in ("sick", "well")
                if isinstance(value := part.get(name), int | float)
            ]
            told = f" ({', '.join(evidence)})" if evidence else ""
            yield f"- {prose(part['name'])}: **{prose(part['answer'])}**{told}: {prose(part['words'])}"
        yield ""


def figure(value: Any, unit: str) -> str:
    """A figure for a cell."""
    return f"{value:,.0f}{unit}" if isinstance(value, int | float) else "not known"


def in_words(judged: dict[str, Any]) -> str:
    """`auth-api is well after 10 min: ...`."""
    after = duration(judged["seconds_in_phase"])
    return f"{judged['service']} is {judged['answer']} after {after}: {judged['words']}"


def told(found: list[dict[str, Any]]) -> Iterator[str]:
    """Everything, a line each."""
    ends = [str(one.get("words", "")) for one in found if one.get("event") == "ended"]
    judged = [in_words(one) for one in found if one.get("event") == "judged"]
    waits = [str(one.get("why", "")) for one in found if one.get("event") == "waits"]
    yield title("; ".join(judged) or "; ".join(ends) or "; ".join(waits[-1:]))
    looks = {one["service"]: one for one in found if one.get("event") == "looked"}
    yield from page(looks.values())
    for words in ends:
        yield prose(words)


def message(found: list[dict[str, Any]]) -> Iterator[str]:
    """What the update says that takes services back: the verdicts, then a line for each sick image."""
    images = next((one["images"] for one in found if one.get("event") == "began"), {})
    sick = [one for one in found if one.get("event") == "judged" and one["answer"] == "sick"]
    if sick:
        yield one_line(f"climb takes back: {'; '.join(map(in_words, sick))}")
    for one in sick:
        if image := images.get(one["service"], {}).get("canary"):
            yield trailer(one["service"], one["phase"], image)


if __name__ == "__main__":
    read = list(events(Path(sys.argv[1]).read_text().splitlines()))
    sys.stdout.writelines(f"{line}\n" for line in (message(read) if "--message" in sys.argv else told(read)))
