"""Texts made to break their reader: deep, large, multiplying themselves, of another shape, without an end."""

from __future__ import annotations

import json
import time
from functools import partial

import pytest

from eco2.abort.files import CONTEXT, context_of
from eco2.stack.file import read_text
from eco2.stack.planning import last_update
from eco2.yaml_text import Edit, edited
from kube.kubeconfig import KubeconfigError, access
from rollout.problems import ConfigError
from rollout.spec.files import read_mapping, read_yaml
from rollout.spec.yaml_bounds import within_bounds
from rollout.text.markdown import block, code, indented, prose
from rollout.text.plain import inert, one_line
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


READERS = [one_line, inert, prose, code, indented, block, CONTEXT.findall]


@pytest.mark.parametrize("part", [" ", "\n", " \n", "\r\n", "\x1b[m", ":", "`", "a "], ids=repr)
@pytest.mark.parametrize("reader", READERS, ids=lambda one: one.__name__)
def test_a_long_text_takes_no_more_time_than_its_length(reader, part):
    began = time.process_time()
    reader(part * 40_000)
    assert time.process_time() - began < 2


OTHER_SHAPES = [
    "- a",
    "1",
    "contexts: 5",
    "contexts: [1]",
    "contexts: [{context: {}}]",
    "contexts: [{name: there, context: 5}]",
    "users: [{name: u, user: text}]",
]


@pytest.mark.parametrize("text", OTHER_SHAPES)
def test_a_kubeconfig_of_another_shape_is_refused_in_words(tmp_path, monkeypatch, text):
    (tmp_path / "config").write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    with pytest.raises(KubeconfigError, match=r"config is no kubeconfig: its (contexts|users) are no list"):
        access("there")


DEEP = "printf '[%.0s' $(seq 100000)"
USERS = [
    {"exec": "text"},
    {"exec": {}},
    {"exec": {"apiVersion": "v1", "command": "echo", "args": [5]}},
    {"exec": {"apiVersion": "v1", "command": "echo", "args": ["[]"]}},
    {"exec": {"apiVersion": "v1", "command": "sh", "args": ["-c", DEEP]}},
    {"client-certificate-data": 5},
]


@pytest.mark.parametrize("user", USERS, ids=repr)
def test_a_user_of_another_shape_is_refused_in_words(tmp_path, monkeypatch, user):
    described = {
        "contexts": [{"name": "there", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": user}],
    }
    (tmp_path / "config").write_text(json.dumps(described))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    with pytest.raises(KubeconfigError, match=r"context there cannot be used: .* another shape"):
        access("there")


@pytest.mark.parametrize("held", [b"\xff\xfe", b"[" * 200_000, b"{"], ids=lambda held: str(held[:4]))
def test_outputs_that_no_cli_printed_are_refused_in_words(tmp_path, held):
    (tmp_path / "outputs.json").write_bytes(held)
    with pytest.raises(ConfigError, match=r"outputs\.json: is no JSON"):
        last_update(tmp_path, "dev", tmp_path / "outputs.json")


def test_a_file_without_an_end_is_not_read_to_its_end(tmp_path, monkeypatch):
    endless = tmp_path / "Pulumi.dev.yaml"
    endless.symlink_to("/dev/zero")
    for read in (read_yaml, read_text, partial(last_update, tmp_path, "dev")):
        with pytest.raises(ConfigError, match=r"Pulumi\.dev\.yaml: is larger than 5000000 characters"):
            read(endless)
    monkeypatch.setenv("KUBECONFIG", str(endless))
    with pytest.raises(KubeconfigError, match="is larger than"):
        access("there")
    with pytest.raises(ConfigError, match=r"kubernetes:context: is larger than .* --context CONTEXT"):
        context_of(endless)
