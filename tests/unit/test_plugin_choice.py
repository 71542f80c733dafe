"""Which of Pulumi's plugins the lab takes as they are, and which it stands in for."""

from __future__ import annotations

import json
import sys
from importlib import metadata

import pytest
from typer.testing import CliRunner

from lab import cli, environment, plugin_choice
from lab.places import LabFolder

AWS = metadata.version("pulumi-aws")


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine without any plugin; what a test puts onto it is a script."""
    for name in ("bin", "home/plugins", "cli"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))

    def put(place, name, text="#!/bin/sh\n"):
        path = tmp_path / place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path

    put.root = tmp_path
    return put


def own(pulumi=None, refused=None):
    return {one.plugin: one.own for one in plugin_choice.choices(pulumi, refused) if one.own}


def test_a_machine_without_plugins_has_stand_ins_for_all(machine):
    assert own() == {}
    assert len(plugin_choice.choices(None)) == 3


def test_each_plugin_is_chosen_by_itself(machine):
    kubernetes = machine("bin", "pulumi-resource-kubernetes")
    aws = machine(f"home/plugins/resource-aws-v{AWS}", "pulumi-resource-aws")
    assert own() == {"resource-kubernetes": kubernetes, "resource-aws": aws}


def test_path_comes_before_pulumis_home_whatever_its_version(machine):
    machine(f"home/plugins/resource-aws-v{AWS}", "pulumi-resource-aws")
    aws = machine("bin", "pulumi-resource-aws")
    assert own() == {"resource-aws": aws}


def test_a_version_in_the_home_that_no_sdk_asks_for_is_stood_in_for_and_told(machine):
    machine("home/plugins/resource-aws-v1.2.3", "pulumi-resource-aws")
    (aws,) = [one for one in plugin_choice.choices(None) if one.plugin == "resource-aws"]
    assert aws.own is None
    assert f"has 1.2.3, and pulumi-aws asks for {AWS}" in str(aws)


def test_a_download_that_was_cut_off_is_no_plugin(machine):
    machine(f"home/plugins/resource-aws-v{AWS}", "pulumi-resource-aws")
    (machine.root / f"home/plugins/resource-aws-v{AWS}.partial").touch()
    assert own() == {}


def test_the_language_host_may_lie_beside_the_pulumi_in_use(machine):
    pulumi, host = (machine("cli", name) for name in ("pulumi", "pulumi-language-python"))
    assert own(pulumi) == {"language-python": host}
    assert own() == {}


def test_the_language_host_of_a_pulumi_that_is_too_old_is_not_used(machine):
    machine("bin", "pulumi-language-python")
    assert own(None, machine("bin", "pulumi")) == {}


def test_a_labs_own_stand_ins_on_path_are_no_plugins(machine, monkeypatch):
    plugin_choice.write_stand_ins(machine.root / "plugins", sys.executable)
    for plugin in plugin_choice.MODULES:
        folder = plugin_choice.stand_in_folder(machine.root / "plugins", plugin)
        monkeypatch.setenv("PATH", str(folder), prepend=":")
    assert own() == {}


@pytest.fixture
def running(machine, monkeypatch):
    folder = LabFolder(machine.root / "lab")
    lab = {"aws": "http://127.0.0.1:1", "region": "ap-northeast-2"}
    folder.root.mkdir()
    folder.ready.write_text(json.dumps(lab))
    machine("bin", "pulumi-resource-kubernetes")
    monkeypatch.setattr(environment.tools, "pulumi_on_path", lambda: None)
    monkeypatch.setattr(cli, "ask", lambda *_: {"parts": {"etcd": "running"}})
    return folder


def test_only_what_is_missing_is_stood_in_for_in_a_labs_environment(running):
    path = environment.exports(running)["PATH"].split(":")
    stand_ins = [one for one in path if one.startswith(str(running.plugins))]
    assert [one.rsplit("/", 1)[1] for one in stand_ins] == ["resource-aws", "language-python"]


@pytest.mark.usefixtures("running")
def test_status_says_which_is_which(machine):
    told = CliRunner().invoke(cli.app, ["status"]).output.splitlines()
    assert told[0].split() == ["etcd", "running"]
    assert str(machine.root / "bin/pulumi-resource-kubernetes") in told[1]
    assert ["own:" in line for line in told[1:]] == [True, False, False]
    assert json.loads(CliRunner().invoke(cli.app, ["status", "--json"]).output) == {"etcd": "running"}
