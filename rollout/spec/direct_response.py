"""An answer that a proxy gives by itself."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, model_validator

from rollout.spec.findings import wrong
from rollout.spec.model import Strict

BODILESS: Final = (204, 205, 304)
"""Statuses of answers without a body."""


class DirectResponse(Strict):
    """An answer that the proxy gives by itself.

    Attributes:
        status: The HTTP status.
        body: The body.
    """

    status: Annotated[int, Field(ge=200, le=599)]
    body: Annotated[str, Field(max_length=100_000)]

    @model_validator(mode="after")
    def _body_may_be(self) -> DirectResponse:
        if self.status in BODILESS and self.body:
            raise wrong(
                "body", f'an answer {self.status} has no body (RFC 9110); write "", or another status'
            )
        return self
