"""Where pods decide the share: ext-authz and workers. And streams that outlive their pod's rollout."""

from __future__ import annotations

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.traffic import HOST, PATHS, binomial_bounds, send

pytestmark = [pytest.mark.lab, pytest.mark.rare]


def ready(lab, deployment):
    found = lab.items("/apis/apps/v1/deployments").get(deployment, {})
    return found.get("status", {}).get("readyReplicas", 0)


def endpoints_of_the_gateway(lab, cluster):
    """The pod addresses that the gateway's Envoy has for a cluster."""
    admin = lab.home / lab.name / "gateway-admin.sock"
    done = subprocess.run(
        ["curl", "-s", "--unix-socket", str(admin), "http://admin/clusters?format=json"],
        capture_output=True,
        text=True,
        check=True,
    )
    known = {one["name"]: one for one in json.loads(done.stdout)["cluster_statuses"]}
    return {host["address"]["socket_address"]["address"] for host in known[cluster].get("host_statuses", ())}


def addresses(lab, version):
    return {
        pod["status"]["podIP"]
        for pod in lab.items("/api/v1/pods").values()
        if pod["metadata"]["labels"].get("app") == "ext-authz"
        and pod["metadata"]["labels"].get("version") == version
        and "deletionTimestamp" not in pod["metadata"]
    }


WORKERS = {
    "auth-relay": "auth/auth-relay",
    "character-worker": "character/character-worker",
    "scan-worker": "scan/scan-worker",
    "my-worker": "my/my-worker",
}


@pytest.mark.parametrize("highest", [3, pytest.param(5, marks=pytest.mark.long)])
def test_ext_authz_and_workers_have_the_stated_share(stack, lab, highest):
    # With several pods of stable the phases really differ: 1, 1, 3 and 3 pods of canary beside 3.
    stack.set("eco2:services.auth-relay.replicas", "3")
    for phase in range(1, highest + 1):
        stack.change(rollouts={name: {"phase": phase} for name in ("ext-authz", *WORKERS)})
        stack.up()
        rollouts = stack.outputs()["rollouts"]
        share = rollouts["ext-authz"]["share"] / 100
        told = send(lab, HOST, PATHS["auth-api"], 1500)
        assert told["failed"] == 0
        low, high = binomial_bounds(1500, share)
        assert low <= told["authorizers"].get("v2", 0) / 1500 <= high, phase
        seen = endpoints_of_the_gateway(lab, "outbound|50051||ext-authz.auth.svc.cluster.local")
        stable, canary = addresses(lab, "v1"), addresses(lab, "v2")
        # At full weight stable's are there, too, for the time when the canary's cannot (rule 19).
        assert seen == (stable if phase == 1 else stable | canary)
        for name, deployment in WORKERS.items():
            pods = ready(lab, deployment), ready(lab, f"{deployment}-canary")
            assert pods[0] > 0
            assert pods[1] == 0 if phase == 1 else pods[1] > 0, (name, phase)
            assert round(100 * pods[1] / sum(pods), 2) == rollouts[name]["share"], (name, phase)
    stack.change(rollouts={})
    stack.up()


def streams(lab, seconds):
    options = (f"--host={HOST}", "--streams=8", f"--seconds={seconds}", "--json")
    return json.loads(lab.command("traffic", PATHS["sse-gateway"], *options, check=False).stdout)


@pytest.mark.long
def test_streams_are_not_cut_by_a_rollout_of_another_service_nor_by_their_own(stack, lab):
    stack.jump(5, "sse-gateway")
    with ThreadPoolExecutor() as pool:
        held = pool.submit(streams, lab, 60)
        stack.advance("chat-api", 1)
        # Their own canary goes while they are open; it lets them end within its grace period.
        stack.change(rollouts={})
        stack.up()
        outcomes = held.result()
    assert {one["version"] for one in outcomes} == {"v2"}
    assert all(one["whole"] for one in outcomes), outcomes
    assert "sse-consumer/sse-gateway-canary" not in lab.items("/apis/apps/v1/deployments")
