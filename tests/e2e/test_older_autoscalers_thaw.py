"""What a rollback finds where the server keeps no tolerance, as of Kubernetes 1.33 and 1.34.

While a canary is in flight stable keeps its pods there, too. What is asserted of the time right after is what
docs/decisions.md tells; should it no longer hold, that page has to change.
"""

from __future__ import annotations

import pytest

from tests.e2e.test_autoscaling import (
    WATCH_SECONDS,
    assert_keeps,
    pods,
    scale_to_four_and_move_everything_to_the_canary,
    stack,  # noqa: F401  # the fixture
)
from tests.e2e.test_older_autoscalers import lab  # noqa: F401  # the fixture
from tests.lab.waiting import until

pytestmark = [pytest.mark.lab, pytest.mark.long]


def test_stable_keeps_its_pods_in_flight_and_shrinks_as_soon_as_a_rollback_thaws_it(stack, lab):  # noqa: F811
    scale_to_four_and_move_everything_to_the_canary(stack, lab)
    assert_keeps(lab, 4, WATCH_SECONDS)
    stack.advance("auth-api", 0)
    until(lambda: pods(lab)[0] < 4, seconds=10)
