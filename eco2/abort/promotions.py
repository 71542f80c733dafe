"""Promotions that another update had begun, and that ended well while an abort waited for it.

Of such a service nothing is left to take back: its canary is gone, and stable runs the image that was to go.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from eco2.abort.state import resources_of
from eco2.stack.cli import PulumiError, outputs_of
from rollout.plan.prior import read_prior

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from eco2.abort.request import AbortRequest
    from rollout.plan.prior import Prior
    from rollout.spec.image import Image


class PromotedError(PulumiError):
    """A service was promoted before it could be taken back."""


def promotable(request: AbortRequest, names: Iterable[str], say: Callable[[str], None]) -> dict[str, Prior]:
    """What a state says of the services whose canary has all the traffic; empty where it cannot be read."""
    try:
        last = read_prior(outputs_of(resources_of(request, say)))
    except PulumiError:
        return {}
    return {name: last[name] for name in names if name in last and last[name].carries_everything}


def refuse_promoted(before: Mapping[str, Prior], request: AbortRequest, say: Callable[[str], None]) -> None:
    """Looks whether stable of some services runs the canary's image since.

    Args:
        before: What the state said when the abort began.
        request: The stack.
        say: Takes a line for the user.

    Raises:
        PromotedError: If one was promoted.
        PulumiError: If the state cannot be read.
    """
    if not before:
        return
    last = read_prior(outputs_of(resources_of(request, say)))
    told = [
        f"{name}: its promotion was under way and ended before it could be taken back: stable runs "
        f"{now.stable_image.short} for everybody; to give it {was.stable_image.short} again, write "
        f"eco2:services.{name}.image: {_entry(was.stable_image)} and run: pulumi up --stack {request.stack}"
        for name, was in before.items()
        if (now := last.get(name)) and now.stable_image == was.canary_image != was.stable_image
    ]
    if told:
        raise PromotedError("\n".join(told))


def _entry(image: Image) -> str:
    """What the stack's file says to get this image, in YAML."""
    from rollout.spec.image_settings import settings_of  # noqa: PLC0415  # with the models, slow to import

    keys = settings_of(image).model_dump(exclude_none=True)
    return "{" + ", ".join(f"{key}: {json.dumps(value)}" for key, value in keys.items()) + "}"
