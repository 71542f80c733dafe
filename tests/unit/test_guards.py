"""Rules 13 to 15: which updates are refused, and that the way on is one."""

from __future__ import annotations

import copy
import itertools
import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollout.guards.guards import refusals
from rollout.guards.refusal import overruled
from rollout.plan.prior import read_prior
from rollout.plan.service_plan import plan
from rollout.spec.files import read_catalog
from rollout.spec.image import Image
from rollout.spec.services import resolve
from rollout.spec.settings import Settings
from tests.conftest import ROOT
from tests.unit.conftest import own_keys
from tests.unit.priors import prior as made

CATALOG = read_catalog(ROOT / "services.yaml")
STACK = own_keys("dev")
NAME = "auth-api"
LADDERS = {
    "canary": (0, 5, 20, 50, 100),
    "blue-green": (0, 100),
    "rolling": (),
    "custom": (0, 10, 100),
}
OLD, NEW, NEXT = {"tag": "old"}, {"tag": "new"}, {"tag": "next", "digest": "sha256:" + "0" * 64}
OTHER = {"tag": "20240101", "revision": "7"}
profile = settings(max_examples=400, deadline=None, derandomize=True)


def image(parts):
    return Image("docker.io/mng990/eco2", **parts)


def config(phase, *, ladder="canary", stable=OLD, canary=NEW, weight=None):
    """What a stack file says of one service."""
    rollout = {"phase": phase, "ladder": ladder, "canary": dict(canary)}
    if ladder == "custom":
        rollout["ladder"] = list(LADDERS[ladder])
    if weight is not None:
        rollout["weight"] = weight
    return {"services": {NAME: {"image": dict(stable)}}, "rollouts": {NAME: rollout}}


def wanted(said):
    return resolve(CATALOG, Settings.model_validate({**STACK, **said}))[NAME]


def left(phase, weight, *, stable=OLD, canary=NEW, ladder="canary"):
    """What an update left."""
    return made(phase, weight, image(stable), image(canary) if phase else None, ladder=LADDERS[ladder])


def found(prior, phase, **said):
    return refusals(wanted(config(phase, **said)), prior, first=prior is None)


def rules(prior, phase, **said):
    return [one.rule for one in found(prior, phase, **said)]


def follow(said, commands):
    """Does to a stack file what `pulumi config` would, and fails where it would."""
    said = copy.deepcopy(said)
    for command in " && ".join(commands).split(" && "):
        pulumi, config_, verb, path, key, *rest = shlex.split(command)
        assert (pulumi, config_, path) == ("pulumi", "config", "--path")
        *parents, last = key.removeprefix("eco2:").split(".")
        place = said
        for parent in parents:
            place = place.setdefault(parent, {})
        if verb == "rm":
            place.pop(last, None)
        else:
            value, *kind = rest
            place[last] = int(value) if value.isdigit() and kind != ["--type", "string"] else value
    return said


# Rows: the phase before; columns: the wanted phase; 3, 4: refused by rule 13, 14; +: by both.
SAME_CANARY = {
    "canary": """
        none . 3 3 3 3 3
        0    . . 3 3 3 3
        1    . . . 3 3 3
        2    . . . . 3 3
        3    . . . . . 3
        4    . . . . . .
        5    . . . . . .""",
    "blue-green": """
        none . 3 3
        0    . . 3
        1    . . .
        2    . . .""",
    "rolling": """
        none .
        0    .""",
    "custom": """
        none . 3 3 3
        0    . . 3 3
        1    . . . 3
        2    . . . .
        3    . . . .""",
}
NEW_CANARY = {
    "canary": """
        none . 3 3 3 3 3
        0    . . 3 3 3 3
        1    . . 3 3 3 3
        2    . . 4 4 + +
        3    . . 4 4 4 +
        4    . . 4 4 4 4
        5    . . 4 4 4 4""",
    "blue-green": """
        none . 3 3
        0    . . 3
        1    . . 3
        2    . . 4""",
    "rolling": """
        none .
        0    .""",
    "custom": """
        none . 3 3 3
        0    . . 3 3
        1    . . 3 3
        2    . . 4 4
        3    . . 4 4""",
}
CELLS = {".": [], "3": [13], "4": [14], "+": [13, 14]}


def transitions():
    for kind, tables in (("same", SAME_CANARY), ("new", NEW_CANARY)):
        for ladder, table in tables.items():
            for row in table.split("\n")[1:]:
                before, *cells = row.split()
                for phase, cell in enumerate(cells):
                    for stable in ("same", "changed", "promoted"):
                        yield ladder, before, phase, kind, stable, CELLS[cell]


@pytest.mark.parametrize(("ladder", "before", "phase", "canary", "stable", "by_canary"), list(transitions()))
def test_every_transition(ladder, before, phase, canary, stable, by_canary):
    weights = (0, *LADDERS[ladder])
    prior = None if before == "none" else left(int(before), weights[int(before)], ladder=ladder)
    in_flight = prior is not None and prior.phase > 0
    full = in_flight and prior.phase == len(LADDERS[ladder])
    rests = stable == "same" or not in_flight or (stable == "promoted" and full and phase == 0)
    said = {
        "ladder": ladder,
        "canary": {"same": NEW, "new": NEXT}[canary],
        "stable": {"same": OLD, "changed": OTHER, "promoted": NEW}[stable],
    }
    expected = by_canary + ([] if rests else [15])
    assert rules(prior, phase, **said) == expected


def test_the_table_holds_every_phase_of_every_ladder():
    rows = {(ladder, before, phase) for ladder, before, phase, *_ in transitions()}
    for ladder, weights in LADDERS.items():
        phases = range(len(weights) + 1)
        assert {row[1:] for row in rows if row[0] == ladder} == set(
            itertools.product(("none", *map(str, phases)), phases)
        )


def test_canary_needs_a_stable():
    for first, lately in ((True, "this stack was never updated"), (False, "no update of this stack left")):
        (refusal,) = refusals(wanted(config(1)), None, first=first)
        assert lately in refusal.why
        assert refusal.command == "pulumi config set --path eco2:rollouts.auth-api.phase 0"


def test_forward_one_phase_at_a_time():
    (refusal,) = found(left(1, 0), 3)
    assert str(refusal) == (
        "auth-api: rule 13 (one phase up at a time, docs/rules.md): from phase 1 (0 %) to phase 3 (20 %): "
        "a canary goes up one phase at a time, by its number and by its weight; "
        "next: `pulumi config set --path eco2:rollouts.auth-api.phase 2`; "
        'to overrule: `eco2:overrule: {auth-api: "reason"}`'
    )


def test_a_refusal_names_its_stack_in_every_command():
    (refusal,) = found(left(3, 20), 3, canary=NEXT, weight=10)
    assert refusal.for_stack("prod").command == (
        "pulumi config rm --stack prod --path eco2:rollouts.auth-api.weight && "
        "pulumi config set --stack prod --path eco2:rollouts.auth-api.phase 1"
    )


def test_new_canary_image_starts_without_weight():
    (refusal,) = found(left(3, 20), 3, canary=NEXT)
    assert (refusal.rule, refusal.before, refusal.after) == (14, str(image(NEW)), str(image(NEXT)))
    assert refusal.command == "pulumi config set --path eco2:rollouts.auth-api.phase 1"


def test_an_image_exchanged_at_phase_1_stays_there_for_one_update():
    (refusal,) = found(left(1, 0), 2, canary=NEXT)
    assert (refusal.rule, refusal.before) == (13, f"phase 1 (0 %) with {image(NEW)}")
    assert refusal.command == "pulumi config set --path eco2:rollouts.auth-api.phase 1"


def test_stable_image_rests_while_a_canary_is_in_flight():
    (refusal,) = found(left(3, 20), 0, stable=OTHER)
    assert (refusal.rule, refusal.before, refusal.after) == (15, str(image(OLD)), str(image(OTHER)))
    assert "go back to phase 0 first, then change the image" in refusal.why
    assert refusal.command.split(" && ") == [
        "pulumi config set --path eco2:services.auth-api.image.tag old",
        "pulumi config rm --path eco2:services.auth-api.image.revision",
        "pulumi config set --path eco2:rollouts.auth-api.phase 0",
    ]


def test_a_promotion_that_failed_may_run_again():
    assert rules(left(5, 100), 0, stable=NEW) == []


def test_another_good_image_after_a_promotion_that_failed_goes_by_phase_1_or_by_overruling():
    (refusal,) = found(left(5, 100), 0, stable=OTHER)
    assert "via phase 1, or overrule" in refusal.why
    assert refusal.command.split(" && ") == [
        "pulumi config set --path eco2:services.auth-api.image.tag old",
        "pulumi config rm --path eco2:services.auth-api.image.revision",
        "pulumi config set --path eco2:rollouts.auth-api.canary.tag 20240101 --type string",
        "pulumi config set --path eco2:rollouts.auth-api.canary.revision 7 --type string",
        "pulumi config set --path eco2:rollouts.auth-api.phase 1",
    ]


def test_a_promotion_before_100_percent_says_what_is_missing():
    (refusal,) = found(left(4, 50), 0, stable=NEW)
    assert "and this one has 50 %" in refusal.why


def test_the_next_rollout_begins_after_the_promotion():
    refusal = found(left(5, 100), 1, stable=NEW, canary=NEXT)[-1]
    assert (refusal.rule, "a promotion ends at phase 0" in refusal.why) == (15, True)
    assert refusal.command == "pulumi config set --path eco2:rollouts.auth-api.phase 0"


@pytest.mark.parametrize(
    ("before", "weight_before", "phase", "weight", "refused"),
    [
        (1, 0, 2, 10, False),  # between phases 2 and 3
        (1, 0, 2, 20, True),  # the weight of phase 3
        (2, 10, 3, None, False),
        (2, 0, 3, None, True),  # never had the weight of phase 2
        (3, 5, 3, None, False),
        (3, 5, 4, None, True),  # never had the weight of phase 3
        (2, 20, 4, None, True),  # has the weight of phase 3, but not its number
        (3, 5, 4, 20, False),
        (3, 5, 3, 50, True),
        (3, 20, 4, 100, True),  # all the traffic, past 50 %
        (4, 60, 5, None, False),
        (5, 60, 5, None, False),
        (0, 100, 5, None, True),  # outputs that contradict themselves open nothing
        (0, 0, 2, 0, True),  # without weight, but past phase 1 by its number
        (3, 5, 2, 19, False),  # back by number
        (2, 20, 3, 5, False),  # back by weight
    ],
)
def test_a_weight_of_its_own_skips_no_phase(before, weight_before, phase, weight, refused):
    prior, said = left(before, weight_before), config(phase, weight=weight)
    refused_here = refusals(wanted(said), prior, first=False)
    assert [one.rule for one in refused_here] == ([13] if refused else [])
    for one in refused_here:
        assert refusals(wanted(follow(said, [one.command])), prior, first=False) == ()


@pytest.mark.parametrize(
    ("before", "ladder", "phase", "weight", "refused"),
    [
        (left(2, 5, ladder="canary"), "blue-green", 2, None, True),
        (left(2, 5, ladder="canary"), "blue-green", 1, None, False),
        (left(5, 100, ladder="canary"), "blue-green", 2, None, False),
        (left(4, 50, ladder="canary"), "custom", 3, None, True),
        (left(4, 50, ladder="canary"), "custom", 2, None, False),
        (left(4, 50, ladder="canary"), "custom", 2, 50, False),
        (left(4, 50, ladder="canary"), "custom", 2, 51, True),
        (left(1, 0, ladder="canary"), "blue-green", 2, None, True),
        (left(3, 20, ladder="canary"), "rolling", 0, None, False),
        (left(3, 100, ladder="custom"), "canary", 5, None, False),
        (left(3, 100, ladder="custom"), "canary", 3, None, False),
    ],
)
def test_a_changed_ladder_raises_no_weight(before, ladder, phase, weight, refused):
    found_here = rules(before, phase, ladder=ladder, weight=weight)
    assert found_here == ([13] if refused else [])


LADDER_CHANGES = {
    # Phases before against wanted phases. From phase 0 any ladder may be climbed; later the change raises no weight.
    ("canary", "blue-green"): """
        0    . . 3
        1    . . 3
        2    . . 3
        3    . . 3
        4    . . 3
        5    . . .""",
    ("canary", "custom"): """
        0    . . 3 3
        1    . . 3 3
        2    . . 3 3
        3    . . . 3
        4    . . . 3
        5    . . . .""",
    ("custom", "canary"): """
        0    . . 3 3 3 3
        1    . . 3 3 3 3
        2    . . . 3 3 3
        3    . . . . . .""",
    ("blue-green", "canary"): """
        0    . . 3 3 3 3
        1    . . 3 3 3 3
        2    . . . . . .""",
    ("canary", "rolling"): """
        0    .
        1    .
        2    .
        3    .
        4    .
        5    .""",
}


@pytest.mark.parametrize("ladders", list(LADDER_CHANGES))
def test_every_transition_to_another_ladder(ladders):
    old, new = ladders
    for row in LADDER_CHANGES[ladders].split("\n")[1:]:
        before, *cells = row.split()
        prior = left(int(before), (0, *LADDERS[old])[int(before)], ladder=old)
        assert len(cells) == len(LADDERS[new]) + 1
        for phase, cell in enumerate(cells):
            assert rules(prior, phase, ladder=new) == CELLS[cell], (before, phase)


def test_a_changed_ladder_is_seen_though_the_old_phase_and_weight_fit_it():
    prior = left(2, 10)  # 10 % by an override; on the new ladder it is phase 2's own
    (refusal,) = found(prior, 3, ladder="custom")
    assert (refusal.rule, "the ladder changes to [0, 10, 100]" in refusal.why) == (13, True)
    assert refusal.command == "pulumi config set --path eco2:rollouts.auth-api.phase 2"
    assert found(prior, 2, ladder="custom") == ()
    assert found(left(2, 10, ladder="custom"), 3, ladder="custom") == ()


def test_overruling_needs_a_reason_and_leaves_a_warning():
    found_here = found(left(3, 20), 3, canary=NEXT, stable=OTHER)
    standing, warnings = overruled(found_here, {NAME: "both fix\nCVE-1"})
    assert standing == ()
    assert [text.split(": from")[0] for text in warnings] == [
        "auth-api: overruled (both fix CVE-1): rule 14 (a new canary image starts without weight, docs/rules.md)",
        "auth-api: overruled (both fix CVE-1): rule 15 (stable's image rests under a canary, docs/rules.md)",
    ]
    assert overruled(found_here, {NAME: "  ", "my-api": "other"}) == (found_here, ())


images = st.sampled_from([OLD, NEW, NEXT, OTHER])


@st.composite
def configs(draw, ladders=tuple(LADDERS)):
    ladder = draw(st.sampled_from(ladders))
    weights = LADDERS[ladder]
    phase = draw(st.integers(0, len(weights)))
    override = None
    if phase > 1:
        low, high = weights[phase - 2], weights[min(phase, len(weights) - 1)]
        override = draw(st.none() | st.sampled_from([low, high]) | st.integers(low, high))
    return config(phase, ladder=ladder, stable=draw(images), canary=draw(images), weight=override)


def update(said, prior):
    """What an update leaves: the program's own outputs, read by the next one."""
    planned = plan(wanted(said), prior)
    return read_prior({"rollouts": {NAME: planned.output()}})[NAME]


priors = st.none() | configs().map(lambda said: update(said, None))


@settings(profile, max_examples=300)
@given(st.lists(configs(), min_size=5, max_size=40), st.lists(st.booleans(), min_size=40, max_size=40))
def test_no_sequence_of_updates_skips_a_phase_or_gives_weight_to_an_untried_image(tries, climbs):
    prior, tried, last = None, None, config(0)
    for said, climb in zip(tries, climbs, strict=False):
        attempt = said
        if climb and prior and last["rollouts"][NAME]["ladder"] != "rolling":
            # Chance alone seldom climbs.
            attempt = copy.deepcopy(last)
            rollout = attempt["rollouts"][NAME]
            rollout.pop("weight", None)
            rollout["phase"] = min(rollout["phase"] + 1, len(wanted(attempt).rollout.steps.weights))
        one = wanted(attempt)
        if refusals(one, prior, first=prior is None):
            continue
        after, ladder = update(attempt, prior), one.rollout.steps.weights
        before = prior or made(0, 0, after.stable_image, None, ladder=after.ladder)
        assert sum(before.weight < rung <= after.weight for rung in ladder) <= 1
        if before.ladder == after.ladder:
            assert after.phase <= before.phase + 1
        elif before.phase > 1:
            assert after.weight <= before.weight
        if after.weight:
            assert after.canary_image == tried
        else:
            tried = after.canary_image
        if before.phase and after.stable_image != before.stable_image:
            assert (before.weight, after.phase, after.stable_image) == (100, 0, before.canary_image)
        prior, last = after, attempt


@profile
@given(configs(), configs())
def test_backward_is_never_refused(earlier, later):
    prior = update(earlier, None)
    later = {**later, "services": earlier["services"]}
    later["rollouts"][NAME]["canary"] = earlier["rollouts"][NAME]["canary"]
    one = wanted(later)
    if one.rollout.phase <= prior.phase and one.rollout.effective_weight <= prior.weight:
        assert refusals(one, prior, first=False) == ()


@profile
@given(configs(), configs())
def test_the_way_to_phase_0_or_1_is_open_with_any_canary_image(earlier, later):
    prior = update(earlier, None)
    later["services"] = earlier["services"]
    if wanted(later).rollout.phase <= min(prior.phase, 1):
        assert refusals(wanted(later), prior, first=False) == ()


@profile
@given(configs(), priors)
def test_the_commands_lead_to_an_update_that_is_allowed(said, prior):
    refused = refusals(wanted(said), prior, first=prior is None)
    if refused:
        followed = wanted(follow(said, [one.command for one in refused]))
        assert refusals(followed, prior, first=prior is None) == ()
