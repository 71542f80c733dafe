"""How the program in an image behaves: well, unless told otherwise."""

from __future__ import annotations

import difflib
import random
import time
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Mapping

ALIKE = 0.82
"""How alike a word and a name are where one is taken for a slip of the other; 1 is the same."""


class Behaviour(BaseModel):
    """What the pods of an image do.

    Attributes:
        start_seconds: From the start of the container to the moment it listens.
        ready: Whether its readiness probe ever succeeds.
        slow_seconds: Extra time for each answer.
        status: The HTTP status of failing answers; 200 for none.
        share: Which part of the requests is slow, fails or hangs, 0 to 1.
        hang: Whether it takes a request and never answers.
        crash: Whether the process ends soon after it is ready, and starts again, each time.
        lost: Whether nothing comes back from the pod, neither answers nor connections, and no word to the API
            server, as where its node is lost and Kubernetes has not noticed yet.
        cpu: What each pod uses, as a Kubernetes quantity.
        memory: The same of memory.
        only_new: Whether pods that ran before it was told go on as they did.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    start_seconds: Annotated[float, Field(ge=0, le=600)] = 0.3
    ready: bool = True
    slow_seconds: Annotated[float, Field(ge=0, le=600)] = 0.0
    status: Annotated[int, Field(ge=200, le=599)] = 200
    share: Annotated[float, Field(ge=0, le=1)] = 1.0
    hang: bool = False
    crash: bool = False
    lost: bool = False
    cpu: Annotated[str, Field(pattern=r"^\d+m?$")] = "5m"
    memory: Annotated[str, Field(pattern=r"^\d+([KMG]i)?$")] = "32Mi"
    only_new: bool = False


GOOD = Behaviour()


class Behaviours:
    """The behaviours by image; an image that is not named behaves well."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[float, Behaviour]] = {}

    def of(self, image: str, born: float) -> Behaviour:
        """The behaviour of an image: of the longest part of its name that was told.

        Args:
            image: The image's name.
            born: When the pod started, on the monotonic clock.
        """
        named = [
            part
            for part, (told, behaviour) in self._told.items()
            if part in image and not (behaviour.only_new and born < told)
        ]
        return self._told[max(named, key=len)][1] if named else GOOD

    def tell(self, part: str, behaviour: Behaviour) -> None:
        """Sets the behaviour of all images whose name contains a text."""
        self._told[part] = (time.monotonic(), behaviour)

    def forget(self) -> None:
        """Lets everything behave well again."""
        self._told.clear()

    def told(self) -> dict[str, Behaviour]:
        """What differs from good behaviour, by part of an image's name."""
        return {part: behaviour for part, (_, behaviour) in self._told.items()}


class StrangerError(Exception):
    """A part of a name that looks like a slip of the pen; the message has the name that may be meant."""


def nobody_yet(part: str, images: Mapping[str, str]) -> str:
    """What to know of a part of a name that no running image has; empty if one has it, or if nothing runs.

    Args:
        part: The part.
        images: The images that pods run, with the name of the service.

    Raises:
        StrangerError: If it is nearly the name of one. An image that is to come may have any other name.
    """
    if not images or any(part in image for image in images):
        return ""
    told = f"no pod runs an image with {part!r} in its name"
    if not any(service in part for service in images.values()):
        names = {*images.values(), *(image.rpartition("/")[2].rpartition(":")[2] for image in images)} - {""}
        if near := difflib.get_close_matches(part, sorted(names), n=1, cutoff=ALIKE):
            raise StrangerError(f"{told}; did you mean {near[0]}?")
    return f"{told} now; it holds for pods that are still to come"


def strikes(behaviour: Behaviour) -> bool:
    """Whether a request meets the behaviour, by its share."""
    # No secret depends on this chance.
    return behaviour.share >= 1 or random.random() < behaviour.share  # noqa: S311
