"""A way back over a state that an update with `--target` by hand left out of order, which the engine refuses."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.traffic import HOST, PATHS, send
from tests.updates import weight

pytestmark = [pytest.mark.lab, pytest.mark.rare]
SERVICES = ("chat-api", "my-api")
SAID = "`pulumi state repair` puts it in order and changes nothing in the cluster: done now"


def put_out_of_order(stack):
    """Puts something before the Deployment of my-api, which it waits for."""
    file = stack.folder / "state.json"
    stack.pulumi("stack", "export", f"--file={file}")
    state = json.loads(file.read_text())
    resources = state["deployment"]["resources"]
    before = next(one for one in resources if one["urn"].endswith("Deployment::my-api"))
    after = next(one for one in resources if before["urn"] in one.get("dependencies", ()))
    resources.remove(after)
    resources.insert(resources.index(before), after)
    file.write_text(json.dumps(state))
    stack.pulumi("stack", "import", "--force", f"--file={file}")
    assert "comes after it" in stack.up(check=False)


def test_an_abort_says_so_puts_the_state_in_order_and_ends_well(stack, lab):
    stack.change(rollouts={"chat-api": {"phase": 1}, "my-api": {"phase": 1}})
    stack.up()
    stack.jump(3, "chat-api")
    assert weight(lab, "chat/chat-api") == 20
    # my-api is to go back, so its routes come first in the program, and after its Deployments in the state.
    stack.set("eco2:rollouts.my-api.phase", "0")
    stack.set("eco2:services.chat-api.replicas", "3")
    by_hand = stack.pulumi("up", "--yes", "--skip-preview", "--target", "**chat-api**", check=False).stdout
    assert "snapshot integrity failure; it was already written" in by_hand
    done = stack.eco2("abort", "chat-api")
    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    assert SAID in told
    assert "This is a bug" not in told
    assert weight(lab, "chat/chat-api") == 0
    assert send(lab, HOST, PATHS["chat-api"], 100, "--header")["answers"] == {"v1": 100}
    assert yaml.safe_load(stack.file.read_text())["config"]["eco2:rollouts"]["chat-api"]["phase"] == 0
    assert stack.outputs()["rollouts"]["chat-api"]["phase"] == 0
    assert "chat/chat-api-canary" not in lab.items("/apis/apps/v1/deployments")
    stack.up()
    assert stack.changes() == []


def test_recover_puts_the_state_in_order_and_then_has_nothing_to_do(stack):
    assert stack.changes() == []
    put_out_of_order(stack)
    assert SAID in stack.eco2("recover").stdout
    assert stack.eco2("recover").stdout == ""
    assert stack.changes() == []
