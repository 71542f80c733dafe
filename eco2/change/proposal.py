"""A change of a stack's file that is judged before it is written.

The models and the guards see the config that the changed file would give, beside what the
stack's last update left, so that what they refuse never reaches the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eco2.stack.cli import PulumiError
from eco2.stack.comparison import with_differences
from eco2.stack.file import alone, read_text, write_text
from eco2.stack.moves import services_of, with_moves
from eco2.stack.planning import last_update, read_report
from rollout.edits import NoMoveError
from rollout.guards.review import problems
from rollout.plan.update import prior_of
from rollout.problems import COMMAND_LINE, NAMESPACE, ConfigError, Problem, suggestion
from rollout.spec.files import read_catalog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from eco2.stack.state import StackState
    from rollout.edits import Move
    from rollout.plan.prior import Prior
    from rollout.report.report import Report
    from rollout.spec.catalog import Catalog
    from rollout.spec.services import Wanted


class FileChangedError(Exception):
    """Somebody else changed the file in the meantime."""


@dataclass(frozen=True)
class Baseline:
    """Where a stack stands: its file, and what its last update left.

    Attributes:
        project: The folder with `Pulumi.yaml`.
        stack: The stack's name.
        text: The text of its file.
        catalog: The services.
        services: The same as the file wants them.
        last: What the last update left; None if that cannot be known here.
        unknown: Why not; empty if it is known.
    """

    project: Path
    stack: str
    text: str
    catalog: Catalog
    services: dict[str, Wanted]
    last: StackState | None
    unknown: str = ""

    @property
    def file(self) -> Path:
        """The stack's file."""
        return self.project / f"Pulumi.{self.stack}.yaml"


@dataclass(frozen=True)
class Proposal:
    """A change that may be written.

    Attributes:
        baseline: What it starts from.
        moves: What it does, by service.
        text: The changed text.
        plan: What the next update will do; None where it is not known what the last one left.
        notes: What a person should know before.
    """

    baseline: Baseline
    moves: tuple[Move, ...]
    text: str
    plan: Report | None
    notes: tuple[str, ...]

    @property
    def changes_file(self) -> bool:
        """Whether there is anything to write."""
        return self.text != self.baseline.text

    def write(self) -> None:
        """Writes the file.

        Raises:
            FileChangedError: If it is no longer the one that was read.
            ConfigError: If it cannot be read.
            OSError: If it cannot be written; it is then as it was.
        """
        with alone(self.baseline.file):
            if read_text(self.baseline.file) != self.baseline.text:
                raise FileChangedError(
                    f"{self.baseline.file.name} was changed by somebody else in the meantime; nothing was written, "
                    "run the same command again"
                )
            if self.changes_file:
                write_text(self.baseline.file, self.text)


def read_baseline(project: Path, stack: str, *, may_be_unknown: bool) -> Baseline:
    """Reads a stack's file and its last outputs.

    Args:
        project: The folder with `Pulumi.yaml`.
        stack: The stack's name.
        may_be_unknown: Whether to go on where the outputs cannot be read.

    Raises:
        ConfigError: If a file cannot be used as it is.
        PulumiError: If the outputs cannot be read.
    """
    text = read_text(project / f"Pulumi.{stack}.yaml")
    catalog = read_catalog(project / "services.yaml")
    services = services_of(project, stack, text, catalog)
    try:
        last = last_update(project, stack)
    except PulumiError as error:
        if not may_be_unknown:
            raise
        return Baseline(project, stack, text, catalog, services, None, str(error))
    if last.resources is None and not may_be_unknown:
        raise PulumiError(f"there is no stack {stack} in this backend; create it: pulumi stack init {stack}")
    return Baseline(project, stack, text, catalog, services, last)


def propose(
    baseline: Baseline, names: Iterable[str], move: Callable[[Wanted, Prior | None], Move]
) -> Proposal:
    """Makes the changed file in memory, and judges it.

    Args:
        baseline: What to start from.
        names: The services to move.
        move: Gives a service's move.

    Raises:
        ConfigError: With every reason why the file would be refused, or cannot be changed.
    """
    file, moves, wrong = baseline.file.name, [], []
    prior = (
        prior_of(baseline.catalog, baseline.last.outputs, baseline.last.resources) if baseline.last else {}
    )
    for name in dict.fromkeys(names):
        if name not in baseline.services:
            reason = f"no such service; {suggestion(name, baseline.services)}"
            wrong.append(Problem(COMMAND_LINE, name, reason))
            continue
        try:
            moves.append(move(baseline.services[name], prior.get(name)))
        except NoMoveError as error:
            wrong.append(Problem(file, f"{NAMESPACE}:rollouts.{name}", str(error)))
    if wrong:
        raise ConfigError(wrong)
    text = with_moves(baseline.text, moves, file)
    notes = tuple(note for one in moves for note in one.notes)
    _look_for_moves(services_of(baseline.project, baseline.stack, text, baseline.catalog), moves, file)
    if baseline.last is None:
        why = f"what the last update left is not known here ({baseline.unknown}); its guards judge in the preview"
        return Proposal(baseline, tuple(moves), text, None, (*notes, why))
    plan = read_report(baseline.project, baseline.stack, baseline.last.outputs, baseline.last.resources, text)
    if plan.refused:
        wrong = problems(file, plan.refused)
        raise ConfigError([*wrong, *_not_applied(baseline, {move.service for move in moves}, prior)])
    whole = with_differences(plan, baseline.project, baseline.stack, baseline.last, text)
    return Proposal(baseline, tuple(moves), text, whole, notes)


def _look_for_moves(services: Mapping[str, Wanted], moves: Iterable[Move], file: str) -> None:
    """Reads the changed text as the program will.

    Raises:
        ConfigError: If a service would be at another phase than its move says.
    """
    wrong = []
    for move in moves:
        phase = dict(move.entries).get(("rollouts", move.service, "phase"))
        got = services[move.service].rollout.phase
        if phase is not None and phase != got:
            reason = f"phase {phase} would be written and phase {got} read; write this entry out in full"
            wrong.append(Problem(file, f"{NAMESPACE}:rollouts.{move.service}.phase", reason))
    if wrong:
        raise ConfigError(wrong)


def _not_applied(baseline: Baseline, names: Iterable[str], prior: Mapping[str, Prior]) -> list[Problem]:
    """What the file says already and no update has done: a step that is refused may lack nothing but that."""
    return [
        Problem(
            baseline.file.name,
            f"{NAMESPACE}:rollouts.{name}",
            f"phase {phase} stands here already and was never reached; what does it: "
            f"`pulumi up --stack {baseline.stack}`",
        )
        for name in sorted(names)
        for phase in (baseline.services[name].rollout.phase,)
        if name in prior and prior[name].phase < phase
    ]
