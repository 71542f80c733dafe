"""Users who keep the version that they met: which rules are written, and when cookies mean nothing any more."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollout.plan.service_plan import plan
from rollout.plan.state import ROUTES, applied_kept
from rollout.spec.catalog import CanaryHeader
from rollout.spec.files import read_catalog
from rollout.spec.image import Image
from rollout.spec.rollout_settings import RolloutSettings
from rollout.spec.services import Wanted
from rollout.spec.stickiness import Stickiness
from rollout.traffic import write
from rollout.traffic.kept import KEPT_ANNOTATION, Kept, read_kept, to_canary, to_stable
from rollout.traffic.ladder import LADDERS
from rollout.traffic.split import Split, read
from rollout.traffic.strip import without_canary, without_split
from rollout.traffic.user_ids import ids_below, ids_known, parts
from tests.conftest import ROOT

CATALOG = read_catalog(ROOT / "services.yaml")
APIS = sorted(name for name, service in CATALOG.services.items() if service.by_weight)
COOKIE, USER = Stickiness(cookie="auth-version"), Stickiness(header="x-user-id")
STABLE, FIRST, SECOND = (Image("docker.io/eco2/eco2", tag) for tag in ("stable", "first", "second"))
profile = settings(max_examples=200, deadline=None, derandomize=True)
kepts = st.builds(
    Kept,
    st.integers(1, 99),
    st.just("0123abcd"),
    st.lists(st.integers(1, 99), max_size=4, unique=True).map(lambda one: tuple(sorted(one))),
)
splits = st.builds(Split, weight=st.integers(0, 100), header=st.booleans())
ways = st.sampled_from([COOKIE, USER])


def written(split, name, stickiness, kept):
    service = CATALOG.services[name].model_copy(update={"stickiness": stickiness})
    routed = write.Routed(name, service, CanaryHeader(name="x-canary", value="true"), kept=kept)
    specs = write.public_spec(split, routed, "api.eco2.test", "a/b"), write.mesh_spec(split, routed)
    return [{"spec": spec} for spec in specs]


@profile
@given(splits, st.sampled_from(APIS), ways, kepts)
def test_rules_in_front_change_neither_what_is_read_nor_what_an_abort_leaves(split, name, way, kept):
    both = written(split, name, way, kept)
    assert [read(one).split for one in both] == [split, split]
    assert read(*both).at_most == split
    assert read(both[0]).keeps == (0 < split.weight < 100)
    off = written(Split(0, header=False), name, None, None)
    assert [without_canary(one) for one in both] == off
    assert [without_split(one) for one in both] == [without_split(one) for one in off]


def test_cookies_are_for_the_public_host_and_ids_for_both():
    kept = Kept(3, "0123abcd", (5, 20))
    for way, mesh in ((COOKIE, False), (USER, True)):
        public, inside = written(Split(20, header=True), "auth-api", way, kept)
        assert (read(public).keeps, read(inside).keeps) == (True, mesh)
    assert not any(read(one).keeps for one in written(Split(20, header=True), "auth-api", COOKIE, None))


def test_kept_rules_left_alone_by_a_hand_still_count_as_the_canarys():
    public, _ = written(Split(20, header=True), "chat-api", COOKIE, Kept(1, "0123abcd", (20,)))
    rules = public["spec"]["http"]
    for rule in rules:
        if not rule.get("match") or all("headers" not in one for one in rule["match"]):
            rule["route"] = [{**rule["route"][0], "weight": 100}]
    only = [rule for rule in rules if not rule["name"].endswith("-canary") or "kept" in rule["name"]]
    seen = read({"spec": {"http": only}})
    assert (seen.split, seen.at_most) == (None, Split(0, header=True))


def test_an_abort_takes_what_a_rollout_wrote_wherever_a_hand_made_it_lead():
    kept = Kept(1, "0123abcd", (5, 20))
    public, _ = written(Split(20, header=True), "chat-api", COOKIE, kept)
    for rule in public["spec"]["http"]:
        rule["route"] = [{**rule["route"][0], "weight": 100}]
        rule["route"][0]["destination"] = {**rule["route"][0]["destination"], "subset": "stable"}
    off = written(Split(0, header=False), "chat-api", None, None)[0]
    assert without_canary(public) == off
    # What a hand added beside stays.
    own = {"response": {"add": {"set-cookie": "a=1"}}}
    off["spec"]["http"][-1]["route"][0]["headers"] = own
    assert without_canary(off) == off


@pytest.mark.parametrize("route", ["auth-kept", "kept-canary", "kept-from-5", "a-kept-stable"])
def test_no_route_s_own_name_makes_it_a_kept_one(route):
    service = CATALOG.services["chat-api"]
    named = service.model_copy(update={"routes": (service.routes[0].model_copy(update={"name": route}),)})
    routed = write.Routed("chat-api", named, CanaryHeader(name="x-canary", value="true"))
    for split in (Split(0, header=True), Split(20, header=True)):
        spec = write.public_spec(split, routed, "api.eco2.test", "a/b")
        assert (read({"spec": spec}).split, read({"spec": spec}).keeps) == (split, False)


def lanes_of(weight, kept):
    rules = written(Split(weight, header=True), "chat-api", COOKIE, kept)[0]["spec"]["http"]
    first = rules[0]["match"][0]["uri"]
    own = [rule for rule in rules if rule.get("match", [{}])[0].get("uri") == first]
    return [rule for rule in own if "x-canary" not in rule["match"][0].get("headers", {})]


def test_whoever_comes_from_a_lower_weight_is_sent_with_what_is_missing():
    canary, stable, from_5, weighted = lanes_of(20, Kept(1, "0123abcd", (5, 20)))
    assert [one["destination"]["subset"] for one in canary["route"]] == ["canary-or-stable"]
    assert [one["destination"]["subset"] for one in stable["route"]] == ["stable"]
    for rule, weights in ((from_5, [80, 15]), (weighted, [80, 20])):
        assert [one["weight"] for one in rule["route"]] == weights
        given_out = [one["headers"]["response"]["add"]["set-cookie"] for one in rule["route"]]
        assert [one.split(";")[0] for one in given_out] == [
            "auth-version=1-0123abcd.v1.20",
            "auth-version=1-0123abcd.v2",
        ]
        assert given_out[0].endswith("; Path=/; Max-Age=2592000; Secure; HttpOnly; SameSite=Lax")
    # Who was sent already keeps her cookie, and answers to her may be cached.
    assert not any("headers" in one for rule in (canary, stable) for one in rule["route"])


@given(st.lists(st.integers(1, 99), min_size=2, max_size=5, unique=True).map(sorted), st.data())
@settings(max_examples=100, deadline=None, derandomize=True)
def test_the_share_of_users_is_the_weight_however_they_came(weights, data):
    """Follows a user who is thrown at some weights of a rollout by the probabilities in the rules."""
    kept = Kept(1, "0123abcd", tuple(weights))
    with_canary, last = 0.0, 0
    for weight in weights:
        if not data.draw(st.booleans()) and weight != weights[-1]:
            continue
        *_, weighted = lanes_of(weight, kept)
        rules = {rule["name"].rpartition(".kept-")[2]: rule for rule in lanes_of(weight, kept)}
        route = (rules[f"from-{last}"] if last else weighted)["route"]
        parted = [one["weight"] for one in route]
        with_canary += (1 - with_canary) * parted[-1] / sum(parted)
        assert with_canary == pytest.approx(weight / 100)
        last = weight


@pytest.mark.parametrize("header", ["{}", "a=b; {}", "{}; c=d", "a=b;{} ; c=d", "a=1; b=2; {}"])
def test_a_cookie_is_found_among_others(header):
    mine, other = COOKIE.cookie + "=" + to_canary(Kept(1, "0123abcd")), Kept(11, "0123abcd")
    canary, stable, *_ = lanes_of(20, Kept(1, "0123abcd", (20,)))
    asks = canary["match"][0]["headers"]["cookie"]["regex"]
    assert re.fullmatch(asks, header.format(mine))
    wrong = [
        f"x{mine}",
        f"{mine}1",
        f"{COOKIE.cookie}={to_canary(other)}",
        mine.replace(".", "_"),
        f"a={mine}",
        mine.upper(),
    ]
    assert not [one for one in wrong if re.fullmatch(asks, header.format(one))]
    kept = stable["match"][0]["headers"]["cookie"]["regex"]
    assert re.fullmatch(kept, header.format(f"{COOKIE.cookie}={to_stable(Kept(1, '0123abcd'), 20)}"))
    assert not re.fullmatch(kept, header.format(f"{COOKIE.cookie}={to_stable(Kept(1, '0123abcd'), 2)}"))


@pytest.mark.parametrize("ids", ["hex", "digits"])
def test_a_share_of_ids_is_exact_to_half_a_part_and_holds_all_lower_ones(ids):
    form = "{:03x}" if ids == "hex" else "{:02}"
    every = [form.format(number) for number in range(parts(ids))]
    assert all(re.fullmatch(ids_known(ids), f"user-{one}") for one in every)
    before = set()
    for weight in range(1, 100):
        asks = re.compile(ids_below(weight, ids))
        mine = {one for one in every if asks.fullmatch(f"user-{one}")}
        assert abs(len(mine) / parts(ids) - weight / 100) <= 0.5 / parts(ids)
        assert before < mine
        assert {one for one in every if asks.fullmatch(f"USER-{one.upper()}")} == mine
        before = mine
    assert not re.fullmatch(ids_known(ids), "")
    assert not re.fullmatch(ids_known(ids), "user-xy")


def wanted(phase, canary=FIRST, stickiness=COOKIE, weight=None):
    service = CATALOG.services["auth-api"].model_copy(update={"stickiness": stickiness})
    rollout = RolloutSettings(phase=phase, weight=weight)
    return Wanted("auth-api", service, STABLE, canary, rollout, 5)


def state_of(plan, stickiness=COOKIE):
    """The public routes that an update leaves in the state."""
    spec = written(plan.split, "auth-api", stickiness, plan.kept)[0]["spec"]
    marks = {KEPT_ANNOTATION: str(plan.kept)} if plan.kept else {}
    outputs = {"metadata": {"annotations": marks}, "spec": spec}
    return {f"urn:pulumi:dev::eco2::x${ROUTES}::auth-api": {"type": ROUTES, "outputs": outputs}}


def after(plan, state=None):
    """What the next update finds, where this one was done, or left its outputs and another one's routes."""
    kept = applied_kept(state_of(plan) if state is None else state).get("auth-api")
    return replace(plan.leaves, kept=kept)


def climbed(*steps, prior=None):
    """The plans of one update after the other."""
    found = []
    for step in steps:
        phase, image = step if isinstance(step, tuple) else (step, FIRST)
        found.append(plan(wanted(phase, image), prior))
        prior = after(found[-1])
    return found


def test_a_rollout_keeps_its_number_while_it_climbs():
    plans = climbed(0, 1, 2, 3, 3, 4, 5)
    assert [one.kept.number for one in plans] == [1] * 7
    assert [one.kept.weights for one in plans] == [
        (), (), (5,), (5, 20), (5, 20), (5, 20, 50), (5, 20, 50),
    ]  # fmt: skip
    assert not any("routed anew" in warning for one in plans for warning in one.warnings)


@pytest.mark.parametrize(
    "steps",
    [
        (2, 3, 2),  # a falling weight
        (2, 0, 2),  # an abort, and the next one
        (2, 1, 2),
        (2, 3, 4, 5, 0, 2),  # a promotion
        (3, (3, SECOND)),  # another image
        (3, (0, SECOND), (3, SECOND)),
        (5, 4, 3, 4),
    ],
)
def test_whatever_ends_a_rollout_forgets_everybody(steps):
    plans = climbed(*steps)
    sent = [one.kept for one in plans if 0 < one.weight < 100]
    given_out = {to_canary(one) for one in sent[:-1] if one.weights[-1] != sent[-1].weights[0]}
    assert to_canary(sent[-1]) not in given_out or steps == (5, 4, 3, 4)
    anew = [any("routed anew" in warning for warning in one.warnings) for one in plans]
    # Where the canary stays, its users are told to be routed anew.
    assert anew[-1] == (steps in ((2, 3, 2), (3, (3, SECOND))))


def test_without_a_weight_nobody_is_forgotten_twice():
    assert [one.kept.number for one in climbed(1, 0, 1, 0, 2, 0, 0, 1, 0)] == [1, 1, 1, 1, 1, 2, 2, 2, 2]


def test_updates_that_failed_behind_their_routes_bring_nobody_back():
    outputs = climbed(1)[-1]  # the last that was done
    up = plan(wanted(2), after(outputs))
    down = plan(wanted(1), after(outputs, state_of(up)))
    again = plan(wanted(2), after(outputs, state_of(down)))
    assert (up.kept.number, again.kept.number) == (1, 2)
    # Some users have the cookie of 20 %, to which an update failed, and some that of 50 %.
    at_5 = climbed(2)[-1]
    at_20 = plan(wanted(3), after(at_5))
    at_50 = plan(wanted(4), after(at_5, state_of(at_20)))
    assert plan(wanted(4, weight=80), after(at_5, state_of(at_50))).kept.weights == (5, 20, 50, 80)
    # A fall that failed has forgotten them, and the way up again goes on from there.
    fallen = plan(wanted(2), after(at_20))
    risen = plan(wanted(3), after(at_20, state_of(fallen)))
    assert (risen.kept.number, risen.kept.weights) == (2, (5, 20))


@pytest.mark.parametrize("weight", [0, 5])
def test_routes_that_somebody_took_back_have_forgotten_their_users(weight):
    at_20 = climbed(2, 3)[-1]
    state = state_of(at_20)
    (resource,) = state.values()
    # An abort's first stroke, or a hand, and then a refresh: the annotation stays.
    resource["outputs"]["spec"] = written(Split(weight, header=True), "auth-api", None, None)[0]["spec"]
    assert plan(wanted(4), after(at_20, state)).kept.number == 2


def test_the_number_stays_where_stickiness_goes():
    at_20 = climbed(3)[-1]
    without = plan(wanted(3, stickiness=None), after(at_20))
    assert without.kept == Kept(2)
    assert plan(wanted(3), after(without, state_of(without, None))).kept.number == 2
    assert plan(wanted(3, stickiness=None), None).kept is None
    assert plan(wanted(3, stickiness=USER), None).kept is None
    renamed = plan(wanted(3, stickiness=Stickiness(cookie="other")), after(at_20))
    assert renamed.kept.number == 2
    assert any("routed anew" in warning for warning in renamed.warnings)


@given(kepts)
def test_the_annotation_is_read_back(kept):
    kept = kept if kept.weights else Kept(kept.number)
    assert read_kept(str(kept)) == kept


@pytest.mark.parametrize(
    "text", ["", "x", "1-", "1-0123abcd", "1-0123abcd:", "-1", "1:5", "1-0123abcd:5,", "9" * 10]
)
def test_another_annotation_is_none(text):
    assert read_kept(text) is None


def test_no_more_rules_than_ten_weights_make():
    prior = None
    for weight in range(1, 31):
        made = plan(replace(wanted(2), rollout=RolloutSettings(phase=1 + 1, ladder=(0, weight, 100))), prior)
        prior = after(made)
    assert made.kept.weights == tuple(range(21, 31))


def test_every_rung_of_every_ladder_has_its_cookie():
    for ladder in LADDERS.values():
        for weight in ladder.weights:
            assert len(lanes_of(weight, Kept(1, "0123abcd", (1,)))) == (4 if 0 < weight < 100 else 1)
