"""Rules 1 to 11 of a rollout, on the program as it registers its resources."""

from __future__ import annotations

import copy
import re

import pytest

from eco2.stack.config import stack_config
from rollout.plan.service_plan import plan
from rollout.problems import ConfigError
from rollout.spec.files import read_catalog
from rollout.spec.services import resolve
from rollout.spec.settings import read_settings
from tests.conftest import ROOT
from tests.unit.conftest import objects
from tests.unit.priors import entry

CATALOG = read_catalog(ROOT / "services.yaml")

IN_FLIGHT = {"phase": 3, "canary": {"tag": "next"}}
EVERYWHERE = ("auth-api", "character-api", "ext-authz", "scan-worker", "sse-gateway")


def rollouts(**phases):
    return {name.replace("_", "-"): {"phase": phase} for name, phase in phases.items()}


@pytest.fixture
def in_flight(program):
    program.edit("Pulumi.dev.yaml", **{"config/eco2:rollouts": dict.fromkeys(EVERYWHERE, IN_FLIGHT)})
    return program.run()


def prior(phase, weight, canary="docker.io/mng990/eco2:auth-api-dev-canary"):
    left = entry(phase, weight, "docker.io/mng990/eco2:auth-api-dev-latest", canary)
    return {"rollouts": {"auth-api": left}}


def matches(selector, labels):
    return selector.items() <= labels.items()


def waits_for(captured, kind, name):
    """Kinds and names that an object of the service waits for."""
    urns = objects(captured, kind)[name].after
    return {f"{urn.split('::')[2].split(':')[-1]} {urn.split('::')[3]}" for urn in urns}


def test_rule_1_no_selector_of_one_matches_a_pod_of_the_other(in_flight):
    deployments = objects(in_flight, "Deployment")
    for name in EVERYWHERE:
        stable, canary = deployments[name].inputs["spec"], deployments[f"{name}-canary"].inputs["spec"]
        stable_pods, canary_pods = (spec["template"]["metadata"]["labels"] for spec in (stable, canary))
        assert matches(stable["selector"]["matchLabels"], stable_pods)
        assert matches(canary["selector"]["matchLabels"], canary_pods)
        assert not matches(stable["selector"]["matchLabels"], canary_pods)
        assert not matches(canary["selector"]["matchLabels"], stable_pods)
        assert (stable_pods["version"], canary_pods["version"], canary_pods["release"]) == (
            "v1",
            "v2",
            "canary",
        )
    for rule in objects(in_flight, "DestinationRule").values():
        labels = {subset["name"]: subset["labels"] for subset in rule.inputs["spec"]["subsets"]}
        assert (labels["stable"], labels["canary"]) == ({"version": "v1"}, {"version": "v2"})


def test_rule_2_templates_differ_in_nothing_but_what_marks_a_canary(in_flight):
    deployments = objects(in_flight, "Deployment")
    for name in EVERYWHERE:
        stable = deployments[name].inputs["spec"]["template"]
        canary = copy.deepcopy(deployments[f"{name}-canary"].inputs["spec"]["template"])
        canary["metadata"]["labels"]["version"] = "v1"
        assert canary["metadata"]["labels"].pop("release") == "canary"
        container = canary["spec"]["containers"][0]
        container["image"] = stable["spec"]["containers"][0]["image"]
        assert container["env"].pop() == {"name": "RELEASE_TYPE", "value": "canary"}
        for variable in container["env"]:
            if variable["name"] == "OTEL_SERVICE_NAME":
                assert variable["value"] == f"{name}-canary"
                variable["value"] = name
        assert canary == stable


def test_rule_3_no_image_of_stable_reaches_the_canary(program):
    program.edit(
        "Pulumi.prod.yaml",
        **{
            "config/eco2:services/auth-api/image": {"tag": "stable-pin", "revision": "r1"},
            "config/eco2:rollouts": rollouts(auth_api=1),
        },
    )
    template = objects(program.run("prod"), "Deployment")["auth-api-canary"].inputs["spec"]["template"]
    assert template["spec"]["containers"][0]["image"] == "docker.io/mng990/eco2:auth-api-prod-canary"
    assert "eco2.growbin.app/revision" not in template["metadata"].get("annotations", {})


def test_rule_4_callers_inside_the_mesh_meet_the_same_header_and_weights(in_flight):
    routes = objects(in_flight, "VirtualService")
    public, mesh = (routes[name].inputs["spec"] for name in ("auth-api", "auth-api-mesh"))
    assert mesh["hosts"] == ["auth-api.auth.svc.cluster.local"]
    assert (public["gateways"], mesh["gateways"]) == (["istio-system/eco2-gateway"], ["mesh"])
    # The first route answers by itself; the public host has two header rules (rule 20).
    assert [rule["route"] for rule in public["http"][2:]] == [rule["route"] for rule in mesh["http"]]
    assert mesh["http"][0]["match"][0] == {"headers": {"x-canary": {"exact": "true"}}}


@pytest.mark.parametrize(
    ("phase", "selector"),
    [
        (0, {"app": "ext-authz", "version": "v1"}),
        (1, {"app": "ext-authz", "version": "v1"}),
        (2, {"app": "ext-authz"}),
        (4, {"app": "ext-authz"}),
        (5, {"app": "ext-authz"}),
    ],
)
def test_rule_5_ext_authz_is_pinned_to_stable_until_its_canary_carries_weight(program, phase, selector):
    program.edit("Pulumi.dev.yaml", **{"config/eco2:rollouts": rollouts(ext_authz=phase)})
    services = objects(program.run(), "Service")
    assert services["ext-authz"].inputs["spec"]["selector"] == selector
    assert ("ext-authz-canary" in services) == (phase > 0)


def test_rule_5_the_share_follows_the_pods_and_is_told(program):
    program.edit("Pulumi.dev.yaml", **{"config/eco2:rollouts": rollouts(ext_authz=3)})
    told = program.run().outputs["rollouts"]["ext-authz"]
    assert (told["weight"], told["share"]) == (20, 33.33)
    assert told["replicas"] == {"stable": 2, "canary": 1}


def test_rule_6_a_canary_worker_waits_without_pods_unless_it_has_queues_of_its_own(program):
    program.edit(
        "Pulumi.dev.yaml",
        **{
            "config/eco2:rollouts": {
                "my-worker": {"phase": 1},
                "character-worker": {"phase": 1, "canary": {"queues": ["character.trial"]}},
            }
        },
    )
    deployments = objects(program.run(), "Deployment")
    assert deployments["my-worker-canary"].inputs["spec"]["replicas"] == 0
    trial = deployments["character-worker-canary"].inputs["spec"]
    assert trial["replicas"] == 1
    assert "--queues=character.trial" in trial["template"]["spec"]["containers"][0]["args"]


@pytest.mark.parametrize("phase", range(6))
def test_rule_7_subsets_never_change_and_routes_name_only_what_has_pods(program, phase):
    program.edit("Pulumi.dev.yaml", **{"config/eco2:rollouts": rollouts(auth_api=phase)})
    captured = program.run()
    subsets = objects(captured, "DestinationRule")["auth-api"].inputs["spec"]["subsets"]
    assert [subset["name"] for subset in subsets] == ["stable", "canary", "canary-or-stable"]
    rules = objects(captured, "VirtualService")["auth-api"].inputs["spec"]["http"]
    named = {route["destination"]["subset"] for rule in rules for route in rule.get("route", ())}
    assert ("canary" in named) == (phase > 0) == ("auth-api-canary" in objects(captured, "Deployment"))
    for rule in rules:
        weights = [route["weight"] for route in rule.get("route", ()) if "weight" in route]
        assert sum(weights) in (0, 100)


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (None, {"x-canary": {"exact": "true"}}),
        ({}, {"x-canary": {"exact": "true"}}),
        ({"name": "x-try", "value": "s3same"}, {"x-try": {"exact": "s3same"}}),
    ],
)
def test_rule_4_a_stack_may_have_a_canary_header_of_its_own(program, own, expected):
    config = {"config/eco2:rollouts": rollouts(chat_api=1)}
    program.edit("Pulumi.dev.yaml", **config, **({} if own is None else {"config/eco2:canaryHeader": own}))
    captured = program.run()
    routes = objects(captured, "VirtualService")
    own = [
        routes[name].inputs["spec"]["http"][0]["match"][0]["headers"]
        for name in ("chat-api", "chat-api-mesh")
    ]
    assert own == [{**expected, "baggage": {"regex": ".+"}}, expected]


@pytest.mark.parametrize("wrong", ["false", "0", "[]"])
def test_rule_16_a_header_of_another_type_is_not_taken_for_none(program, wrong):
    with pytest.raises(ConfigError) as refused:
        read_settings("f", stack_config(program.folder, "dev") | {"eco2:canaryHeader": wrong}, CATALOG)
    assert "f: eco2:canaryHeader" in str(refused.value)


def test_rule_19_the_weight_falls_back_and_the_header_does_not(program):
    program.edit("Pulumi.dev.yaml", **{"config/eco2:rollouts": rollouts(chat_api=3)})
    captured = program.run()
    for name in ("chat-api", "chat-api-mesh"):
        *own, weighted = objects(captured, "VirtualService")[name].inputs["spec"]["http"][
            : 2 + (name == "chat-api")
        ]
        assert [one["destination"]["subset"] for header in own for one in header["route"]] == [
            "canary"
        ] * len(own)
        assert [(one["destination"]["subset"], one["weight"]) for one in weighted["route"]] == [
            ("stable", 80),
            ("canary-or-stable", 20),
        ]
    subset = objects(captured, "DestinationRule")["chat-api"].inputs["spec"]["subsets"][2]
    assert subset["labels"] == {"app": "chat-api"}
    policy = subset["trafficPolicy"]
    assert policy["loadBalancer"]["localityLbSetting"] == {
        "enabled": True,
        "failoverPriority": ["version=v2"],
    }
    # Of one pod nothing is a part, and Istio's default would never leave out a small canary as a whole.
    assert policy["outlierDetection"]["maxEjectionPercent"] == 100
    assert policy["outlierDetection"]["consecutiveLocalOriginFailures"] == 2
    # istiod takes a subset's limits in place of the service's own, so they are there as well.
    own = objects(captured, "DestinationRule")["chat-api"].inputs["spec"]["trafficPolicy"]["connectionPool"]
    assert policy["connectionPool"] == {**own, "tcp": {**own.get("tcp", {}), "connectTimeout": "500ms"}}


@pytest.mark.parametrize("phase", range(6))
def test_rule_19_without_routes_the_canarys_pods_come_first_at_full_weight_alone(program, phase):
    program.edit("Pulumi.dev.yaml", **{"config/eco2:rollouts": rollouts(ext_authz=phase)})
    policy = objects(program.run(), "DestinationRule")["ext-authz"].inputs["spec"]["trafficPolicy"]
    first = policy["loadBalancer"].get("localityLbSetting", {}).get("failoverPriority")
    # Below, they would take everything, and not their share.
    assert first == (["version=v2"] if phase == 5 else None)
    # A rule that changes makes Envoy give up calls of the gateway's filter: it does so to and from full weight alone.
    assert policy["outlierDetection"]["minHealthPercent"] == 50


@pytest.mark.parametrize(
    ("before", "phase", "last"),
    [(1, 5, "Service"), (5, 0, "DestinationRule"), (5, 1, "DestinationRule"), (4, 5, "Service")],
)
def test_rule_19_without_routes_nobody_meets_both_versions_between_none_and_all(program, before, phase, last):
    program.edit(
        "Pulumi.dev.yaml",
        **{"config/eco2:rollouts": rollouts(ext_authz=phase), "config/eco2:overrule": {"ext-authz": "test"}},
    )
    images = (f"docker.io/mng990/eco2:ext-authz-dev-{one}" for one in ("latest", "canary"))
    left = entry(before, {1: 0, 4: 50, 5: 100}[before], *images)
    captured = program.run(outputs={"rollouts": {"ext-authz": left}})
    kinds = ("Service", "DestinationRule")
    waiting = [
        kind
        for kind in kinds
        if {f"{one} ext-authz" for one in kinds} & waits_for(captured, kind, "ext-authz")
    ]
    assert waiting == [last]


def without_fallback(program, name, **phases):
    """What is declared for a service for which nobody stands in."""
    policy = {"loadBalancer": "ROUND_ROBIN", "fallback": None}
    program.edit("services.yaml", **{f"services/{name}/trafficPolicy": policy})
    program.edit("Pulumi.dev.yaml", **{"config/eco2:rollouts": rollouts(**phases)})
    return program.run()


def test_rule_19_ext_authz_may_do_without(program):
    captured = without_fallback(program, "ext-authz", ext_authz=5)
    selector = objects(captured, "Service")["ext-authz"].inputs["spec"]["selector"]
    assert selector == {"app": "ext-authz", "version": "v2"}
    policy = objects(captured, "DestinationRule")["ext-authz"].inputs["spec"]["trafficPolicy"]
    assert policy == {"loadBalancer": {"simple": "ROUND_ROBIN"}}


@pytest.mark.parametrize(
    "header", [{"name": "x-canary", "value": "true"}, {"name": "x-try", "value": "s3same"}]
)
def test_rule_20_the_gateway_adds_the_member_and_the_mesh_matches_it(program, header):
    config = {"config/eco2:rollouts": rollouts(chat_api=3), "config/eco2:canaryHeader": header}
    program.edit("Pulumi.dev.yaml", **config)
    routes = objects(program.run(), "VirtualService")
    member, asked = f"{header['name']}={header['value']}", {header["name"]: {"exact": header["value"]}}
    beside, alone, weighted = routes["chat-api"].inputs["spec"]["http"][:3]
    assert beside["headers"] == {"request": {"set": {"baggage": f"%REQ(baggage)%,{member}"}}}
    assert alone["headers"] == {"request": {"set": {"baggage": member}}}
    assert [one["headers"] for one in alone["match"]] == [asked]
    assert "headers" not in weighted
    by_header, by_member = (
        one["headers"] for one in routes["chat-api-mesh"].inputs["spec"]["http"][0]["match"]
    )
    assert by_header == asked
    assert re.fullmatch(by_member["baggage"]["regex"], f"a=b,{member}")
    # A service without a canary adds and matches nothing.
    assert "baggage" not in str([routes[name].inputs for name in ("my-api", "my-api-mesh")])


def test_rule_19_a_service_may_do_without(program):
    captured = without_fallback(program, "chat-api", chat_api=3)
    subsets = objects(captured, "DestinationRule")["chat-api"].inputs["spec"]["subsets"]
    # It stays, for routes that name it until they move.
    assert subsets[1:] == [
        {"name": name, "labels": {"version": "v2"}} for name in ("canary", "canary-or-stable")
    ]
    weighted = objects(captured, "VirtualService")["chat-api"].inputs["spec"]["http"][-1]
    assert [one["destination"]["subset"] for one in weighted["route"]] == ["stable", "canary"]


@pytest.mark.parametrize(
    ("phase", "subsets", "expected"),
    [
        (2, ("stable", "canary"), "canary"),
        (2, ("stable", "canary", "canary-or-stable"), "canary-or-stable"),
        (4, ("stable", "canary"), "canary-or-stable"),
    ],
)
def test_rule_7_a_way_back_names_no_subset_that_is_not_there_yet(program, phase, subsets, expected):
    program.edit("Pulumi.dev.yaml", **{"config/eco2:rollouts": rollouts(auth_api=phase)})
    kind = "kubernetes:networking.istio.io/v1:DestinationRule"
    rule = {"type": kind, "outputs": {"spec": {"subsets": [{"name": name} for name in subsets]}}}
    urn = f"urn:pulumi:dev::eco2::eco2:service:CanaryService${kind}::auth-api"
    captured = program.run(outputs=prior(3, 20), resources={urn: rule})
    for name in ("auth-api", "auth-api-mesh"):
        routes = objects(captured, "VirtualService")[name].inputs["spec"]["http"][-1]["route"]
        assert routes[1]["destination"]["subset"] == expected
    up = "DestinationRule auth-api" in waits_for(captured, "VirtualService", "auth-api")
    assert up == (phase == 4)


def test_rule_8_climbing_the_route_waits_for_canary_and_stable(program):
    program.edit("Pulumi.dev.yaml", **{"config/eco2:rollouts": rollouts(auth_api=3)})
    captured = program.run(outputs=prior(2, 5))
    assert {"Deployment auth-api-canary", "Deployment auth-api"} <= waits_for(
        captured, "VirtualService", "auth-api"
    )
    assert "VirtualService auth-api" not in waits_for(captured, "Deployment", "auth-api-canary")


def test_rule_8_retreating_the_route_waits_for_nothing_and_the_canary_for_the_route(program):
    program.edit("Pulumi.dev.yaml", **{"config/eco2:rollouts": rollouts(auth_api=2)})
    captured = program.run(outputs=prior(3, 20))
    assert waits_for(captured, "VirtualService", "auth-api") == {"Namespace auth"}
    canary = objects(captured, "Deployment")["auth-api-canary"]
    assert {"VirtualService auth-api", "VirtualService auth-api-mesh"} <= waits_for(
        captured, "Deployment", "auth-api-canary"
    )
    assert canary.options["hooks"]["beforeUpdate"] == canary.options["hooks"]["beforeDelete"]


def test_rule_12_everything_else_in_the_update_waits_for_the_routes_of_who_goes_back(program):
    config = {
        "rollouts": rollouts(auth_api=0, scan_api=1),
        "overrule": {"scan-api": "the prior is auth-api's"},
    }
    program.edit("Pulumi.dev.yaml", **{f"config/eco2:{key}": value for key, value in config.items()})
    captured = program.run(outputs=prior(4, 50))
    routes = {"VirtualService auth-api", "VirtualService auth-api-mesh"}
    kinds = ("Deployment", "Service", "VirtualService", "HorizontalPodAutoscaler", "PodDisruptionBudget")
    others = [(kind, name) for kind in kinds for name in objects(captured, kind) if "auth-api" not in name]
    others += [("Namespace", name) for name in objects(captured, "Namespace") if name != "auth"]
    others += [("DestinationRule", "auth-api")]
    assert ("Deployment", "scan-api-canary") in others
    registered = [one.urn for one in captured.resources]
    done = max(registered.index(objects(captured, "VirtualService")[name.split()[1]].urn) for name in routes)
    for kind, name in others:
        assert registered.index(objects(captured, kind)[name].urn) > done, (kind, name)
        # A dependency would stay in the state, and bind a later abort of auth-api to this service.
        assert not routes & waits_for(captured, kind, name), (kind, name)
    assert routes <= waits_for(captured, "Deployment", "auth-api")
    # A refused node group ends an update like any other step that fails.
    aws = [registered.index(one.urn) for one in captured.resources if one.type.startswith("aws:")]
    assert len(aws) > 20
    assert min(aws) > done


@pytest.mark.parametrize(("before", "after"), [((0, 0), (1, 0)), ((2, 5), (3, 20)), ((3, 20), (0, 0))])
def test_what_leads_traffic_is_taken_back_from_any_hand_and_nothing_else_is(program, before, after):
    program.edit("Pulumi.dev.yaml", **{"config/eco2:rollouts": rollouts(auth_api=after[0])})
    captured = program.run(outputs=prior(*before))
    forced = {
        one.type.rsplit(":", 1)[1]
        for one in captured.resources
        if one.type.startswith("kubernetes:")
        and "pulumi.com/patchForce" in one.inputs["metadata"].get("annotations", {})
    }
    leading = {"DestinationRule", "Service", "VirtualService"}
    assert forced - {"Deployment"} == leading
    for kind in leading:
        for one in objects(captured, kind).values():
            assert one.inputs["metadata"]["annotations"]["pulumi.com/patchForce"] == "true"


def test_a_workers_canary_gets_the_plans_number_whoever_has_scaled_it(program):
    """As an abort's first stroke does."""
    program.edit("Pulumi.dev.yaml", **{"config/eco2:rollouts": rollouts(scan_worker=1, auth_relay=1)})
    deployments = objects(program.run(), "Deployment")
    for name in ("scan-worker", "auth-relay"):
        canary, stable = (
            deployments[one].inputs["metadata"]["annotations"] for one in (f"{name}-canary", name)
        )
        assert canary["pulumi.com/patchForce"] == "true"
        assert "pulumi.com/patchForce" not in stable


def test_rule_9_promotion_readies_stable_before_routes_leave_the_canary(program):
    program.edit(
        "Pulumi.dev.yaml", **{"config/eco2:services/auth-api": {"image": {"tag": "auth-api-dev-canary"}}}
    )
    captured = program.run(outputs=prior(5, 100))
    assert "Deployment auth-api" in waits_for(captured, "VirtualService", "auth-api")
    assert "auth-api-canary" not in objects(captured, "Deployment")


@pytest.mark.parametrize(("phase", "policy"), [(0, None), (1, None), (2, "Disabled"), (5, "Disabled")])
def test_rule_10_stables_autoscaler_does_not_shrink_while_a_canary_carries_weight(program, phase, policy):
    program.edit("Pulumi.dev.yaml", **{"config/eco2:rollouts": rollouts(auth_api=phase)})
    scaler = objects(program.run(), "HorizontalPodAutoscaler")["auth-api"].inputs["spec"]
    assert scaler["behavior"]["scaleDown"].get("selectPolicy") == policy
    # Without a cluster nobody knows whether it takes one.
    assert "tolerance" not in scaler["behavior"]["scaleDown"]


@pytest.mark.parametrize(
    ("stack", "service", "phase", "expected"),
    [
        ("dev", "auth-api", 1, 1),
        ("dev", "auth-api", 4, 1),
        ("dev", "auth-api", 5, 2),  # stable may be running as many as its autoscaler allows
        ("prod", "auth-api", 1, 1),
        ("prod", "auth-api", 2, 2),
        ("prod", "auth-api", 4, 3),
        ("prod", "auth-api", 5, 5),
        ("prod", "chat-api", 5, 2),
        ("prod", "ext-authz", 5, 4),
        ("prod", "scan-worker", 3, 1),
        ("prod", "scan-worker", 5, 3),
    ],
)
def test_rule_10_the_canarys_pods_follow_its_weight(program, stack, service, phase, expected):
    program.edit(f"Pulumi.{stack}.yaml", **{"config/eco2:rollouts": {service: {"phase": phase}}})
    deployments = objects(program.run(stack), "Deployment")
    assert deployments[f"{service}-canary"].inputs["spec"]["replicas"] == expected


def test_rule_10_no_deployment_has_two_owners_of_its_replicas(in_flight):
    scaled = {
        one.inputs["spec"]["scaleTargetRef"]["name"]
        for one in objects(in_flight, "HorizontalPodAutoscaler").values()
    }
    scaled |= {
        one.inputs["spec"]["scaleTargetRef"]["name"] for one in objects(in_flight, "ScaledObject").values()
    }
    for name, deployment in objects(in_flight, "Deployment").items():
        # A canary that moves takes the plan's number; the phases between are its autoscaler's.
        ignored = deployment.options.get("ignoreChanges", []) == ["spec.replicas"]
        assert ignored == (name in scaled and not name.endswith("-canary")), name


@pytest.mark.parametrize(("phase", "ignored"), [(3, True), (4, False), (2, False)])
def test_rule_10_between_phases_a_canarys_autoscaler_owns_its_number(program, phase, ignored):
    program.edit("Pulumi.dev.yaml", **{"config/eco2:rollouts": rollouts(auth_api=phase)})
    canary = objects(program.run(outputs=prior(3, 20)), "Deployment")["auth-api-canary"]
    assert (canary.options.get("ignoreChanges", []) == ["spec.replicas"]) == ignored


def test_rule_3_a_canary_that_runs_stables_image_is_told(program):
    program.edit(
        "Pulumi.dev.yaml",
        **{"config/eco2:rollouts": {"auth-api": {"phase": 1, "canary": {"tag": "auth-api-dev-latest"}}}},
    )
    settings = read_settings("Pulumi.dev.yaml", stack_config(program.folder, "dev"), CATALOG)
    (told,) = plan(resolve(CATALOG, settings)["auth-api"], None).warnings
    assert "both run docker.io/mng990/eco2:auth-api-dev-latest" in told


def test_rule_18_prod_protects_everything_but_canaries(program):
    program.edit("Pulumi.prod.yaml", **{"config/eco2:rollouts": rollouts(auth_api=3, ext_authz=3)})
    real = [one for one in program.run("prod").resources if one.type.startswith(("aws:", "kubernetes:"))]
    free = {f"{one.type.split(':')[-1]} {one.name}" for one in real if not one.options.get("protect")}
    assert free == {
        "Deployment auth-api-canary",
        "Deployment ext-authz-canary",
        "HorizontalPodAutoscaler auth-api-canary",
        "PodDisruptionBudget auth-api-canary",
        "PodDisruptionBudget ext-authz-canary",
        "Service ext-authz-canary",
    }


def test_nodes_and_pods_agree_on_label_and_taint(in_flight):
    groups = {
        one.name: one.inputs for one in in_flight.resources if one.type == "aws:eks/nodeGroup:NodeGroup"
    }
    assert len(groups) == 10
    for deployment in objects(in_flight, "Deployment").values():
        pod = deployment.inputs["spec"]["template"]["spec"]
        group = groups[pod["nodeSelector"]["domain"]]
        assert group["labels"] == pod["nodeSelector"]
        (taint,), (toleration,) = group["taints"], pod["tolerations"]
        assert (taint["key"], taint["value"], taint["effect"]) == (
            toleration["key"],
            toleration["value"],
            "NO_SCHEDULE",
        )
