"""A Pulumi program that declares what a test says, and nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.conftest import CLUSTERS, Lab, Stack

MAIN = """
import json
from pathlib import Path

import pulumi

for one in json.loads(Path("declared.json").read_text()):
    options = one["options"]
    if timeouts := options.get("custom_timeouts"):
        options["custom_timeouts"] = pulumi.CustomTimeouts(**timeouts)
    pulumi.CustomResource(one["type"], one["name"], one["inputs"], pulumi.ResourceOptions(**options))
"""


@dataclass
class Program(Stack):
    """A stack of a program that a test writes as it goes."""

    def declare(self, *objects: dict[str, Any], **options: Any) -> None:
        """Says which Kubernetes objects there are to be: manifests, and options that all of them have."""
        declared = [
            {
                "type": token(one),
                "name": one["metadata"].get("name", "unnamed"),
                "inputs": one,
                "options": options,
            }
            for one in objects
        ]
        (self.folder / "declared.json").write_text(json.dumps(declared))


def token(manifest: dict[str, Any]) -> str:
    """The type that Pulumi's SDK gives to an object."""
    group_version = manifest["apiVersion"]
    group_version = group_version if "/" in group_version else f"core/{group_version}"
    return f"kubernetes:{group_version}:{manifest['kind']}"


def new_program(lab, folder, main=MAIN, **config: str) -> Program:
    """A stack of one program, never updated."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Pulumi.yaml").write_text("name: declared\nruntime: python\n")
    (folder / "__main__.py").write_text(main)
    (folder / "declared.json").write_text("[]")
    program = Program(lab, folder, f"test-{folder.name}")
    settings = {"kubernetes:context": CLUSTERS[0], **config}
    program.file.write_text(json.dumps({"config": settings}))
    program.pulumi("stack", "init")
    return program


def failed(told: str) -> str:
    """Asserts that an update failed in words, and returns them in one line."""
    assert "error:" in told, told
    assert "Traceback" not in told
    assert "goroutine" not in told
    return " ".join(told.split())


def add_node(lab: Lab) -> None:
    """Gives the cluster one node of two cores, for all pods."""
    meta = {"name": "node", "labels": {"kubernetes.io/hostname": "node"}}
    size = {"cpu": "2", "memory": "4Gi", "pods": "100"}
    node = {"kind": "Node", "metadata": meta, "status": {"capacity": size, "allocatable": size}}
    lab.api.request("POST", "/api/v1/nodes", {"apiVersion": "v1", **node})
