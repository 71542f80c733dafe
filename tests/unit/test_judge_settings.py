"""What a service and a stack say of the judge, put together."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from eco2.judge.questions import filled
from rollout.spec.files import read_catalog
from rollout.spec.judge_settings import CheckSettings, JudgeSettings
from rollout.spec.services import resolve
from rollout.spec.settings import Settings
from tests.conftest import ROOT
from tests.unit.conftest import own_keys

CATALOG = read_catalog(ROOT / "services.yaml")
QUERY = 'sum(rate(orders_total{app="{service}",version="{version}"}[1m]))'


def check(limit=1.0):
    return {"query": QUERY, "limit": limit, "bad": "below"}


def judged(given, own=None):
    """A service's limits in a stack."""
    spec = CATALOG.services["chat-api"].model_copy(update={"judge": JudgeSettings.model_validate(own or {})})
    catalog = CATALOG.model_copy(update={"services": {**CATALOG.services, "chat-api": spec}})
    keys = own_keys("dev")
    keys["services"] = {**keys["services"], "chat-api": {} if given is None else {"judge": given}}
    return resolve(catalog, Settings.model_validate(keys))["chat-api"].service.judge


def test_defaults_are_those_that_a_team_would_keep():
    assert judged(None) == JudgeSettings()
    assert (JudgeSettings().margin, JudgeSettings().false_alarm, JudgeSettings().checks) == (0.5, 1.0, {})


def test_a_stack_gives_what_differs_there_and_all_else_is_the_services():
    found = judged({"margin": 2, "leastRequests": 30}, {"margin": 1.0, "slowMargin": 9.0, "quantile": 99.0})
    assert (found.margin, found.least_requests, found.slow_margin, found.quantile) == (2, 30, 9.0, 99.0)
    # A value that happens to be the default is given all the same.
    assert judged({"margin": 0.5}, {"margin": 1.0}).margin == 0.5


def test_checks_are_put_together_by_their_names():
    own = {"checks": {"orders": check(1.0), "carts": check(2.0)}}
    found = judged({"checks": {"orders": check(9.0), "logins": check(3.0)}}, own)
    assert {name: one.limit for name, one in found.checks.items()} == {
        "orders": 9.0,
        "carts": 2.0,
        "logins": 3.0,
    }
    assert judged({"margin": 2}, own).checks.keys() == {"orders", "carts"}


def test_a_query_is_filled_in_and_its_other_braces_stay():
    assert filled(QUERY, "chat-api", "v2") == 'sum(rate(orders_total{app="chat-api",version="v2"}[1m]))'


@pytest.mark.parametrize(
    "query",
    ['up{version="{version}"}', 'sum by (a) (x{version=~"{version}|{service}"}) / on() group_left {b="c"}'],
)
def test_braces_of_promql_are_no_places_to_fill_in(query):
    assert CheckSettings(query=query, limit=1, bad="above").query == query


@pytest.mark.parametrize("query", ["up", "up{{version}}x{pod}", 'up{version="v2"}', "x" * 2001 + "{version}"])
def test_a_query_that_cannot_compare_versions_is_refused(query):
    with pytest.raises(ValidationError):
        CheckSettings(query=query, limit=1, bad="above")
