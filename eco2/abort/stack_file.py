"""What an abort writes into the stack's file: phase 0, and the stable image that was there before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eco2.stack.config import phases_in
from eco2.stack.file import alone, read_text, set_phase_off, write_text
from rollout.problems import NAMESPACE, ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from eco2.abort.request import AbortRequest
    from rollout.plan.prior import Prior


def write_phase_off(request: AbortRequest, names: Iterable[str], say: Callable[[str], None]) -> None:
    """Sets phase 0 in the stack's file, and reads it again as the program would.

    Raises:
        ConfigError: If it cannot be changed for some, or still asks for a canary of them; the others are written.
        OSError: If it cannot be written.
    """
    names, name = tuple(names), request.file.name
    problems: list[Problem] = []
    for service in names:
        try:
            if set_phase_off(request.file, service):
                say(f"{name}: eco2:rollouts.{service}.phase is 0")
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(dict.fromkeys(problems), unchanged="nothing of these entries")
    phases = phases_in(request.project, request.stack)
    if wrong := [service for service in names if phases.get(service, 0) != 0]:
        reason = (
            "phase 0 was written, and the file still asks for phase {}; the keys of a rollout are read from "
            "config.eco2:rollouts.SERVICE: write them there, and nowhere else"
        )
        raise ConfigError(
            Problem(name, f"{NAMESPACE}:rollouts.{service}.phase", reason.format(phases[service]))
            for service in wrong
        )


def write_what_can_be(
    request: AbortRequest, names: Iterable[str], say: Callable[[str], None]
) -> tuple[set[str], ConfigError | None]:
    """The same, where one service's entry must not keep others from their way back.

    Returns:
        The services for which the file still asks for a canary, and why.

    Raises:
        ConfigError: If nobody can read what it asks for.
        OSError: If it cannot be written.
    """
    try:
        write_phase_off(request, names := tuple(names), say)
    except ConfigError as error:
        phases = phases_in(request.project, request.stack)
        return {name for name in names if phases.get(name, 0)}, error
    return set(), None


def restore_stable(
    request: AbortRequest, left: Mapping[str, Prior], say: Callable[[str], None]
) -> frozenset[str]:
    """Has the file ask for the stable images that the last update left.

    After a promotion that was written and not finished it asks for the canary's: phase 0 would then be that
    promotion, and bring the image that is taken back to everybody.

    Returns:
        The companions that the checkout knows; of another one, an update takes away what it targets.

    Raises:
        ConfigError: If the files cannot be used, or such an image cannot be named there.
        OSError: If the file cannot be written.
    """
    from eco2.stack.moves import services_of, with_moves  # noqa: PLC0415  # with the models, slow to import
    from rollout.edits import NoMoveError, with_stable_of  # noqa: PLC0415
    from rollout.spec.files import read_catalog  # noqa: PLC0415

    name = request.file.name
    with alone(request.file):
        text = read_text(request.file)
        catalog = read_catalog(request.project / "services.yaml")
        wanted = services_of(request.project, request.stack, text, catalog)
        moves, wrong = [], []
        for service, prior in left.items():
            try:
                if move := with_stable_of(wanted[service], prior):
                    moves.append(move)
            except NoMoveError as error:
                wrong.append(Problem(name, f"{NAMESPACE}:services.{service}.image", str(error)))
        if wrong:
            raise ConfigError(wrong)
        if moves:
            write_text(request.file, with_moves(text, moves, name))
    for move in moves:
        say(f"{name}: {move.words}")
    return frozenset(name for one in catalog.services.values() for name in one.companions)
