"""Which image a Deployment runs, and how an update becomes visible.

A tag alone does not change when a new image is pushed to it, so Kubernetes sees nothing
to do. A digest pins the image; a revision, any short text, is written to the pod template
and makes pods start anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import StringConstraints

from rollout import forms
from rollout.model import Strict

Tag = Annotated[str, StringConstraints(pattern=forms.TAG)]
"""The tag grammar of the OCI distribution specification."""

Digest = Annotated[str, StringConstraints(pattern=forms.DIGEST)]
Revision = Annotated[str, StringConstraints(pattern=forms.REVISION)]


class ImageSettings(Strict):
    """What a stack file says of an image; what it leaves out comes from the service and the environment."""

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

    def __str__(self) -> str:
        """The reference, with the revision where there is one."""
        return f"{self.reference} ({self.revision})" if self.revision else self.reference


def stable_image(repository: str, service: str, environment: str, settings: ImageSettings) -> Image:
    """The image of stable: `{service}-{environment}-latest` unless the stack names another tag."""
    return _image(repository, f"{service}-{environment}-latest", settings)


def canary_image(repository: str, service: str, environment: str, settings: ImageSettings) -> Image:
    """The image of canary: what its own settings say, or `{service}-{environment}-canary`.

    Rule 3: stable's settings are no argument here, so no default of stable can reach it.
    """
    return _image(repository, f"{service}-{environment}-canary", settings)


def _image(repository: str, default_tag: str, settings: ImageSettings) -> Image:
    reference = f"{repository}:{settings.tag or default_tag}"
    if settings.digest:
        reference += f"@{settings.digest}"
    return Image(reference, settings.revision)
