"""Which image a Deployment runs, and how an update becomes visible.

A tag alone does not change when a new image is pushed to it, so Kubernetes sees nothing
to do. A digest pins the image; a revision, any short text, is written to the pod template
and makes pods start anew.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import StringConstraints

from rollout.spec import patterns as forms
from rollout.spec.model import Strict

Tag = Annotated[str, StringConstraints(pattern=forms.TAG)]
"""The tag grammar of the OCI distribution specification."""

Digest = Annotated[str, StringConstraints(pattern=forms.DIGEST)]
Revision = Annotated[str, StringConstraints(pattern=forms.REVISION)]


REVISION_ANNOTATION: Final = "eco2.growbin.app/revision"
"""The annotation of a pod template that holds the revision."""

WRITTEN: Final = re.compile(
    r"(?P<repository>[^@\s]+):(?P<tag>[\w.-]+)(@(?P<digest>\S+))?( \((?P<revision>.+)\))?"
)
"""An `Image` as it is written to the outputs."""


class ImageSettings(Strict):
    """What a stack file says of an image; what it leaves out comes from the service and the environment.

    Attributes:
        tag: The tag; left out: `{service}-{environment}-latest`, or `-canary` for a canary.
        digest: Pins the image to one content.
        revision: A text in the pod template: pods start anew when it changes, as after a push
            to the same tag.
    """

    tag: Tag | None = None
    digest: Digest | None = None
    revision: Revision | None = None


@dataclass(frozen=True)
class Image:
    """An image to run.

    Attributes:
        reference: `repository:tag` or `repository:tag@sha256:...`.
        revision: Text in the pod template; None leaves it out.
    """

    reference: str
    revision: str | None = None

    def with_settings(self, settings: ImageSettings) -> Image:
        """The image of the same repository that settings with a tag name."""
        repository, _, tag = self.reference.partition("@")[0].rpartition(":")
        return _image(repository, tag, settings)

    def __str__(self) -> str:
        """The reference, with the revision where there is one."""
        return f"{self.reference} ({self.revision})" if self.revision else self.reference


def stable_image(repository: str, service: str, environment: str, settings: ImageSettings) -> Image:
    """The image of stable: `{service}-{environment}-latest` unless the stack names another tag."""
    return _image(repository, f"{service}-{environment}-latest", settings)


def moves(image: Image) -> bool:
    """Whether an image's tag is pushed again by convention, and no digest says which one is meant."""
    tag = image.reference.rpartition(":")[2]
    return "@" not in image.reference and (tag == "latest" or tag.endswith("-latest"))


def canary_image(repository: str, service: str, environment: str, settings: ImageSettings) -> Image:
    """The image of canary: what its own settings say, or `{service}-{environment}-canary`.

    Rule 3: stable's settings are no argument here, so no default of stable can reach it.
    """
    return _image(repository, f"{service}-{environment}-canary", settings)


def settings_of(image: Image) -> ImageSettings:
    """What a stack file would have to say to get this very image."""
    named, _, digest = image.reference.partition("@")
    return ImageSettings(tag=named.rpartition(":")[2], digest=digest or None, revision=image.revision)


def read_image(text: str, repository: str, revision: str | None = None) -> ImageSettings:
    """Reads an image as people write it: `TAG`, `TAG@DIGEST` or `REPOSITORY:TAG[@DIGEST]`.

    Args:
        text: What was written.
        repository: The one repository that images come from.
        revision: A revision to go with it.

    Raises:
        ValueError: In words, if it has another form or names another repository.
    """
    named, at, digest = text.partition("@")
    given, colon, tag = named.rpartition(":")
    if "/" in tag:  # the colon was that of a port
        given, colon, tag = named, "", ""
    if colon and _full(given) != _full(repository):
        raise ValueError(f"{given} is another repository; images of this system come from {repository}")
    parts = [("tag", tag, forms.TAG)]
    parts += [("digest", digest, forms.DIGEST)] if at else []
    parts += [("revision", revision, forms.REVISION)] if revision is not None else []
    for what, value, form in parts:
        if not re.fullmatch(form, value):
            shape = f"the {what} must have the form of {forms.FORMS[form]}, not {value!r}"
            raise ValueError(f"{text}: {shape}; write TAG, TAG@DIGEST or {repository}:TAG[@DIGEST]")
    return ImageSettings(tag=tag, digest=digest or None, revision=revision)


def _full(repository: str) -> str:
    """A repository with its registry, which Docker lets people leave out."""
    first, slash, _ = repository.partition("/")
    return repository if slash and ("." in first or ":" in first) else f"docker.io/{repository}"


def _image(repository: str, default_tag: str, settings: ImageSettings) -> Image:
    reference = f"{repository}:{settings.tag or default_tag}"
    if settings.digest:
        reference += f"@{settings.digest}"
    return Image(reference, settings.revision)
