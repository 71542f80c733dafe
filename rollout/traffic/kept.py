"""Rules by which users keep the version that they met (rule 21), and the cookies that these rules read."""

from __future__ import annotations

import copy
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rollout.fields import present
from rollout.traffic.ladder import FULL_WEIGHT
from rollout.traffic.user_ids import ids_below, ids_known
from rollout.traffic.versions import CANARY_VERSION, STABLE_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rollout.spec.stickiness import Stickiness

KEPT_ANNOTATION: Final = "eco2.growbin.app/kept"
"""The annotation of a VirtualService with the rollout whose cookies mean something; it is written with the routes, so
it is as far as they are, also where an update failed."""

CANARY_RULE: Final = "kept-canary"
STABLE_RULE: Final = "kept-stable"
FROM_RULE: Final = "kept-from-"
_RULE: Final = re.compile(rf"\.({CANARY_RULE}|{STABLE_RULE}|{FROM_RULE}\d+)$")
"""No route's own name has a dot."""
_WRITTEN: Final = re.compile(r"(\d{1,9})(?:-([0-9a-f]{8}):(\d{1,2}(?:,\d{1,2})*))?")
_COOKIE: Final = re.compile(r"=\d+-[0-9a-f]{8}\.v[12]\b")
_MARK_DIGITS: Final = 8
MOST_WEIGHTS: Final = 10
"""Each weight that a rollout has been at is a rule for each route. Those before the last ten are forgotten."""


@dataclass(frozen=True)
class Kept:
    """The rollout whose cookies mean something.

    Attributes:
        number: Counts the rollouts of a service. It rises whenever users are to be forgotten.
        mark: A short hash of the canary's image and the cookie's name; empty while no cookie means anything.
        weights: The weights between 0 and 100 at which users were routed to a version, in the order of the rollout.
    """

    number: int
    mark: str = ""
    weights: tuple[int, ...] = ()

    @property
    def rollout(self) -> str:
        """What cookies name it."""
        return f"{self.number}-{self.mark}"

    def __str__(self) -> str:
        """As the annotation has it: `2-0123abcd:5,20`, or the number alone."""
        return f"{self.rollout}:{','.join(map(str, self.weights))}" if self.weights else str(self.number)

    @property
    def ended(self) -> Kept:
        """The same, with cookies that mean nothing any more."""
        return Kept(self.number + bool(self.weights))


def read_kept(text: str) -> Kept | None:
    """Reads the annotation; None for another text."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        return None
    number, mark, weights = found.groups()
    return Kept(int(number), mark or "", tuple(int(one) for one in weights.split(",")) if weights else ())


def mark_of(image: object, cookie: str) -> str:
    """A short hash by which cookies tell rollouts apart that have the same number."""
    return hashlib.sha256(f"{image} {cookie}".encode()).hexdigest()[:_MARK_DIGITS]


@dataclass(frozen=True)
class Lane:
    """A rule in front of the weighted one.

    Attributes:
        name: What the name of its rule ends in.
        headers: What it matches, as Istio writes it.
        canary: Its weight on the canary, as a part of `whole`.
        whole: The sum of its weights: 100, or less where some users are with the canary already.
    """

    name: str
    headers: Mapping[str, Any]
    canary: int
    whole: int = FULL_WEIGHT


def lanes(stickiness: Stickiness, kept: Kept | None, weight: int) -> Iterator[Lane]:
    """The rules that let users keep their version at a weight; none at 0 and 100, where all meet the same.

    Args:
        stickiness: How users are known.
        kept: Which cookies mean something; None: none does.
        weight: The weight on the canary in per cent.
    """
    if not 0 < weight < FULL_WEIGHT:
        return
    if stickiness.header:
        below, known = ids_below(weight, stickiness.ids), ids_known(stickiness.ids)
        yield Lane(CANARY_RULE, {stickiness.header: {"regex": below}}, FULL_WEIGHT)
        yield Lane(STABLE_RULE, {stickiness.header: {"regex": known}}, 0)
    elif stickiness.cookie and kept:
        yield Lane(CANARY_RULE, _has(stickiness.cookie, to_canary(kept)), FULL_WEIGHT)
        yield Lane(STABLE_RULE, _has(stickiness.cookie, to_stable(kept, weight)), 0)
        for before in kept.weights:
            if before < weight:
                # Of those that a lower weight left with stable, so many that the canary gets its share of all users:
                # weights of a rule need no sum of 100, so nothing is rounded.
                asks = _has(stickiness.cookie, to_stable(kept, before))
                yield Lane(f"{FROM_RULE}{before}", asks, weight - before, FULL_WEIGHT - before)


def to_canary(kept: Kept) -> str:
    """The value of the cookie of a user who met the canary."""
    return f"{kept.rollout}.{CANARY_VERSION}"


def to_stable(kept: Kept, weight: int) -> str:
    """The value of the cookie of a user who met stable while the canary had some weight."""
    return f"{kept.rollout}.{STABLE_VERSION}.{weight}"


def sets_cookie(stickiness: Stickiness, value: str) -> dict[str, Any]:
    """Istio's header operation that gives a user a cookie, beside those of the service's own."""
    # `__Host-` names ask for Secure, the path / and no domain (RFC 6265bis).
    attributes = f"Path=/; Max-Age={stickiness.seconds}; Secure; HttpOnly; SameSite={stickiness.same_site}"
    return {"headers": {"response": {"add": {"set-cookie": f"{stickiness.cookie}={value}; {attributes}"}}}}


def is_kept(rule: Mapping[str, Any]) -> bool:
    """Whether a rule is one of those that let users keep their version."""
    return _RULE.search(str(rule.get("name", ""))) is not None


def without_cookie(route: Mapping[str, Any]) -> dict[str, Any]:
    """A destination that gives nobody a cookie of a rollout, whatever else a hand lets it do."""
    kept = copy.deepcopy(dict(route))
    headers = kept.pop("headers", None) or {}
    response = dict(headers.get("response") or {})
    added = response.get("add") or {}
    if _COOKIE.search(str(added.get("set-cookie", ""))):
        response["add"] = {name: value for name, value in added.items() if name != "set-cookie"}
    headers = present(**{**headers, "response": present(**response)})
    return kept | present(headers=headers)


def _has(cookie: str, value: str) -> dict[str, Any]:
    """One cookie among others (RFC 6265, 4.2.1). Envoy matches the whole header."""
    return {"cookie": {"regex": rf"(.*;\s*)?{re.escape(cookie)}={re.escape(value)}(\s*;.*)?"}}
