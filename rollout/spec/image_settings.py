"""What a stack's file and a command line say of an image, and the image that it is in an environment."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Annotated

from pydantic import StringConstraints

from rollout.spec import patterns as forms
from rollout.spec.image import Image
from rollout.spec.model import Strict

Tag = Annotated[str, StringConstraints(pattern=forms.TAG)]
"""The tag grammar of the OCI distribution specification."""

Digest = Annotated[str, StringConstraints(pattern=forms.DIGEST)]
Revision = Annotated[str, StringConstraints(pattern=forms.REVISION)]


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


def stable_image(repository: str, service: str, environment: str, settings: ImageSettings) -> Image:
    """The image of stable: `{service}-{environment}-latest` unless the stack names another tag."""
    return with_settings(Image(repository, f"{service}-{environment}-latest"), settings)


def canary_image(repository: str, service: str, environment: str, settings: ImageSettings) -> Image:
    """The image of canary: what its own settings say, or `{service}-{environment}-canary`.

    Rule 3: stable's settings are no argument here, so no default of stable can reach it.
    """
    return with_settings(Image(repository, f"{service}-{environment}-canary"), settings)


def with_settings(image: Image, settings: ImageSettings) -> Image:
    """The image of the same repository that settings name; without a tag in them, the tag stays."""
    return replace(image, tag=settings.tag or image.tag, digest=settings.digest, revision=settings.revision)


def settings_of(image: Image) -> ImageSettings:
    """What a stack file would have to say to get this very image."""
    return ImageSettings(tag=image.tag, digest=image.digest, revision=image.revision)


def read_image(text: str, repository: str, revision: str | None = None) -> ImageSettings:
    """Reads an image as people write it: `TAG`, `TAG@DIGEST` or `REPOSITORY:TAG[@DIGEST]`.

    Args:
        text: What was written.
        repository: The one repository that images come from.
        revision: A revision to go with it.

    Raises:
        ValueError: In words, if it has another form or names another repository.
    """
    named = Image.parse(text, revision)
    given, tag = (None, named.repository) if named.tag is None else (named.repository, named.tag)
    if given is not None and _full(given) != _full(repository):
        raise ValueError(f"{given} is another repository; images of this system come from {repository}")
    parts = (
        ("tag", tag, forms.TAG),
        ("digest", named.digest, forms.DIGEST),
        ("revision", revision, forms.REVISION),
    )
    for what, value, form in parts:
        if value is not None and not re.fullmatch(form, value):
            shape = f"the {what} must have the form of {forms.FORMS[form]}, not {value!r}"
            raise ValueError(f"{text}: {shape}; write TAG, TAG@DIGEST or {repository}:TAG[@DIGEST]")
    return ImageSettings(tag=tag, digest=named.digest, revision=revision)


def _full(repository: str) -> str:
    """A repository with its registry, which Docker lets people leave out."""
    first, slash, _ = repository.partition("/")
    return repository if slash and ("." in first or ":" in first) else f"docker.io/{repository}"
