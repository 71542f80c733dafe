"""The canary's header in `baggage`: OpenTelemetry's own library says which baggage has it."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from opentelemetry import baggage as telemetry
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context

from rollout.spec.catalog import CanaryHeader
from rollout.traffic.baggage import HeaderRule, inside, merged, outside, pattern, unmarked

HEADER = CanaryHeader(name="x-canary", value="true")
OWN = CanaryHeader(name="x-try", value="v1.2_a-b")
PROPAGATOR = W3CBaggagePropagator()
profile = settings(max_examples=500, deadline=None, derandomize=True)

GOOD = [
    "x-canary=true",
    "a=b,x-canary=true",
    "x-canary=true,a=b",
    "a=b,x-canary=true,c=d",
    "a=b , x-canary=true\t,\tc=d",
    "x-canary = true",
    "x-canary\t=\ttrue",
    "x-canary=true;kept=1",
    "x-canary=true ; kept = 1 ; flag, a=b",
    "a=b;p=1,x-canary=true",
    "a=b;p,x-canary=true,c=d;q",
    ",x-canary=true",
    "a=b,,x-canary=true,",
    "x-canary=false,x-canary=true",
    "x-canary=truex,x-canary=true",
    "a=%2C,x-canary=true",
    "a==,x-canary=true",
]
HOSTILE = [
    "",
    "x-canary",
    "x-canary=",
    "=true",
    "true",
    "x-canary=false",
    "x-canary=True",
    "x-canary=TRUE",
    "X-Canary=true",
    "x_canary=true",
    "x-canary=truex",
    "x-canary=true x",
    "x-canary=true=",
    'x-canary="true"',
    "x-canary=true%2C",
    "x-canary%3Dtrue",
    "x-canary:true",
    "x-canary==true",
    "xx-canary=true",
    "x-canary-x=true",
    "a-x-canary=true",
    "a.x-canary=true",
    "a x-canary=true",
    "a=x-canary=true",
    "a=b;x-canary=true",
    "a=b; x-canary=true",
    "a=b;p=1;x-canary=true",
    "a=b;p=x-canary=true,c=d",
    "a=b&x-canary=true",
    "a=b x-canary=true",
    "a=b|x-canary=true",
    "a=b%2Cx-canary=true",
    "a=%2Cx-canary%3Dtrue",
    "x-canary=false;x-canary=true",
    "x-canary=tru,e",
    "x-canary,=true",
    "x-canary=,true",
    "\u00a0x-canary=true",
]


def matches(text, header=HEADER):
    """As Envoy does: the whole."""
    return re.fullmatch(pattern(header), text) is not None


def read(text):
    """All members that OpenTelemetry finds in a baggage."""
    return telemetry.get_all(PROPAGATOR.extract({"baggage": text}, Context()))


def hop(text):
    """The baggage that a service sends which was sent some."""
    sent = {}
    PROPAGATOR.inject(sent, PROPAGATOR.extract({"baggage": text}, Context()))
    return sent.get("baggage", "")


@pytest.mark.parametrize("text", GOOD)
def test_the_member_is_found_wherever_it_stands(text):
    assert matches(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_else_is_taken_for_it(text):
    assert not matches(text)
    # Nor after a service has read it and passed it on.
    assert not matches(hop(text))


@pytest.mark.parametrize("text", ["x-canary=true%20", "x-canary=tru%65", "x%2Dcanary=true"])
def test_the_member_in_another_spelling_is_matched_once_a_service_has_read_it(text):
    assert not matches(text)
    assert read(text) == {HEADER.name: HEADER.value}
    assert matches(hop(text))


@pytest.mark.parametrize(
    "text", ["x-try=v1x2_a-b", "x-try=v1.2_a-bb", "x-try=v1.2_a-B", "xxtry=v1.2_a-b", "x-try=v1"]
)
def test_a_dot_is_a_dot(text):
    assert matches("x-try=v1.2_a-b", OWN)
    assert not matches(text, OWN)


members = st.dictionaries(
    st.text(st.characters(codec="ascii", exclude_categories=["C"]), min_size=1, max_size=8)
    .map(str.strip)
    .filter(bool),
    st.text(st.characters(codec="utf-8"), max_size=12).map(str.strip),
    max_size=6,
)


@profile
@given(members, members)
def test_what_opentelemetry_writes_is_matched_if_and_only_if_the_member_is_in_it(before, behind):
    """Any names and values, in front and behind, as its encoder writes them."""
    for extra in ({}, {HEADER.name: HEADER.value}):
        context = Context()
        for name, value in {**before, **extra, **behind}.items():
            context = telemetry.set_baggage(name, value, context)
        sent = {}
        PROPAGATOR.inject(sent, context)
        text = sent.get("baggage", "")
        assert matches(text) == (telemetry.get_all(context).get(HEADER.name) == HEADER.value)
        assert matches(hop(text)) == matches(text)


pieces = st.sampled_from(
    [
        "x-canary",
        "X-Canary",
        "=",
        "true",
        "false",
        ",",
        ";",
        " ",
        "\t",
        "a",
        "%2C",
        "%3D",
        '"',
        ".",
        "=true",
        "x-canary=true",
    ]
)


@profile
@given(st.lists(pieces, max_size=12).map("".join))
@example("x-canary=true;x-canary=false")
def test_whatever_a_client_sends_the_pattern_and_opentelemetry_agree(text):
    """OpenTelemetry keeps the last of several members of a name, and takes properties for a part of the value."""
    found = re.split(r"[ \t]*,[ \t]*", text.strip(" \t"))
    bare = [re.split(r"[ \t]*;", one)[0] for one in found]
    expected = any(read(one).get(HEADER.name) == HEADER.value and one.startswith(HEADER.name) for one in bare)
    assert matches(text) == expected


@profile
@given(
    members,
    st.from_regex(r"[A-Za-z0-9._-]{1,40}", fullmatch=True),
    st.from_regex(r"[a-z0-9-]{1,20}", fullmatch=True),
)
def test_the_member_survives_every_hop_beside_all_others(others, value, name):
    header = CanaryHeader(name="x-" + name, value=value)
    context = Context()
    for key, one in others.items():
        context = telemetry.set_baggage(key, one, context)
    sent = {}
    PROPAGATOR.inject(sent, context)
    beside, alone = outside(header)
    text = (
        beside.sets["baggage"].replace("%REQ(baggage)%", sent["baggage"]) if sent else alone.sets["baggage"]
    )
    for _ in range(3):
        assert matches(text, header)
        assert {**others, header.name: value} == read(text)
        text = hop(text)


def test_outside_one_rule_keeps_a_clients_baggage_and_one_begins_it():
    beside, alone = outside(HEADER)
    assert beside.asks == ({"x-canary": {"exact": "true"}, "baggage": {"regex": ".+"}},)
    assert beside.sets == {"baggage": "%REQ(baggage)%,x-canary=true"}
    assert (alone.asks, alone.sets) == (({"x-canary": {"exact": "true"}},), {"baggage": "x-canary=true"})
    assert outside(HEADER, clean=True) == (alone,)


def test_inside_the_header_or_the_member_is_enough_and_nothing_is_added():
    (rule,) = inside(HEADER)
    assert rule == HeaderRule(({"x-canary": {"exact": "true"}}, {"baggage": {"regex": pattern(HEADER)}}))


def test_no_value_has_a_sign_that_envoy_reads_as_a_command_and_no_pattern_is_longer_than_istio_takes():
    longest = CanaryHeader(name="x" * 64, value="." * 256)
    for rule in outside(longest):
        assert rule.sets["baggage"].replace("%REQ(baggage)%", "").count("%") == 0
    # Istio refuses expressions of more than 1,024 characters.
    assert len(pattern(longest)) < 1024


def test_a_routes_own_headers_stay_beside_the_member():
    route = {"timeout": "5s", "headers": {"request": {"set": {"x-a": "1"}, "remove": ["x-b"]}}}
    assert merged(route, {"baggage": "m"}) == {
        "timeout": "5s",
        "headers": {"request": {"set": {"x-a": "1", "baggage": "m"}, "remove": ["x-b"]}},
    }
    assert unmarked(merged(route, {"baggage": "m"})) == route
    assert unmarked(merged({}, {"baggage": "m"})) == {}
    assert merged(route, {}) == route
    other = {"headers": {"response": {"add": {"x": "y"}}}}
    assert unmarked(other) == other
