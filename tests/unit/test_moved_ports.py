"""A Service changes at once and its pods later, so its first port is not taken away in passing (rule 18)."""

from __future__ import annotations

import pulumi
import pytest
import yaml

from eco2.stack.planning import read_report
from rollout.report.text import text
from tests.unit.left import left_by
from tests.unit.test_beside_rollouts import program_run
from tests.unit.test_components import EXAMPLE
from tests.unit.test_components import run as acme


@pytest.fixture
def left(program):
    """What an update of the files as they ship leaves."""
    return left_by(program.run(outputs={}))


def listening(program, *ports):
    """Lets chat-api listen on other ports, and its probes ask the first."""
    path = program.folder / "services.yaml"
    document = yaml.safe_load(path.read_text())
    chat = document["services"]["chat-api"]
    chat["ports"] = [{"name": f"http-{port}", "port": port} for port in ports]
    chat["probes"] = {"readiness": {"tcp": ports[0]}}
    path.write_text(yaml.safe_dump(document, sort_keys=False))


def plan(program, left):
    return read_report(program.folder, "dev", left.outputs, left.resources)


def test_rule_18_the_port_that_has_traffic_is_not_taken_away_in_passing(program, left):
    listening(program, 9000)
    refused = text(plan(program, left))
    assert "refused: chat-api: rule 18" in refused
    assert "from port 8000 of Service chat-api to port 9000: " in refused
    assert "write ports with 9000 first and 8000 behind it" in refused
    # The program refuses it as well: a preview of `pulumi` fails.
    with pytest.raises(Exception, match="rule 18"):
        program_run(program, left)
    program.edit("Pulumi.dev.yaml", **{"config/eco2:overrule": {"chat-api": "nobody calls it"}})
    found = plan(program, left)
    assert not found.refused
    assert any("overruled (nobody calls it)" in one for one in found.warnings)


def test_the_way_on_that_it_prints_works(program, left):
    listening(program, 9000, 8000)
    assert not plan(program, left).refused
    between = left_by(program.run(outputs=left.outputs))
    listening(program, 9000)
    assert not plan(program, between).refused


def test_a_way_back_is_told_and_not_refused(program):
    plain = left_by(program.run(outputs={}))
    program.edit("Pulumi.dev.yaml", **{"config/eco2:rollouts": {"chat-api": {"phase": 1}}})
    with_canary = left_by(program.run(outputs=plain.outputs))
    program.edit("Pulumi.dev.yaml", **{"config/eco2:rollouts": {"chat-api": {"phase": 0}}})
    listening(program, 9000)
    found = plan(program, with_canary)
    assert not found.refused
    assert any("port 8000 of Service chat-api" in one for one in found.warnings)


def test_components_alone_refuse_it_too(tmp_path):
    before = left_by(acme())
    program = (EXAMPLE / "__main__.py").read_text().replace("8080", "9090")
    (tmp_path / "__main__.py").write_text(program)
    with pytest.raises(
        pulumi.RunError, match=r"staging-cart: rule 18 .* from port 8080 of Service cart to port 9090"
    ):
        acme(outputs=before.outputs, folder=tmp_path, resources=before.resources)


def test_components_alone_refuse_probes_that_nobody_answers(tmp_path):
    program = (
        (EXAMPLE / "__main__.py").read_text().replace('"/health", "port": 8080', '"/health", "port": 9090')
    )
    (tmp_path / "__main__.py").write_text(program)
    with pytest.raises(ValueError, match="readiness asks port 9090, and ports has 8080 only"):
        acme(folder=tmp_path)
