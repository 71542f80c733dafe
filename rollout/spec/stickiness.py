"""How a user is known who is to keep the version that she met (rule 21)."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from rollout.spec import patterns as forms
from rollout.spec.durations import milliseconds
from rollout.spec.headers import not_owned, not_sent
from rollout.spec.model import Duration, Strict

Ids = Literal["hex", "digits"]
"""What the ids of users end in."""

SameSite = Literal["Strict", "Lax", "None"]


_NAMES_NOBODY: Final = {
    "cookie": "holds many cookies; name one of them by stickiness.cookie",
    "set-cookie": "holds many cookies; name one of them by stickiness.cookie",
    "baggage": "carries the canary's header along (rule 20); choose a header of its own",
    "authorization": "holds a secret that changes with each login; choose a header with the user's id",
    "x-request-id": "is new with each request; choose a header with the user's id",
    "traceparent": "is new with each request; choose a header with the user's id",
}


def _names_a_user(header: str) -> str:
    if why := _NAMES_NOBODY.get(header):
        raise ValueError(f"{header} {why}")
    return header


class Stickiness(Strict):
    """How a user is known: by a cookie that routes give her, or by a header that names her.

    Attributes:
        cookie: The name of a cookie, which no other service may use. Only requests by the gateway get and read it.
        header: The header with the user's id, on the public host and inside the mesh.
        ids: What ids end in: three uniform hex digits, or two uniform decimal ones.
        same_site: Whether browsers send the cookie from pages of another site.
        max_age: How long browsers keep the cookie, at most 8784h: longer than a rollout takes.
    """

    cookie: Annotated[str, Field(pattern=forms.COOKIE, max_length=64)] | None = None
    header: (
        Annotated[
            str,
            Field(pattern=forms.HEADER, max_length=64),
            AfterValidator(not_owned),
            AfterValidator(_names_a_user),
            AfterValidator(not_sent),
        ]
        | None
    ) = None
    ids: Ids = "hex"
    same_site: SameSite = "Lax"
    max_age: Duration = "720h"

    @model_validator(mode="after")
    def _one_way(self) -> Stickiness:
        if (self.cookie is None) == (self.header is None):
            raise ValueError("give either cookie or header: a user is known in one way")
        other = ("same_site", "max_age") if self.header else ("ids",)
        if wrong := [key for key in other if key in self.model_fields_set]:
            told = {"same_site": "sameSite", "max_age": "maxAge", "ids": "ids"}[wrong[0]]
            raise ValueError(
                f"{told} says nothing of a {'header' if self.header else 'cookie'}; leave it out"
            )
        return self

    @model_validator(mode="after")
    def _whole_seconds(self) -> Stickiness:
        if milliseconds(self.max_age) % 1000:
            raise ValueError(f"maxAge {self.max_age} is no whole number of seconds, which a cookie's is")
        return self

    @property
    def seconds(self) -> int:
        """The cookie's `Max-Age`."""
        return int(milliseconds(self.max_age) // 1000)


def user_before(users: dict[str, str], name: str, stickiness: Stickiness) -> str:
    """The service that uses another one's cookie already; empty if none does, and then the cookie is the other's.

    Args:
        users: The services by the cookies that they use; the service is added.
        name: The other one.
        stickiness: By what it knows its users.
    """
    owner = users.setdefault(stickiness.cookie, name) if stickiness.cookie else name
    return "" if owner == name else owner
