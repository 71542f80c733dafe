"""Moves of a rollout: what `advance`, `promote` and `set-image` write into a stack's config.

A move says only what a person would write. Whether it may be done is for the models and the
guards, which judge the config that it gives; here stands what they cannot know: what was asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rollout.plan.replicas import canary_replicas
from rollout.report.traffic import without_weight
from rollout.spec.image_settings import ImageSettings, settings_of, with_settings
from rollout.traffic.ladder import FULL_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollout.plan.prior import Prior
    from rollout.spec.services import Wanted

Entry = tuple[tuple[str, ...], int | str | None]
"""A path of keys below `eco2:`, and its value; None takes the key away."""


class NoMoveError(Exception):
    """There is no such move from here; the message says why and what to do instead."""


@dataclass(frozen=True)
class Move:
    """One service's move.

    Attributes:
        service: The service.
        words: What it does, in one line.
        entries: What to write, in this order; empty where the config says it already.
        notes: What a person should know before.
    """

    service: str
    words: str
    entries: tuple[Entry, ...]
    notes: tuple[str, ...] = ()


def advanced(wanted: Wanted, to: int | None, options: str) -> Move:
    """One phase up, or to any phase that is named; a weight that overrides the old phase's goes.

    Args:
        wanted: The service as the config has it now.
        to: The phase; None for the next one.
        options: What commands in messages need to mean this stack: `--stack dev`.

    Raises:
        NoMoveError: If the ladder has no such phase.
    """
    name, rollout, last = wanted.name, wanted.rollout, wanted.rollout.steps.last_phase
    target = rollout.phase + 1 if to is None else to
    if not last:
        raise NoMoveError("its ladder has no canary, so it has no phases; stable's image rolls over")
    if target > last and rollout.phase == last and to is None:
        way = f"next: `eco2 promote {name} {options}`"
        raise NoMoveError(f"is at its last phase, {_place(wanted, last)}; {way}")
    if not 0 <= target <= last:
        raise NoMoveError(f"there is no phase {target}; its ladder has the phases 0 to {last}")
    if target == rollout.phase:
        return Move(name, f"{name}: {_place(wanted, target)} already", ())
    notes = []
    if rollout.phase == 0 and wanted.canary == wanted.stable:
        way = f"eco2 set-image {name} IMAGE {options}"
        same = f"{name}: the canary's image is stable's own, {wanted.stable.short}; to try another: `{way}`"
        notes.append(same)
    if target > rollout.phase and rollout.steps.weight(target) and (tag := _pushed_again(wanted)):
        back = "" if rollout.phase == 1 else "--phase 1 "
        way = f"eco2 set-image {name} {tag}@sha256:... {back}{options}"
        told = f"{name}: pods that start later run whatever is pushed to {tag} by then, tried or not"
        notes.append(f"{told}; to pin its digest at phase 1 first: `{way}`")
    words = f"{name}: from {_place(wanted, rollout.phase)} to {_place(wanted, target, own=True)}"
    return Move(name, words, tuple(_to_phase(wanted, target)), tuple(notes))


def promoted(wanted: Wanted, prior: Prior | None, options: str) -> Move:
    """Stable takes the canary's image, and the rollout ends, both in one update.

    The canary's entry keeps its image: at phase 0 it runs nowhere, and it tells what was tried last.

    Args:
        wanted: The service as the config has it now.
        prior: What the last successful update left; None where that is not known.
        options: What commands in messages need to mean this stack: `--stack dev`.

    Raises:
        NoMoveError: If the canary does not have all the traffic by config.
    """
    name, rollout = wanted.name, wanted.rollout
    if rollout.phase == 0 and prior and prior.carries_everything and wanted.stable == prior.canary_image:
        return Move(name, f"{name}: its promotion is written already, and not yet done", ())
    if rollout.effective_weight != FULL_WEIGHT:
        last = rollout.steps.last_phase
        reason = f"is at {_place(wanted, rollout.phase)}; only a canary with {FULL_WEIGHT} % is promoted"
        way = f"next: `eco2 advance {name} {options}`, up to phase {last}"
        raise NoMoveError(f"{reason}; {way}" if last else "its ladder has no canary to promote")
    image = settings_of(wanted.canary)
    notes: tuple[str, ...] = ()
    if tag := _pushed_again(wanted):
        told = f"{name}: canaries are pushed to the tag {tag} again and again, and stable will run it now"
        notes = (f"{told}; a digest would pin what was tested",)
    entries = _image(("services", name, "image"), image)
    words = f"{name}: stable takes {wanted.canary.short}; {_place(wanted, rollout.phase)} ends"
    return Move(name, words, (*entries, *_to_phase(wanted, 0)), notes)


def with_canary_image(wanted: Wanted, image: ImageSettings, to: int | None, options: str) -> Move:
    """Another image for the canary, and with `to` its phase in the same update.

    Args:
        wanted: The service as the config has it now.
        image: All that the canary's entry says of its image from now on.
        to: The phase, 0 or 1; None leaves it.
        options: What commands in messages need to mean this stack: `--stack dev`.

    Raises:
        NoMoveError: If the canary would keep a weight (rule 14), or the ladder has no canary.
    """
    name, phase = wanted.name, wanted.rollout.phase if to is None else to
    reference = with_settings(wanted.canary, image)
    if not wanted.rollout.steps.last_phase:
        raise NoMoveError(f"its ladder has no canary; set stable's image: eco2:services.{name}.image")
    new = reference != wanted.canary
    if new and phase == wanted.rollout.phase and wanted.rollout.effective_weight:
        back = f"eco2 advance {name} --to 1 {options}"
        reason = f"the canary has {wanted.rollout.effective_weight} % of the traffic, whose users would meet "
        reason += "an image that no developer has tried; first take the weight away"
        raise NoMoveError(f"{reason}: `{back}`; or both at once: add `--phase 1`")
    moves = phase != wanted.rollout.phase
    if not new and not moves:
        told = f"{name}: {reference.short} is the canary's image already"
        note = (
            f"{name}: to make an image visible that was pushed to the same tag, give its digest or --revision"
        )
        return Move(name, told, (), (note,))
    words = f"{name}: canary {reference.short}"
    if new and wanted.rollout.phase:
        words += f" instead of {wanted.canary.short}"
    if moves:
        words += f"; from {_place(wanted, wanted.rollout.phase)} to {_place(wanted, phase, own=True)}"
    entries = (*_to_phase(wanted, phase), *(_image(("rollouts", name, "canary"), image) if new else ()))
    return Move(name, words, entries)


def started(wanted: Wanted, prior: Prior | None, image: ImageSettings, options: str) -> Move:
    """A canary image at phase 1 as an image build sets it: it takes no rollout back that has reached users.

    Args:
        wanted: The service as the config has it now.
        prior: What the last update left; None for a service that it did not know.
        image: All that the canary's entry says of its image from now on.
        options: What commands in messages need to mean this stack: `--stack dev`.

    Raises:
        NoMoveError: If the canary has traffic, by config or since the last update, or the ladder has no canary.
    """
    now, left = wanted.rollout.effective_weight, prior.weights[1] if prior else 0
    if now:
        reason = (
            f"the canary has {now} % of the traffic, and an image build takes no rollout back; wait for its "
        )
        reason += f"promotion, or take it back first: `eco2 advance {wanted.name} --to 1 {options}`"
        raise NoMoveError(reason)
    if left:
        reason = f"the last update left the canary {left} % of the traffic, which the config takes away"
        raise NoMoveError(f"{reason}; wait for the update that does so")
    return with_canary_image(wanted, image, 1, options)


def with_stable_of(wanted: Wanted, prior: Prior) -> Move | None:
    """Stable's image as the last update left it, where the config asks for another one by now.

    A service that is taken back must not take over the image of its canary after all, which a promotion that
    was written and not finished asks for.

    Args:
        wanted: The service as the config has it now.
        prior: What the last successful update left.

    Returns:
        The move; None where the config asks for that image.

    Raises:
        NoMoveError: If the image is one that a stack's file cannot name.
    """
    if wanted.stable == prior.stable_image:
        return None
    name, kept = wanted.name, prior.stable_image
    if not kept.tag or kept.repository != wanted.stable.repository:
        reason = f"its stable ran {kept}, which eco2:services.{name}.image cannot name"
        raise NoMoveError(f"{reason}: the registry in services.yaml is another one now; change it back there")
    image = settings_of(kept)
    if image.tag == f"{name}-{wanted.environment}-latest":
        image = image.model_copy(update={"tag": None})
    entry = ("services", name, "image")
    entries = ((entry, None),) if image == ImageSettings() else _image(entry, image)
    words = f"{name}: stable stays at {kept.short}; the config asked for {wanted.stable.short}"
    return Move(name, words, entries)


def _pushed_again(wanted: Wanted) -> str:
    """The canary's tag, if no digest pins it and it is the one that every canary is pushed to; else nothing."""
    image, usual = wanted.canary, f"{wanted.name}-{wanted.environment}-canary"
    return usual if image.tag == usual and image.digest is None else ""


def _to_phase(wanted: Wanted, phase: int) -> Iterable[Entry]:
    """A phase; a weight that overrides another's goes with that."""
    entry = ("rollouts", wanted.name)
    yield (*entry, "phase"), phase
    if wanted.rollout.weight is not None and phase != wanted.rollout.phase:
        yield (*entry, "weight"), None


def _image(entry: tuple[str, ...], image: ImageSettings) -> tuple[Entry, ...]:
    parts = (("tag", image.tag), ("digest", image.digest), ("revision", image.revision))
    return tuple(((*entry, key), value) for key, value in parts)


def _place(wanted: Wanted, phase: int, *, own: bool = False) -> str:
    """`phase 3 (20 %)`; `own`: with the phase's own weight, whatever overrides it now."""
    weight = wanted.rollout.steps.weight(phase) if own else wanted.rollout.effective_weight
    if phase and not weight:
        return f"phase {phase} ({without_weight(wanted.service, canary_replicas(wanted, 0))})"
    return f"phase {phase} ({f'{weight} %' if phase else 'off'})"
