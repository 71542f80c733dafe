"""`python -m tests.bench [PART...] [--runs N] [--add]`: measures, then writes docs/measurements.md."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from lab import tools
from lab.traffic.chart import chart
from tests.bench import argo, faults, flat, judge, judged, latency, ours, results
from tests.bench.document import document
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DOCUMENT, CHART = ROOT / "docs" / "measurements.md", ROOT / "docs" / "rollout.svg"
FAILING = {
    "faults": ("fallback.svg", "a canary with 20 % answers 500: stable takes its share"),
    "faults-alone": ("fallback-alone.svg", "the same without the fallback"),
}
"""The charts of what users meet when a canary fails, by part: file and title."""
MINUTES = 45
"""How long all parts take on two cores."""
OURS = {
    "abort": (ours.abort, 10),
    "plain": (ours.plain, 10),
    "moves": (ours.moves, 2),
    "swap": (ours.swap, 2),
    "faults": (faults.fallback, 1),
    "faults-alone": (faults.alone, 1),
    "latency": (latency.compare, 6),
    "climbs": (judged.climbs, 1),
}
ARGO = {
    "argo-abort": (argo.abort, 10),
    "argo-moves": (argo.moves, 2),
    "argo-swap": (argo.swap, 2),
    "argo-faults": (faults.rollouts, 1),
    "argo-climbs": (judged.analysed, 1),
}
FLAT = {"flat": (flat.compare, 5)}
JUDGE = {"judge": (judge.compare, judge.RUNS)}
PARTS = (*OURS, *ARGO, *FLAT, *JUDGE)
"""What is measured, and how often unless told otherwise."""


def write() -> None:
    """Writes the document and the chart from the raw results."""
    told = results.read()
    DOCUMENT.write_text(document(told, MINUTES, ours.RATE), "utf-8")
    if runs := told["parts"].get("moves", {}).get("runs"):
        CHART.write_text(drawn(runs), "utf-8")
    for part, (file, title) in FAILING.items():
        broken = [one for one in told["parts"].get(part, {}).get("runs", []) if one["fault"] == faults.ERRORS]
        if broken:
            (CHART.parent / file).write_text(chart(broken[0]["load"], title), "utf-8")


def drawn(runs: list[dict[str, Any]]) -> str:
    """The chart of the first rollout; the proxy cannot know that its last "off" is a promotion."""
    load = runs[0]["load"]
    marks = [*load["marks"][:-1], {**load["marks"][-1], "what": "promoted"}]
    return chart({**load, "marks": marks}, "auth-api from off to promotion")


def _short(one: dict[str, Any]) -> str:
    return json.dumps(one.get("moves", {key: value for key, value in one.items() if key != "load"}))


def main() -> int:
    """Exit code 1 if the program takes more than its limit beside the flat one."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("part", nargs="*", help=f"which parts: {', '.join(PARTS)}, or document; default: all")
    parser.add_argument("--runs", type=int, help="how many runs of each part")
    parser.add_argument("--add", action="store_true", help="keep the runs of before beside the new ones")
    wish = parser.parse_args()
    # Ended from outside, it still stops its labs.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if unknown := set(wish.part) - {*PARTS, "document"}:
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)} and document")
    chosen = [name for name in PARTS if name in (wish.part or PARTS)]
    if {*chosen} - {*JUDGE}:
        tools.ensure(print, argo=any(name in ARGO for name in chosen))

    def kept(name: str, runs: int, measure: Callable[[int], Iterator[dict[str, Any]]]) -> None:
        """Keeps each run as soon as it is there, since whoever ends this early wants what there is."""
        print(f"{name}:", flush=True)
        before = results.read()["parts"].get(name, {}).get("runs", []) if wish.add else []
        made = []
        of = "" if name in JUDGE else f" of {wish.runs or runs}"  # its runs are rollouts of each kind
        for one in measure(wish.runs or runs):
            made.append(one)
            results.keep(name, [*before, *made])
            write()
            print(f"  {len(made)}{of}: {_short(one)}", flush=True)

    if {*OURS, *ARGO} & {*chosen}:
        with ours.bench() as on:
            for name in filter(OURS.__contains__, chosen):
                measure, runs = OURS[name]
                kept(name, runs, partial(measure, on))
            if {*ARGO} & {*chosen}:
                with argo.bench(on) as beside:
                    for name in filter(ARGO.__contains__, chosen):
                        argo_measure, runs = ARGO[name]
                        kept(name, runs, partial(argo_measure, beside))
    alone = FLAT | JUDGE
    for name in filter(alone.__contains__, chosen):
        measure_alone, runs = alone[name]
        kept(name, runs, measure_alone)
    write()
    compared = results.read()["parts"].get("flat", {}).get("runs", []) if "flat" in chosen else []
    return int(
        any(
            flat.ratio(one for one in compared if one["what"] == what) > flat.LIMIT
            for what in {one["what"] for one in compared}
        )
    )


if __name__ == "__main__":
    sys.exit(main())
