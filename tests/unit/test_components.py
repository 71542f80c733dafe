"""The components in a program that has never heard of Eco2: the example's."""

from __future__ import annotations

import json
import shutil

import pulumi
import pytest
import yaml

from components import stack, tolerance
from eco2.stack.dry_run import capture
from tests.conftest import ROOT
from tests.unit.priors import entry

EXAMPLE = ROOT / "examples/acme"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
ROUTES = "kubernetes:networking.istio.io/v1:VirtualService"
HPA = "kubernetes:autoscaling/v2:HorizontalPodAutoscaler"
LEFT = {"stable": "registry.acme.test/cart:1.4.0", "canary": "registry.acme.test/cart:1.5.0"}


def config(project="eco2", **changes):
    described = yaml.safe_load((EXAMPLE / "Pulumi.staging.yaml").read_text())["config"]
    found = {key.replace("acme-shop", project): value for key, value in described.items()}
    found.update({f"{project}:{key}": value for key, value in changes.items()})
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in found.items()}


def run(outputs=None, folder=EXAMPLE, resources=None, **changes):
    """The example, with mocks; they call every project `eco2`."""
    return capture(folder, "staging", config(**changes), outputs or {}, resources)


def left(phase, weight, site="staging", **more):
    """What an update left of cart."""
    return {
        f"{site}-rollouts": {
            f"{site}-cart": entry(phase, weight, LEFT["stable"], LEFT["canary"] if phase else None, **more),
            f"{site}-payment": entry(0, 0, "registry.acme.test/payment:2.0.1", None),
        }
    }


def named(captured, kind):
    return {one.inputs["metadata"]["name"]: one for one in captured.resources if one.type == kind}


def test_it_comes_up_under_its_own_names_and_with_nothing_of_eco2():
    captured = run()
    assert set(named(captured, DEPLOYMENT)) == {"cart", "payment"}
    for one in named(captured, DEPLOYMENT).values():
        metadata, pods = one.inputs["metadata"], one.inputs["spec"]["template"]["spec"]
        assert metadata["namespace"] == "shop"
        assert metadata["labels"]["team"] == "shop"
        assert metadata["annotations"]["pulumi.com/patchFieldManager"] == "acme-shop"
        assert pods["nodeSelector"] == {"acme.test/team": "shop"}
        assert pods["tolerations"][0]["key"] == "acme.test/team"
        assert "imagePullSecrets" not in pods
        assert one.options["provider"].endswith("::staging::<id of staging>")
    routes = named(captured, ROUTES)["cart"].inputs["spec"]
    assert (routes["hosts"], routes["gateways"]) == (["shop.acme.test"], ["istio-system/eco2-gateway"])
    assert captured.outputs["staging-rollouts"]["staging-cart"]["images"]["stable"] == LEFT["stable"]


def test_a_first_step_brings_the_canary_and_leads_its_own_header_there():
    captured = run(left(0, 0), rollouts={"cart": {"phase": 1, "tag": "1.5.0"}})
    canary = named(captured, DEPLOYMENT)["cart-canary"]
    assert canary.inputs["spec"]["template"]["spec"]["containers"][0]["image"] == LEFT["canary"]
    public = named(captured, ROUTES)["cart"]
    beside, alone = public.inputs["spec"]["http"][:2]
    assert alone["match"][0]["headers"] == {"x-acme-try": {"exact": "next"}}
    assert beside["match"][0]["headers"] == {"x-acme-try": {"exact": "next"}, "baggage": {"regex": ".+"}}
    assert canary.urn in public.after


def test_whatever_guards_refuse_is_told_at_once():
    steps = {"cart": {"phase": 3, "tag": "1.5.0"}, "payment": {"phase": 2, "tag": "2.1.0"}}
    with pytest.raises(pulumi.RunError) as refused:
        run(left(0, 0), rollouts=steps)
    told = str(refused.value)
    assert told.startswith("2 problems, nothing of staging-cart, staging-payment was changed:")
    assert "Pulumi.staging.yaml: staging-cart: rule 13" in told
    assert "Pulumi.staging.yaml: staging-payment: rule 13" in told
    assert "`overrule`" in told


def test_a_service_that_goes_back_has_its_routes_before_everything_else_of_it():
    captured = run(left(3, 20), rollouts={"cart": {"phase": 0, "tag": "1.5.0"}})
    order = [one.inputs["metadata"]["name"] for one in captured.resources if one.type in (DEPLOYMENT, ROUTES)]
    assert order[:2] == ["cart", "cart-mesh"]
    assert captured.outputs["staging-rollouts"]["staging-cart"]["phase"] == 0
    assert "cart-canary" not in order


def run_two_sites(folder, outputs=None, **changes):
    program = (EXAMPLE / "__main__.py").read_text()
    last = "shop(pulumi.get_stack(), pulumi.Config())\n"
    assert program.endswith(last)
    both = "".join(f'shop("{site}", pulumi.Config("{site}"))\n' for site in ("east", "west"))
    shutil.copy(EXAMPLE / "Pulumi.yaml", folder)
    (folder / "__main__.py").write_text(program.replace(last, both))
    sites = {
        **config("east", cluster="acme-east", **changes),
        **config("west", cluster="acme-west", **changes),
    }
    return capture(folder, "staging", sites, outputs or {})


def test_two_instances_with_two_providers_in_one_program_do_not_clash(tmp_path):
    captured = run_two_sites(tmp_path)
    urns = [one.urn for one in captured.resources]
    assert len(set(urns)) == len(urns)
    providers = {
        one.name: one.options["provider"].split("::")[-2]
        for one in captured.resources
        if one.type == DEPLOYMENT
    }
    assert providers == {
        "east-cart": "east",
        "east-payment": "east",
        "west-cart": "west",
        "west-payment": "west",
    }
    assert set(captured.outputs) == {"east-rollouts", "west-rollouts"}


def test_each_of_two_instances_has_a_hook_of_its_own_before_its_routes(tmp_path, monkeypatch):
    monkeypatch.setattr(stack, "cluster_to_ask", lambda context: lambda: context)
    before = left(0, 0, "east") | left(0, 0, "west")
    captured = run_two_sites(tmp_path, before, rollouts={"cart": {"phase": 1, "tag": "1.5.0"}})
    hooks = {
        one.name: one.options["hooks"]["beforeUpdate"]
        for one in captured.resources
        if one.type == ROUTES and one.options.get("hooks")
    }
    assert hooks == {
        f"{site}-cart{which}": [f"pods-before-routes-{site}-cart"]
        for site in ("east", "west")
        for which in ("", "-mesh")
    }


def test_a_frozen_autoscaler_is_found_in_the_state_by_its_name_there(tmp_path, monkeypatch):
    monkeypatch.setattr(stack, "cluster_to_ask", lambda context: lambda: context)
    monkeypatch.setattr(tolerance, "keeps_tolerance", lambda *_: True)
    rules = {
        "stabilizationWindowSeconds": 60,
        "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}],
    }
    behavior = dict.fromkeys(("scaleUp", "scaleDown"), rules)
    scaler = {"min": 1, "max": 4, "hpa": {"cpuPercent": 70, "behavior": behavior}}
    program = (EXAMPLE / "__main__.py").read_text()
    scaled = program.replace('"replicas": 2,', f'"autoscaler": {scaler},')
    assert scaled != program
    (tmp_path / "__main__.py").write_text(scaled)
    urn = f"urn:pulumi:staging::eco2::eco2:service:CanaryService${HPA}::staging-cart"
    without = {"spec": {"behavior": {"scaleDown": {"selectPolicy": "Disabled"}}}}
    captured = run(
        left(3, 20),
        folder=tmp_path,
        resources={urn: {"type": HPA, "outputs": without}},
        rollouts={"cart": {"phase": 3, "tag": "1.5.0"}},
    )
    rules = named(captured, HPA)["cart"].inputs["spec"]["behavior"]["scaleDown"]
    assert rules["selectPolicy"] == "Disabled"
    assert "tolerance" not in rules


def test_what_the_program_has_beside_its_components_is_not_taken_for_theirs():
    def deployment(image):
        spec = {"template": {"metadata": {}, "spec": {"containers": [{"image": image}]}}}
        return {"type": DEPLOYMENT, "outputs": {"spec": spec}}

    urn = f"urn:pulumi:staging::eco2::{{}}{DEPLOYMENT}::staging-cart"
    own = urn.format("eco2:service:CanaryService$")
    old = {urn.format(parent): deployment("registry.acme.test/old:0.9") for parent in ("a:b:C$", "x:y:Z$")}
    state = {**old, own: deployment(LEFT["stable"]), f"{own}-canary": deployment(LEFT["canary"])}
    captured = run(
        left(3, 20),
        resources=dict(sorted(state.items())),
        rollouts={"cart": {"phase": 4, "tag": "1.5.0"}},
    )
    assert captured.outputs["staging-rollouts"]["staging-cart"]["weight"] == 50


@pytest.mark.parametrize(
    ("app", "told"),
    [
        ('"cart"', "staging-payment: cart in shop is staging-cart already"),
        ('app + "-mesh"', "staging-cart: cart-mesh: a name that ends in -mesh is that of another service's"),
    ],
)
def test_names_of_other_objects_in_the_cluster_are_refused(tmp_path, app, told):
    program = (EXAMPLE / "__main__.py").read_text().replace("app=app,", f"app={app},")
    (tmp_path / "__main__.py").write_text(program)
    with pytest.raises(pulumi.RunError) as refused:
        run(folder=tmp_path)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("stickiness", "told"),
    [
        ({"cookie": "v"}, "staging-cart uses the cookie v already; give staging-payment one of its own"),
        (
            {"header": "x-acme-try"},
            "staging-cart: x-acme-try asks for the canary; know users by another header",
        ),
    ],
)
def test_users_who_cannot_be_known_are_refused(tmp_path, stickiness, told):
    policy = '"trafficPolicy": {"loadBalancer": "LEAST_REQUEST"}'
    program = (EXAMPLE / "__main__.py").read_text()
    assert policy in program
    (tmp_path / "__main__.py").write_text(program.replace(policy, f'{policy}, "stickiness": {stickiness}'))
    with pytest.raises(pulumi.RunError) as refused:
        run(folder=tmp_path)
    assert told in str(refused.value)
