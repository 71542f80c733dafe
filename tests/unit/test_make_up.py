"""What `make up` says at its end, with a lab and an `eco2` that only answer."""

from __future__ import annotations

import subprocess

import pytest

from tests.conftest import ROOT

LAB = """#!/bin/sh
case "$*" in
  gateway) {gateway};;
  *--json) printf '[\\n  {{\\n    "weight": {weight},\\n    "header": "x-try: it",\\n';;
esac
"""
CLAIM = "one in five requests meets the canary"


def last_words(tmp_path, weight="20.0", gateway="echo http://127.0.0.1:1"):
    lab = tmp_path / "lab"
    lab.write_text(LAB.format(weight=weight, gateway=gateway))
    lab.chmod(0o755)
    command = ["make", "--no-print-directory", "-o", "setup", "up", f"LAB={lab}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("weight", ["20.0", "20"])
def test_one_in_five_is_said_where_it_is_so(tmp_path, weight):
    told = last_words(tmp_path, weight)
    assert CLAIM in told
    assert "curl -H 'Host: api.eco2.test' -H 'x-try: it' http://127.0.0.1:1/api/v1/auth/me" in told


@pytest.mark.parametrize("weight", ["0.0", "5.0", "20.5", "200.0", "null"])
def test_a_file_that_was_edited_gets_the_commands_without_the_claim(tmp_path, weight):
    told = last_words(tmp_path, weight)
    assert CLAIM not in told
    assert told.count("  curl -H 'Host: api.eco2.test'") == 2


def test_a_lab_without_a_network_gets_no_commands(tmp_path):
    assert "curl" not in last_words(tmp_path, gateway="exit 3")
