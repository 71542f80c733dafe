"""What `eco2 climb` and `eco2 judge` refuse before anything is changed."""

from __future__ import annotations

import json

import pytest

from tests.climb_desk import OPTIONS, messages, phases
from tests.desk import IMAGE
from tests.mountain import BAD


def test_a_guard_that_refuses_changes_nothing(desk, cluster, sees):
    desk.says(auth_api="{phase: 3}")
    desk.left(auth_api=(1, 0, "auth-api-dev-canary"))
    before = desk.file.read_text()
    done = desk.run("climb", "auth-api", *OPTIONS)
    assert done.exit_code == 1
    assert "a climb skips no phase: `eco2 advance auth-api --to 2 --stack dev" in done.output
    assert desk.file.read_text() == before
    assert desk.updates == []


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("climb", "auth-api"), 2, "nobody is there to be asked; add --yes"),
        (("climb", "auth-api", "--yes", "--to", "3", "--promote"), 2, "choose one"),
        (("climb", "auth-api", "--yes", "--soak", "ten"), 2, "no duration"),
        (("climb", "auth-api", "--yes", "--soak", "2h"), 2, "make --give-up longer"),
        (("climb", "auth-api", "--yes"), 1, "nobody counts its requests"),
        (("judge", "auth-api"), 1, "--prometheus URL, or ECO2_PROMETHEUS_URL"),
        (("climb", "auth", *OPTIONS), 1, "did you mean auth-api?"),
        (("climb", "auth-api", *OPTIONS, "--prometheus", "nonsense"), 1, "is no URL of a Prometheus"),
        (("judge", "auth-api", *OPTIONS[:-1]), 1, "at phase 0 none runs"),
    ],
)
def test_what_cannot_begin(desk, cluster, arguments, code, words):
    done = desk.run(*arguments)
    assert done.exit_code == code, done.output
    assert words in " ".join(done.output.split())
    assert desk.updates == []


def test_workers_that_nothing_could_ever_call_well_are_refused_all_at_once(desk, cluster, sees):
    before = desk.file.read_text()
    done = desk.run("climb", "my-worker", "scan-worker", "auth-api", "--yes")
    assert done.exit_code == 1, done.output
    words = " ".join(done.stderr.split())
    for name in ("my-worker", "scan-worker"):
        assert f"services.yaml: services.{name}.judge.checks: no requests come to a worker" in words
        assert f"`eco2 advance {name} --stack dev" in words
    assert "auth-api: nobody counts its requests" in words
    assert words.count("nothing was changed") == 1
    assert (done.stdout, desk.file.read_text(), desk.updates) == ("", before, [])


def test_a_worker_with_checks_needs_somebody_to_answer_them(desk, cluster, sees):
    check = "{judge: {checks: {tasks: {query: 'tasks{version=\"{version}\"}', limit: 5, bad: above}}}}"
    text = desk.file.read_text()
    desk.file.write_text(text.replace("  eco2:services:\n", f"  eco2:services:\n    my-worker: {check}\n"))
    done = desk.run("climb", "my-worker", "--yes")
    assert done.exit_code == 1, done.output
    assert "my-worker: nobody answers its own checks (tasks)" in " ".join(done.stderr.split())
    assert desk.updates == []


def test_a_judge_may_look_at_a_worker_without_checks(desk, cluster, sees):
    desk.says(my_worker="{phase: 1}")
    desk.left(my_worker=(1, 0, "my-worker-dev-canary"))
    done = desk.run("judge", "my-worker", "--soak", "0s", "--give-up", "1s", "--look-every", "50ms")
    assert done.exit_code == 6, done.output
    assert "add one under judge.checks" in " ".join(done.output.split())


def test_a_prometheus_that_does_not_answer_is_found_out_before_the_first_update(desk, cluster):
    before = desk.file.read_text()
    done = desk.run("climb", "auth-api", *OPTIONS)
    assert done.exit_code == 1, done.output
    words = " ".join(done.stderr.split())
    assert words.startswith("error: Prometheus at http://127.0.0.1:1 does not answer")
    assert "--prometheus URL, or ECO2_PROMETHEUS_URL; nothing was changed" in words
    assert (done.stdout, desk.file.read_text(), desk.updates) == ("", before, [])


def sick(desk, cluster, sees):
    """A climb of auth-api that has ended sick, as the history of the stack keeps it."""
    desk.says(auth_api="{phase: 3}")
    desk.left(auth_api=(3, 20, "auth-api-dev-canary"))
    sees["auth-api", 20] = BAD
    assert desk.run("climb", "auth-api", *OPTIONS).exit_code == 5
    message, _, trailer = messages(desk)[-1].partition(" Sick: ")
    entry = {"kind": "update", "result": "succeeded", "startTime": "2026-11-27T09:00:00Z", "config": {}}
    entry["message"] = f"{message}\nSick: {trailer.partition(' --')[0].strip()}"
    (desk.folder / "history").write_text(json.dumps([entry]))
    (desk.folder / "updates").unlink()
    return desk.file.read_text()


def test_an_image_that_was_judged_sick_climbs_again_only_when_somebody_says_so(desk, cluster, sees):
    text = sick(desk, cluster, sees)
    known = "image auth-api-dev-canary was judged sick at phase 3 on 2026-11-27 09:00 UTC: climb takes back auth-api"
    done = desk.run("climb", "auth-api", "--to", "2", *OPTIONS)
    assert done.exit_code == 1, done.output
    words = " ".join(done.stderr.split())
    assert known in words
    assert "sick after 0 s: auth-api: 50.0 % of 200 requests failed" in words
    assert "climb with it again: add --retry; nothing was changed" in words
    assert (done.stdout, desk.file.read_text(), desk.updates) == ("", text, [])

    done = desk.run("climb", "auth-api", "--to", "2", "--retry", *OPTIONS)
    assert done.exit_code == 0, done.output
    assert f"note: auth-api: its canary {known}" in " ".join(done.output.split())
    assert phases(desk) == {"auth-api": 2}
    # It is under way again, by that word.
    assert desk.run("climb", "auth-api", "--to", "2", *OPTIONS).exit_code == 0


def test_another_image_than_the_sick_one_climbs(desk, cluster, sees):
    text = sick(desk, cluster, sees)
    desk.file.write_text(text.replace("{phase: 0}", "{phase: 0, canary: {tag: auth-api-0.8.0}}"))
    cluster.canary("auth", "auth-api", f"{IMAGE}auth-api-0.8.0")
    done = desk.run("climb", "auth-api", "--to", "1", *OPTIONS)
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("how", [(), ("--json",)])
def test_a_refusal_is_an_error_and_goes_where_errors_go(desk, cluster, sees, how):
    desk.says(auth_api="{phase: 3}")
    desk.left(auth_api=(1, 0, "auth-api-dev-canary"))
    done = desk.run("climb", "auth-api", *OPTIONS, *how)
    assert done.exit_code == 1
    assert done.stderr.startswith("error: auth-api: the file asks for phase 3")
    assert [json.loads(line)["event"] for line in done.stdout.splitlines()] == ["ended"] * len(how)


def test_a_refusal_before_anything_says_so_once_and_writes_no_page(desk, cluster):
    done = desk.run("climb", "auth", "--report", "climb.html", *OPTIONS)
    assert done.exit_code == 1
    assert done.output.count("nothing was changed") == 1
    assert not (desk.folder / "climb.html").exists()


def test_what_somebody_has_prepared_for_another_service_is_not_brought_along(desk, cluster, sees):
    desk.says(scan_api="{phase: 3}")
    desk.left(scan_api=(2, 5, "scan-api-dev-canary"))
    before = desk.file.read_text()
    done = desk.run("climb", "auth-api", "--to", "3", *OPTIONS)
    assert done.exit_code == 1, done.output
    words = " ".join(done.output.split())
    assert "also do what is not of this climb: scan-api from 5 % → 20 %" in words
    assert "`pulumi up --stack dev`, or take it out of Pulumi.dev.yaml" in words
    assert (desk.file.read_text(), desk.updates) == (before, [])


def test_an_image_that_no_update_has_brought_yet_is_not_judged_in_its_place(desk, cluster):
    desk.says(auth_api="{phase: 1, canary: {tag: auth-api-0.8.0}}")
    desk.left(auth_api=(1, 0, "auth-api-dev-canary"))
    done = desk.run("climb", "auth-api", *OPTIONS)
    told = " ".join(done.output.split())
    assert done.exit_code == 1
    assert (
        "auth-api: the file asks for the canary image auth-api-0.8.0, and the last update left auth-api-dev-canary; "
        "do it first: `pulumi up --stack dev`" in told
    )
    assert desk.updates == []
