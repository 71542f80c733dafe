"""What is said of raw results, and that the documents say nothing else."""

from __future__ import annotations

import json

from lab.mesh.routes import Split
from tests.bench import flat, ours, results
from tests.bench.__main__ import CHART, DOCUMENT, MINUTES, PARTS, drawn
from tests.bench.argo_objects import PAUSES, steps
from tests.bench.document import document
from tests.bench.moves_document import PHASES
from tests.bench.observe import Command
from tests.bench.results import Spread

BACK = {"routes": 0.5, "done": 8.0, "sent": 2000, "failed": 0}


def told(**parts):
    return {
        "machine": {"CPU": "2 cores"},
        "parts": {name: {"date": "2026-01-02", "runs": runs} for name, runs in parts.items()},
    }


def write(results_so_far):
    return document(results_so_far, MINUTES, ours.RATE)


def test_a_spread_is_median_least_most_and_number():
    assert Spread.of([3.0, 1.0, 2.0, None, 10.0]) == Spread(2.5, 1.0, 10.0, 4)
    assert str(Spread.of([0.5])) == "0.50 s (0.50 to 0.50)"
    assert Spread.of([None]) is None


def test_the_runs_of_a_part_replace_earlier_ones_and_leave_other_parts_alone(tmp_path):
    file = tmp_path / "results.json"
    results.keep("abort", [{"done": 1.23456, "moves": [{"at": 2.00049}]}], file)
    assert json.loads(file.read_text())["parts"]["abort"]["runs"] == [{"done": 1.235, "moves": [{"at": 2.0}]}]
    results.keep("plain", [{"done": 4.0}], file)
    results.keep("abort", [{"done": 3.0}, {"done": 5.0}], file)
    parts = results.read(file)["parts"]
    assert [one["done"] for one in parts["abort"]["runs"]] == [3.0, 5.0]
    assert [one["done"] for one in parts["plain"]["runs"]] == [4.0]


def test_the_document_has_the_figures_and_leaves_out_what_was_not_measured():
    runs = [{**BACK, "canary": canary, "failed": failed} for canary, failed in ((0.4, 0), (0.6, 2), (0.9, 0))]
    text = write(told(abort=runs))
    assert "| `eco2 abort` | 0.50 s (0.50 to 0.50) | 0.60 s (0.40 to 0.90) | 8.00 s" in text
    assert "| 3 | 6,000 | 2 |" in text
    assert "Measured on 2026-01-02." in text
    assert "| CPU | 2 cores |" in text
    assert "## A new image in mid-canary" not in text
    assert "| Argo Rollouts: `abort` |" not in text


def test_the_document_tells_what_the_rules_cost_as_a_ratio_of_one_run():
    ways = {
        "fallback": {"p99": 9.0},
        "all": {"median": 2.2, "p99": 11.0},
        "alone": {"median": 2.0, "p99": 10.0},
    }
    runs = [{**ways, "fallback": {"median": 2.0 + number, "p99": 9.0}} for number in range(3)]
    text = write(told(latency=runs))
    assert "| p50 | 3.00 ms (1.50) | 2.20 ms (1.10) | 2.00 ms | 3 |" in text
    assert "| p99 | 9.00 ms (0.90) | 11.00 ms (1.10) | 10.00 ms | 3 |" in text


def test_the_document_sets_argo_beside_ours():
    made = [{"move": phase, "routes": 1.0, "done": 2.0, "sent": 600, "failed": 0} for phase in PHASES]
    text = write(told(**{"moves": [{"moves": made}], "argo-moves": [{"moves": made}]}))
    assert "| move | ours: routes | ours: done | ours: failed of requests | Argo: routes" in text
    assert text.count("0 of 600") == 2 * len(PHASES)


def test_the_ratio_is_that_of_the_medians():
    runs = [{"what": "up", "ours": one, "flat": two} for one, two in ((1.0, 1.0), (3.0, 2.0), (9.0, 4.0))]
    assert flat.ratio(runs) == 1.5
    assert "| `pulumi up` | 3.00 s (1.00 to 9.00) | 2.00 s (1.00 to 4.00) | 1.50 | 3 |" in write(
        told(flat=runs + [{"what": what, "ours": 1.0, "flat": 1.0} for what in ("preview", "render")])
    )


def test_a_comparison_under_way_shows_what_there_is():
    text = write(told(flat=[{"what": "up", "ours": 3.3, "flat": 3.0}]))
    assert "| 3.30 s (3.30 to 3.30) | 3.00 s (3.00 to 3.00) | 1.10 | 1 |" in text
    assert "render" not in text.rpartition("| --- |")[2]


def test_a_failure_counts_for_the_move_under_way():
    seconds = [{"at": at, "v1": 200} for at in range(100, 110)]
    seconds[4]["failed"] = 3
    made = [{"move": "1", "at": 101.5}, {"move": "2", "at": 104.2}, {"move": "3", "at": 107.0}]
    users = {"seconds": seconds, "sent": 2003, "failed": 3}
    one = ours.rollout(users, made, [(102.0, Split(header=True))])
    assert [(move["failed"], move["sent"]) for move in one["moves"]] == [(0, 600), (3, 603), (0, 600)]
    assert one["load"]["marks"] == [{"at": 102.0, "what": "header"}]


def test_the_milestones_of_a_way_back_are_found_in_what_the_command_says():
    said = (
        (10.4, "auth-api: all traffic to stable after 0.30 s"),
        (10.9, "updating auth-api; if this is interrupted, go on with: eco2 abort auth-api --stack dev"),
        (13.0, " ~  kubernetes:networking.istio.io/v1:VirtualService auth-api-mesh updated (0.1s)"),
        (14.0, " -  kubernetes:apps/v1:Deployment auth-api-canary deleting (0s)"),
        (17.0, " -  kubernetes:apps/v1:Deployment auth-api-canary deleted (3s)"),
    )
    found = ours.milestones(Command(10.0, 18.0, said, 0))
    assert {name: round(at, 1) for name, at in found.items()} == {
        "struck": 0.4,
        "updating": 0.9,
        "written": 3.0,
        "deleting": 4.0,
        "deleted": 7.0,
    }
    assert ours.milestones(Command(10.0, 18.0, (), 0))["struck"] is None


def test_argo_climbs_our_ladder_and_stands_still_at_each_of_our_phases():
    climbed = steps()
    assert [step["setWeight"] for step in climbed if "setWeight" in step] == [
        weight for weight in ours.WEIGHTS.values() if weight
    ]
    assert [number for number, step in enumerate(climbed) if "pause" in step] == list(PAUSES.values())


def test_the_documents_say_what_the_raw_results_say():
    raw = results.read()
    assert raw["parts"].keys() <= {*PARTS}
    assert DOCUMENT.read_text("utf-8") == write(raw)
    assert CHART.read_text("utf-8") == drawn(raw["parts"]["moves"]["runs"])
