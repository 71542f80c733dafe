"""Rules for Prometheus of a stack whose judge allows other failures than that of `services.yaml`."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import yaml

from observability.files import RULE_OBJECT, RULES, files, stale
from rollout.problems import ConfigError
from tests.conftest import ROOT
from tests.stacks_rules import OWN_OBJECT, OWN_RULES, judged_otherwise

MADE = files(ROOT)


def test_a_stack_that_overrides_the_judge_has_rules_of_its_own(tmp_path):
    made = files(judged_otherwise(tmp_path, {"margin": 2, "leastRequests": 500, "together": 3}))
    own = yaml.safe_load(made[OWN_RULES])["groups"][1]["rules"]
    others, chat = [one for one in own if one["alert"] == "Eco2CanarySick"]
    assert 'service=~"chat-api"' in chat["expr"]
    assert "chat-api" not in others["expr"]
    assert "- 0.02\n" in chat["expr"]
    assert ">= 500" in chat["expr"]
    assert "3 * (sum" in chat["expr"]
    assert "the margin of 2 points" in chat["annotations"]["description"]
    assert "- 0.005\n" in others["expr"]


def test_the_general_rules_and_those_of_other_stacks_stay(tmp_path):
    made = files(judged_otherwise(tmp_path, {"margin": 2}))
    assert made.keys() - MADE.keys() == {OWN_RULES, OWN_OBJECT}
    assert {path: made[path] for path in MADE} == MADE


def test_its_object_takes_the_place_of_the_general_one(tmp_path):
    made = files(judged_otherwise(tmp_path, {"margin": 2}))
    own, general = yaml.safe_load(made[OWN_OBJECT]), yaml.safe_load(made[RULE_OBJECT])
    assert own["metadata"] == general["metadata"]
    assert own["spec"] == yaml.safe_load(made[OWN_RULES])
    assert made[OWN_RULES].startswith("# Written by `make docs` from services.yaml, Pulumi.prod.yaml and ")


@pytest.mark.parametrize("judge", [{}, {"quantile": 99}, {"slowMargin": 9}, {"margin": 0.5}])
def test_what_changes_no_rule_makes_no_files(tmp_path, judge):
    assert files(judged_otherwise(tmp_path, judge)).keys() == MADE.keys()


def test_rules_that_no_stack_needs_any_more_are_taken_away_and_nothing_else(tmp_path):
    command = [sys.executable, "-m", "observability"]

    def write(judge):
        project = judged_otherwise(tmp_path, judge)
        found = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            command, cwd=project, env=found, check=True, capture_output=True, text=True
        ).stdout

    assert OWN_RULES in write({"margin": 2})
    (tmp_path / OWN_RULES).with_name("of-a-team.yaml").write_text("groups: []\n")
    assert f"{OWN_RULES}: taken away" in write({})
    assert [one.name for one in (tmp_path / OWN_RULES).parent.iterdir()] == ["of-a-team.yaml"]
    assert (tmp_path / RULES).is_file()


def test_none_is_left_in_the_repository():
    assert stale(ROOT, MADE) == (), "run `make docs`"


def test_a_stacks_file_that_cannot_be_used_is_told_by_its_key(tmp_path):
    with pytest.raises(ConfigError, match=r"Pulumi\.prod\.yaml.*eco2:services\.chat-api\.judge\.margin"):
        files(judged_otherwise(tmp_path, {"margin": 99}))
