"""Warnings of the last minutes that concern a service, each said once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rollout.text.plain import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

RECENT = timedelta(minutes=10)


@dataclass(frozen=True)
class Event:
    """A warning of the cluster.

    Attributes:
        reason: Kubernetes' word: `FailedScheduling`.
        message: Its own text.
        about: The object; where the same was said of several, the last one.
        count: How often it was said, of all objects together.
        last: When it was said last.
    """

    reason: str
    message: str
    about: str
    count: int
    last: datetime


def warnings(
    documents: Iterable[dict[str, Any]], namespace: str, names: Iterable[str], now: datetime
) -> tuple[Event, ...]:
    """The recent warnings of a service, newest first.

    Args:
        documents: Events as the API server returns them.
        namespace: Where the service lives.
        names: The service's Deployments; an event concerns the service if its object has such a name, or
            one that begins with it, as ReplicaSets and pods do.
        now: The time that "recent" is measured from.
    """
    known = tuple(names)
    found: dict[tuple[str, str], Event] = {}
    for document in documents:
        # Whoever may write events may leave out what others always say.
        about, last = document.get("involvedObject") or {}, _last(document)
        its_name = str(about.get("name", ""))
        own = about.get("namespace") == namespace and any(
            its_name == name or its_name.startswith(f"{name}-") for name in known
        )
        if document.get("type") != "Warning" or not own or last is None or now - last > RECENT:
            continue
        key = (one_line(document.get("reason", "")), " ".join(document.get("message", "").split()))
        count = document.get("count") or (document.get("series") or {}).get("count") or 1
        before = found.get(key)
        newest = before is None or last >= before.last
        found[key] = Event(
            *key,
            its_name if newest or before is None else before.about,
            count + (before.count if before else 0),
            last if newest or before is None else before.last,
        )
    return tuple(sorted(found.values(), key=lambda event: event.last, reverse=True))


def _last(document: dict[str, Any]) -> datetime | None:
    series = (document.get("series") or {}).get("lastObservedTime")
    text = series or document.get("lastTimestamp") or document.get("eventTime")
    return parse_time(text) if text else None


def parse_time(text: str) -> datetime:
    """A time as Kubernetes writes it."""
    return datetime.fromisoformat(text).astimezone(UTC)
