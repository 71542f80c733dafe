"""Rule 18: what has traffic is deleted only where somebody says why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rollout.guards.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rollout.plan.deleted import Gone

DELETIONS: Final = 18
"""The number of the rule."""


def deletions(found: Iterable[Gone]) -> list[Refusal]:
    """Rule 18: what has traffic is deleted only where somebody says why."""
    return [_refusal(one) for one in found]


def _refusal(one: Gone) -> Refusal:
    before, nobody = (
        (", ".join(one.reached), "nothing") if one.reached else ("a reader of its queues", "none")
    )
    objects = ", ".join(one.objects)
    if one.moves_to:
        after = f"namespace {one.moves_to}"
        why = (
            f"all of it is replaced: {objects}; who calls it by its old name meets nothing any more, and its "
            "ConfigMaps and Secrets must be in the new namespace; keep the namespace, or bring up a service of "
            "another name there and move its callers first"
        )
    elif one.kind_changes:
        after = nobody
        why = f"services.yaml has it as another kind now, so what leads to it is deleted: {objects}"
    else:
        after = nobody
        why = (
            f"services.yaml has no {one.name} any more, so all of it is deleted: {objects}; put it back, and if it "
            "only got another name, bring up the new one beside it and move its callers first"
        )
    return Refusal(one.name, DELETIONS, before, after, why, "")
