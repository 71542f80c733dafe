"""The update of a climb's own step does nothing beside it, from the first phase to the promotion."""

from __future__ import annotations

import pytest

from eco2.stack.comparison import with_differences
from eco2.stack.planning import read_report
from rollout.climb.beside import beside_step
from tests.mountain import SERVICES
from tests.unit.left import left_by

NEW = {"tag": "0.9.0"}


@pytest.mark.parametrize("name", ["my-api", "ext-authz", "my-worker"])
def test_no_step_of_a_climb_finds_anything_beside_itself(program, name):
    left = left_by(program.run(outputs={}))
    for phase in (1, 2, 3, 4, 5, 0):
        entry = {"phase": phase, "canary": NEW}
        if phase:
            program.edit("Pulumi.dev.yaml", **{"config/eco2:rollouts": {name: entry}})
        else:
            program.edit(
                "Pulumi.dev.yaml",
                **{"config/eco2:rollouts": {name: entry}, f"config/eco2:services/{name}": {"image": NEW}},
            )
        plan = read_report(program.folder, "dev", left.outputs, left.resources)
        plan = with_differences(plan, program.folder, "dev", left)
        assert not plan.refused, plan.refused
        assert [one.service for one in plan.changes] == [name]
        assert beside_step(plan, {name: SERVICES[name].companions}) == ""
        left = left_by(program.run(outputs=left.outputs))
    if SERVICES[name].companions:
        assert beside_step(plan, {name: ()}).startswith("restarts: ")
