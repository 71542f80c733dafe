"""What an update of the recorded program leaves, as a backend would give it back."""

from __future__ import annotations

import json

from eco2.stack.state import StackState


def left_by(captured):
    """What an update leaves."""
    state = [
        {
            "type": one.type,
            "urn": one.urn,
            "parent": one.options.get("parent", ""),
            "inputs": json.loads(json.dumps(one.inputs)),
            "outputs": json.loads(json.dumps(one.inputs)),
            "protect": bool(one.options.get("protect")),
        }
        for one in captured.resources
    ]
    resources = {one["urn"]: {"type": one["type"], "outputs": one["outputs"]} for one in state}
    return StackState(captured.outputs, resources, state)
