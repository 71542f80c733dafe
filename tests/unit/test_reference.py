"""docs/config.md: up to date, and complete."""

from __future__ import annotations

import re

import pytest

from docs.generate.config import _models, attributes, reference
from rollout.spec.catalog import Catalog
from rollout.spec.settings import Settings
from tests.conftest import ROOT

PAGE = ROOT / "docs/config.md"


def test_the_page_is_what_make_docs_writes():
    assert PAGE.read_text() == reference(ROOT), "run `make docs`"


@pytest.mark.parametrize("model", sorted(set(_models(Settings)), key=lambda one: one.__qualname__))
def test_every_key_has_a_meaning_and_no_meaning_is_left_over(model):
    assert attributes(model).keys() == model.model_fields.keys()


def test_bounds_defaults_and_forms_stand_on_the_page():
    rows = dict(re.findall(r"(?m)^\| `([^`]+)` \| (.*) \|$", PAGE.read_text()))
    assert rows["eco2:routePropagationSeconds"].startswith("0 to 300 | `5` | ")
    assert rows["diskGib"].startswith("20 to 1000 | `20` | ")
    assert rows["digest"].startswith("a digest (sha256: and 64 hex digits) | - | ")
    assert rows["eco2:host"].split(" | ")[1] == "required"
    assert rows["aws:region"].startswith("a region of AWS (ap-northeast-2) | required | Name the region ")
    assert not [key for key, cells in rows.items() if "^" in cells], "a raw expression"
    top = [model.model_fields for model in (Settings, Catalog)]
    assert {f"eco2:{info.alias}" for info in top[0].values()} <= rows.keys()
    assert {info.alias for info in top[1].values()} <= rows.keys()
