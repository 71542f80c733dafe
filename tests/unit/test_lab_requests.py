"""What pods of the lab count of calls that only they see."""

from __future__ import annotations

import asyncio
import re

import pytest

from lab.pods.requests import Requests, labels_of


def pod(name="ext-authz-canary-77d9-x7k2p", owner="ext-authz-canary-77d9", **labels):
    owners = [{"name": owner, "controller": True}] if owner else []
    meta = {"name": name, "namespace": "auth", "labels": labels, "ownerReferences": owners}
    return {"metadata": meta}


CANARY = pod(**{"app": "ext-authz", "version": "v2", "pod-template-hash": "77d9"})
STABLE = pod(
    "ext-authz-5c4-abcde",
    "ext-authz-5c4",
    **{"app": "ext-authz", "version": "v1", "pod-template-hash": "5c4"},
)


def totals(requests):
    """The counts by version, status and flags."""
    found = {}
    for line in requests.exposed().decode().splitlines():
        if sample := re.fullmatch(r"istio_requests_total\{(.*)\} (\S+)", line):
            labels = dict(re.findall(r'(\w+)="([^"]*)"', sample[1]))
            key = (labels["destination_version"], labels["grpc_response_status"], labels["response_flags"])
            found[key] = float(sample[2])
    return found


def test_a_pod_is_told_by_what_its_proxy_would_know():
    assert labels_of(CANARY) == {
        "destination_service": "ext-authz.auth.svc.cluster.local",
        "destination_service_name": "ext-authz",
        "destination_service_namespace": "auth",
        "destination_workload": "ext-authz-canary",
        "destination_workload_namespace": "auth",
        "destination_version": "v2",
    }
    alone = labels_of(pod("by-hand", owner=""))
    assert [alone[f"destination_{part}"] for part in ("service_name", "workload", "version")] == [
        "by-hand",
        "by-hand",
        "unknown",
    ]


def test_each_outcome_has_labels_of_its_own_and_a_pod_that_goes_takes_nothing_along():
    requests = Requests()
    for one in (CANARY, STABLE, CANARY):
        # Another pod of the same version comes later; the sum is that of both.
        with requests.counted(labels_of(one)) as outcome:
            outcome.answered(0)
    with requests.counted(labels_of(CANARY)) as outcome:
        outcome.answered(14)
    assert totals(requests) == {("v2", "0", "-"): 2, ("v1", "0", "-"): 1, ("v2", "14", "-"): 1}


def test_a_call_whose_caller_goes_first_has_no_status():
    requests = Requests()

    async def call():
        with requests.counted(labels_of(CANARY)) as outcome:
            await asyncio.sleep(60)
            outcome.answered(0)

    async def gone():
        await asyncio.wait_for(call(), 0.01)

    with pytest.raises(TimeoutError):
        asyncio.run(gone())
    assert totals(requests) == {("v2", "", "DC"): 1}


def test_a_call_takes_as_long_as_it_takes():
    requests = Requests()

    async def call():
        with requests.counted(labels_of(CANARY)) as outcome:
            await asyncio.sleep(0.06)
            outcome.answered(0)

    asyncio.run(call())
    text = requests.exposed().decode()
    ends = {
        float(end): float(count)
        for end, count in re.findall(r'duration_milliseconds_bucket\{.*le="([^"+]+)".*\} (\S+)', text)
    }
    assert (ends[50.0], ends[10000.0]) == (0, 1)
    assert "_created" not in text
