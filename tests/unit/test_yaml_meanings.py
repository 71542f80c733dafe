"""A scalar that two readers of one file take for different things is refused: quote it."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from eco2.stack.config import stack_config
from eco2.yaml_text.setting import scalar
from rollout.problems import ConfigError
from rollout.spec.files import read_mapping
from rollout.spec.yaml_scalars import two_meanings

DIFFER = [
    ("1e5", "text", "the number 100000.0"),
    ("0128", "text", "the number 128.0"),
    ("017", "the number 15", "the number 17"),
    ("0o17", "text", "the number 15"),
    ("0b11", "the number 3", "text"),
    ("yes", "true", "text"),
    ("No", "false", "text"),
    ("on", "true", "text"),
    ("OFF", "false", "text"),
    ("1_000", "the number 1000", "text"),
    ("12:30:00", "the number 45000", "text"),
    ("2026-01-01", "a date", "text"),
    ("2026-1-1", "text", "a date"),
    ("-.5", "text", "the number -0.5"),
    ("1e+5", "text", "the number 100000.0"),
    ("6e6", "text", "the number 6000000.0"),
]
AGREE = [
    "~",
    "null",
    "",
    "true",
    "False",
    "0",
    "7",
    "-3",
    "+1",
    "0x10",
    ".5",
    "1.5",
    ".inf",
    ".nan",
    "y",
    "n",
]
AGREE += [
    "auth-api-1",
    "v1.2",
    "1.2.3",
    "10Mi",
    "500m",
    "a: b",
    "e5",
    "6e6b6a",
    "sha256:12",
    "yesterday",
    "1-2",
]


@pytest.mark.parametrize(("text", "one", "other"), DIFFER)
def test_a_scalar_of_two_meanings_is_refused_by_key_and_line(text, one, other):
    with pytest.raises(ConfigError) as refused:
        read_mapping(f"config:\n  a: {{b: [x, {text}]}}\n", "f.yaml")
    words = f'line 2: {text} is {one} for some readers and {other} for others; quote it: "{text}"'
    assert [str(problem) for problem in refused.value.problems] == [f"f.yaml: config.a.b[1]: {words}"]
    assert read_mapping(f"a: '{text}'\nb: \"{text}\"\nc: !!str {text}\n", "f.yaml")["a"] == text


@pytest.mark.parametrize("text", AGREE)
def test_what_all_readers_take_for_the_same_needs_no_quotes(text):
    assert two_meanings(text) is None


def test_every_such_scalar_of_a_file_is_named_at_once_also_where_it_is_a_key():
    with pytest.raises(ConfigError) as refused:
        read_mapping("a: 1e5\n1_0: b\nc: &x yes\nd: *x\n", "f.yaml")
    assert [problem.key for problem in refused.value.problems] == ["a", "1_0", "c"]


@given(st.text(st.characters(categories=("L", "N", "P", "S"), include_characters=" "), max_size=12))
def test_what_a_command_writes_has_one_meaning(text):
    written = scalar(text)
    assert yaml.safe_load(written) == text
    assert written[:1] in ("'", '"') or two_meanings(written) is None


def test_a_plan_refuses_what_pulumi_would_read_otherwise(program):
    """The stack's file of the fault: the plan took the tag, the update read a number."""
    for tag in ("1e5", "0128"):
        text = (program.folder / "Pulumi.dev.yaml").read_text()
        changed = text.replace(
            "eco2:rollouts: {}", f"eco2:rollouts: {{image-api: {{phase: 1, canary: {{tag: {tag}}}}}}}"
        )
        with pytest.raises(ConfigError, match=r"eco2:rollouts.image-api.canary.tag: line \d+: .*quote it"):
            stack_config(program.folder, "dev", changed)
        quoted = changed.replace(tag, f'"{tag}"')
        told = json.loads(stack_config(program.folder, "dev", quoted)["eco2:rollouts"])
        assert told["image-api"]["canary"]["tag"] == tag


@pytest.mark.parametrize(
    "scalar", ["!!bool yes", '!!bool "on"', "!!int 017", "!!null x", "!!float 3", "!own 1"]
)
def test_a_tag_that_is_not_the_same_for_all_readers_is_refused(scalar):
    with pytest.raises(
        ConfigError, match=r"f.yaml: a.b: line 1: the tag \S+ is not the same for all readers"
    ):
        read_mapping(f"a: {{b: {scalar}}}\n", "f.yaml")
    assert read_mapping("a: !!str 017\n", "f.yaml") == {"a": "017"}


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("{phase: 1.0, list: [2.0, 2.5]}", '{"phase": 1, "list": [2, 2.5]}'),
        ("5.0", "5"),
        ("-0.0", "0"),
        ("2.50", "2.5"),
        ("0x10", "16"),
        ("true", "true"),
        ("", ""),
        ("null", ""),
    ],
)
def test_a_plan_reads_numbers_and_nothing_as_pulumi_hands_them_over(program, value, told):
    """Seen with `pulumi config --json` of 3.259."""
    text = f"config:\n  aws:region: {value}\n"
    assert stack_config(program.folder, "dev", text)["aws:region"] == told
