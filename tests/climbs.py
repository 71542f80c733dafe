"""Climbs that were never run: what a journal would hold, for the live view and the report.

python -m tests.climbs play --services 3 --speed 60     plays one on this terminal
python -m tests.climbs report FILE.html --sick scan-api  writes its page
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from eco2.climb.events import (
    Began,
    Ended,
    Entry,
    Judged,
    Looked,
    Promoted,
    Raised,
    Struck,
    TakenBack,
    Waits,
)
from eco2.climb.journal import Journal
from eco2.climb.report.page import page
from eco2.terminal.climb.view import LiveView, PlainLines, can_draw
from rollout.judge.comparison import Comparison
from rollout.judge.limits import MeasureLimits
from rollout.judge.observations import Batch, Counts, Unknown
from rollout.judge.signs import Sign
from rollout.judge.verdict import verdict

NAMES = ("auth-api", "scan-api", "my-api", "location-api", "character-api")
WEIGHTS = (0, 5, 20, 50, 100)
BEGAN = datetime(2026, 11, 27, 9, 0, 0, tzinfo=UTC)
LOOK_SECONDS = 5
LIMITS = {
    "failed": MeasureLimits("failed", 0.005, 100, 0.01, 2),
    "slow": MeasureLimits("were slow", 0.05, 100, 0.01, 2),
}


@dataclass
class Climb:
    """One that is made up as it goes.

    Attributes:
        services: Who climbs.
        sick: The service that fails at phase 4; none where empty.
        rate: Requests a second of each service.
        soak: Seconds at a phase.
        away: Seconds from the beginning between which Prometheus is away.
    """

    services: tuple[str, ...] = NAMES[:1]
    sick: str = ""
    rate: float = 200.0
    soak: float = 600.0
    give_up: float = 7200.0
    away: tuple[float, float] = (700.0, 760.0)
    seed: int = 1
    entries: list[Entry] = field(default_factory=list)

    def __post_init__(self):
        self._dice = random.Random(self.seed)  # noqa: S311  # a climb that is made up
        self._passed = 0.0
        self._away = False
        self._run()

    def _tell(self, event):
        self.entries.append(Entry(BEGAN + timedelta(seconds=self._passed), event))

    def _run(self):
        everyone = list(self.services)
        images = {
            one: {
                "stable": f"registry.example/eco2/{one}:0.7.4",
                "canary": f"registry.example/eco2/{one}:0.8.0",
            }
            for one in everyone
        }
        self._tell(
            Began(
                "prod", everyone, 5, True, self.soak, self.give_up, images,
                dict.fromkeys(everyone, 1), True, dict.fromkeys(everyone, 0), dict.fromkeys(everyone, WEIGHTS),
                dict.fromkeys(everyone, 95.0),
            )
        )  # fmt: skip
        for phase in range(2, 6):
            self._raise(phase)
            answer = self._watch(phase)
            if answer == "sick":
                return self._take_back()
            if answer == "not known":
                return self._tell(Ended("gave up", f"not known; stays at phase {phase}", 6, self._passed))
        self._passed += 41.3
        self._tell(Promoted(everyone, 41.3))
        return self._tell(Ended("promoted", "all canaries' images are stable's now", 0, self._passed))

    def _raise(self, phase):
        took = 20 + 15 * self._dice.random()
        self._passed += took
        why = "header alone tells nothing of load" if phase == 2 else f"well after {self.soak / 60:.0f} min"
        self._tell(
            Raised(
                dict.fromkeys(self.services, phase),
                dict.fromkeys(self.services, WEIGHTS[phase - 1]),
                took,
                why,
            )
        )

    def _watch(self, phase):
        begun = {
            one: {name: Comparison.begin(limit) for name, limit in LIMITS.items()} for one in self.services
        }
        began, answers = self._passed, dict.fromkeys(self.services, "not known")
        while True:
            self._passed += LOOK_SECONDS
            away = self.away[0] <= self._passed < self.away[1]
            if away != self._away:
                self._tell(Waits("Prometheus does not answer: connection refused" if away else ""))
                self._away = away
            for one in self.services:
                measures = begun[one]
                ill = one == self.sick and phase == 4 and self._passed - began > 30
                for name in measures:
                    batch = self._batch(phase, name, ill)
                    measures[name] = measures[name].after(
                        Unknown("Prometheus does not answer: connection refused") if away else batch
                    )
                signs = {
                    "fallen back": Sign("well", "it answers its share"),
                    "pods": Sign("well", "2 of 2 pods ready, no restarts"),
                }
                said = verdict(one, measures, signs)
                seen = measures["failed"].seen
                self._tell(
                    Looked(
                        one, phase, WEIGHTS[phase - 1], self._passed - began,
                        {"stable": seen.stable.requests, "canary": seen.canary.requests},
                        {"stable": seen.stable.bad, "canary": seen.canary.bad},
                        {} if away else {"stable": self._dice.gauss(25, 1), "canary": self._dice.gauss(24, 2)},
                        said,
                    )
                )  # fmt: skip
                answer = said.answer
                over = self._passed - began >= self.soak
                if answer == "sick" or (answer == "well" and over and answers[one] != "well"):
                    self._tell(
                        Judged(one, phase, WEIGHTS[phase - 1], answer, said.words, self._passed - began)
                    )
                    answers[one] = answer
                if answer == "sick":
                    self._why = said.words
                    return answer
            if all(answer == "well" for answer in answers.values()):
                return "well"
            if self._passed - began >= self.give_up:
                return "not known"

    def _batch(self, phase, name, ill):
        share = WEIGHTS[phase - 1] / 100
        canary = max(round(self.rate * LOOK_SECONDS * share * self._dice.gauss(1, 0.05)), 0)
        stable = max(
            round(self.rate * LOOK_SECONDS * min(1 - share + 0.05, 1) * self._dice.gauss(1, 0.05)), 0
        )
        usual = 0.001 if name == "failed" else 0.05
        worse = 0.02 if ill and name == "failed" else 0
        return Batch(
            Counts(canary, self._bad(canary, usual + worse)), Counts(stable, self._bad(stable, usual))
        )

    def _bad(self, requests, chance):
        return min(max(round(self._dice.gauss(requests * chance, (requests * chance) ** 0.5)), 0), requests)

    def _take_back(self):
        self._passed += 0.31
        self._tell(Struck(list(self.services), {self.sick: self._why}, 0.31))
        self._passed += 24
        self._tell(TakenBack(list(self.services), 24.0))
        self._tell(Ended("sick", f"{self.sick} is sick; all are back at phase 0", 5, self._passed))


def play(entries, speed):
    """Shows a climb on this terminal as it came, so many times as fast."""
    start = time.monotonic()

    def now():
        return entries[0].at + timedelta(seconds=(time.monotonic() - start) * speed)

    view = LiveView(now) if can_draw(sys.stdout) else PlainLines()
    with Journal([view], screen=view if isinstance(view, LiveView) else None, now=now) as journal:
        for entry in entries:
            due = start + (entry.at - entries[0].at).total_seconds() / speed
            if entry.event.event == "raised":
                with journal.aside():
                    print("Updating (prod):")
                    time.sleep(max(due - time.monotonic(), 0))
                    print(" ~  kubernetes:apps/v1:Deployment  canary  updated")
            time.sleep(max(due - time.monotonic(), 0))
            journal.tell(entry.event)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["play", "report"])
    parser.add_argument("file", nargs="?")
    parser.add_argument("--services", type=int, default=1)
    parser.add_argument("--sick", default="")
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--speed", type=float, default=30)
    options = parser.parse_args()
    climb = Climb(NAMES[: options.services], options.sick, options.rate)
    if options.what == "report":
        Path(options.file).write_text(page(climb.entries))
        return
    play(climb.entries, options.speed)


if __name__ == "__main__":
    main()
