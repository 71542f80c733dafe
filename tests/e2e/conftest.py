"""What most end-to-end tests begin with."""

from __future__ import annotations

import pytest

from tests.conftest import Lab, Stack, new_stack


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest, lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The stack dev, up, in the file's own lab.

    A file that names `SERVICES` gets these alone, and ext-authz, which the gateway asks: most of the time that it
    takes to begin goes to services that no test looks at.
    """
    made = new_stack(lab, tmp_path_factory.mktemp("project"), "dev")
    if names := getattr(request.module, "SERVICES", ()):
        made.keep(*names, "ext-authz")
    made.up()
    return made
