"""The page of what canaries cost, `docs/cost.md`: counted from the stack files, with the arithmetic.

`make docs` writes it, and a test compares, so that it always speaks of the stacks as they are.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from eco2.stack.config import stack_config
from rollout.plan.service_plan import plan
from rollout.report.cost import Extra, extras
from rollout.spec.files import read_catalog
from rollout.spec.instances import MIB, PROXY, pod_request
from rollout.spec.rollout_settings import RolloutSettings
from rollout.spec.services import resolve
from rollout.spec.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rollout.plan.service_plan import RolloutPlan
    from rollout.spec.services import Wanted

STACKS = ("dev", "prod")
PHASES = range(1, 6)
CLAIM_PERCENT = 15
INTRODUCTION = f"""\
# What canaries cost

Written by `make docs` from the stack files; change those, not this page. Counted is what pods request, since that
decides how many nodes there are: the container's requests and {PROXY} for Istio's sidecar.
Stable is its Deployments at their floor, without companions, which have no canary. Blue-green adds a second stable:
100 %. A canary with weight comes up for as much as stable's autoscaler may be running, and its own then shrinks it.
"""


def cost_page(project: Path) -> str:
    """The page as Markdown.

    Args:
        project: The folder with `services.yaml` and the stack files.

    Raises:
        ConfigError: If a file of the project cannot be used.
    """
    return "\n".join([INTRODUCTION, *(_stack(project, stack) for stack in STACKS)])


def _stack(project: Path, stack: str) -> str:
    catalog = read_catalog(project / "services.yaml")
    settings = read_settings(f"Pulumi.{stack}.yaml", stack_config(project, stack), catalog)

    def services(phases: Mapping[str, int]) -> dict[str, Wanted]:
        rollouts = {name: RolloutSettings(phase=phase) for name, phase in phases.items()}
        return resolve(catalog, settings.model_copy(update={"rollouts": rollouts}))

    def costs(phases: Mapping[str, int], *, settled: bool = False) -> tuple[Extra, ...]:
        wanted = services(phases)
        plans = {name: plan(one, None) for name, one in wanted.items()}
        return extras(wanted, {name: _settled(one) if settled else one for name, one in plans.items()})

    names = list(catalog.services)
    everywhere = costs(dict.fromkeys(names, 1))
    lines = [
        f"## {stack}: every service at phase 1",
        "",
        "| service | a pod requests | stable's pods | canary adds | of its pods |",
        "|---|---|---|---|---|",
    ]
    for one, wanted in zip(everywhere, services({}).values(), strict=False):
        adds = f"{one.canary.pods} of the same" if one.canary.pods else "no pod: its canary waits for weight"
        lines.append(
            f"| {one.name} | {pod_request(wanted.service)} | {one.stable.pods} | {adds} | {one.percent[0]:g} % |"
        )
    total = everywhere[-1]
    lines += ["", _sum("pods", total.canary.pods, total.stable.pods, total.percent[0])]
    own, added = total.stable.requests, total.canary.requests
    lines.append(_sum("CPU", f"{added.cpu_millicores}m", f"{own.cpu_millicores}m", total.percent[1]))
    more, beside = (f"{one.memory_bytes // MIB}Mi" for one in (added, own))
    lines += [_sum("memory", more, beside, total.percent[2]), "- blue-green: 100 % of each", ""]

    lines += [
        f"## {stack}: one service in flight",
        "",
        "What the dearest service adds at each phase, in per cent of all of stable: when it comes up / once settled.",
        "",
        "| phase | pods | CPU | memory |",
        "|---|---|---|---|",
    ]
    highest = (0.0, 0.0)
    for phase in PHASES:
        both = [
            {name: costs({name: phase}, settled=settled)[-1].percent for name in names}
            for settled in (False, True)
        ]
        most = [[max(each[name][part] for name in names) for each in both] for part in range(3)]
        lines.append(f"| {phase} | {' | '.join(f'{up:g} % / {settled:g} %' for up, settled in most)} |")
        highest = max(highest[0], most[0][0]), max(highest[1], most[0][1])
    verdict = (
        f"So one service at a time adds at most {highest[0]:g} % of the pods when it comes up and {highest[1]:g} % "
        f"once settled: the 10 to {CLAIM_PERCENT} % that header-first canaries were chosen for "
        f"{_holds(*highest)} on {stack}. They do not hold for every service at once: at phase 1 that is "
        f"{total.percent[0]:g} %."
    )
    return "\n".join([*lines, "", verdict, ""])


def _holds(up: float, settled: float) -> str:
    if up <= CLAIM_PERCENT:
        return "hold"
    return "hold once settled, not at the start of phase 5," if settled <= CLAIM_PERCENT else "do not hold"


def _settled(planned: RolloutPlan) -> RolloutPlan:
    """The plan with the canary at its autoscaler's floor."""
    canary = planned.canary
    if canary is None or canary.scaling is None:
        return planned
    return dataclasses.replace(
        planned, canary=dataclasses.replace(canary, replicas=canary.scaling.bounds.min)
    )


def _sum(what: str, added: str | int, own: str | int, percent: float) -> str:
    return f"- {what}: {added} beside {own} of stable = **{percent:g} %**"


def main() -> None:
    """Writes the page into the project of the working directory."""
    page = Path("docs/cost.md")
    page.write_text(cost_page(Path.cwd()), "utf-8")
    sys.stdout.write(f"{page}\n")


if __name__ == "__main__":
    main()
