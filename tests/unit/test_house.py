"""How the code is kept: what a reader may rely on in every room of the product."""

from __future__ import annotations

import ast
import re
from collections import defaultdict

from tests.conftest import ROOT

LONGEST_FILE = 250
"""Lines: what a reader keeps in view on a few screens."""
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


def test_the_paths_of_an_object_stand_in_one_table():
    path = re.compile(r"/namespaces/\{|/apis/apps/v1")
    found = [str(file.relative_to(ROOT)) for file in modules(*ROOMS) if path.search(file.read_text("utf-8"))]
    assert found == ["kube/kinds.py"]


def test_a_file_is_one_idea_and_fits_on_a_few_screens():
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines())
        for path in modules(*ROOMS, "lab")
    }
    assert [name for name, length in lengths.items() if length > LONGEST_FILE] == []


def test_the_environment_is_read_in_one_place_of_the_components():
    assert [
        str(file.relative_to(ROOT))
        for file in modules("components")
        if "os.environ" in file.read_text("utf-8")
    ] == ["components/stack.py"]
