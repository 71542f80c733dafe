"""The page of a climb holds nothing but text of others, asks nobody and runs nothing."""

from __future__ import annotations

import re

import pytest

from eco2.climb.events import Began, Ended, Judged, Looked, Struck, Waits
from eco2.climb.report.markup import Markup, tag
from eco2.climb.report.page import page
from rollout.judge.verdict import Verdict, Weighed
from tests.climb_pages import entry, parsed
from tests.climbs import NAMES, Climb

HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "</title></style></svg><iframe src=//evil.test>",
    "]]><!-- -->&lt;b&gt;",
    "\x1b[2Jgone\u202etxt.exe\u2028\x00\ud800",
    "' style='background:url(//evil.test)' x='",
)
ATTRIBUTES = {
    "aria-hidden", "aria-label", "charset", "class", "colspan", "content", "datetime", "height", "href", "http-equiv",
    "id", "lang", "name", "points", "role", "scope", "style", "tabindex", "text-anchor", "viewBox", "width", "x", "x1",
    "x2", "y", "y1", "y2",
}  # fmt: skip
ELEMENTS = {
    "a", "body", "br", "caption", "code", "desc", "div", "figure", "h1", "h2", "head", "html", "i", "li", "line",
    "main", "meta", "p", "polygon", "polyline", "rect", "section", "span", "strong", "style", "svg", "table", "tbody",
    "td", "text", "th", "thead", "time", "title", "tr", "ul",
}  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_others_is_nothing_but_text(text):
    parts = (Weighed(text, "sick", text, 1.0, 0.0), Weighed(text, "not known", text))
    entries = [
        entry(0, Began(text, [text], 5, False, 1, 2, {text: {text: text}}, {text: 2}, True, {text: 5})),
        entry(1, Waits(text)),
        entry(2, Looked(text, 2, 5, 2.0, {"canary": 5}, {}, {"canary": 3.0}, Verdict(text, "sick", parts))),
        entry(3, Judged(text, 2, 5, "sick", text, 3.0)),
        entry(4, Struck([text], {text: text}, 0.3)),
        entry(5, Ended("sick", text, 5, 5.0)),
    ]
    told = page(entries)
    told.encode("utf-8")
    tree = parsed(told)
    assert {one.tag for one in tree.iter()} <= ELEMENTS
    assert {name for one in tree.iter() for name in one.attrib} <= ATTRIBUTES
    assert len(list(tree.iter("style"))) == 1
    assert all(re.fullmatch(r"width:\d+%", one.get("style")) for one in tree.iter() if one.get("style"))
    assert all(one.get("href").startswith("#") for one in tree.iter() if one.get("href"))
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e\u2028]", told)


def test_markup_escapes_whatever_is_not_markup():
    assert tag("td", "<b>", Markup("<i/>"), class_='"x"') == '<td class="&quot;x&quot;">&lt;b&gt;<i/></td>'
    assert tag("line", stroke_width=2, fill=None) == '<line stroke-width="2"/>'


def test_the_page_asks_nobody_and_runs_nothing():
    told = page(Climb(NAMES[:1]).entries)
    tree = parsed(told)
    policy = next(one.get("content") for one in tree.iter("meta") if one.get("http-equiv"))
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"
    assert "url(" not in told
    assert "http" not in told.replace("http-equiv", "")
    assert "@import" not in told
