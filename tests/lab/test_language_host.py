"""What the stand-in for the language host adds to a program that fails: as much as the official one."""

from __future__ import annotations

import secrets

import pytest

from tests.lab.program import failed, new_program

pytestmark = pytest.mark.lab
ADDED = "an unhandled error occurred: program exited with non-zero exit code"


@pytest.mark.parametrize(
    ("main", "added"),
    [
        ("import pulumi\nraise pulumi.RunError('not like this')", f"{ADDED}: 1"),
        ("import pulumi\npulumi.log.error('not like this')\nraise SystemExit(3)", f"{ADDED}: 3"),
        ("import pulumi\npulumi.log.error('not like this')\nraise SystemExit(32)", ""),
    ],
)
def test_only_a_program_that_says_so_has_the_last_word(lab, tmp_path, main, added):
    program = new_program(lab, tmp_path / f"program-{secrets.token_hex(4)}", main)
    for command in ("preview", "up"):
        told = failed(
            program.up(check=False) if command == "up" else program.pulumi(command, check=False).stdout
        )
        assert "error: not like this" in told
        assert (ADDED in told) == bool(added)
        assert added in told
