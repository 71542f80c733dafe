"""An image is one value: read in one way, written in one way, and short in one way."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollout.spec.image import Image
from tests.conftest import ROOT

DIGEST = "sha256:" + "ab" * 32
words = st.text(st.sampled_from("abz019._-"), min_size=1, max_size=12)
repositories = st.sampled_from(["eco2", "mng990/eco2", "docker.io/mng990/eco2", "localhost:5000/eco2"])
images = st.builds(Image, repositories, st.none() | words, st.none() | st.just(DIGEST), st.none() | words)


@settings(max_examples=1000, deadline=None, derandomize=True)
@given(images)
def test_what_is_written_is_read_again(image):
    assert Image.read(str(image)) == image
    assert Image.parse(image.reference, image.revision) == image


@pytest.mark.parametrize(
    ("text", "short"),
    [
        (f"docker.io/mng990/eco2:tag@{DIGEST} (r1)", "tag@abababababab (r1)"),
        ("docker.io/mng990/eco2:x-1 (7)", "x-1 (7)"),
        ("docker.io/mng990/eco2:x-1", "x-1"),
        ("localhost:5000/busybox", "busybox"),
        (f"docker.io/library/busybox@{DIGEST}", "busybox@abababababab"),
    ],
)
def test_the_short_form_has_no_repository_and_twelve_digits(text, short):
    assert Image.read(text).short == short


@pytest.mark.parametrize(
    ("image", "again"),
    [
        (Image("r", "auth-api-prod-latest"), True),
        (Image("r", "latest"), True),
        (Image("r", "auth-api-0.8.0"), False),
        (Image("r", "auth-api-prod-latest", DIGEST), False),
    ],
)
def test_a_tag_of_latest_without_a_digest_is_pushed_again(image, again):
    assert image.is_pushed_again is again


def test_nobody_else_cuts_an_image_or_a_digest():
    cuts = re.compile(r"""partition\("@"\)|split\("@"|"sha256:"|'sha256:'|digest\w*(\["\w+"\]|'\])?\[:""")
    files = [
        path for room in ("rollout", "kube", "components", "eco2") for path in (ROOT / room).rglob("*.py")
    ]
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in files
        if path.name != "image.py"
        for line in path.read_text().splitlines()
        if cuts.search(line)
    ]
    assert found == []
