"""What every type of resource tells of itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from lab.plugins.aws.session import Session

State = dict[str, Any]


class Kind(ABC):
    """One type of resource.

    Attributes:
        properties: The inputs that it knows, in the official plugin's spelling.
        required: Those that must be given.
        named_by: The input that holds its name and is made up when left out.
        replaced_by: Inputs whose change needs a new resource.
        computed: Outputs that are unknown before it exists.
    """

    properties: ClassVar[frozenset[str]]
    required: ClassVar[frozenset[str]] = frozenset()
    named_by: ClassVar[str | None] = None
    replaced_by: ClassVar[frozenset[str]] = frozenset()
    computed: ClassVar[frozenset[str]] = frozenset({"arn", "tagsAll"})

    def __init__(self, session: Session) -> None:
        self.session = session

    @abstractmethod
    def create(self, inputs: State) -> str:
        """Creates it and returns its id."""

    @abstractmethod
    def read(self, identity: str, inputs: State) -> State | None:
        """Its outputs; None if it does not exist. Inputs that were given keep their form."""

    @abstractmethod
    def update(self, identity: str, old: State, new: State) -> None:
        """Changes it in place."""

    @abstractmethod
    def delete(self, identity: str, inputs: State) -> None:
        """Deletes it and waits until it is gone; one that is gone is fine."""


def tag_pairs(inputs: State) -> list[dict[str, str]]:
    """The tags in the spelling of IAM and EC2."""
    return [{"Key": key, "Value": value} for key, value in inputs.get("tags", {}).items()]
