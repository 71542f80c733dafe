"""What most end-to-end tests begin with."""

from __future__ import annotations

import pytest

from tests.conftest import Lab, Stack, new_stack


@pytest.fixture(scope="module")
def stack(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The stack dev, up, in the file's own lab."""
    made = new_stack(lab, tmp_path_factory.mktemp("project"), "dev")
    made.up()
    return made
