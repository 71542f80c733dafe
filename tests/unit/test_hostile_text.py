"""Texts made to break their reader: deep, large, multiplying themselves."""

from __future__ import annotations

import time

import pytest

from eco2.yaml_text import Edit, edited
from kube.kubeconfig import KubeconfigError, access
from rollout.problems import ConfigError
from rollout.spec.files import read_mapping
from rollout.spec.yaml_bounds import within_bounds
from tests.conftest import ROOT

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{chr(ord(name) - 1)}'] * 9)}]\n" for name in "bcdefghij"
)
HOSTILE = [
    ("a: " + "[" * 100_000 + "]" * 100_000, "nests deeper than 30 levels"),
    ("{a: " * 100_000, "nests deeper than 30 levels"),
    ("- " * 100_000, "nests deeper than 30 levels"),
    (LAUGHS, "holds more than 100000 keys and values with all aliases"),
    ("a: [" + "x," * 100_001 + "]", "holds more than 100000 keys and values"),
    ("a: " + "x" * 5_000_001, "is larger than 5000000 characters"),
]


@pytest.mark.parametrize(("text", "reason"), HOSTILE, ids=lambda value: value[:20])
def test_a_hostile_text_is_refused_in_words_and_soon(text, reason):
    began = time.process_time()
    with pytest.raises(ConfigError, match=reason):
        read_mapping(text, "f.yaml")
    with pytest.raises(ConfigError, match=reason):
        edited(text, [Edit(("a", "b"), 1)], "f.yaml")
    assert time.process_time() - began < 5


@pytest.mark.parametrize(("text", "reason"), HOSTILE[:4], ids=lambda value: value[:20])
def test_a_hostile_kubeconfig_is_refused_in_words(tmp_path, monkeypatch, text, reason):
    (tmp_path / "config").write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    with pytest.raises(KubeconfigError, match=reason):
        access("any")


@pytest.mark.parametrize("name", ["services.yaml", "Pulumi.yaml", "Pulumi.dev.yaml", "Pulumi.prod.yaml"])
def test_the_projects_own_files_are_far_from_every_bound(name):
    within_bounds((ROOT / name).read_text("utf-8") * 1, name)
