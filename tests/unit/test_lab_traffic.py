"""What `lab traffic` sends and counts, without a lab."""

from __future__ import annotations

import pytest
import typer
from multidict import CIMultiDict

from lab.traffic.command import _header
from lab.traffic.load import Target
from lab.traffic.show import Show
from lab.traffic.tally import Tally, outcome


def test_chains_are_counted_with_the_last_moment_of_each():
    tally = Tally()
    for at, chain in ((1.0, "a/v1,b/v2"), (3.0, "a/v1,b/v2"), (2.0, "a/v1,b/v1"), (9.0, "")):
        tally.add(outcome(at, 0.5, 200, CIMultiDict({"x-version": "v1", "x-chain": chain})))
    told = tally.as_json()
    assert told["chains"] == {"a/v1,b/v2": 2, "a/v1,b/v1": 1}
    assert told["lastOfChain"] == {"a/v1,b/v2": 3.5, "a/v1,b/v1": 2.5}
    assert told["sent"] == 4


def test_chains_are_shown_below_the_versions(capsys):
    tally = Tally()
    tally.add(outcome(1.0, 0.5, 200, CIMultiDict({"x-version": "v1", "x-chain": "a/v1,b/v2"})))
    Show.once(tally)
    assert "a/v1 → b/v2: 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("x-canary: true", ("x-canary", "true")),
        ("x-try:it", ("x-try", "it")),
        ("baggage:", ("baggage", "")),
        ("a: b:c", ("a", "b:c")),
        ("baggage: \u00a0a", ("baggage", "\u00a0a")),
    ],
)
def test_a_header_is_written_as_for_curl(text, header):
    assert _header(text) == header


@pytest.mark.parametrize("text", ["x-canary", ": true", "", "x-canary=true"])
def test_what_is_no_header_is_refused_in_words(text):
    with pytest.raises(typer.BadParameter, match="write NAME: VALUE"):
        _header(text)


def test_lines_of_one_header_stay_apart():
    target = Target("h", "/", (("baggage", "a=b"), ("baggage", "c=d")))
    assert target.headers == [("Host", "h"), ("baggage", "a=b"), ("baggage", "c=d")]


def test_a_failure_tells_what_the_proxy_said():
    said = outcome(1.0, 0.5, 503, CIMultiDict(), b"no healthy upstream\n" + b"x" * 500)
    assert said.failure.startswith("status 503 no healthy upstream\nx")
    assert len(said.failure) < 200
    assert outcome(1.0, 0.5, 404, CIMultiDict()).failure == "status 404"
