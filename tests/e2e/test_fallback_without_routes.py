"""What users meet while the canary of ext-authz fails, which the gateway's own filter asks and no route leads to."""

from __future__ import annotations

import json
import time

import pytest
import yaml

from tests.traffic import HOST, PATHS, Traffic
from tests.updates import replicas, until

pytestmark = [pytest.mark.lab, pytest.mark.rare]
SERVICES = ("auth-api",)
PATH, CANARY, IMAGE = PATHS["auth-api"], "auth/ext-authz-canary", "ext-authz-dev-canary"
PODS = "/api/v1/namespaces/auth/pods"
RATE = 100
SECONDS_BEFORE, SECONDS_AFTER = 2, 10
TIMEOUT_SECONDS = 2
"""For so long the filter waits for an answer, by the lab's mesh config."""


@pytest.fixture(autouse=True)
def mended(lab):
    def ready():
        wanted, there = replicas(lab, CANARY)
        return wanted == there

    yield
    lab.command("behave", "--reset")
    until(ready, "the canary, ready again")
    time.sleep(1)


@pytest.fixture(scope="module")
def at_100(stack):
    at(stack, 5)


@pytest.fixture
def alone(stack):
    """The Service selects the canary alone, as it does without the fallback."""
    catalog = stack.folder / "services.yaml"
    kept = catalog.read_text()
    described = yaml.safe_load(kept)
    described["services"]["ext-authz"]["trafficPolicy"]["fallback"] = None
    catalog.write_text(yaml.safe_dump(described))
    yield
    catalog.write_text(kept)


def at(stack, phase):
    stack.change(rollouts={"ext-authz": {"phase": phase}}, overrule={"ext-authz": "each test begins anew"})
    stack.change(readyTimeoutSeconds=60)
    stack.up()


def unready(lab):
    lab.command("behave", IMAGE, "--unready")


def unavailable(lab):
    """gRPC's UNAVAILABLE to every call."""
    lab.command("behave", IMAGE, "--status", "503")


def hangs(lab):
    lab.command("behave", IMAGE, "--hang")


def deleted(lab):
    """By force; those in their place take 5 s."""
    lab.command("behave", IMAGE, "--start", "5", "--only-new")
    for pod in lab.api.request("GET", f"{PODS}?labelSelector=app%3Dext-authz,version%3Dv2")["items"]:
        lab.api.request("DELETE", f"{PODS}/{pod['metadata']['name']}?gracePeriodSeconds=0")


def status(stack):
    (service,) = json.loads(stack.eco2("status", "ext-authz", "--json").stdout)
    return service


def failed(lab, fault, title):
    """Requests that the gateway refuses while its canary breaks: all of them, and those of the last seconds."""
    with Traffic(lab, HOST, (PATH,), rate=RATE) as users:
        time.sleep(SECONDS_BEFORE)
        fault(lab)
        struck = time.time()
        time.sleep(SECONDS_AFTER)
    told = users.told
    failures = [(round(one["at"] - struck, 2), one["what"]) for one in told["failures"]]
    print(
        f"{fault.__name__}, {title}: {told['failed']} of {told['sent']} failed, by {told['authorizers']}, {failures}"
    )
    return told["failed"], sum(one.get("failed", 0) for one in told["seconds"][-4:])


# The filter tries a call once, so each that meets a dead pod fails. Where several pods answer with errors at once,
# Envoy leaves the first out at once, and tells its threads of the others a second later (`update_merge_window`).
@pytest.mark.parametrize(("fault", "most"), [(unready, 0), (unavailable, RATE * 1.5), (deleted, RATE)])
@pytest.mark.usefixtures("at_100")
def test_a_canary_of_ext_authz_that_fails_costs_users_little(lab, fault, most):
    count, late = failed(lab, fault, "100 %")
    assert count <= most
    assert not late


@pytest.mark.long
@pytest.mark.parametrize("phase", [2, 3, 4, 5])
@pytest.mark.parametrize("fault", [unready, unavailable, deleted, hangs])
def test_it_falls_back_at_every_weight(stack, lab, fault, phase):
    at(stack, phase)
    count, late = failed(lab, fault, f"phase {phase}")
    # All that waited for an answer when the second of them timed out.
    most = {unready: 0, deleted: RATE, unavailable: RATE * 1.5, hangs: RATE * (TIMEOUT_SECONDS + 1.5)}
    assert count <= most[fault]
    assert not late


@pytest.mark.long
@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("fault", [unready, unavailable, deleted, hangs])
def test_alone_it_takes_everybody_with_it(stack, lab, fault):
    at(stack, 5)
    count, late = failed(lab, fault, "100 %, without the fallback")
    assert count > RATE
    assert late or fault is deleted


@pytest.mark.usefixtures("at_100")
def test_a_status_tells_it_and_an_abort_ends_it(stack, lab):
    assert status(stack)["differences"] == []
    unready(lab)
    until(lambda: replicas(lab, CANARY)[1] == 0, "the canary, not ready")
    (alarm,) = status(stack)["alarms"]
    assert alarm.endswith("it has fallen back, stable's pods serve them")
    with Traffic(lab, HOST, (PATH,), rate=RATE) as users:
        done = stack.eco2("abort", "ext-authz")
    # The filter tries each call once, and the abort's update gives the gateway another cluster: one call of some
    # thousand broke off in one of five runs.
    assert users.told["failed"] <= 1, users.told["failures"]
    assert done.returncode == 0, done.stderr
    assert status(stack)["differences"] == []
    service = lab.items("/api/v1/services")["auth/ext-authz"]["spec"]["selector"]
    assert service == {"app": "ext-authz", "version": "v1"}
    rule = lab.items("/apis/networking.istio.io/v1/destinationrules")["auth/ext-authz"]["spec"]
    assert rule["trafficPolicy"].keys() == {"loadBalancer", "connectionPool", "outlierDetection"}
    assert "localityLbSetting" not in rule["trafficPolicy"]["loadBalancer"]
