"""A service's own checks: one number of each version, or nobody knows, and no other service waits."""

from __future__ import annotations

import json
import threading
import time

import pytest

from eco2.judge.asking import Asker
from eco2.judge.beside import LATE
from eco2.judge.requests import RequestReader
from rollout.judge.observations import Counts, Unknown
from rollout.spec.judge_settings import CheckSettings, JudgeSettings
from tests.judge_reading import SERVICES, begun, reading


def test_workers_are_asked_about_nothing_but_their_own_checks(server):
    check = CheckSettings(query='tasks{{version="{version}"}}', limit=1, bad="above")
    look = reading(server, name="my-worker", judge=JudgeSettings(checks={"tasks": check}))
    server.told = {'tasks{{version="v2"}}': [3], 'tasks{{version="v1"}}': [2]}
    found = look()
    assert found.checks == {"tasks": (3.0, 2.0)}
    assert found.failed == Unknown("no requests come to a worker")
    assert {one for one in server.asked if "istio" in one} == set()


@pytest.mark.parametrize(
    ("told", "figure"),
    [
        ([2.5], 2.5),
        ([], Unknown("the query gives no value")),
        ([float("nan")], Unknown("the query gives no value")),
        ([1, 2], Unknown("the query gives 2 values, and not one")),
        ([1, float("nan")], Unknown("the query gives 2 values, and not one")),
    ],
)
def test_an_own_check_gives_one_number_or_nobody_knows(server, told, figure):
    query = 'sum(rate(orders_total{app="{service}",version="{version}"}[1m]))'
    look = reading(
        server, judge=JudgeSettings(checks={"orders": CheckSettings(query=query, limit=1, bad="below")})
    )
    for version, values in (("v2", told), ("v1", [7])):
        server.told[query.replace("{service}", "auth-api").replace("{version}", version)] = values
    assert look().checks == {"orders": (figure, 7.0)}


@pytest.mark.parametrize(
    ("warnings", "told"),
    [
        (["store down: partial response"], "store down: partial response"),
        (["one", "two"], "one; two"),
        ("odd", "odd"),
        (["x" * 500], f"{'x' * 199}…"),
    ],
)
def test_a_figure_of_a_part_of_what_was_counted_is_unknown(server, warnings, told):
    check = CheckSettings(query="orders{{version='{version}'}}", limit=1, bad="below")
    look = reading(server, judge=JudgeSettings(checks={"orders": check}))
    server.told["orders{{version='v2'}}"] = partial(2, warnings=warnings)
    # Before Prometheus 2.54, and in Thanos, hints stand among the warnings.
    hint = "PromQL info: metric might not be a counter"
    server.told["orders{{version='v1'}}"] = partial(2, infos=[hint], warnings=[hint])
    ours, theirs = look().checks["orders"]
    assert ours.why.endswith(f"warns that its answer may lack something: {told}")
    assert theirs == 2.0


@pytest.mark.parametrize("of", ["requests", "failed", "durations"])
def test_what_stable_did_earlier_is_unknown_where_a_part_may_be_missing(server, mesh, of):
    look = reading(server, weight=100)
    begun(mesh, look)
    server.asked.clear()
    found = look.reader.earlier("auth-api")
    assert isinstance(found.failed, Counts)
    assert isinstance(found.slow, Counts)
    kinds = {"durations": "bucket", "failed": "5..", "requests": "requests"}
    question = [one for one in server.asked if kinds[of] in one and ("5.." in one) == (of == "failed")][-1]
    server.told[question] = partial(1, warnings=["store down"])
    found = look.reader.earlier("auth-api")
    lacking = found.slow if of == "durations" else found.failed
    assert lacking.why.endswith("may lack something: store down")


def partial(value, **more):
    """A status and a body: one value, and what is said beside it."""
    data = {"resultType": "vector", "result": [{"metric": {}, "value": [0, str(value)]}]}
    return 200, json.dumps({"status": "success", "data": data, **more}).encode()


def test_a_slow_check_holds_up_neither_requests_nor_the_checks_of_others(server, mesh, monkeypatch):
    monkeypatch.setattr("eco2.judge.requests.PATIENCE_SECONDS", 0.3)
    checked = {
        name: SERVICES[name].model_copy(
            update={
                "judge": JudgeSettings(
                    checks={"own": CheckSettings(query=f"{name}{{version}}", limit=1, bad="above")}
                )
            }
        )
        for name in ("auth-api", "chat-api")
    }
    server.told = {f"{name}v{number}": [number] for name in checked for number in (1, 2)}
    answers = server.slow["auth-apiv2"] = threading.Event()
    reader = RequestReader(Asker(server.url), checked)

    def look():
        return reader.look(dict.fromkeys(checked, 20))

    begun(mesh, lambda: look()["auth-api"])
    mesh.count("v2", 7)
    mesh.wait(15)
    began = time.monotonic()
    found = look()
    assert time.monotonic() - began < 1.5
    assert found["auth-api"].failed.canary == Counts(7, 0)
    assert found["auth-api"].checks == {"own": (LATE, LATE)}
    assert found["chat-api"].checks == {"own": (2.0, 1.0)}
    assert server.asked.count("auth-apiv2") == 1
    answers.set()
    time.sleep(0.1)
    assert look()["auth-api"].checks == {"own": (2.0, 1.0)}


def test_a_query_that_prometheus_refuses_is_unknown_with_its_words(server):
    check = CheckSettings(query="sum({version}) by", limit=1, bad="above")
    look = reading(server, judge=JudgeSettings(checks={"odd": check}))
    ours, _ = look().checks["odd"]
    assert ours.why.endswith("refused: no answer to sum(v2) by")
