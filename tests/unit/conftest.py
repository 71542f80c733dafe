"""The program without a cluster: captured with mocks, in a process of its own memory of files."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from eco2.stack.dry_run import capture, stack_config
from rollout.spec.instances import MIB, ResourceRequest
from tests.climb_desk import cluster, counting, sees  # noqa: F401  # fixtures
from tests.conftest import ROOT, copy_project
from tests.desk import PULUMI, Desk
from tests.github import Runner, new_clone
from tests.played_climb import Climb
from tests.prometheus_server import Mesh, PrometheusServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from eco2.stack.dry_run import Captured, Registration


gc.set_threshold(100_000)  # a third of the time went into walks through the modules of Pulumi's SDKs


WHOLE = frozenset({"program", "desk", "runner", "clone", "in_flight", "server", "engine"})
"""Fixtures of tests that run more than functions: the program with mocks, a command, a script."""

COMMANDS = frozenset(
    {"test_documents", "test_render", "test_status_terminal", "test_cost_page", "test_make_up"}
)
"""Files whose tests do the same without one of these."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what takes long, so that a person who waits for `make check` waits for decisions alone."""
    for item in items:
        name = item.path.stem
        if WHOLE & set(getattr(item, "fixturenames", ())) or name in COMMANDS:
            item.add_marker(pytest.mark.whole)


def own_keys(stack: str) -> dict[str, Any]:
    """A stack's config under `eco2:`, as the model takes it: the file has truth values as text."""
    config = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
    values = {"true": True, "false": False}
    return {
        key.removeprefix("eco2:"): values.get(value, value) if isinstance(value, str) else value
        for key, value in config.items()
        if key.startswith("eco2:")
    }


class Program:
    """A copy of the project whose files a test may change."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        copy_project(folder)

    def edit(self, file: str, **changes: Any) -> None:
        """Sets values by dotted paths; None removes the key."""
        path = self.folder / file
        document = yaml.safe_load(path.read_text())
        for dotted, value in changes.items():
            *parents, last = dotted.split("/")
            place = document
            for parent in parents:
                place = place.setdefault(parent, {})
            if value is None:
                place.pop(last)
            else:
                place[last] = value
        path.write_text(yaml.safe_dump(document))

    def run(
        self,
        stack: str = "dev",
        outputs: dict[str, Any] | None = None,
        resources: dict[str, Any] | None = None,
    ) -> Captured:
        return capture(self.folder, stack, stack_config(self.folder, stack), outputs, resources)


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = Desk(copy_project(tmp_path / "project"))
    (made.folder / "code").write_text("0")
    (made.folder / "answers").write_text("0")
    made.left()
    program = tmp_path / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text(PULUMI.format(folder=made.folder))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    # Whoever runs the tests may have a cluster of the same name.
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.chdir(made.folder)
    return made


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


@pytest.fixture
def clone(runner: Runner) -> Path:
    return new_clone(runner)


@pytest.fixture
def climb(runner: Runner, clone: Path) -> Climb:
    return Climb(runner, clone, "dev")


@pytest.fixture
def on_prod(runner: Runner, clone: Path) -> Climb:
    return Climb(runner, clone, "prod")


@pytest.fixture
def server() -> Iterator[PrometheusServer]:
    with PrometheusServer() as opened:
        yield opened


@pytest.fixture
def mesh(server: PrometheusServer) -> Mesh:
    return Mesh(server.series)


def objects(captured: Captured, kind: str) -> dict[str, Registration]:
    """Kubernetes objects of a kind by name."""
    return {
        one.inputs["metadata"]["name"]: one
        for one in captured.resources
        if one.type.startswith("kubernetes:") and one.type.endswith(f":{kind}")
    }


def mib(cpu_millicores: int, memory_mib: int) -> ResourceRequest:
    """A request of millicores and MiB."""
    return ResourceRequest(cpu_millicores, memory_mib * MIB)
