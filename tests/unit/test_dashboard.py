"""The dashboard: valid, complete, and readable."""

from __future__ import annotations

import json
import re
import sys
import typing
from enum import Enum

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from observability.asked import asked, filled
from observability.files import DASHBOARD
from observability.watched import Watched
from rollout.spec.files import read_catalog
from tests.conftest import ROOT

WRITTEN = (ROOT / DASHBOARD).read_text("utf-8")


@pytest.fixture
def written():
    """As it is committed; a test that spoils it spoils its own."""
    register_default_plugins()
    return json.loads(WRITTEN)


def test_it_is_read_as_it_was_written(written):
    """No key is there that Grafana's types do not have: it would be lost."""
    assert json.loads(json.dumps(Dashboard.from_json(written), cls=JSONEncoder)) == written


def fits(value, hint):
    kind, inner = typing.get_origin(hint), typing.get_args(hint)
    if kind is typing.Union:
        return any(fits(value, one) for one in inner)
    if kind is typing.Literal:
        return value in inner
    if kind is list:
        return isinstance(value, list) and all(fits(one, inner[0]) for one in value)
    if isinstance(value, dict) and hasattr(hint, "from_json"):  # the SDK leaves some as they are
        return not list(unlike(hint.from_json(value)))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return value in [one.value for one in hint]
    return hint in (typing.Any, object) or isinstance(value, (int, float) if hint is float else kind or hint)


def unlike(value, place="dashboard"):
    """The places whose value is not of the type that the SDK gives them, which is generated from Grafana's schema."""
    if isinstance(value, list):
        for number, one in enumerate(value):
            yield from unlike(one, f"{place}[{number}]")
    elif hasattr(value, "to_json"):
        hints = typing.get_type_hints(type(value), vars(sys.modules[type(value).__module__]))
        for name, one in vars(value).items():
            if not fits(one, hints[name]):
                yield f"{place}.{name}"
            yield from unlike(one, f"{place}.{name}")


def test_it_is_valid_by_the_types_of_grafanas_schema(written):
    assert list(unlike(Dashboard.from_json(written))) == []


def test_one_that_is_not_valid_is_seen(written):
    written["panels"][1]["gridPos"]["w"] = "wide"
    written["refresh"] = 30
    written["templating"]["list"][0]["type"] = "no such type"
    assert set(unlike(Dashboard.from_json(written))) == {
        "dashboard.refresh",
        "dashboard.templating.list_val[0].type_val",
        "dashboard.panels[1].grid_pos.w",
    }


def test_it_offers_the_services_that_answer_requests(written):
    watched = Watched(read_catalog(ROOT / "services.yaml").services)
    variables = {one["name"]: one for one in written["templating"]["list"]}
    assert list(variables) == ["datasource", "service", "namespace"]
    assert [one["value"] for one in variables["service"]["options"]] == list(watched.answering)
    assert variables["service"]["query"] == ",".join(watched.answering)
    assert "my-worker" not in watched.answering
    assert (variables["namespace"]["includeAll"], variables["namespace"]["allValue"]) == (True, ".+")
    assert variables["datasource"]["query"] == "prometheus"


def test_every_panel_asks_the_prometheus_that_was_chosen(written):
    panels = [one for one in written["panels"] if one["type"] != "row"]
    assert len(panels) == 16
    for panel in panels:
        assert panel["description"], panel["title"]
        assert panel["targets"], panel["title"]
        assert {one["datasource"]["uid"] for one in panel["targets"]} == {"${datasource}"}
    assert {one["datasource"]["uid"] for one in written["annotations"]["list"]} == {"${datasource}"}


def test_its_questions_have_no_variable_that_nobody_fills(written):
    values = {"service": "auth-api", "namespace": ".+", "__rate_interval": "1m"}
    questions = asked(written)
    assert len(questions) == 20
    for expression in questions.values():
        assert "$" not in filled(expression, values).replace('"$1"', "")


def texts(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [text for one in value for text in texts(one)]
    return [value] if isinstance(value, str) else []


def undefined(dashboard):
    """The variables that any text names, titles and legends too, and that neither the dashboard nor Grafana defines."""
    names = {
        name
        for text in texts(dashboard)
        for found in re.findall(r"\$([A-Za-z_]\w*)|\$\{([^}:.]+)|\[\[(\w+)\]\]", text)
        for name in found
        if name
    }
    return names - {one["name"] for one in dashboard["templating"]["list"]} - {"__rate_interval", "__all"}


def test_every_variable_that_it_names_is_defined(written):
    assert undefined(written) == set()
    written["panels"][2]["title"] = "$sevrice of ${cluster:raw} in [[zone]]"
    assert undefined(written) == {"sevrice", "cluster", "zone"}


def sources(value):
    """The uids of all datasources, wherever they stand."""
    if isinstance(value, dict):
        found = [value["datasource"]["uid"]] if isinstance(value.get("datasource"), dict) else []
        return [*found, *(uid for one in value.values() for uid in sources(one))]
    return [uid for one in value for uid in sources(one)] if isinstance(value, list) else []


def test_no_datasource_is_that_of_one_grafana(written):
    assert len(sources(written)) > len(written["panels"])
    assert set(sources(written)) == {"${datasource}"}


def test_panels_have_ids_of_their_own_so_that_a_link_to_one_stays(written):
    ids = [one.get("id") for one in written["panels"]]
    assert ids == list(range(1, len(ids) + 1))


def test_a_panels_questions_have_letters_of_their_own(written):
    for panel in written["panels"]:
        letters = [one.get("refId") for one in panel.get("targets", ())]
        assert len(set(letters)) == len(letters), panel["title"]


def test_a_version_has_one_colour_and_one_word_everywhere(written):
    graphs = [one for one in written["panels"] if one["type"] == "timeseries"]
    told = {json.dumps(one["fieldConfig"]["overrides"], sort_keys=True) for one in graphs}
    assert len(told) == 1
    words = re.findall(r'"id": "displayName", "value": "([^"]+)"', told.pop())
    assert words == ["stable", "canary", "reached no pod"]


def test_panels_stand_beside_each_other_and_not_over_each_other(written):
    taken = set()
    for panel in written["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
