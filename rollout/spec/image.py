"""An image that pods run: one value, with one way to read it and one short form.

A tag alone does not change when a new image is pushed to it, so Kubernetes sees nothing
to do. A digest pins the image; a revision, any short text, is written to the pod template
and makes pods start anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

REVISION_ANNOTATION: Final = "eco2.growbin.app/revision"
"""The annotation of a pod template that holds the revision."""

SHOWN_DIGITS: Final = 12
"""The digits of a digest that people know it by."""


@dataclass(frozen=True)
class Image:
    """An image to run.

    Attributes:
        repository: `docker.io/owner/name`.
        tag: None where a hand left it out.
        digest: `sha256:...`; None where the tag alone names the image.
        revision: Text in the pod template; None leaves it out.
    """

    repository: str
    tag: str | None = None
    digest: str | None = None
    revision: str | None = None

    @classmethod
    def parse(cls, reference: str, revision: str | None = None) -> Image:
        """Reads a reference as containers have it: `REPOSITORY[:TAG][@DIGEST]`."""
        named, at, digest = reference.partition("@")
        repository, colon, tag = named.rpartition(":")
        if not colon or "/" in tag:  # the colon of a registry's port
            repository, colon, tag = named, "", ""
        return cls(repository, tag if colon else None, digest if at else None, revision)

    @classmethod
    def read(cls, text: str) -> Image:
        """Reads an image as a stack's outputs have it, with the revision behind it: what `str` writes."""
        reference, _, revision = text.partition(" ")
        return cls.parse(reference, revision.removeprefix("(").removesuffix(")") or None)

    @property
    def reference(self) -> str:
        """What a container names: `repository:tag` or `repository:tag@sha256:...`."""
        tag = "" if self.tag is None else f":{self.tag}"
        return f"{self.repository}{tag}" + ("" if self.digest is None else f"@{self.digest}")

    @property
    def short(self) -> str:
        """Enough to know it by: no repository, twelve digits of the digest, `auth-api-1@0123456789ab (7)`."""
        text = self.tag or self.repository.rpartition("/")[2]
        if self.digest:
            text += f"@{self.digest.rpartition(':')[2][:SHOWN_DIGITS]}"
        return f"{text} ({self.revision})" if self.revision else text

    @property
    def is_pushed_again(self) -> bool:
        """Whether its tag is pushed again by convention, and no digest says which image is meant."""
        tag = self.tag or "latest"
        return self.digest is None and (tag == "latest" or tag.endswith("-latest"))

    def __str__(self) -> str:
        """The reference, with the revision where there is one."""
        return f"{self.reference} ({self.revision})" if self.revision else self.reference
