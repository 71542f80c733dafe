"""`eco2 climb` and `eco2 judge` from the command line, with a Pulumi that only does what the file says."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from eco2.climb import stack_site
from eco2.climb.request import ClimbRequest
from eco2.judge.watch import Watch
from rollout.climb.steps import Goal
from tests.climb_desk import OPTIONS, messages, phases, told
from tests.desk import IMAGE
from tests.mountain import AWAY, BAD


def test_it_climbs_to_a_phase_by_one_update_each(desk, cluster, sees):
    done = desk.run("climb", "auth-api", "--to", "3", *OPTIONS)
    assert done.exit_code == 0, done.output
    assert phases(desk) == {"auth-api": 3}
    assert [message.partition(":")[0] for message in messages(desk)] == [
        "climb auth-api 0 → 1",
        "climb auth-api 1 → 2",
        "climb auth-api 2 → 3",
    ]
    assert all("canary image auth-api-dev-canary" in message for message in messages(desk))
    assert "auth-api: phase 0 → 1 → 2 → 3" in done.stdout
    assert "updating as asked" in done.stdout


def test_it_promotes_in_the_end(desk, cluster, sees):
    desk.says(auth_api="{phase: 4, canary: {tag: auth-api-0.8.0}}")
    desk.left(auth_api=(4, 50, "auth-api-0.8.0"))
    cluster.canary("auth", "auth-api", f"{IMAGE}auth-api-0.8.0")
    done = desk.run("climb", "auth-api", "--promote", *OPTIONS)
    assert done.exit_code == 0, done.output
    assert phases(desk) == {"auth-api": 0}
    assert "auth-api: {image: {tag: auth-api-0.8.0}}" in desk.file.read_text()
    assert len(desk.updates) == 2
    # Once more, and there is nothing to do.
    assert desk.run("climb", "auth-api", "--promote", *OPTIONS).exit_code == 0
    assert len(desk.updates) == 2


def test_with_json_standard_output_has_events_alone(desk, cluster, sees):
    done = desk.run("climb", "auth-api", "--to", "2", "--json", *OPTIONS)
    assert done.exit_code == 0, done.output
    events = told(done)
    assert [one["event"] for one in events if one["event"] != "looked"] == [
        *("began", "raised", "judged", "raised", "judged", "ended"),
    ]
    assert events[0]["stack"] == "dev"
    assert events[0]["images"]["auth-api"]["canary"] == "auth-api-dev-canary"
    assert events[-1]["outcome"] == "arrived"
    assert events[-1]["code"] == 0
    assert all(one["at"] for one in events)
    assert "from phase 0 (off) to phase 1" in done.stderr


def test_a_sick_canary_is_taken_back_with_all_that_climb(desk, cluster, sees):
    desk.says(auth_api="{phase: 3}", scan_api="{phase: 3}")
    desk.left(auth_api=(3, 20, "auth-api-dev-canary"), scan_api=(3, 20, "scan-api-dev-canary"))
    sees["scan-api", 20] = BAD
    done = desk.run("climb", "auth-api", "scan-api", "--json", *OPTIONS)
    assert done.exit_code == 5, done.output
    for name, namespace in (("auth-api", "auth"), ("scan-api", "scan")):
        assert cluster.subsets(namespace, name) == {"stable"}
    assert phases(desk) == {"auth-api": 0, "scan-api": 0}
    events = {one["event"]: one for one in told(done)}
    assert events["struck"]["seconds"] < 1
    assert list(events["struck"]["why"]) == ["scan-api"]
    assert events["taken back"]["services"] == ["auth-api", "scan-api"]
    assert events["ended"]["outcome"] == "sick"
    (message,) = messages(desk)
    assert message.startswith("climb takes back auth-api 3 → 0, scan-api 3 → 0: sick after 0 s: scan-api: ")
    assert "all traffic to stable after" in done.stderr


def test_routes_that_are_refused_end_it_as_an_abort_ends(desk, cluster, sees, monkeypatch):
    monkeypatch.setattr("eco2.climb.back.PATIENCE_SECONDS", 0.0)
    desk.says(auth_api="{phase: 3}")
    desk.left(auth_api=(3, 20, "auth-api-dev-canary"))
    sees["auth-api", 20] = BAD
    cluster.refusals = dict.fromkeys(cluster.objects, "no")
    done = desk.run("climb", "auth-api", *OPTIONS)
    assert done.exit_code == 1
    assert (
        "run it again: `eco2 abort auth-api --stack dev --message 'climb takes back auth-api 3" in done.output
    )
    assert " --message 'Sick: auth-api, phase 3, auth-api-dev-canary'`" in done.output


def test_a_step_that_an_earlier_run_wrote_is_finished(desk, cluster, sees):
    desk.says(auth_api="{phase: 3}")
    desk.left(auth_api=(2, 5, "auth-api-dev-canary"))
    done = desk.run("climb", "auth-api", "--to", "3", *OPTIONS)
    assert done.exit_code == 0, done.output
    assert [message.partition(";")[0] for message in messages(desk)] == [
        "climb auth-api 2 → 3: goes on with what was written before"
    ]


def test_an_update_that_fails_ends_it(desk, cluster, sees):
    (desk.folder / "code").write_text("1")
    done = desk.run("climb", "auth-api", *OPTIONS)
    assert done.exit_code == 4
    assert phases(desk) == {"auth-api": 1}
    assert "eco2 abort auth-api --stack dev" in done.output


@pytest.mark.parametrize(
    ("lock", "words"),
    [
        (
            "currently locked by 1 lock(s)\n  created by ann@elsewhere (pid 7)",
            "(created by ann@elsewhere (pid 7))",
        ),
        ("currently locked by 1 lock(s)\n  created by ann@{host} (pid 4194305)", "`eco2 recover --stack dev"),
    ],
)
def test_a_locked_stack_keeps_the_file_as_it_was(desk, cluster, sees, lock, words):
    text = "error: the stack is " + lock.format(host=os.uname().nodename)
    (desk.folder / "locked").write_text(text)
    before = desk.file.read_text()
    done = desk.run("climb", "auth-api", *OPTIONS, "--give-up", "4s")
    assert done.exit_code == 6, done.output
    assert words in " ".join(done.stdout.split())
    assert desk.file.read_text() == before
    assert len(desk.updates) > 2


def test_whoever_edits_the_file_wins(desk, cluster, sees, monkeypatch):
    desk.says(auth_api="{phase: 2}")
    desk.left(auth_api=(2, 5, "auth-api-dev-canary"))
    sees["auth-api", 5] = AWAY
    text, looks = desk.file.read_text(), iter(range(100))
    look = Watch.look

    def and_somebody_writes(watch, weights):
        number = next(looks)
        if number == 2:  # what others do is no reason to end
            desk.file.write_text(text + "# somebody else\n")
        if number == 6:
            desk.file.write_text(text.replace("phase: 2", "phase: 0"))
        return look(watch, weights)

    monkeypatch.setattr(Watch, "look", and_somebody_writes)
    done = desk.run("climb", "auth-api", *OPTIONS)
    assert done.exit_code == 7, done.output
    assert "the file asks for phase 0, and this climb left it at phase 2" in " ".join(done.output.split())
    assert next(looks) == 7
    assert desk.updates == []


def test_an_update_of_somebody_else_is_seen(desk, cluster, sees, monkeypatch):
    monkeypatch.setattr("eco2.climb.others.STATE_SECONDS", 0.0)
    desk.says(auth_api="{phase: 2}")
    desk.left(auth_api=(2, 5, "auth-api-dev-canary"))
    sees["auth-api", 5] = AWAY
    monkeypatch.setattr(stack_site.StackSite, "who", lambda _: "by ann: by hand")
    begin = Watch.begin_phase
    monkeypatch.setattr(
        Watch, "begin_phase", lambda watch: (begin(watch), desk.left(auth_api=(3, 20, "auth-api-dev-canary")))
    )
    done = desk.run("climb", "auth-api", *OPTIONS)
    assert done.exit_code == 7, done.output
    assert "an update brought it to phase 3" in done.output
    assert "by ann: by hand" in done.output


def test_a_judge_moves_nothing(desk, cluster, sees):
    desk.says(auth_api="{phase: 2}")
    desk.left(auth_api=(2, 5, "auth-api-dev-canary"))
    before = desk.file.read_text()
    assert desk.run("judge", "auth-api", *OPTIONS[:-1]).exit_code == 0
    sees["auth-api", 5] = BAD
    assert desk.run("judge", "auth-api", *OPTIONS[:-1]).exit_code == 5
    sees["auth-api", 5] = AWAY
    assert desk.run("judge", "auth-api", *OPTIONS[:-1], "--give-up", "1s").exit_code == 6
    assert (desk.file.read_text(), desk.updates) == (before, [])
    assert cluster.subsets("auth", "auth-api") == {"stable", "canary"}


def test_to_go_on_keeps_the_options_that_matter(tmp_path, monkeypatch):
    monkeypatch.delenv("ECO2_PROMETHEUS_URL", raising=False)
    request = ClimbRequest(
        tmp_path, "dev", ("auth-api",), Goal(), True, "http://127.0.0.1:1", report=Path("a page.html")
    )
    assert request.command.endswith(" --prometheus http://127.0.0.1:1 --report 'a page.html'")
    assert "--report" not in replace(request, report=None).command


def test_help_says_how_a_time_is_written(desk):
    told = " ".join(desk.run("climb", "--help").output.replace("│", " ").split())
    assert told.count("90s, 10m, 1h30m") == 2


def test_what_somebody_prepares_while_it_climbs_is_waited_for(desk, cluster, sees, monkeypatch):
    text = desk.says(auth_api="{phase: 2}")
    desk.left(auth_api=(2, 5, "auth-api-dev-canary"))
    look, looks = Watch.look, iter(range(100))

    def and_somebody_writes(watch, weights):
        desk.file.write_text(text.replace("  # kept", "\n    scan-api: {phase: 1}", 1)) if next(
            looks
        ) == 0 else None
        return look(watch, weights)

    monkeypatch.setattr(Watch, "look", and_somebody_writes)
    done = desk.run("climb", "auth-api", "--to", "3", *OPTIONS, "--give-up", "1s")
    assert done.exit_code == 6, done.output
    assert "scan-api from off → the header alone" in " ".join(done.output.split())
    assert desk.updates == []
