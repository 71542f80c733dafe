"""The terminal pictures of the documents, from what the commands really print: `make pictures`.

It needs the lab of `make up`, runs each command in it with colours on, and draws the output by
rich. Nothing is changed: plans are made for a copy of the project.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tests.conftest import ROOT, copy_project

FOLDER = ROOT / "docs/img"
COLUMNS = 100
BIN = ROOT / ".venv/bin"
ROLLOUTS = "  eco2:rollouts:\n    auth-api: {phase: 3}\n    scan-api: {phase: 1}\n"
PLANNED = "  eco2:rollouts:\n    auth-api: {phase: 4}\n    scan-api: {phase: 0}\n    my-api: {phase: 1}\n"


def output(*command: str, project: Path = ROOT) -> str:
    """What a command prints on a terminal with colours, whatever its exit code."""
    variables = {**os.environ, "FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
    done = subprocess.run(
        [str(BIN / "lab"), "run", "--", *command],
        cwd=project,
        env={**variables, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.stdout.rstrip()


def draw(name: str, command: str, text: str) -> None:
    """Writes `docs/img/NAME.svg`: a terminal with the command and its output."""
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"), force_terminal=True)  # noqa: PTH123, SIM115
    console.print(Text.assemble(("$ ", "green"), command))
    console.print(Text.from_ansi(text))
    FOLDER.mkdir(exist_ok=True)
    # A fixed id, or every run would change every line.
    console.save_svg(str(FOLDER / f"{name}.svg"), title=name, unique_id=f"eco2-{name}")


def main() -> None:
    """Draws them all."""
    draw("status", "eco2 status --stack local", output("eco2", "status", "--stack", "local"))
    with tempfile.TemporaryDirectory() as scratch:
        project = copy_project(Path(scratch) / "project")
        file = project / "Pulumi.local.yaml"
        text = file.read_text()
        assert ROLLOUTS in text
        file.write_text(text.replace(ROLLOUTS, PLANNED))
        told = output("eco2", "plan", "--stack", "local", project=project)
    draw("plan", "eco2 plan --stack local", told)


if __name__ == "__main__":
    main()
