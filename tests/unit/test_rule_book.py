"""The rule book, `docs/rules.md`: every rule that is cited is in it, and every rule in it has a test."""

from __future__ import annotations

import ast
import re
from pathlib import PurePath

import pytest

from rollout.guards.rules import PAGE, TITLES, heading, place
from tests.conftest import ROOT
from tests.unit.test_documents import anchors

FOLDERS = (".github", "components", "docs", "eco2", "kube", "lab", "rollout", "tests")
CITED = re.compile(r"\brules?[ \n_]+(?P<numbers>\d+(?:(?:,|\s+to|\s+and)\s+\d+)*)(?!\d)", re.IGNORECASE)
HEADING = re.compile(r"(?m)^### (Rule (\d+): .+)$")
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")

BOOK = (ROOT / PAGE).read_text()


def files():
    """Everything that people read: code, documents, tests, and what stands at the root."""
    found = [one for one in ROOT.iterdir() if one.is_file()]
    found += [one for folder in FOLDERS for one in (ROOT / folder).rglob("*")]
    return [one for one in found if one.suffix in {".py", ".md", ".yaml", ".yml", ".sh"}]


def cited(text):
    """The numbers of rules that a text names, its tests' names included: `rules 13 to 15`, `test_rule_7_...`."""
    text = re.sub(r"\n\s*#?\s*", "\n", text.replace("test_rule_", "rule_"))
    found = set()
    for one in CITED.finditer(text):
        numbers = [int(number) for number in re.findall(r"\d+", one["numbers"])]
        found |= set(numbers)
        for first, last in re.findall(r"(\d+)\s+to\s+(\d+)", one["numbers"]):
            found |= set(range(int(first), int(last) + 1))
    return found


def defined_in(path):
    """The tests that a file defines, without running it; none where there is no such file."""
    file = ROOT / path
    tree = ast.parse(file.read_text()) if file.is_file() else ast.Module([], [])
    return {
        one.name for one in tree.body if isinstance(one, ast.FunctionDef) and one.name.startswith("test_")
    }


def faults(book, titles=TITLES, texts=()):
    """What is wrong with a rule book, a line each.

    Args:
        book: The page.
        titles: The rules' titles in code, by number.
        texts: What cites rules, by its name.
    """
    found = []
    sections = HEADING.split(book)[1:]
    numbers = [int(number) for number in sections[1::3]]
    if numbers != list(range(1, len(numbers) + 1)):
        found.append(f"numbers have gaps or another order: {numbers}")
    if sorted(titles) != sorted(numbers):
        found.append(f"the page has {numbers}, rollout/guards/rules.py {sorted(titles)}")
    for title, number, body in zip(sections[::3], numbers, sections[2::3], strict=True):
        if number in titles and title != heading(number):
            found.append(f"rule {number}: {title!r} is {heading(number)!r} in rollout/guards/rules.py")
        if "- **Why**: " not in body:
            found.append(f"rule {number}: no reason")
        named = TEST.findall(body)
        if not named:
            found.append(f"rule {number}: no test")
        found += [
            f"rule {number}: no such test: {file}::{test}"
            for file, test in named
            if test not in defined_in(file)
        ]
    for name, text in texts:
        found += [f"{name} cites rule {one}, which is none" for one in sorted(cited(text) - set(numbers))]
    return found


def test_the_book_has_every_rule_that_is_cited_and_every_rule_has_a_test():
    texts = [
        (str(one.relative_to(ROOT)), one.read_text())
        for one in files()
        if one.name != PurePath(__file__).name
    ]
    assert len(texts) > 200
    assert faults(BOOK, texts=texts) == []


@pytest.mark.parametrize("number", TITLES)
def test_a_link_to_a_rule_leads_to_its_heading(number):
    page, _, anchor = place(number).partition("#")
    assert page == PAGE
    assert anchor in anchors(BOOK)


@pytest.mark.parametrize("number", [13, 14, 15, 17, 18])
def test_a_rule_that_refuses_says_what_to_do_and_that_it_can_be_overruled(number):
    body = BOOK.split(f"### {heading(number)}\n")[1].split("\n### ")[0]
    way = " ".join(body.split("- **Where it refuses**: ")[1].split("- **Tests**")[0].split())
    assert "overrule" in way


LAST = max(TITLES)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda book: book.replace("### Rule 7: ", "### Rule 70: "), "numbers have gaps"),
        (
            lambda book: book.replace(f"### {heading(4)}", "### Rule 4: callers"),
            "rule 4: 'Rule 4: callers' is",
        ),
        (lambda book: book.replace("::test_canary_needs_a_stable", "::test_gone"), "rule 13: no such test: "),
        (lambda book: book.replace("unit/test_moves.py", "unit/test_gone_too.py"), "rule 14: no such test: "),
        (
            lambda book: re.sub(r"`tests/\S*test_rule_18\S*`|`tests/\S*(somebody|destroyed)\S*`", "", book),
            "rule 18: no test",
        ),
        (lambda book: book.replace("- **Why**: an idle stable", "An idle stable"), "rule 10: no reason"),
        (lambda book: book.split("### Rule 18")[0], "the page has "),
    ],
)
def test_a_fault_of_the_page_would_be_seen(change, told):
    changed = change(BOOK)
    assert changed != BOOK
    assert any(one.startswith(told) for one in faults(changed)), faults(changed)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("as rule 19 says", [19]),
        ("(rules 13 to 15), room (rule 17)", [13, 14, 15, 17]),
        ("Rules 8 and\n    # 99: routes", [8, 99]),
        ("rules 5, 6 and 10", [5, 6, 10]),
        ("rule\n20", [20]),
        ("def test_rule_21_x", [21]),
        ("the rule of 3; rules[2]; f'rule {number}'", []),
    ],
)
def test_a_citation_is_seen_in_every_form_that_is_written(text, numbers):
    assert sorted(cited(text)) == numbers
    none = [one for one in numbers if one > LAST]
    assert faults(BOOK, texts=[("x.py", text)]) == [f"x.py cites rule {one}, which is none" for one in none]


def test_a_title_that_differs_or_a_rule_that_only_code_has_would_be_seen():
    assert faults(BOOK, {**TITLES, LAST + 1: "more"})
    assert faults(BOOK, {number: title for number, title in TITLES.items() if number != LAST})
