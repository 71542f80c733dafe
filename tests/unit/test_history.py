"""A stack's history, as the CLI tells it."""

from __future__ import annotations

import json

import pytest
from rich.console import Console

from eco2.stack.history import read_history
from eco2.terminal.history import table


def entry(rollouts, services=None, *, result="succeeded", kind="update", **more):
    config = {
        key: {"value": json.dumps(value), "objectValue": value, "secret": False}
        for key, value in (("eco2:rollouts", rollouts), ("eco2:services", services or {}))
    }
    return {
        "version": 0,
        "kind": kind,
        "result": result,
        "startTime": "2026-11-24T21:58:15.000Z",
        "endTime": "2026-11-24T21:58:24.000Z",
        "config": config,
        "message": "",
        "environment": {},
        "resourceChanges": {"create": 1, "same": 130, "update": 2},
        **more,
    }


def moves(*entries):
    return [update.moves for update in read_history(entries)]


def test_each_update_tells_what_moved_since_the_last_one_that_succeeded():
    found = moves(
        entry({"auth-api": {"phase": 2}}),
        entry({"auth-api": {"phase": 3}}, result="failed"),
        entry({"auth-api": {"phase": 1}}),
        entry({}),
    )
    assert found == [
        {"auth-api": ("phase 1 → 2", "weight 0 % → 5 %")},
        {"auth-api": ("phase 1 → 3", "weight 0 % → 20 %")},
        {"auth-api": ("phase 0 → 1",)},
        {},
    ]


def test_images_are_told_and_a_promotion_reads_as_one():
    before = entry(
        {"auth-api": {"phase": 5, "canary": {"tag": "new"}}}, {"auth-api": {"image": {"tag": "old"}}}
    )
    after = entry(
        {"auth-api": {"phase": 0, "canary": {"tag": "new"}}}, {"auth-api": {"image": {"tag": "new"}}}
    )
    assert moves(after, before)[0] == {"auth-api": ("phase 5 → 0", "weight 100 % → 0 %", "stable old → new")}
    digest = {"auth-api": {"phase": 0, "canary": {"digest": "sha256:" + "ab" * 32, "revision": "7"}}}
    assert moves(entry(digest), after)[0]["auth-api"][0] == "canary new → default@abababababab (7)"


def test_an_override_of_a_weight_is_told():
    assert moves(entry({"a": {"phase": 2, "weight": 10}}), entry({"a": {"phase": 2}})) == [
        {"a": ("weight 5 % → 10 %",)},
        {"a": ("phase 0 → 2", "weight 0 % → 5 %")},
    ]


def test_configs_of_another_shape_are_no_reason_to_fail():
    odd = entry({"a": {"phase": 99}, "b": 3}, {"a": {"image": "text"}})
    assert moves(odd)[0] == {"a": ("phase 0 → 99", "weight 0 % → ?")}
    assert moves({**odd, "config": None}, {**odd, "config": {"eco2:rollouts": {"value": "{"}}}) == [{}, {}]


def test_people_messages_targets_and_other_kinds():
    refresh, update = read_history([
        entry({"a": {"phase": 1}}, kind="refresh", resourceChanges=None),
        entry({}, message="why", environment={"git.author": "Someone", "pulumi.flag.target": "set"}),
    ])  # fmt: skip
    assert (refresh.kind, refresh.moves, refresh.counts, refresh.who) == ("refresh", {}, "none", "")
    assert (update.who, update.message, update.partial, update.counts) == ("Someone", "why", True, "+1 ~2")
    assert update.seconds == 9
    assert update.as_json()["started"] == "2026-11-24T21:58:15+00:00"


def test_the_table_fits_eighty_columns_and_shows_text_as_it_is():
    console = Console(width=80, record=True, force_terminal=False)
    entries = [
        entry({"auth-api": {"phase": 3}}, message="[bold]why[/bold]"),
        entry({"auth-api": {"phase": 2}}),
    ]
    console.print(table(list(read_history(entries))))
    text = console.export_text()
    assert "[bold]why[/bold]" in text
    assert "auth-api: phase 2 → 3, weight 5 % →" in text
    assert all(len(line.rstrip()) <= 80 for line in text.splitlines())


CLIMBED = (
    "climb auth-api 2 → 3: well after 10 min: 0.1 % of 3,011 requests failed, 0.1 % of stable's 57,412: not worse by "
    "0.5 points; 4.9 % of 2,998 requests were slow, 5.0 % of stable's 57,633: not worse by 5 points; "
    "2 of 2 pods ready, no restarts; canary image auth-api:0.8.0"
)


@pytest.mark.parametrize("columns", [80, 120])
def test_the_verdict_of_a_climb_is_read_below_its_update(columns):
    console = Console(width=columns, record=True, force_terminal=False)
    entries = [
        entry({"auth-api": {"phase": 3}}, message=CLIMBED, environment={"git.author": "Someone"}),
        entry({"auth-api": {"phase": 2}}, message="a short one"),
    ]
    console.print(table(list(read_history(entries))))
    lines = [line.rstrip() for line in console.export_text().splitlines()]
    assert lines[1].endswith("auth-api: phase 2 → 3, weight 5 % → 20 %")
    assert lines[2].strip() == "by Someone"
    below = [line for line in lines if line.startswith(" " * 13) and line[13:14].strip()]
    assert " ".join(line.strip() for line in below) == CLIMBED
    assert max(map(len, lines)) <= columns
    # The whole width is used, and no figure is torn from its sign.
    assert len(below) == {80: 5, 120: 3}[columns]
    assert not any(line.startswith("%") for line in map(str.strip, below))
    assert lines[-1].strip() == "a short one"


def test_every_message_of_a_climb_stands_below_its_update_and_short_ones_of_others_beside():
    console = Console(width=120, record=True, force_terminal=False)
    begins = "climb auth-api 0 → 1: begins; canary image auth-api-0.8.0"
    back = "climb takes back auth-api 3 → 0: sick after 12 s: auth-api: x; canary image auth-api-0.8.0"
    who = {"git.author": "Someone"}
    entries = [
        entry({"auth-api": {"phase": 0}}, message=back, environment=who),
        entry({"auth-api": {"phase": 1}}, message=begins, environment=who),
        entry({"auth-api": {"phase": 0}}, message="climb higher", environment=who),
    ]
    console.print(table(list(read_history(entries))))
    lines = [line.rstrip() for line in console.export_text().splitlines()]
    assert " " * 13 + begins in lines
    assert " " * 13 + back in lines
    assert [line.strip() for line in lines if "by Someone" in line] == [
        "by Someone",
        "by Someone",
        lines[-1].strip(),
    ]
    assert lines[-1].endswith("climb higher, by Someone")


def test_scripts_get_the_verdict_of_a_climb_whole():
    (update,) = read_history([entry({"auth-api": {"phase": 3}}, message=CLIMBED)])
    assert json.loads(json.dumps(update.as_json()))["message"] == CLIMBED
