"""A climb's page as a tree that tests read, and entries of a journal to make one of."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import timedelta

from eco2.climb.events import Began, Entry, Looked
from rollout.judge.verdict import Verdict, Weighed
from tests.climbs import BEGAN


def parsed(text):
    """The page as a tree; it is written so that a strict parser takes it."""
    assert text.startswith("<!doctype html>\n")
    return ET.fromstring(text.removeprefix("<!doctype html>\n"))  # noqa: S314  # our own


def words(element):
    return " ".join("".join(element.itertext()).split())


def table(tree, caption, place=0):
    found = [one for one in tree.iter("table") if words(one.find("caption")) == caption]
    return [[words(cell) for cell in row] for row in found[place].iter("tr")]


def look(at, phase, requests, failed, answer="not known", service="auth-api", **more):
    """An entry: counts are of stable and canary since the phase began."""
    parts = (
        Weighed("failed", answer, "figures of it", 0.25, 0.999),
        Weighed("pods", "well", "2 of 2 pods ready"),
    )
    given = {"seconds_in_phase": 5.0, "latency_ms": {"stable": 20.0, "canary": 40.0}, "weight": 20, **more}
    verdict = Verdict(service, answer, parts)
    counts = [dict(zip(("stable", "canary"), one, strict=True)) for one in (requests, failed)]
    return entry(
        at,
        Looked(
            service, phase, given["weight"], given["seconds_in_phase"], *counts, given["latency_ms"], verdict
        ),
    )


def entry(at, event):
    return Entry(BEGAN + timedelta(seconds=at), event)


def began(*services, **more):
    given = {
        "images": {one: {"stable": f"{one}:1", "canary": f"{one}:2"} for one in services},
        "phases": dict.fromkeys(services, 2), "weights": dict.fromkeys(services, 5), **more,
    }  # fmt: skip
    return entry(0, Began("prod", services, 5, True, 600, 7200, moves=True, **given))
