"""What a command writes into a stack's config, and how images are written."""

from __future__ import annotations

import pytest

from eco2.stack.config import stack_config
from rollout.edits import NoMoveError, advanced, promoted, started, with_canary_image
from rollout.spec.files import read_catalog
from rollout.spec.image import Image
from rollout.spec.image_settings import ImageSettings, read_image, settings_of
from rollout.spec.rollout_settings import RolloutSettings
from rollout.spec.services import resolve
from rollout.spec.settings import ServiceSettings, read_settings
from tests.conftest import ROOT
from tests.unit.priors import prior as made

CATALOG = read_catalog(ROOT / "services.yaml")
SETTINGS = read_settings("Pulumi.dev.yaml", stack_config(ROOT, "dev"), CATALOG)
REPOSITORY = "docker.io/mng990/eco2"
DIGEST = "sha256:" + "ab" * 32
NAME = "auth-api"


def wanted(phase=0, *, stable="old", name=NAME, **rollout):
    said = RolloutSettings.model_validate({"phase": phase, **rollout})
    changes = {
        "rollouts": {name: said},
        "services": {name: ServiceSettings(image=ImageSettings(tag=stable))},
    }
    return resolve(CATALOG, SETTINGS.model_copy(update=changes))[name]


def written(move):
    return {".".join(path): value for path, value in move.entries}


def test_an_advance_takes_the_next_phase_of_the_ladder():
    move = advanced(wanted(2), None, "--stack dev")
    assert written(move) == {"rollouts.auth-api.phase": 3}
    assert move.words == "auth-api: from phase 2 (5 %) to phase 3 (20 %)"
    assert written(advanced(wanted(1, ladder="blue-green"), None, "--stack dev")) == {
        "rollouts.auth-api.phase": 2
    }


@pytest.mark.parametrize(
    ("name", "rollout", "words"),
    [
        ("ext-authz", {}, "phase 1 (no traffic)"),
        ("my-worker", {}, "phase 1 (no pods)"),
        ("my-worker", {"canary": {"queues": ["try"]}}, "phase 1 (queues of its own)"),
    ],
)
def test_phase_1_is_not_told_as_a_header_that_reaches_nobody(name, rollout, words):
    assert f"to {words}" in advanced(wanted(0, name=name, **rollout), None, "--stack dev").words
    assert f"from {words}" in advanced(wanted(1, name=name, **rollout), None, "--stack dev").words


def test_an_advance_goes_to_any_phase_that_is_named_also_back():
    for phase in range(5):
        assert written(advanced(wanted(5), phase, "--stack dev")) == {"rollouts.auth-api.phase": phase}
    assert written(advanced(wanted(3), 3, "--stack dev")) == {}


def test_an_advance_leaves_the_weight_behind_that_overrode_the_old_phase():
    assert written(advanced(wanted(3, weight=10), None, "--stack dev")) == {
        "rollouts.auth-api.phase": 4,
        "rollouts.auth-api.weight": None,
    }
    assert written(advanced(wanted(3, weight=10), 3, "--stack dev")) == {}


@pytest.mark.parametrize(
    ("now", "to", "words"),
    [
        (wanted(5), None, "next: `eco2 promote auth-api --stack dev`"),
        (wanted(2), 6, "there is no phase 6; its ladder has the phases 0 to 5"),
        (wanted(2), -1, "there is no phase -1"),
        (wanted(1, ladder="blue-green"), 3, "phases 0 to 2"),
        (wanted(0, ladder="rolling"), None, "has no canary"),
    ],
)
def test_an_advance_that_does_not_exist_is_refused(now, to, words):
    with pytest.raises(NoMoveError, match=words):
        advanced(now, to, "--stack dev")


def test_an_advance_tells_where_the_canary_would_be_stable_once_more():
    same = {"canary": {"tag": "old"}}
    assert "set-image auth-api IMAGE --stack dev" in advanced(wanted(0, **same), None, "--stack dev").notes[0]
    assert not advanced(wanted(0), None, "--stack dev").notes
    assert not advanced(wanted(1, **same), None, "--stack dev").notes


def test_weight_for_a_tag_that_is_pushed_again_says_what_pods_that_start_later_run():
    [note] = advanced(wanted(1), None, "--stack dev").notes
    assert "run whatever is pushed to auth-api-dev-canary by then" in note
    assert "`eco2 set-image auth-api auth-api-dev-canary@sha256:... --stack dev`" in note
    # A canary with weight takes no other image, so the way on leads over phase 1.
    assert "sha256:... --phase 1 --stack dev`" in advanced(wanted(2), None, "--stack dev").notes[0]
    assert "\n" not in note
    for quiet, to in (
        (wanted(0), 1),
        (wanted(4), 2),
        (wanted(1, canary={"tag": "new"}), 2),
        (wanted(1, canary={"digest": DIGEST}), 2),
        (wanted(2, canary={"digest": DIGEST}), 1),
    ):
        assert not advanced(quiet, to, "--stack dev").notes


def test_a_promotion_gives_stable_the_very_image_and_ends_the_rollout():
    canary = {"tag": "new", "digest": DIGEST, "revision": "7"}
    assert written(promoted(wanted(5, canary=canary), None, "--stack dev")) == {
        "services.auth-api.image.tag": "new",
        "services.auth-api.image.digest": DIGEST,
        "services.auth-api.image.revision": "7",
        "rollouts.auth-api.phase": 0,
    }


def test_a_promotion_takes_a_digest_of_the_old_image_away():
    entries = written(promoted(wanted(5, canary={"tag": "new"}), None, "--stack dev"))
    assert entries["services.auth-api.image.digest"] is None
    assert entries["services.auth-api.image.revision"] is None


def test_a_promotion_of_the_tag_that_canaries_are_pushed_to_says_what_that_means():
    move = promoted(wanted(5), None, "--stack dev")
    assert written(move)["services.auth-api.image.tag"] == "auth-api-dev-canary"
    assert "a digest would pin what was tested" in move.notes[0]
    assert not promoted(wanted(5, canary={"digest": DIGEST}), None, "--stack dev").notes


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (wanted(4), r"phase 4 \(50 %\); only a canary with 100 % is promoted; next: `eco2 advance auth-api"),
        (wanted(5, weight=60), "phase 5"),
        (wanted(0), "phase 0"),
        (wanted(0, ladder="rolling"), "no canary to promote"),
    ],
)
def test_a_promotion_from_below_the_last_phase_is_refused(now, words):
    with pytest.raises(NoMoveError, match=words):
        promoted(now, None, "--stack dev")


def test_a_promotion_that_failed_is_repeated_without_another_edit():
    prior = made(5, 100, Image(REPOSITORY, "old"), Image(REPOSITORY, "new"))
    assert promoted(wanted(0, stable="new", canary={"tag": "new"}), prior, "--stack dev").entries == ()
    with pytest.raises(NoMoveError):
        promoted(wanted(0, stable="old"), prior, "--stack dev")


def test_an_image_is_set_whole_and_with_its_phase():
    image = ImageSettings(tag="new", digest=DIGEST)
    move = with_canary_image(wanted(0, canary={"tag": "x", "revision": "3"}), image, 1, "--stack dev")
    assert written(move) == {
        "rollouts.auth-api.phase": 1,
        "rollouts.auth-api.canary.tag": "new",
        "rollouts.auth-api.canary.digest": DIGEST,
        "rollouts.auth-api.canary.revision": None,
    }


def test_an_image_of_a_canary_with_weight_is_refused_and_the_way_on_is_one():
    image = ImageSettings(tag="new")
    with pytest.raises(NoMoveError, match="eco2 advance auth-api --to 1 --stack dev") as refused:
        with_canary_image(wanted(3), image, None, "--stack dev")
    assert "--phase 1" in str(refused.value)
    assert (
        written(with_canary_image(wanted(3, weight=10), image, 1, "--stack dev"))["rollouts.auth-api.weight"]
        is None
    )
    assert with_canary_image(wanted(1), image, None, "--stack dev").entries


def left(phase, weight):
    return made(phase, weight, Image(REPOSITORY, "old"), Image(REPOSITORY, "x") if phase else None)


@pytest.mark.parametrize("prior", [None, left(0, 0), left(1, 0)])
@pytest.mark.parametrize("now", [wanted(0), wanted(1)])
def test_an_image_build_starts_a_rollout_and_renews_one_that_no_user_meets(now, prior):
    image = ImageSettings(tag="new")
    assert started(now, prior, image, "--stack dev") == with_canary_image(now, image, 1, "--stack dev")


@pytest.mark.parametrize("tag", ["new", "x"])
@pytest.mark.parametrize("prior", [None, left(1, 0), left(3, 20)])
@pytest.mark.parametrize(("phase", "weight"), [(2, 5), (3, 20), (5, 100)])
def test_an_image_build_takes_no_rollout_back_that_the_config_holds(phase, weight, prior, tag):
    now, way = wanted(phase, canary={"tag": "x"}), "promotion, .* `eco2 advance auth-api --to 1 --stack dev`"
    with pytest.raises(NoMoveError, match=f"has {weight} % of the traffic, .* {way}"):
        started(now, prior, ImageSettings(tag=tag), "--stack dev")


@pytest.mark.parametrize("now", [wanted(0, stable="x"), wanted(0), wanted(1)])
def test_an_image_build_waits_for_the_update_that_ends_a_rollout(now):
    with pytest.raises(NoMoveError, match="the last update left the canary 100 % of the traffic"):
        started(now, left(5, 100), ImageSettings(tag="new"), "--stack dev")


def test_the_same_image_again_is_no_change_and_says_how_to_make_one():
    move = with_canary_image(wanted(3, canary={"tag": "x"}), ImageSettings(tag="x"), None, "--stack dev")
    assert move.entries == ()
    assert "--revision" in move.notes[0]


def test_a_ladder_without_a_canary_takes_no_image_for_one():
    with pytest.raises(NoMoveError, match=r"eco2:services.auth-api.image"):
        with_canary_image(wanted(0, ladder="rolling"), ImageSettings(tag="x"), None, "--stack dev")


@pytest.mark.parametrize(
    ("text", "tag", "digest"),
    [
        ("auth-api-0.8.0", "auth-api-0.8.0", None),
        (f"auth-api-0.8.0@{DIGEST}", "auth-api-0.8.0", DIGEST),
        (f"{REPOSITORY}:a", "a", None),
        (f"{REPOSITORY}:a@{DIGEST}", "a", DIGEST),
        ("mng990/eco2:a", "a", None),
    ],
)
def test_an_image_is_read_as_people_write_it(text, tag, digest):
    assert read_image(text, REPOSITORY) == ImageSettings(tag=tag, digest=digest)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ghcr.io/other/eco2:a", "another repository"),
        ("eco2:a", "another repository"),
        (REPOSITORY, "the tag must have the form"),
        (f"{REPOSITORY}:", "the tag must have the form"),
        ("localhost:5000/eco2", "the tag must have the form"),
        (DIGEST, "another repository"),
        (f"@{DIGEST}", "the tag must have the form"),
        ("a@sha256:12", "the digest must have the form"),
        ("a@", "the digest must have the form"),
        ("a b", "the tag must have the form"),
        ("", "the tag must have the form"),
    ],
)
def test_what_is_no_image_is_refused_in_words(text, words):
    with pytest.raises(ValueError, match=words):
        read_image(text, REPOSITORY)


def test_a_revision_goes_with_an_image_and_has_a_form():
    assert read_image("a", REPOSITORY, "7").revision == "7"
    with pytest.raises(ValueError, match="the revision"):
        read_image("a", REPOSITORY, "no spaces")


def test_an_image_says_what_a_file_would_have_to():
    image = wanted(1, canary={"tag": "new", "digest": DIGEST, "revision": "7"}).canary
    assert settings_of(image) == ImageSettings(tag="new", digest=DIGEST, revision="7")
