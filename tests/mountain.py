"""A stack to climb on that is made up: a file, a state, routes and a clock, and a process that may die at any call."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from eco2.climb.endings import Endings
from eco2.climb.loop import Climb
from eco2.climb.site import BesideError, FailedError, NotBackError, NotNowError, RefusedError, RoutesSeen
from eco2.climb.telling import Ways
from rollout.climb.sick_before import sick_before
from rollout.climb.standing import Asked, Left, Standing
from rollout.climb.steps import Goal, Promote
from rollout.judge.judging import Earlier, Reading
from rollout.judge.observations import Batch, Counts, Unknown
from rollout.judge.signs import PodLook
from rollout.spec.files import read_catalog
from rollout.spec.image import Image
from tests.conftest import ROOT

SERVICES = read_catalog(ROOT / "services.yaml").services
LADDER = (0, 5, 20, 50, 100)
QUICK = Goal(promote=True, soak_seconds=20, give_up_seconds=600)
AT = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
OLD, NEW = Image("repo", "old"), Image("repo", "new")
GOOD = Batch(Counts(2000, 2), Counts(8000, 8))
BAD = Batch(Counts(200, 100), Counts(800, 1))
AWAY = Unknown("Prometheus at http://127.0.0.1:9090 does not answer")


class KilledError(BaseException):
    """kill -9: nothing runs after it."""


@dataclass
class Mountain:
    """What outlives a process.

    Attributes:
        file: What the stack's file asks for.
        state: What the last update left.
        routes: The weight that the routes send to each canary; None: they lead to stable alone.
        ladders: By service.
        seconds: The clock.
        visits: Every state that an update left, as phases by service.
        messages: Of all updates.
        counts: What is counted of each canary at a look.
        locked: Why updates cannot run.
        unfit: Why canaries are not ready for more.
        beside: What the update of a step would also do.
        refused: What a guard says.
        broken: How updates fail.
        blind: Why Prometheus tells nothing.
        unread: Why the history of the updates cannot be read.
        away: Why neither the state nor the routes can be read.
        interrupts_at: The update during which Ctrl-C comes, and which ends well all the same.
        earlier_from: When it begins to be known what stable did before.
        frozen: Why routes cannot be moved, and until when, by service.
        unmoved: Why requests may meet a canary still after the stroke, by service.
        hands: Whose hands are on routes, by service.
        sees: Called at each look with the number of it.
        look_seconds: From one look to the next.
        calls: How many calls were made.
        dies_at: The call at which the process dies, before (even) or after (odd) it has done something.
    """

    file: dict[str, Asked] = field(default_factory=dict)
    state: dict[str, Left] = field(default_factory=dict)
    routes: dict[str, int | None] = field(default_factory=dict)
    ladders: dict[str, tuple[int, ...]] = field(default_factory=dict)
    stable: dict[str, Image] = field(default_factory=dict)
    seconds: float = 0.0
    visits: list[dict[str, int]] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    counts: dict[str, Batch | Unknown] = field(default_factory=dict)
    locked: str = ""
    unfit: str = ""
    beside: str = ""
    refused: str = ""
    broken: str = ""
    blind: str = ""
    unread: str = ""
    away: str = ""
    interrupts_at: int = -1
    earlier_from: float = 0
    frozen: dict[str, tuple[str, float]] = field(default_factory=dict)
    unmoved: dict[str, str] = field(default_factory=dict)
    hands: dict[str, str] = field(default_factory=dict)
    sees: object = None
    look_seconds: float = 5.0
    looks: int = 0
    calls: int = 0
    dies_at: int | None = None
    died: bool = False
    events: list = field(default_factory=list)

    @classmethod
    def of(cls, **phases):
        """Services at phases, with the usual ladder."""
        made = cls()
        for key, phase in phases.items():
            made.add(key.replace("_", "-"), phase)
        return made

    def add(self, name, phase, ladder=LADDER):
        weight = ladder[phase - 1] if phase else 0
        self.file[name] = Asked(phase, weight, OLD, NEW)
        self.state[name], self.routes[name] = Left(phase, weight), weight if phase else None
        self.ladders[name], self.counts[name], self.stable[name] = ladder, GOOD, OLD

    def says(self, name, phase):
        """Somebody writes a phase to the file."""
        weight = self.ladders[name][phase - 1] if phase else 0
        self.file[name] = replace(self.file[name], phase=phase, weight=weight)

    def update(self):
        """An update does what the file says."""
        for name, asked in self.file.items():
            self.state[name] = Left(asked.phase, asked.weight)
            self.routes[name] = asked.weight if asked.phase else None
            self.stable[name] = asked.stable
        self.hands.clear()
        self.visits.append(self.phases)

    @property
    def phases(self):
        return {name: left.phase for name, left in self.state.items()}

    def climb(self, goal=None, agreed=lambda *_: True):
        """Runs a climb until it ends, or dies."""
        names = tuple(self.file)
        endings = Endings("dev", names, "--stack dev", f"eco2 climb {' '.join(names)} --stack dev")
        goal = goal or QUICK
        endings = replace(endings, moves=goal.moves)
        return Climb(Site(self), goal, endings, Ways(self.events.append, agreed, self.look_seconds)).run()

    def told(self, name):
        """The events of a name."""
        return [event for event in self.events if event.event == name]


class Now:
    """A read that has ended."""

    done = True

    def __init__(self, found):
        self._found = found

    def result(self):
        if isinstance(self._found, Exception):
            raise self._found
        return self._found


class Site:
    """What a climb touches of it."""

    def __init__(self, mountain):
        self.on = mountain

    def _may_die(self):
        self.on.calls += 1
        if self.on.dies_at is not None and self.on.calls == self.on.dies_at and not self.on.died:
            self.on.died = True
            raise KilledError

    def now(self):
        return self.on.seconds

    def sleep(self, seconds):
        self._may_die()
        self.on.seconds += seconds

    def stands(self):
        self._may_die()
        if self.on.away:
            raise NotNowError(self.on.away)
        return {
            name: Standing(asked, self.on.state[name], self.on.ladders[name], self._promoting(name))
            for name, asked in self.on.file.items()
        }

    def _promoting(self, name):
        asked, left = self.on.file[name], self.on.state[name]
        return asked.phase == 0 and left.weight == 100 and asked.stable == NEW

    def service(self, name):
        return SERVICES[name]

    def asked(self):
        return dict(self.on.file)

    def state(self):
        self._may_die()
        return Now(NotNowError(self.on.away) if self.on.away else dict(self.on.state))

    def routes(self):
        if self.on.away:
            raise NotNowError(self.on.away)
        off = {
            name: "its routes lead to stable alone"
            for name, left in self.on.state.items()
            if left.phase and self.on.routes[name] is None
        }
        return RoutesSeen(dict(self.on.hands), off)

    def away(self):
        return self.on.blind

    def sick_before(self, names):
        if self.on.unread:
            raise NotNowError(self.on.unread)
        stands = {name: one for name, one in self.stands().items() if name in names}
        return sick_before([(AT, message) for message in reversed(self.on.messages)], stands)

    def begin_phase(self):
        pass

    def earlier(self, name):
        if self.on.seconds < self.on.earlier_from:
            return Earlier(AWAY, AWAY)
        return Earlier(Counts(100_000, 100), Counts(100_000, 100))

    def look(self, weights):
        self._may_die()
        self.on.looks += 1
        if self.on.sees:
            self.on.sees(self.on.looks)
        return {
            name: Reading(self.on.seconds, self.on.counts[name], self.on.counts[name], PodLook(1, 1, {}))
            for name in weights
        }

    def prepare(self, step, compare):
        self._may_die()
        self.found = self.stands()
        compare(self.found)
        if self.on.refused:
            raise RefusedError(self.on.refused)
        if self.on.beside:
            raise BesideError(self.on.beside)
        if self.on.unfit:
            raise NotNowError(self.on.unfit)
        return step

    def write(self, step):
        self._may_die()
        self.before = dict(self.on.file)
        if self.before != {name: one.asked for name, one in self.found.items()}:
            raise NotNowError("the file was changed by somebody else in the meantime")
        if isinstance(step, Promote):
            for name in step.services:
                self.on.file[name] = Asked(0, 0, NEW, NEW)
        else:
            for name, phase in step.phases.items():
                self.on.says(name, phase)
        self._may_die()

    def update(self, step, message, ends):
        self._may_die()
        if ends.came:
            self.on.file = self.before
            raise KeyboardInterrupt
        if self.on.locked:
            self.on.file = self.before
            raise NotNowError(self.on.locked)
        if self.on.broken:
            raise FailedError(self.on.broken)
        self.on.messages.append(message)
        self.on.update()
        self._may_die()
        return self.on.interrupts_at == len(self.on.visits)

    def strike(self):
        self._may_die()
        self.failed = {name: why for name, (why, until) in self.on.frozen.items() if self.on.seconds < until}
        for name in self.on.routes:
            if name not in self.failed:
                self.on.routes[name] = None
        self._may_die()
        return dict(self.failed)

    def unmoved(self):
        return dict(self.on.unmoved)

    def finish_back(self, message):
        self._may_die()
        if self.failed:
            raise NotBackError("; ".join(self.failed.values()), 1)
        for name in self.on.file:
            self.on.file[name] = Asked(0, 0, OLD, NEW)
        self._may_die()
        self.on.messages.append(message)
        self.on.update()
        self._may_die()

    def who(self):
        return "by ann: by hand"
