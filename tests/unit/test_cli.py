"""What every command has: help that is quick and words that complete."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from eco2.cli import app
from eco2.options import complete_service, complete_stack
from eco2.terminal.wrapping import fold
from rollout.spec.files import read_catalog
from tests.conftest import ROOT

SLOW = ("pulumi", "kubernetes", "rich", "yaml")
COMMANDS = [command.callback.__name__.replace("_", "-") for command in app.registered_commands]


@pytest.mark.parametrize(
    ("arguments", "slow"),
    # Typer itself asks pydantic for the types of a command's options.
    [(["--help"], ("pydantic", *SLOW)), (["advance", "--help"], SLOW)],
)
def test_help_imports_nothing_slow(arguments, slow):
    code = (
        f"import sys; sys.argv = ['eco2', *{arguments}]\n"
        "from eco2.cli import main\n"
        "try: main()\n"
        f"finally: print([name for name in {slow} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "Usage:" in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_within_eighty_columns(command):
    text = CliRunner().invoke(app, [command, "--help"]).stdout
    assert all(len(line) <= 80 for line in text.splitlines())


@pytest.mark.parametrize("command", ["advance", "promote", "set-image", "abort"])
def test_exit_codes_are_documented(command):
    assert "Exit codes: 0 done" in CliRunner().invoke(app, [command, "--help"]).stdout


def test_stacks_and_services_complete_from_the_files(monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    assert complete_stack("") == ["dev", "local", "prod"]
    assert complete_stack("p") == ["prod"]
    assert complete_service("") == list(read_catalog(ROOT / "services.yaml").services)
    assert complete_service("auth") == ["auth-api", "auth-relay"]
    monkeypatch.chdir(tmp_path)
    assert complete_stack("") == complete_service("") == []


def test_the_shell_gets_its_completions(monkeypatch):
    monkeypatch.chdir(ROOT)
    asked = {"_ECO2_COMPLETE": "complete_bash", "COMP_WORDS": "eco2 advance scan", "COMP_CWORD": "2"}
    done = CliRunner().invoke(app, env=asked, prog_name="eco2")
    assert done.stdout.split() == ["scan-api", "scan-worker"]


def test_messages_are_broken_between_words_and_never_in_a_command():
    line = "  a.yaml: some-key: far too much is wrong here; next: `pulumi config set --stack dev --path a.b 1`; or else"
    assert fold(line, 40).splitlines() == [
        "  a.yaml: some-key: far too much is",
        "    wrong here; next:",
        "    `pulumi config set --stack dev --path a.b 1`;",
        "    or else",
    ]
    assert fold(line, 200) == line
    assert fold("", 40) == ""
