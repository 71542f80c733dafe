"""The split of the traffic: what is written is read back, and what an abort leaves is phase 0."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollout.spec.catalog import CanaryHeader
from rollout.spec.files import read_catalog
from rollout.spec.routes import HeaderOperations
from rollout.traffic import write
from rollout.traffic.baggage import pattern
from rollout.traffic.names import canary_name, kept_ending, mesh_name, own_names, owner, routing_objects
from rollout.traffic.selector import NoSelectorError, pinned, selected, version_at, weight_of
from rollout.traffic.split import Split, read
from rollout.traffic.strip import SECTIONS, without_canary, without_split
from rollout.traffic.versions import TO_CANARY
from tests.conftest import ROOT

CATALOG = read_catalog(ROOT / "services.yaml")
APIS = sorted(name for name, service in CATALOG.services.items() if service.by_weight)
HEADER = CanaryHeader(name="x-canary", value="true")
PHASE_OFF = Split(0, header=False)
profile = settings(max_examples=1000, deadline=None, derandomize=True)

splits = st.builds(Split, weight=st.integers(0, 100), header=st.booleans())


def written(split, name):
    """Both VirtualServices of a service."""
    routed = write.Routed(name, CATALOG.services[name], HEADER)
    specs = write.public_spec(split, routed, "api.eco2.test", "a/b"), write.mesh_spec(split, routed)
    return [{"spec": spec} for spec in specs]


@profile
@given(splits, st.sampled_from(APIS))
def test_what_is_written_is_read_back(split, name):
    both = written(split, name)
    assert [read(one).split for one in both] == [split, split]
    assert read(*both).split == split
    assert read(*both).at_most == split
    assert read(*both).falls_back == (split.weight > 0)


@profile
@given(splits, st.sampled_from(APIS))
def test_without_its_canary_every_split_is_phase_0(split, name):
    assert [without_canary(one) for one in written(split, name)] == written(PHASE_OFF, name)


@pytest.mark.parametrize("name", APIS)
def test_nothing_of_the_baggage_is_left_at_phase_0(name):
    assert "baggage" in json.dumps(written(Split(0, header=True), name))
    assert "baggage" not in json.dumps(written(PHASE_OFF, name))


def test_a_route_that_removes_a_clients_baggage_still_marks_what_has_the_header():
    service = CATALOG.services["chat-api"]
    bare = HeaderOperations(set={"x-a": "1"}, remove=("baggage",))
    routes = tuple(one.model_copy(update={"request_headers": bare}) for one in service.routes)
    routed = write.Routed("chat-api", service.model_copy(update={"routes": routes}), HEADER)
    own, weighted = write.public_spec(Split(0, header=True), routed, "api.eco2.test", "a/b")["http"][:2]
    assert own["headers"]["request"] == {
        "set": {"x-a": "1", "baggage": "x-canary=true"},
        "remove": ["baggage"],
    }
    assert [one["headers"] for one in own["match"]] == [{"x-canary": {"exact": "true"}}] * len(own["match"])
    assert weighted["headers"]["request"] == {"set": {"x-a": "1"}, "remove": ["baggage"]}


@profile
@given(splits, splits, st.sampled_from(APIS))
def test_two_objects_that_disagree_are_read_as_both_and_count_by_the_most(one, other, name):
    seen = read(written(one, name)[0], written(other, name)[1])
    assert seen.split == (one if one == other else None)
    assert seen.weights == {one.weight, other.weight}
    assert seen.at_most == Split(max(one.weight, other.weight), one.header or other.header)
    assert seen.header == (one.header and other.header)


@profile
@given(splits, splits, st.sampled_from(APIS))
def test_without_the_split_all_phases_are_the_same(one, other, name):
    assert [without_split(mine) for mine in written(one, name)] == [
        without_split(mine) for mine in written(other, name)
    ]


marks = st.sampled_from(
    [
        {"request": {"set": {"baggage": "x-canary=true"}}},
        {
            "request": {"add": {"Baggage": "x-canary=true", "x-other": "1"}},
            "response": {"set": {"x-other": "1"}},
        },
    ]
)
destinations = st.fixed_dictionaries(
    {
        "destination": st.fixed_dictionaries(
            {"host": st.just("my-api")},
            optional={"subset": st.sampled_from(["stable", "canary", "canary-or-stable", "other"])},
        )
    },
    optional={"weight": st.integers(0, 100), "headers": marks},
)
matches = st.fixed_dictionaries(
    {},
    optional={
        "headers": st.sampled_from(
            [
                {"x-canary": {"exact": "true"}},
                {"x-canary": {"exact": "true"}, "baggage": {"regex": ".+"}},
                {"baggage": {"regex": pattern(HEADER)}},
            ]
        ),
        "uri": st.sampled_from([{"exact": "/a"}, {"prefix": "/"}]),
    },
)
mirror = st.fixed_dictionaries(
    {"host": st.just("my-api"), "subset": st.sampled_from(["stable", "canary", "canary-or-stable"])}
)
rules = st.fixed_dictionaries(
    {},
    optional={
        "match": st.lists(matches, max_size=3),
        "route": st.lists(destinations, max_size=3),
        "headers": marks,
        "mirror": mirror,
        "mirrorPercentage": st.just({"value": 10.0}),
        "mirrors": st.lists(mirror.map(lambda one: {"destination": one}), max_size=2),
        "directResponse": st.just({"status": 404}),
    },
)
by_hand = st.fixed_dictionaries({}, optional={one: st.lists(rules, max_size=4) for one in SECTIONS})


@profile
@given(by_hand)
def test_an_abort_leaves_nothing_that_leads_to_the_canary_whatever_a_hand_wrote(spec):
    before = copy.deepcopy(spec)
    after = without_canary({"spec": spec})
    assert spec == before
    assert not [subset for subset in TO_CANARY if f'"{subset}"' in json.dumps(after)]
    assert read(after).at_most == PHASE_OFF
    assert without_canary(after) == after
    # Nobody who was answered by a rule meets none afterwards: only rules of the canary's own go.
    for section, own in spec.items():
        kept = after["spec"][section]
        open_before = [rule for rule in own if not all("headers" in one for one in rule.get("match") or [{}])]
        assert len(kept) >= len(open_before)
        assert bool(kept) == bool(own)


@profile
@given(rules)
def test_an_abort_leaves_no_mark_in_baggage_where_requests_met_the_canary(rule):
    """A rule alone stays, since nothing is behind it."""
    (after,) = without_canary({"spec": {"http": [rule]}})["spec"]["http"]
    if any(one["destination"].get("subset") in TO_CANARY for one in rule.get("route", ())):
        assert "baggage" not in json.dumps([after.get("headers"), after["route"]]).lower()
        for kind in ("x-other", "response"):
            assert (kind in json.dumps(after.get("headers"))) == (kind in json.dumps(rule.get("headers")))
    else:
        assert after.get("headers") == rule.get("headers")


@pytest.mark.parametrize("public", [True, False])
def test_a_hand_that_took_the_weighted_rule_away_leaves_no_mark_either(public):
    """Header rules with nothing behind them lead to stable; they must not mark what they lead there."""
    (one, other) = written(Split(0, header=True), "chat-api")
    spec = (one if public else other)["spec"]
    spec["http"] = [rule for rule in spec["http"] if rule.get("name", "").endswith(("-canary", "-baggage"))]
    after = without_canary({"spec": spec})["spec"]["http"]
    assert len(after) == len(spec["http"])
    assert not any("headers" in rule for rule in after)


def to(subset, **more):
    return {"destination": {"host": "my-api", "subset": subset}, **more}


BY_HEADER = [{"headers": {"x-canary": {"exact": "true"}}}]


@pytest.mark.parametrize(
    ("rules", "weights", "header_weights"),
    [
        ([], set(), {0}),
        # A single destination may leave its weight out.
        ([{"route": [to("canary")]}], {100}, {0}),
        ([{"route": [to("stable", weight=80), to("canary", weight=20)]}], {20}, {0}),
        # A header rule that a hand splits is neither open to everybody nor the canary's own.
        (
            [
                {"match": BY_HEADER, "route": [to("stable", weight=50), to("canary", weight=50)]},
                {"route": [to("stable")]},
            ],
            {0},
            {50},
        ),
        # Where one of several matches asks for no header, everybody may meet the rule.
        ([{"match": [*BY_HEADER, {"uri": {"prefix": "/"}}], "route": [to("canary")]}], {100}, {0}),
        ([{"directResponse": {"status": 404}}], set(), {0}),
    ],
)
def test_what_a_hand_made_is_read_one_way(rules, weights, header_weights):
    seen = read({"spec": {"http": rules}})
    assert (seen.weights, seen.header_weights) == (weights, header_weights)
    assert seen.split is None or seen.header_weights == {0}


def test_a_header_rule_with_nothing_behind_it_leads_to_stable():
    alone = {"spec": {"http": [{"match": BY_HEADER, "route": [to("canary")]}]}}
    assert without_canary(alone)["spec"]["http"] == [
        {"match": BY_HEADER, "route": [to("stable", weight=100)]}
    ]


@pytest.mark.parametrize(("weight", "version"), [(0, "v1"), (1, None), (99.5, None), (100, "v2")])
def test_a_service_without_routes_selects_by_weight(weight, version):
    assert version_at(weight) == version
    if weight in (0, 100):
        assert weight_of(version, 50) == weight
    service = {"spec": {"selector": {"app": "x"} | ({"version": version} if version else {})}}
    assert selected(service) == version
    assert selected(pinned(service)) == "v1"


@pytest.mark.parametrize(("between", "weight"), [(0, 1), (20, 20), (100, 99)])
def test_a_service_that_selects_both_stands_for_a_weight_between(between, weight):
    assert weight_of(None, between) == weight


def test_a_service_without_a_selector_is_left_alone():
    with pytest.raises(NoSelectorError, match="Service auth/x has no selector"):
        pinned({"metadata": {"namespace": "auth", "name": "x"}, "spec": {}})


def test_names_lead_back_to_their_service():
    assert own_names("auth-api") == ("auth-api", canary_name("auth-api"), mesh_name("auth-api"))
    assert [owner(name) for name in own_names("auth-api")] == ["auth-api"] * 3
    assert [kept_ending(name) for name in own_names("auth-api")] == ["", "-canary", "-mesh"]
    assert routing_objects("auth-api", "api") == (
        ("VirtualService", "auth-api"),
        ("VirtualService", "auth-api-mesh"),
    )
    assert routing_objects("ext-authz", "grpc") == (("Service", "ext-authz"),)
    assert routing_objects("scan-worker", "worker") == ()
