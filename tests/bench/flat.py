"""Time of an update and a preview without changes, and of a render, beside a flat program.

The flat program declares the same resources one after the other, without models, plan or
components. Each runs in a lab of its own; runs alternate, so that a machine that drifts
drifts for both, and what counts is the ratio of the medians.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from pprint import pformat
from typing import TYPE_CHECKING, Any

from eco2.stack.dry_run import Registration, capture, stack_config
from tests.conftest import ROOT, Lab, Stack, new_stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

LIMIT = 1.2
"""What the ratio may be at most."""
HEAD = """import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

made = {}
cluster = aws.eks.get_cluster_output(name="eco2-dev")
provider = k8s.Provider(
    "kubernetes", context="eco2-dev", cluster_identifier=cluster.arn, upsert_existing_objects=True
)
in_cluster = pulumi.ResourceOptions(provider=provider)
"""


def flat_program() -> str:
    """A program that declares what the stack dev declares, in the same order."""
    registered = capture(ROOT, "dev", stack_config(ROOT, "dev")).resources
    return HEAD + "\n".join(filter(None, map(_declaration, registered))) + "\n"


def _declaration(one: Registration) -> str | None:
    package, module, kind = one.type.split(":", 2)
    inputs = dict(one.inputs)
    if package == "kubernetes" and module != "":
        name, group = repr(one.name), inputs["apiVersion"]
        body = f"metadata={pformat(inputs['metadata'])}"
        body += f", spec={pformat(inputs['spec'])}" if "spec" in inputs else ""
        if "istio" in group or "keda" in group:
            custom = f"api_version={group!r}, kind={inputs['kind']!r}, {body}"
            return f"k8s.apiextensions.CustomResource({name}, {custom}, opts=in_cluster)"
        path = group.replace("/", ".") if "/" in group else f"core.{group}"
        return f"k8s.{path}.{inputs['kind']}({name}, {body}, opts=in_cluster)"
    if package == "aws":
        fields = ", ".join(f"{_snake(key)}={pformat(value)}" for key, value in inputs.items())
        call = f"aws.{module.split('/')[0]}.{kind}({one.name!r}, {fields})"
        return _references(f"made[{one.name!r}, {kind!r}] = {call}")
    return None


def _references(text: str) -> str:
    text = re.sub(r"'<id of ([\w-]+)>'", r"made['\1', 'LaunchTemplate'].id", text)
    text = re.sub(r"'<(arn|name) of ([\w-]+)>'", r"made['\2', 'Role'].\1", text)
    return text.replace('["<the cluster\'s own>"]', "cluster.vpc_config.subnet_ids")


def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda match: f"_{match[1].lower()}", name)


def _seconds(work: Callable[..., object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _render(folder: Path) -> None:
    script = (
        "from pathlib import Path; from eco2.stack.render import render;"
        f"render(Path({str(folder)!r}), 'dev', Path({str(folder / 'out')!r}))"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def compare(runs: int) -> Iterator[dict[str, Any]]:
    """Times both programs by turns.

    Yields:
        One run each of update, preview and render: seconds of ours and of the flat program.
    """
    with tempfile.TemporaryDirectory() as scratch:
        labs = [Lab(Path(scratch) / "labs", name) for name in ("ours", "flat")]
        try:
            stacks: list[Stack] = []
            for lab in labs:
                lab.command("start", "--cluster=eco2-dev")
                stacks.append(new_stack(lab, Path(scratch) / lab.name, "dev"))
            (stacks[1].folder / "__main__.py").write_text(flat_program())
            for stack in stacks:
                stack.up()
            works = {
                "up": lambda stack: stack.up(),
                "preview": lambda stack: stack.pulumi("preview"),
                "render": lambda stack: _render(stack.folder),
            }
            for title, work in works.items():
                yield from _times(title, work, stacks, runs)
        finally:
            for lab in labs:
                lab.command("stop", check=False)


def _times(
    title: str, work: Callable[[Stack], object], stacks: list[Stack], runs: int
) -> list[dict[str, Any]]:
    told = []
    for _ in range(runs + 1):
        ours, flat = (_seconds(lambda stack=stack: work(stack)) for stack in stacks)
        told.append({"what": title, "ours": ours, "flat": flat})
    return told[1:]  # the first warms up


def ratio(runs: Iterable[Mapping[str, Any]]) -> float:
    """The ratio of the medians, ours to flat."""
    rows = list(runs)
    return statistics.median(one["ours"] for one in rows) / statistics.median(one["flat"] for one in rows)
