"""The guide's first rollout, run in a lab as the page has it: what the commands print is what the page shows."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT, new_stack

pytestmark = [pytest.mark.lab, pytest.mark.rare]
SECTION = re.compile(
    r"^## A rollout from build to promotion\n(.*?)^### What will happen", re.DOTALL | re.MULTILINE
)
BLOCK = re.compile(r"```sh\n(?P<sh>.*?)```|```\n(?P<out>.*?)```|At phase 5, `(?P<inline>[^`]+)`", re.DOTALL)
ASKS = re.compile(r"^eco2 (set-image|advance|promote) ")
ENGINE = re.compile(r"^ [-+~] +(\S+ \S+) (created|updated|deleted)\b")
MASKS = (
    (re.compile(r"-[0-9a-f]{8,10}-[0-9a-z]{5}\b"), "-POD"),
    (re.compile(r"\b\d+(\.\d+)? ?(ms|s)\b"), "TIME"),
    (re.compile(r"\b\d\d-\d\d \d\d:\d\d\b"), "DATE"),
    (re.compile(r" {2,}"), "  "),
)
WIDTH = 200
"""Wide enough that no line of a table wraps."""

PAUSE = "pause of 5 s"
"""The one time that is a setting and no measurement."""


def steps():
    """The page's commands, each with what it shows of their output."""
    found, command = [], ""
    for block in BLOCK.finditer(SECTION.search((ROOT / "docs/guide.md").read_text())[1]):
        shown = block["out"]
        if shown is None:
            command = block["sh"] or block["inline"]
        else:
            if shown.startswith("$ "):
                command, _, shown = shown[2:].partition("\n")
            found.append((command, shown))
    return found


def masked(text):
    lines = []
    for line in text.splitlines():
        told = line.replace(PAUSE, "the pause")
        for pattern, name in MASKS:
            told = pattern.sub(name, told)
        lines.append(told.rstrip())
    return lines


def missing(shown, printed):
    """The first line of the page that the output does not have, in its order; None if it has all.

    Steps of the engine that run side by side end in any order.
    """
    done = {match.groups() for line in printed.splitlines() if (match := ENGINE.match(line))}
    rest = iter(masked(printed))
    for line in masked(shown):
        if line in ("", "..."):
            continue
        if match := ENGINE.match(line):
            if match.groups() not in done:
                return line
        elif line not in rest:
            return line
    return None


def run(stack, commands):
    lines = [f"{line} --yes" if ASKS.match(line) else line for line in commands.splitlines()]
    script = (
        "\n".join(lines).replace(".venv/bin/lab", f"{sys.executable} -m lab").replace("curl ", "curl -s ")
    )
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=stack.folder,
        env={**stack.lab.own_environment, **stack.lab.variables, "COLUMNS": str(WIDTH)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout


def test_the_page_shows_what_its_commands_print(lab, tmp_path):
    stack = new_stack(lab, tmp_path, "local")
    stack.up()
    told = steps()
    assert len(told) == 9
    for commands, shown in told:
        if "lab traffic" in commands:
            for _ in range(3):  # "The same command again: 20 %, 50 %, 100 %"
                run(stack, "eco2 advance my-api --stack local")
        printed = run(stack, commands)
        assert missing(shown, printed) is None, printed


def test_a_line_that_no_command_prints_is_found():
    printed = "done after 5.7 s\n ~  Deployment my-api updated (1s)\n"
    assert missing("done after 11 s\n", printed) is None
    assert missing("done in 5.7 s\n", printed) == "done in TIME"
    assert missing(" ~  Deployment my-api created (1s)\n", printed) is not None
