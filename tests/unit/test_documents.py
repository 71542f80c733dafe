"""The documents: their links lead somewhere, and what they tell people to type exists."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
import yaml

from eco2.cli import app as eco2
from lab.cli import app as lab
from tests.conftest import ROOT

PAGES = sorted([*ROOT.glob("README*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "examples/acme/README.md"])
SHELL = re.compile(r"```sh\n(.*?)```", re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")


def prose(text):
    """A page without its fenced blocks."""
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def spans(text):
    """What stands between backticks in running text, where a line may end inside, too."""
    return INLINE.findall(re.sub(r"(?<!\n)\n(?!\n)", " ", prose(text)))


def anchors(text):
    """What GitHub makes of a page's headings."""
    titles = re.findall(r"(?m)^#+ (.+)$", prose(text))
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def commands(page):
    """What a page tells people to type: its shell blocks line by line, and what stands in running text."""
    text = page.read_text()
    blocks = [line for block in SHELL.findall(text) for line in block.replace("\\\n", " ").splitlines()]
    return [*blocks, *spans(text)]


def registered(app):
    return {one.name or one.callback.__name__.replace("_", "-") for one in app.registered_commands}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in LINK.findall(prose(page.read_text())):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        place = page.parent / path if path else page
        assert place.exists(), target
        assert not anchor or anchor in anchors(place.read_text()), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
@pytest.mark.parametrize(("name", "app"), [("eco2", eco2), ("lab", lab)])
def test_commands_and_their_options_exist(page, name, app):
    known = registered(app)
    for line in commands(page):
        for command, rest in re.findall(rf"(?:^|[\s/]){name} ([a-z][a-z-]*)([^|;&]*)", line):
            assert command in known, line
            options = set(re.findall(r"(?<=\s)--[a-z-]+", rest.split(" -- ")[0]))
            if command not in ("run", "project"):
                assert options <= help_of(name, command), line


HELP: dict[tuple[str, str], set[str]] = {}


def help_of(name, command):
    """The options of a command, as its own help lists them."""
    if (name, command) not in HELP:
        told = subprocess.run(
            [sys.executable, "-m", name, command, "--help"],
            capture_output=True,
            text=True,
            check=True,
            env={"COLUMNS": "200", "NO_COLOR": "1", "PATH": ""},
        ).stdout
        HELP[name, command] = set(re.findall(r"--[a-z-]+", told))
    return HELP[name, command]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_exist(page):
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))
    used = {target for line in commands(page) for target in re.findall(r"(?:^|[;&]\s*)make ([a-z-]+)", line)}
    assert used <= targets


def test_the_test_would_see_a_command_that_does_not_exist():
    known = registered(eco2)
    assert "abort" in known
    assert "abolish" not in known
    assert "--no-reconcile" in help_of("eco2", "abort")


@pytest.mark.parametrize("stack", ["dev", "prod", "local"])
def test_a_stack_file_is_as_the_command_line_of_pulumi_writes_it(stack):
    """`pulumi config set` writes out aliases and quotes truth values: one key's change would be many."""
    events = list(yaml.parse((ROOT / f"Pulumi.{stack}.yaml").read_text()))
    assert not [one for one in events if getattr(one, "anchor", None)]
    config = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
    assert not [key for key, value in config.items() if isinstance(value, bool)]
