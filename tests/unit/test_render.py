"""`eco2 render`: the same files each time, all or none."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest
import yaml

from tests.conftest import ROOT


def render(out, stack="dev", check=True):
    command = [sys.executable, "-c", "from eco2.cli import main; main()", "render"]
    done = subprocess.run(
        [*command, "--project", str(ROOT), "--stack", stack, "--out", str(out)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert not check or done.returncode == 0, done.stderr
    return done


def tree(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_every_object_has_a_file_of_its_own_and_two_runs_are_the_same(tmp_path, stack):
    # Of the processor: a busy machine takes longer by the clock, and not more.
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    told = render(tmp_path / "a", stack).stdout
    taken = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    first = tree(tmp_path / "a")
    render(tmp_path / "a", stack)  # its own folder is replaced
    assert tree(tmp_path / "a") == first
    objects = [name for name in first if name.endswith((".yaml", ".json"))]
    assert f"{len(objects)}  objects" in told
    assert "16  VirtualService" in told
    assert "10  aws NodeGroup" in told
    for name, content in first.items():
        if name.endswith(".yaml"):
            (document,) = yaml.safe_load_all(content)
            assert document["kind"].lower() in name
    assert taken < 15  # 5 s on a quiet machine; `make bench` measures


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    refused = render(tmp_path, check=False)
    assert refused.returncode == 1
    assert "holds other things" in refused.stderr
    assert tree(tmp_path) == {"mine.txt": b"mine"}


def test_a_stack_without_a_file_is_refused_in_words(tmp_path):
    refused = render(tmp_path / "out", stack="nonsense", check=False)
    assert refused.returncode == 1
    assert "Pulumi.nonsense.yaml: cannot be read" in refused.stderr
    assert not (tmp_path / "out").exists()


def test_a_symbolic_link_stays_one(tmp_path):
    render(tmp_path / "real")
    (tmp_path / "link").symlink_to("real")
    render(tmp_path / "link", stack="prod")
    assert (tmp_path / "link").is_symlink()
    assert "eco2-prod-nodes" in "".join(tree(tmp_path / "real"))
