"""Words, icons and ages that table and tree share."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from eco2.status import findings
from eco2.status.events import parse_time
from eco2.status.findings import Kind
from rollout.traffic.versions import CANARY_VERSION, STABLE_VERSION

if TYPE_CHECKING:
    from datetime import datetime

    from eco2.prometheus import Requests
    from eco2.status.snapshot import Snapshot, Status

ICONS = {"good": "✔", "waiting": "◌", "bad": "✖", "ending": "•", "warning": "⚠", "off": "•"}
PLAIN_ICONS = {"good": "+", "waiting": "o", "bad": "x", "ending": ".", "warning": "!", "off": "."}
STYLES = {
    "good": "green",
    "waiting": "yellow",
    "bad": "red",
    "ending": "dim",
    "warning": "yellow",
    "off": "dim",
}
UNITS = (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("m", timedelta(minutes=1)))


def icons(encoding: str) -> dict[str, str]:
    """The icons that a terminal's encoding can show."""
    return ICONS if encoding.lower().replace("-", "").startswith("utf") else PLAIN_ICONS


def age(created: str, now: datetime) -> str:
    """How long ago, in its biggest unit: `3d`, `12m`, `7s`."""
    return ago(now - parse_time(created)) if created else ""


def ago(passed: timedelta) -> str:
    """A time that has passed, in its biggest unit."""
    for unit, length in UNITS:
        if passed >= length:
            return f"{passed // length}{unit}"
    return f"{max(passed // timedelta(seconds=1), 0)}s"


def measured(requests: Requests | None) -> str:
    """What was counted, in words; empty without a Prometheus."""
    if requests is None:
        return ""
    share = requests.canary_share()
    lost = f", {requests.lost} reached no pod" if requests.lost else ""
    counted = f"{requests.count} requests in {requests.window_seconds} s{lost}"
    if share is None:
        return f"not enough requests ({counted})"
    failed = " and ".join(
        f"{part:.1f} % of {name}'s"
        for name, version in (("stable", STABLE_VERSION), ("canary", CANARY_VERSION))
        if (part := requests.failed_share(version))
    )
    return f"{share:.1f} % of {counted}" + (f"; {failed} failed" if failed else "")


def remedies(status: Status, snapshot: Snapshot) -> list[str]:
    """The commands that end what is wrong with a service."""
    kinds = {one.kind for one in status.differences} | ({Kind.CANARY_FAILS} if status.canary_alarm else set())
    return findings.remedies(kinds, status.service, snapshot.stack)
