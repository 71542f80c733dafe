"""How a canary is judged: what it may do worse than stable, and how sure an answer must be."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from rollout.spec.model import Name, Strict


class CheckSettings(Strict):
    """A figure of the service's own, such as orders a minute.

    Attributes:
        query: PromQL that gives one value, with `{service}` and `{version}` in it.
        limit: What the value may be.
        bad: Which side of the limit is bad.
    """

    query: Annotated[str, Field(min_length=1, max_length=2000)]
    limit: float
    bad: Literal["above", "below"]


class JudgeSettings(Strict):
    """The limits of the judge; all shares are in per cent, all margins in points.

    Attributes:
        margin: By how many points more of the canary's requests may fail.
        slow_margin: By how many points more of them may be slow.
        quantile: The part of stable's requests, in per cent, that counts as fast.
        least_requests: With fewer of the canary's, it is never called well.
        false_alarm: The chance of a false answer over all looks and all measures, in per cent.
        together: How many requests may fail for one reason, such as a request and its retries.
        checks: The service's own checks by name.
    """

    margin: Annotated[float, Field(ge=0.05, le=50)] = 0.5
    slow_margin: Annotated[float, Field(ge=0.05, le=50)] = 5.0
    quantile: Annotated[float, Field(ge=50, le=99.9)] = 95.0
    least_requests: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    false_alarm: Annotated[float, Field(ge=0.001, le=20)] = 1.0
    together: Annotated[int, Field(ge=1, le=100)] = 1
    checks: dict[Name, CheckSettings] = {}
