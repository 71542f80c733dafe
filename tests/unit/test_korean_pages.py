"""The Korean pages: they tell what the English ones tell, and have the same commands, links and numbers."""

from __future__ import annotations

import re
from itertools import zip_longest

import pytest

from tests.conftest import ROOT
from tests.unit.test_documents import LINK, PAGES, prose, spans

KOREAN = [page for page in PAGES if page.name.endswith(".ko.md")]
FENCE = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)
COMMENT = re.compile(r"(?m)(^|[ \t]+)#[ \t].*$")
LABEL = re.compile(r'(?<=")[^"]*(?=")|(?<=-- )[^"\n]*?(?= -->)|(?<=-\. ).*?(?= \.->)')


def english_of(page):
    return page.with_name(page.name.replace(".ko.md", ".md"))


def blocks(text):
    """The fenced blocks in their order, without what a translation changes: comments, and words in a drawing."""
    told = []
    for language, block in FENCE.findall(text):
        kept = block
        if language == "sh":
            kept = COMMENT.sub("", block)
        elif language == "mermaid":
            kept = LABEL.sub(lambda label: " ".join(numbers(label.group())), block)
        told.append((language, kept))
    return told


def outline(text):
    """What each paragraph begins with, line by line: a heading's level, list items, bold words, a table's columns."""
    parts = re.split(r"\n{2,}", FENCE.sub("```", text).strip())
    starts = re.compile(r"(?m)^(?:#+ |\d+\. |- |!\[|\*\*|```)")
    return [
        (starts.findall(part), [row.count("|") for row in part.splitlines() if row[0] == "|"])
        for part in parts
    ]


def numbers(text):
    return re.findall(r"\d+(?:\.\d+)?", text)


def links(text):
    """Where a page leads, whatever the language there."""
    return {target.replace(".ko.md", ".md") for target in LINK.findall(prose(text))}


def differences(english, korean):
    """What the Korean text has otherwise than the English one; nothing where it is a translation."""
    pairs = [
        *zip_longest(blocks(english), blocks(korean)),
        *zip_longest(outline(english), outline(korean)),
        (links(english), links(korean)),
        # How often a name is said is the translator's choice.
        (set(spans(english)), set(spans(korean))),
        # Korean writes more numbers as digits than English does.
        (set(numbers(prose(english))) - set(numbers(prose(korean))), set()),
    ]
    return [(ours, theirs) for ours, theirs in pairs if ours != theirs]


def test_there_are_two():
    assert [page.relative_to(ROOT).as_posix() for page in KOREAN] == ["README.ko.md", "docs/rollback.ko.md"]


@pytest.mark.parametrize("page", KOREAN, ids=lambda page: page.name)
def test_a_korean_page_tells_what_the_english_one_tells(page):
    assert not differences(english_of(page).read_text(), page.read_text())


@pytest.mark.parametrize("page", KOREAN, ids=lambda page: page.name)
def test_each_links_to_the_other_below_its_title(page):
    for one, language, other in [(page, "English", english_of(page)), (english_of(page), "한국어", page)]:
        assert one.read_text().splitlines()[2] == f"{language}: [{other.name}]({other.name})"


@pytest.mark.parametrize("page", KOREAN, ids=lambda page: page.name)
def test_a_korean_page_leads_on_to_korean_pages(page):
    for target in LINK.findall(prose(page.read_text())):
        path, _, _ = target.partition("#")
        translated = (page.parent / path).with_suffix(".ko.md")
        assert translated not in KOREAN or path == english_of(page).name, target


@pytest.mark.parametrize(
    ("told", "otherwise"),
    [
        ("prod --no-reconcile\n", "prod\n"),  # a command of a block
        ("git add Pulumi.prod.yaml\n", ""),
        ("`make cli`", "`make setup`"),  # one in running text, also where a line ends inside
        ("`.venv/bin/lab traffic /api", "`.venv/bin/lab traffic /other"),
        ("## 3. ", "### 3. "),
        ("\n\n## 3. ", "\n\n문단.\n\n## 3. "),
        ("2. 클러스터", "클러스터"),  # an item of a list
        ("| 130 |", "| 131 |"),
        ("| 2 | 명령이", "| 2 | 명령 | 이"),
        ("rules.md#rule-13", "rules.md#rule-14"),
        ("15초", "20초"),
    ],
)
def test_it_would_see_a_page_that_tells_otherwise(told, otherwise):
    page = ROOT / "docs" / "rollback.ko.md"
    text = page.read_text()
    assert told in text
    assert differences(english_of(page).read_text(), text.replace(told, otherwise))


@pytest.mark.parametrize(
    ("english", "korean", "same"),
    [
        ("```sh\nmake up  # starts it\n```", "```sh\nmake up  # 시작합니다\n```", True),
        ("```sh\nmake up  # starts it\n```", "```sh\nmake down  # 시작합니다\n```", False),
        ("```sh\ncurl a/#one\n```", "```sh\ncurl a/#two\n```", False),  # no comment
        ("```\n# printed\n```", "```\n# 출력\n```", False),
        ('```mermaid\na["x 2"] -- yes --> b\n```', '```mermaid\na["가 2"] -- 예 --> b\n```', True),
        ('```mermaid\na["x 2"] -- yes --> b\n```', '```mermaid\na["가 3"] -- 예 --> b\n```', False),
        ("```mermaid\na -. on .-> b\n```", "```mermaid\na -. 위 .-> c\n```", False),
    ],
)
def test_comments_and_words_in_drawings_are_the_translators(english, korean, same):
    assert (not differences(english, korean)) is same
