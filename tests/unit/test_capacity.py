"""Rule 17: what finds room on a domain's nodes, in figures that a person can add up; and what canaries cost."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.domain_node_group import Placement
from components.workload import PodSpec, deployment_spec
from eco2.stack.dry_run import stack_config
from rollout.guards.capacity import PlannedPod, fits, placed
from rollout.guards.shortage import shortages
from rollout.plan.order import Direction, Order
from rollout.plan.service_plan import plan
from rollout.report.cost import extras
from rollout.spec.files import read_catalog
from rollout.spec.instances import (
    DAEMONSETS,
    MIB,
    Allocatable,
    Load,
    ResourceRequest,
    effective_request,
    least,
    pod_request,
)
from rollout.spec.quantities import memory_bytes, millicores
from rollout.spec.rollout_settings import RolloutSettings
from rollout.spec.services import resolve
from rollout.spec.settings import NodeGroupSettings, read_settings
from tests.conftest import ROOT
from tests.unit.conftest import mib

CATALOG = read_catalog(ROOT / "services.yaml")
SMALL = Allocatable("tiny", cpu_millicores=1000, memory_bytes=1000 * MIB, pods=4)
profile = settings(max_examples=300, deadline=None, derandomize=True)


def headroom(fit):
    """What is left on each node."""
    return tuple(fit.node.left(load) for load in fit.nodes)


def stack(name, rollouts=None, **groups):
    """A stack's real files, with other rollouts and node groups: services, plans and settings.

    A group is given as `scan="1-3 t3.medium"`: desired and most nodes, instance type.
    """
    found = read_settings(f"Pulumi.{name}.yaml", stack_config(ROOT, name), CATALOG)
    own = {}
    for domain, said in groups.items():
        sizes, instance_type = said.split()
        desired, most = map(int, sizes.split("-"))
        group = {"min": 0, "desired": desired, "max": most, "instanceTypes": [instance_type]}
        own[domain.replace("_", "-")] = NodeGroupSettings(**group)
    rollouts = {app: RolloutSettings(**said) for app, said in (rollouts or {}).items()}
    found = found.model_copy(update={"rollouts": rollouts, "node_groups": {**found.node_groups, **own}})
    services = resolve(CATALOG, found)
    return services, {app: plan(wanted, None) for app, wanted in services.items()}, found


def resized(plans, name, release, replicas):
    """The same plans with another number of pods in one Deployment."""
    changed = dataclasses.replace(getattr(plans[name], release), replicas=replicas)
    return {**plans, name: dataclasses.replace(plans[name], **{release: changed})}


def everywhere(phase):
    return {app: {"phase": phase} for app in CATALOG.services}


def pod(cpu_millicores, memory_mib, app="scan-api", release="stable"):
    return PlannedPod(app, release, "scan", mib(cpu_millicores, memory_mib))


def test_requests_are_those_of_the_deployments():
    place = Placement({"domain": "x"}, ())
    services, plans, _ = stack("prod")
    for name, wanted in services.items():
        spec = deployment_spec(PodSpec(name, wanted.service, {}, place, "secret", 300), plans[name].stable)
        asked = [one.get("resources", {}).get("requests") for one in spec["template"]["spec"]["containers"]]
        total = [ResourceRequest(millicores(one["cpu"]), memory_bytes(one["memory"])) for one in asked]
        assert effective_request(total, []) == pod_request(wanted.service, None)
        assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
        assert not any("resources" in one for one in spec["template"]["spec"].get("initContainers", ()))


def test_stable_comes_before_canaries_and_companions_count():
    services, plans, _ = stack("dev", {"character-api": {"phase": 1}, "character-worker": {"phase": 1}})
    pods = placed(services, plans)
    assert [(one.release, one.app) for one in pods["character"]] == [
        ("stable", "character-api"),
        ("stable", "character-grpc"),
        ("canary", "character-api"),
    ]
    assert {one.release for one in pods["worker-storage"]} == {"stable"}  # its canary has no pods yet
    services, plans, _ = stack("dev", {"auth-api": {"phase": 1}})
    apps = [(one.release, one.app) for one in placed(services, plans)["auth"]]
    assert apps == [
        ("stable", "auth-api"),
        ("stable", "ext-authz"),
        ("stable", "ext-authz"),
        ("canary", "auth-api"),
    ]


def test_a_rolling_update_adds_one_pod_for_each_deployment():
    services, plans, _ = stack("prod", {"auth-api": {"phase": 2}})
    added = tuple(dict.fromkeys(placed(services, plans)["auth"]))
    assert [(one.release, one.app) for one in added] == [
        ("stable", "auth-api"),
        ("stable", "ext-authz"),
        ("canary", "auth-api"),
    ]


def test_pods_go_to_the_node_with_the_least_allocated_share():
    fit = fits([pod(400, 100), pod(100, 600), pod(100, 150), pod(100, 100)], SMALL, 2, daemonsets=())
    # Empty nodes: the first. 40 + 10 % against nothing: the second. 50 % against 10 + 60 %: the first.
    # 50 + 25 % against 70 %: the second.
    assert fit.nodes == (Load(2, mib(500, 250)), Load(2, mib(200, 700)))
    assert headroom(fit) == (Load(2, mib(500, 750)), Load(2, mib(800, 300)))
    assert (fit.ok, fit.lacking) == (True, "")


def test_what_is_lacking_is_said_with_the_arithmetic():
    pods = [pod(700, 100), pod(650, 100), pod(380, 150, release="canary")]
    fit = fits(pods, SMALL, 2, daemonsets=())
    assert (fit.ok, fit.unplaced) == (False, (pods[2],))
    assert fit.lacking == (
        "canary scan-api needs 380m CPU and 150Mi; "
        "the freest of 2 tiny nodes of domain scan has 350m and 900Mi left of 1000m and 1000Mi"
    )


def test_daemonsets_take_their_part_of_every_node():
    assert fits([pod(900, 10)] * 2, SMALL, 2, daemonsets=()).ok
    fit = fits([pod(900, 10)] * 2, SMALL, 2)
    assert fit.nodes == (Load(2, sum(DAEMONSETS, ResourceRequest())),) * 2
    assert "the freest of 2 tiny nodes of domain scan has 850m and 1000Mi left" in fit.lacking


def test_memory_alone_can_be_what_is_lacking():
    assert "has 1000m and 100Mi left" in fits([pod(0, 900), pod(0, 101)], SMALL, 1, daemonsets=()).lacking


def test_a_node_runs_no_more_pods_than_it_may():
    fit = fits([pod(1, 1)] * 5, SMALL, 1, daemonsets=())
    assert len(fit.unplaced) == 1
    assert fit.lacking.endswith("the freest of 1 tiny node of domain scan runs all of the 4 pods that it may")
    assert len(fits([pod(1, 1)] * 5, SMALL, 1).unplaced) == 3  # daemonsets' pods count


def test_the_freest_node_is_one_that_may_run_another_pod():
    pods = [pod(900, 1), *[pod(1, 1)] * 4, pod(200, 1)]
    fit = fits(pods, SMALL, 2, daemonsets=())
    # The second node has 996m left, and its 4 pods.
    assert fit.lacking.endswith("has 100m and 999Mi left of 1000m and 1000Mi")


def test_a_pod_without_room_does_not_hold_up_the_next():
    fit = fits([pod(1001, 1), pod(1000, 1)], SMALL, 1, daemonsets=())
    assert [one.requests.cpu_millicores for one in fit.unplaced] == [1001]


def test_without_nodes_nothing_fits():
    fit = fits([pod(1, 1)], SMALL, 0)
    assert fit.lacking == "stable scan-api needs 1m CPU and 1Mi; domain scan has no node"


@pytest.mark.parametrize("most", [3, 4])
def test_a_canary_that_needs_another_node_is_a_warning(most):
    # scan-api has 1 pod of stable and 10 of the canary, 350m each; 1930m less 150m hold 5.
    services, plans, found = stack("dev", {"scan-api": {"phase": 5}}, scan=f"1-{most} t3.medium")
    (short,) = shortages(services, resized(plans, "scan-api", "canary", 10), found)
    assert (short.domain, short.refused) == ("scan", ())
    assert short.text == (
        "canary scan-api needs 350m CPU and 384Mi; the freest of 1 t3.medium node of domain scan "
        "has 30m and 1347Mi left of 1930m and 3267Mi; "
        "on 3 there is room, so pods wait until the cluster autoscaler has added nodes"
    )


def test_rule_17_a_canary_that_no_allowed_number_of_nodes_takes_is_refused():
    services, plans, found = stack("dev", {"scan-api": {"phase": 5}}, scan="1-2 t3.medium")
    (short,) = shortages(services, resized(plans, "scan-api", "canary", 10), found)
    assert short.refused == ("scan-api",)
    assert short.text == (
        "canary scan-api needs 350m CPU and 384Mi; the freest of 2 t3.medium nodes of domain scan "
        "has 30m and 1347Mi left of 1930m and 3267Mi; "
        "raise eco2:nodeGroups.scan.max from 2 to 3, or request less"
    )


def test_a_canary_larger_than_a_node_asks_for_larger_nodes():
    services, plans, found = stack("dev", {"scan-worker": {"phase": 2}}, worker_ai="1-9 t3.medium")
    resources = services["scan-worker"].service.resources
    huge = resources.model_copy(update={"requests": resources.Amounts(cpu="3", memory="1Gi")})
    service = services["scan-worker"].service.model_copy(update={"resources": huge})
    services["scan-worker"] = dataclasses.replace(services["scan-worker"], service=service)
    (short,) = shortages(services, plans, found)
    assert short.refused == ("scan-worker",)
    assert short.text.endswith(
        "choose larger eco2:nodeGroups.worker-ai.instanceTypes (t3.xlarge has room), or request less"
    )


def test_rule_13_the_way_back_is_open_on_full_nodes():
    services, plans, found = stack("dev", {"scan-api": {"phase": 3}}, scan="1-1 t3.medium")
    plans = resized(plans, "scan-api", "canary", 10)
    plans["scan-api"] = dataclasses.replace(plans["scan-api"], order=Order(Direction.DOWN, ()))
    (short,) = shortages(services, plans, found)
    assert (short.refused, short.text.startswith("canary scan-api needs")) == ((), True)


def test_stable_by_itself_is_never_refused():
    # 350m and 640 MiB a pod: a t3.small leaves 1428 MiB, which is 2 of them.
    services, plans, found = stack("dev", worker_ai="0-1 t3.small")
    (short,) = shortages(services, resized(plans, "scan-worker", "stable", 5), found)
    assert (short.domain, short.refused) == ("worker-ai", ())
    assert "the freest of 1 t3.small node of domain worker-ai has 1080m and 148Mi left" in short.text
    assert short.text.endswith("raise eco2:nodeGroups.worker-ai.max from 1 to 3, or request less")


def test_an_unknown_instance_type_is_a_warning_since_nothing_is_known_against_it():
    services, plans, found = stack("dev", everywhere(5), auth="1-1 x9.huge")
    (short,) = shortages(services, plans, found)
    assert (short.domain, short.refused) == ("auth", ())
    assert short.text.startswith("the room on domain auth was not checked: the size of x9.huge is not known")


def test_the_lab_has_neither_sidecars_nor_daemonsets():
    # 1930m hold 7 pods of 250m, but beside daemonsets only 5 of 350m.
    services, plans, found = stack("dev", {"scan-api": {"phase": 5}}, scan="1-1 t3.medium")
    plans = resized(plans, "scan-api", "canary", 6)
    assert [short.refused for short in shortages(services, plans, found)] == [("scan-api",)]
    assert shortages(services, plans, found, proxy=None, daemonsets=()) == ()


@pytest.mark.parametrize("phase", range(6))
@pytest.mark.parametrize("name", ["dev", "prod"])
def test_the_stacks_have_room_for_every_service_at_once_in_any_phase(name, phase):
    # At their ceilings pods may wait for nodes that the cluster autoscaler adds; none is refused.
    short = shortages(*stack(name, everywhere(phase)))
    assert all(one.waits and not one.refused for one in short)
    assert short == () or phase == 5


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_any_one_deployment_can_roll_at_phases_0_and_1_without_another_node(name):
    for phase in (0, 1):
        services, plans, found = stack(name, everywhere(phase))
        for domain, pods in placed(services, plans).items():
            group = found.node_groups[domain]
            node = least(group.instance_types)
            assert all(fits([*pods, one], node, group.desired).ok for one in set(pods))


def test_a_canary_costs_its_pods():
    services, plans, _ = stack("prod", {"scan-api": {"phase": 2}, "ext-authz": {"phase": 1}})
    by_name = {one.name: one for one in extras(services, plans)}
    # prod: 2 stable pods each and 2 canaries at the least with weight; 200m + 100m and 512 + 128 MiB a pod.
    assert by_name["scan-api"].stable == by_name["scan-api"].canary == Load(2, mib(600, 1280))
    assert by_name["scan-api"].percent == (100.0, 100.0, 100.0)
    assert by_name["ext-authz"].percent == (50.0, 50.0, 50.0)
    assert by_name["my-api"].canary == Load()
    total = by_name["total"]
    assert (total.stable.pods, total.canary.pods, total.percent[0]) == (26, 3, 11.5)


def test_what_requests_nothing_costs_nothing():
    services, plans, _ = stack("dev", {"auth-relay": {"phase": 2}})
    resources = services["auth-relay"].service.resources
    nothing = resources.model_copy(update={"requests": resources.Amounts(cpu="0", memory="0")})
    service = services["auth-relay"].service.model_copy(update={"resources": nothing})
    relay = dataclasses.replace(services["auth-relay"], service=service)
    assert extras({"auth-relay": relay}, plans)[0].percent == (100.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("name", "added", "percent"), [("dev", 9, (64.3, 66.5, 61.7)), ("prod", 9, (34.6, 36.8, 37.2))]
)
def test_all_services_at_phase_1_cost_less_than_blue_green(name, added, percent):
    total = extras(*stack(name, everywhere(1))[:2])[-1]
    assert (total.name, total.canary.pods, total.percent) == ("total", added, percent)
    assert max(total.percent) < 100


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_one_service_at_a_time_costs_at_most_15_percent_of_all_pods_below_full_weight(name):
    for app in CATALOG.services:
        for phase in range(1, 6):
            # At full weight it comes up at stable's ceiling, and its autoscaler takes away the rest.
            limit = 15 if phase < 5 else 30
            assert extras(*stack(name, {app: {"phase": phase}})[:2])[-1].percent[0] < limit


requests = st.builds(mib, st.integers(0, 1200), st.integers(0, 1200))
pods_in_order = st.lists(
    st.builds(
        PlannedPod, st.sampled_from(["a", "b"]), st.sampled_from(["stable", "canary"]), st.just("d"), requests
    ),
    max_size=12,
)
nodes = st.integers(0, 4)
overheads = st.lists(st.builds(mib, st.integers(0, 300), st.integers(0, 300)), max_size=3)


@profile
@given(pods_in_order, nodes, overheads)
def test_no_node_is_ever_given_more_than_it_has(pods, count, daemonsets):
    fit = fits(pods, SMALL, count, daemonsets)
    for left in headroom(fit):
        assert min(left.pods, left.requests.cpu_millicores, left.requests.memory_bytes) >= 0


@profile
@given(pods_in_order, nodes, overheads)
def test_every_pod_is_placed_once_or_named(pods, count, daemonsets):
    fit = fits(pods, SMALL, count, daemonsets)
    asked = sum((one.requests for one in pods), ResourceRequest())
    refused = sum((one.requests for one in fit.unplaced), ResourceRequest())
    own = sum([*daemonsets] * count, ResourceRequest())
    on_nodes = sum(fit.nodes, Load())
    assert on_nodes.requests + refused == asked + own
    assert on_nodes.pods + len(fit.unplaced) == len(pods) + count * len(daemonsets)
    assert fit.ok == (fit.lacking == "") == (not fit.unplaced)
    assert all(one in pods for one in fit.unplaced)


@profile
@given(requests, st.integers(0, 16), nodes, overheads)
def test_equal_pods_that_fit_still_fit_when_one_goes_or_a_node_comes(size, count, on, daemonsets):
    pods = [PlannedPod("a", "stable", "d", size)] * count
    if fits(pods, SMALL, on, daemonsets).ok:
        assert fits(pods[1:], SMALL, on, daemonsets).ok
        assert fits(pods, SMALL, on + 1, daemonsets).ok


@profile
@given(pods_in_order, nodes)
def test_a_pod_named_as_unplaced_has_no_room_on_what_is_left(pods, count):
    fit = fits(pods, SMALL, count, daemonsets=())
    for one in fit.unplaced:
        assert not any(
            left.pods >= 1
            and left.requests.cpu_millicores >= one.requests.cpu_millicores
            and left.requests.memory_bytes >= one.requests.memory_bytes
            for left in headroom(fit)
        )


@profile
@given(
    st.dictionaries(st.sampled_from(sorted(CATALOG.services)), st.integers(0, 5)),
    st.sampled_from(["dev", "prod"]),
)
def test_the_total_is_the_sum_and_agrees_with_what_is_placed(phases, name):
    services, plans, _ = stack(name, {app: {"phase": phase} for app, phase in phases.items()})
    *each, total = extras(services, plans)
    assert [one.name for one in each] == list(services)
    assert sum((one.stable for one in each), Load()) == total.stable
    assert sum((one.canary for one in each), Load()) == total.canary
    canaries = [one for pods in placed(services, plans).values() for one in pods if one.release == "canary"]
    assert total.canary == sum((Load(1, one.requests) for one in canaries), Load())
