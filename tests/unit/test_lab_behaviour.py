"""`lab behave`: a slip of the pen is refused, and what runs nowhere yet is told."""

from __future__ import annotations

import asyncio
import json

import pytest
from typer.testing import CliRunner

from lab import cli
from lab.places import LabFolder
from lab.pods.behaviour import StrangerError, nobody_yet
from lab.pods.kubelet import Kubelet, serve_control

REPOSITORY = "docker.io/mng990/eco2:"
RUNNING = {
    f"{REPOSITORY}auth-api-dev-latest": "auth-api",
    f"{REPOSITORY}auth-api-dev-canary": "auth-api",
    f"{REPOSITORY}my-api-0.8.0": "my-api",
    f"{REPOSITORY}location-api-dev-latest": "location-api",
    f"{REPOSITORY}chat-api-dev-latest": "chat-api",
}


@pytest.mark.parametrize("part", ["auth-api", "auth-api-dev-canary", "canary", f"{REPOSITORY}my-api-0.8.0"])
def test_a_part_of_an_image_that_runs_is_taken(part):
    assert not nobody_yet(part, RUNNING)


@pytest.mark.parametrize(
    ("part", "meant"),
    [
        ("auht-api", "auth-api"),
        ("auth-apu", "auth-api"),
        ("my-ap1", "my-api"),
        ("auth-aip-dev-canary", "auth-api-dev-canary"),
    ],
)
def test_a_slip_of_the_pen_is_refused_with_what_may_be_meant(part, meant):
    with pytest.raises(StrangerError, match=rf"no pod runs an image with '{part}' .* did you mean {meant}\?"):
        nobody_yet(part, RUNNING)


@pytest.mark.parametrize("part", ["auth-api-0.9.0", "location-sick", "chat-broken", "my-good", "sick"])
def test_an_image_that_is_still_to_come_is_taken_and_told(part):
    assert "it holds for pods that are still to come" in nobody_yet(part, RUNNING)


def test_while_no_pod_runs_everything_is_taken():
    assert not nobody_yet("auht-api", {})


@pytest.fixture
def behave(tmp_path, monkeypatch):
    """Runs the command on a kubelet with the pods of RUNNING; gives the result and what it holds afterwards."""
    monkeypatch.setenv("LAB_HOME", str(tmp_path))
    folder = LabFolder.of("default")
    folder.root.mkdir()
    folder.ready.write_text("{}")
    folder.socket("pods").parent.mkdir(exist_ok=True)
    kubelet = Kubelet(None, "10.244.0.0/16", on_network=False)
    for image, service in RUNNING.items():
        kubelet.lives[image] = type(
            "", (), {"image": image, "service": service, "look_again": lambda _: None}
        )()

    def run(*arguments):
        async def both():
            await serve_control(kubelet, folder.socket("pods"))
            return await asyncio.to_thread(CliRunner().invoke, cli.app, ["behave", *arguments])

        return asyncio.run(both()), kubelet.behaviours.told()

    return run


def test_the_command_refuses_a_slip_and_changes_nothing(behave):
    done, held = behave("auht-api", "--status", "500")
    assert done.exit_code == 1
    assert "did you mean auth-api?" in done.stderr
    assert not held


def test_the_command_takes_what_runs_and_tells_of_what_does_not(behave):
    done, held = behave("auth-api-dev-canary", "--status", "500")
    assert (done.exit_code, done.stderr, list(held)) == (0, "", ["auth-api-dev-canary"])
    done, held = behave("auth-api-0.9.0", "--unready")
    assert done.exit_code == 0
    assert "note: no pod runs an image with 'auth-api-0.9.0'" in done.stderr
    assert json.loads(done.stdout).keys() == held.keys() == {"auth-api-dev-canary", "auth-api-0.9.0"}
