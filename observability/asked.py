"""Every question of a dashboard, so that a test can ask a real Prometheus each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def asked(dashboard: Mapping[str, Any]) -> dict[str, str]:
    """The expressions, with Grafana's variables in them, by what they are for.

    Args:
        dashboard: As Grafana imports it.
    """
    panels = [
        (f"{panel['title']} {target.get('refId') or ''}".strip(), target["expr"])
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
    ]
    marks = [(one["name"], one["expr"]) for one in dashboard["annotations"]["list"]]
    return dict([*panels, *marks])


def filled(expression: str, values: Mapping[str, str]) -> str:
    """An expression as Grafana asks it.

    Args:
        expression: With variables, `$service`.
        values: Their values, by name.
    """
    for name, value in values.items():
        expression = expression.replace(f"${name}", value)
    return expression
