"""How the code is kept: what a reader may rely on in every room of the product."""

from __future__ import annotations

import ast
from collections import defaultdict

from tests.conftest import ROOT

ROOMS = ("rollout", "kube", "components", "eco2")


def modules(*rooms):
    return sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))


def test_no_class_name_stands_twice():
    places = defaultdict(list)
    for path in modules(*ROOMS):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(path.relative_to(ROOT)))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
