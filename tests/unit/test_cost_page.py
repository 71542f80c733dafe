"""docs/cost.md says what the stack files cost now."""

from __future__ import annotations

import re

from docs.generate.cost import cost_page
from tests.conftest import ROOT, copy_project


def test_the_page_is_up_to_date():
    assert cost_page(ROOT) == (ROOT / "docs/cost.md").read_text(), "run `make docs`"


def test_the_page_follows_the_stack_files(tmp_path):
    before = cost_page(copy_project(tmp_path))
    file = tmp_path / "Pulumi.prod.yaml"
    text, changed = re.subn(
        r"chat-api: {resources: .*, replicas: 2}", "chat-api: {replicas: 4}", file.read_text()
    )
    assert changed == 1
    file.write_text(text)
    assert "| chat-api | 200m CPU and 256Mi | 4 | 1 of the same | 25 % |" in cost_page(tmp_path)
    assert cost_page(tmp_path) != before
