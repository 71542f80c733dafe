"""How long something takes, in words."""

from __future__ import annotations


def told(seconds: float) -> str:
    """A length of time in its two biggest units, without those that are nothing: `42 s`, `10 min`, `1 h 5 min`."""
    if seconds < 10:  # noqa: PLR2004  # where a tenth still says something
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    whole = round(seconds)
    parts = [(whole // 3600, "h"), (whole // 60 % 60, "min"), (whole % 60, "s")]
    while not parts[0][0] and len(parts) > 1:
        parts.pop(0)
    return " ".join(f"{number} {unit}" for number, unit in parts[:2] if number)


def clock(seconds: float) -> str:
    """The same as a clock shows it, for what changes each second: `0:42`, `1:05:00`."""
    whole = max(int(seconds), 0)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
