"""What the next update changes beside rollouts: the program, run against nothing, beside the stack's state."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from eco2.stack.config import stack_config
from rollout.diff.differences import RolloutContext, differences
from rollout.diff.objects import OURS, Object, of_state
from rollout.spec.files import read_catalog

if TYPE_CHECKING:
    from pathlib import Path

    from eco2.stack.dry_run import Registration
    from eco2.stack.state import StackState
    from rollout.report.report import Report
    from rollout.spec.catalog import Catalog

NOT_COMPARED = (
    "what changes beside rollouts (variables, deletions, node groups) is not known without the stack's state"
)


def with_differences(
    report: Report, project: Path, stack: str, last: StackState, config: str | None = None
) -> Report:
    """Adds to a report what changes beside rollouts.

    Args:
        report: The report on the rollouts.
        project: The folder with `Pulumi.yaml` and `__main__.py`.
        stack: The stack's name.
        last: What its last update left.
        config: What the stack's file would hold; None reads the file.

    Returns:
        The report with it; with a warning where that cannot be known; as it is where there is nothing to
        compare: the update is refused, or is the first.
    """
    if report.refused or report.first:
        return report
    if last.resources is None:
        return replace(report, warnings=(*report.warnings, NOT_COMPARED))
    state = list(of_state(last.state))
    if not state:
        return report
    # Slow to import, and nothing that a refused plan needs.
    import pulumi  # noqa: PLC0415

    from eco2.stack.dry_run import capture  # noqa: PLC0415

    quiet = logging.getLogger(f"{__name__}.quiet")
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False
    config_values = stack_config(project, stack, config)
    try:
        captured = capture(project, stack, config_values, last.outputs, last.resources, quiet)
    except pulumi.RunError as error:
        told = f"what changes beside rollouts cannot be compared: the program ends with: {error}"
        return replace(report, warnings=(*report.warnings, " ".join(told.split())))
    declared = [_of_program(one) for one in captured.resources if one.type.startswith(OURS)]
    rollouts = _rollout_context(report, read_catalog(project / "services.yaml"))
    return replace(report, beside=differences(declared, state, rollouts))


def _of_program(registration: Registration) -> Object:
    options = registration.options
    return Object(
        urn=registration.urn,
        parent=options.get("parent", ""),
        inputs=registration.inputs,
        ignored=tuple(options.get("ignoreChanges", ())),
        protect=bool(options.get("protect")),
    )


def _rollout_context(report: Report, catalog: Catalog) -> RolloutContext:
    domains: dict[str, list[str]] = {}
    for name, service in catalog.services.items():
        domains.setdefault(service.domain, []).append(name)
    return RolloutContext(
        moving={one.service for one in report.changes},
        canaries={one.service for one in report.changes if one.before and one.before.canary},
        domains=domains,
    )
