"""Every routed service at every phase: who gets which request, from outside and from inside the mesh."""

from __future__ import annotations

import pytest

from tests.traffic import HOST, PATHS, Z_999, binomial_bounds, inside, send_each

pytestmark = [pytest.mark.lab, pytest.mark.long]

WEIGHTS = {1: 0, 2: 5, 3: 20, 4: 50, 5: 100}
MANY, FEW = 10_000, 1_000
PUBLIC = [f"{path}?seconds=0" for path in PATHS.values()]
"""A stream of no seconds ends at once; the others take no notice."""
OPEN = [f"{path.rsplit('/', 1)[0]}/health" for path in PATHS.values() if "stream" not in path]
OPEN.append("/api/v1/stream/health?seconds=0")
"""Paths of the same routes that are open to all: without the question to ext-authz, which is no part
of the split, ten thousand requests take half the time."""


def everywhere(lab, count, *options, paths=PUBLIC):
    """The counts by service: by the gateway, and by the service's own name inside the mesh."""
    names = [inside(service) for service in PATHS]
    return {
        **send_each(lab, [HOST], paths, count, *options),
        **send_each(lab, names, ["/any"], count, "--inside", *options),
    }


def assert_all(told, version, count):
    """Every request was answered by one version, and none failed."""
    assert len(told) == 2 * len(PATHS)
    assert {target: one["answers"] for target, one in told.items()} == {
        target: {version: count} for target in told
    }
    assert not any(one["failed"] for one in told.values())


def outside_the_interval(told, share):
    """The targets whose canary got a share that 999 of 1,000 such measurements would not give."""
    low, high = binomial_bounds(MANY, share, Z_999)
    found = {target: one["answers"].get("v2", 0) / MANY for target, one in told.items()}
    assert not any(one["failed"] for one in told.values())
    assert all(one["sent"] == MANY for one in told.values())
    return {target: seen for target, seen in found.items() if not low <= seen <= high}


@pytest.fixture(scope="module")
def climbed(stack):
    """Takes all services to a phase, each phase once."""

    def climb(phase):
        stack.change(rollouts={service: {"phase": phase} for service in PATHS} if phase else {})
        stack.up()

    return climb


@pytest.mark.parametrize("phase", WEIGHTS)
def test_each_request_reaches_whom_its_phase_says(climbed, lab, phase):
    climbed(phase)
    assert_all(everywhere(lab, FEW, "--header"), "v2", FEW)
    if phase == 1:
        assert_all(everywhere(lab, FEW), "v1", FEW)
        # Only this one value opens the canary.
        for value in ("false", "True", "1"):
            assert_all(everywhere(lab, 100, f"-Hx-canary: {value}"), "v1", 100)
        return
    # 48 measurements are random (phase 5's are exact): 8 services, 2 ways in, 3 phases. Each may miss its
    # 99.9 % interval by chance, so one run in 21 would (1 - 0.999^48 = 4.7 %). One that misses is taken once
    # more and must hit then: by chance both miss once in 20,000 runs (48 x 0.001^2). A canary that really
    # gets 6.5 % instead of 5 %, or 22.5 % instead of 20 %, still fails 199 of 200 times.
    missed = outside_the_interval(everywhere(lab, MANY, paths=OPEN), WEIGHTS[phase] / 100)
    if missed:
        print(f"phase {phase}: outside at first: {missed}")
        again = outside_the_interval(everywhere(lab, MANY, paths=OPEN), WEIGHTS[phase] / 100)
        assert not missed.keys() & again.keys(), (missed, again)


def test_at_phase_0_the_header_says_nothing(climbed, lab):
    climbed(0)
    assert_all(everywhere(lab, FEW, "--header"), "v1", FEW)
