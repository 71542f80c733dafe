"""What the next update changes beside rollouts: the program, run against nothing, beside the stack's state."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from eco2.stack_config import stack_config
from rollout.differences import Stand, differences
from rollout.files import read_catalog
from rollout.objects import Object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from eco2.capture import Registration
    from eco2.planning import Left
    from rollout.catalog import Catalog
    from rollout.report import Report

OURS = ("kubernetes:", "aws:", "pulumi:providers:kubernetes")
NOT_COMPARED = (
    "what changes beside rollouts (variables, deletions, node groups) is not known without the stack's state"
)


def with_differences(
    report: Report, project: Path, stack: str, left: Left, config: str | None = None
) -> Report:
    """Adds to a report what changes beside rollouts.

    Args:
        report: The report on the rollouts.
        project: The folder with `Pulumi.yaml` and `__main__.py`.
        stack: The stack's name.
        left: What its last update left.
        config: What the stack's file would hold; None reads the file.

    Returns:
        The report with it; with a warning where that cannot be known; as it is where there is nothing to
        compare: the update is refused, or is the first.
    """
    if report.refused or report.first:
        return report
    if left.resources is None:
        return replace(report, warnings=(*report.warnings, NOT_COMPARED))
    state = [_of_state(one) for one in left.state if _counts(one)]
    if not state:
        return report
    # Slow to import, and nothing that a refused plan needs.
    import pulumi  # noqa: PLC0415

    from eco2.capture import capture  # noqa: PLC0415

    quiet = logging.getLogger(f"{__name__}.quiet")
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False
    config_values = stack_config(project, stack, config)
    try:
        captured = capture(project, stack, config_values, left.outputs, left.resources, quiet)
    except pulumi.RunError as error:
        told = f"what changes beside rollouts cannot be compared: the program ends with: {error}"
        return replace(report, warnings=(*report.warnings, " ".join(told.split())))
    declared = [_of_program(one) for one in captured.resources if one.type.startswith(OURS)]
    stand = _stand(report, read_catalog(project / "services.yaml"))
    return replace(report, beside=differences(declared, state, stand))


def _counts(resource: Mapping[str, Any]) -> bool:
    """Whether a resource of the state is an object that stands there, and not one that is to go anyway."""
    return str(resource["type"]).startswith(OURS) and not resource.get("delete") and "inputs" in resource


def _of_state(resource: Mapping[str, Any]) -> Object:
    return Object(
        urn=resource["urn"],
        parent=resource.get("parent", ""),
        inputs=resource["inputs"],
        protect=bool(resource.get("protect")),
    )


def _of_program(registration: Registration) -> Object:
    options = registration.options
    return Object(
        urn=registration.urn,
        parent=options.get("parent", ""),
        inputs=registration.inputs,
        ignored=tuple(options.get("ignoreChanges", ())),
        protect=bool(options.get("protect")),
    )


def _stand(report: Report, catalog: Catalog) -> Stand:
    domains: dict[str, list[str]] = {}
    for name, service in catalog.services.items():
        domains.setdefault(service.domain, []).append(name)
    return Stand(
        moving={one.service for one in report.changes},
        canaries={one.service for one in report.changes if one.before and one.before.canary},
        domains=domains,
    )
