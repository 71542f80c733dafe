"""The comment on a pull request where there is no plan: it takes the place of the one before."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from eco2.cli import app
from eco2.stack import cli as pulumi_stack
from eco2.stack.cli import PulumiError
from rollout.report.markdown import markdown_of_failure
from tests.conftest import copy_project

HEAD = "<!-- eco2-plan dev -->\n\n### No plan for dev: it could not be made\n\n"


@pytest.fixture
def plan(tmp_path):
    folder = copy_project(tmp_path)
    return lambda *options: CliRunner().invoke(app, ["plan", "-s", "dev", "-C", str(folder), *options])


def test_a_backend_that_cannot_be_asked_is_a_comment_too(plan, monkeypatch):
    def refuse(*_):
        raise PulumiError("error: could not open bucket\nAccessDenied")

    monkeypatch.setattr(pulumi_stack, "pulumi", refuse)
    told = plan("--markdown")
    assert told.exit_code == 1
    assert told.stdout == f"{HEAD}    error: could not open bucket\n    AccessDenied\n"
    assert "--outputs FILE" in told.stderr
    assert plan().stdout == ""
    why = "error: could not open bucket\nAccessDenied"
    assert json.loads(plan("--json").stdout) == {"stack": "dev", "error": why}


def test_a_file_that_cannot_be_read_is_a_comment_too(plan):
    told = plan("--markdown", "--outputs", "nowhere.json")
    assert told.exit_code == 1
    assert told.stdout.startswith(f"{HEAD}    [Errno 2]")
    assert "--outputs FILE" not in told.stderr


def test_what_another_program_says_stays_text():
    told = markdown_of_failure("dev", "error: @team\n\n```\n<b>\r# x")
    assert told == f"{HEAD}    error: @team\n\n    ```\n    <b>\n    # x\n"
