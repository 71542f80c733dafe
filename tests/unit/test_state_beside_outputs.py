"""Where outputs tell of what the state does not hold: a wish that was never applied, or an update that failed."""

from __future__ import annotations

import dataclasses
import json

import pytest

from eco2.stack.dry_run import _Answers
from rollout.guards.guards import refusals
from rollout.plan.order import Direction
from rollout.plan.service_plan import plan
from rollout.plan.state import DEPLOYMENT, ROUTES, SELECTOR, SUBSETS, Deployed, applied_deployments, done
from rollout.plan.update import moves, prior_of
from rollout.spec.image import REVISION_ANNOTATION, Image
from rollout.spec.services import resolve
from rollout.spec.settings import Settings
from rollout.traffic import subsets, write
from tests.desk import IMAGE
from tests.unit.priors import entry
from tests.unit.test_applied import virtual_services
from tests.unit.test_guards import CATALOG, STACK

STABLE, CANARY = f"{IMAGE}auth-api-dev-latest", f"{IMAGE}auth-api-dev-canary"


def wanted(name="auth-api", stable=None, **rollout):
    said = {**STACK, "rollouts": {name: rollout} if rollout else {}}
    if stable:
        said["services"] = {name: {"image": {"tag": stable.removeprefix(IMAGE)}}}
    return resolve(CATALOG, Settings.model_validate(said))[name]


def deployment(name, image, revision=None):
    annotations = {REVISION_ANNOTATION: revision} if revision else None
    template = {"metadata": {"annotations": annotations}, "spec": {"containers": [{"image": image}]}}
    return {
        f"urn:pulumi:dev::eco2::x${DEPLOYMENT}::{name}": {
            "type": DEPLOYMENT,
            "outputs": {"spec": {"template": template}},
        }
    }


def state(stable=STABLE, canary=None, phase=0):
    """A state that holds auth-api alone, with the routes of a phase."""
    found = {} if phase is None else virtual_services(phase)
    found |= deployment("auth-api", stable) if stable else deployment("chat-api", "any")
    return found | (deployment("auth-api-canary", canary) if canary else {})


def outputs(phase, weight, *, stable=STABLE, canary=CANARY, name="auth-api"):
    return {"rollouts": {name: entry(phase, weight, stable, canary)}}


def prior(said, resources, name="auth-api"):
    return prior_of(CATALOG, said, resources).get(name)


def rules(one, before):
    return [refusal.rule for refusal in refusals(one, before, first=False)]


def test_images_are_read_as_outputs_write_them():
    resources = deployment("auth-api", "a:1", "7") | deployment("auth-api-canary", "a:2")
    both = Deployed(Image("a", "1", revision="7"), Image("a", "2"))
    assert applied_deployments(resources, ["auth-api", "my-api"]) == {"auth-api": both}
    assert applied_deployments({}, ["auth-api"]) is None
    broken = {"urn::auth-api": {"type": DEPLOYMENT, "outputs": None}}
    assert applied_deployments(broken, ["auth-api"]) == {}


def test_a_canary_that_outputs_claim_and_nobody_made_is_at_phase_0():
    before = prior(outputs(1, 0), state())
    assert (before.phase, before.canary_image, before.pods.canary) == (0, None, 0)
    (refused,) = refusals(wanted(phase=2), before, first=False)
    assert refused.rule == 13
    assert refused.before == "phase 0 (0 %)"
    assert refused.command.endswith("phase 1")
    # It is still to come, so the plan tells of it.
    assert moves(plan(wanted(phase=1), before), before)
    assert rules(wanted(phase=1), before) == []


def test_a_worker_whose_canary_nobody_made_is_at_phase_0():
    said = outputs(2, 5, stable=f"{IMAGE}my-worker-dev-latest", name="my-worker")
    resources = deployment("my-worker", f"{IMAGE}my-worker-dev-latest")
    assert prior(said, resources, "my-worker").phase == 0


def test_a_canary_that_a_route_leads_to_was_lost_and_comes_back_as_it_was():
    before = prior(outputs(3, 20), state(phase=3))
    assert before.phase == 3
    assert rules(wanted(phase=3), before) == []
    assert rules(wanted(phase=3, canary={"tag": "other"}), before) == [14]


def test_an_image_that_outputs_claim_gets_no_weight_where_another_one_runs():
    before = prior(outputs(1, 0), state(canary="a:older", phase=1))
    assert rules(wanted(phase=2), before) == [13]
    assert rules(wanted(phase=1), before) == []
    weighted = prior(outputs(3, 20), state(canary="a:older", phase=3))
    (refused,) = refusals(wanted(phase=3), weighted, first=False)
    assert (refused.rule, refused.before) == (14, "a:older")


def test_an_image_that_a_failed_update_put_in_gets_no_weight_either():
    before = prior(outputs(1, 0, canary="a:older"), state(canary=CANARY, phase=1))
    assert rules(wanted(phase=2), before) == [13]


def test_stable_rests_as_the_state_has_it():
    # Outputs claim a new stable, which an update with targets left out.
    new = f"{IMAGE}auth-api-9"
    before = prior(outputs(2, 5, stable=new), state(canary=CANARY, phase=2))
    (refused,) = refusals(wanted(phase=2, stable=new), before, first=False)
    assert (refused.rule, refused.before) == (15, STABLE)
    assert moves(plan(wanted(phase=2, stable=new), before), before)
    assert rules(wanted(phase=2), before) == []


def test_a_promotion_whose_stable_failed_is_run_again_or_called_off():
    before = prior(outputs(5, 100), state(stable=CANARY, canary=CANARY, phase=5))
    again = wanted(phase=0, stable=CANARY)
    assert rules(again, before) == []
    assert plan(again, before).order.direction is Direction.PROMOTE
    assert rules(wanted(phase=5), before) == []
    assert rules(wanted(phase=4), before) == []


def test_a_claimed_full_weight_is_no_promotion():
    before = prior(outputs(5, 100), state(canary=CANARY, phase=4))
    assert rules(wanted(phase=0, stable=CANARY), before) == [15]
    assert plan(wanted(phase=0, stable=CANARY), before).order.direction is Direction.DOWN


def test_a_service_that_outputs_claim_and_that_was_never_brought_up_is_new():
    assert prior(outputs(0, 0, canary=None), state(stable=None, phase=None)) is None
    # One that lost its pods has routes.
    assert prior(outputs(0, 0, canary=None), state(stable=None)) is not None


def test_a_state_without_a_deployment_tells_nothing():
    assert prior(outputs(1, 0), virtual_services(0)).phase == 1
    assert prior(outputs(1, 0), {}).phase == 1


@pytest.mark.parametrize(
    ("there", "reached"),
    [
        (state(canary=CANARY, phase=3), True),
        (state(canary=CANARY, phase=1), False),
        (state(canary="a:older", phase=3), False),
        (state(phase=3), False),
        (state(stable="a:older", canary=CANARY, phase=3), False),
        (state(canary=CANARY, phase=None), False),
        (state(canary=CANARY) | virtual_services(3, mesh=1), False),
    ],
)
def test_what_an_update_did_is_read_from_its_resources(there, reached):
    assert done(plan(wanted(phase=3), None), wanted().service, there) is reached


def test_a_selector_and_a_worker_tell_too():
    grpc, pods = wanted("ext-authz", phase=2), {}
    for name, tag in (("ext-authz", "latest"), ("ext-authz-canary", "canary")):
        pods |= deployment(name, f"{IMAGE}ext-authz-dev-{tag}")
    for version, weight, reached in (("v1", 5, False), (None, 5, True), (None, 100, False)):
        selector = {"app": "ext-authz"} | ({"version": version} if version else {})
        routed = write.Routed("ext-authz", grpc.service, CATALOG.canary_header)
        specs = {SELECTOR: {"selector": selector}, SUBSETS: subsets.destination_rule_spec(routed, weight)}
        own = {
            f"urn::x::{kind}::ext-authz": {"type": kind, "outputs": {"spec": spec}}
            for kind, spec in specs.items()
        }
        assert done(plan(grpc, None), grpc.service, pods | own) is reached
    assert not done(plan(grpc, None), grpc.service, pods)
    worker = wanted("my-worker")
    left = deployment("my-worker", f"{IMAGE}my-worker-dev-latest")
    assert done(plan(worker, None), worker.service, left)


def test_outputs_claim_nothing_that_an_update_with_targets_left_out(program, monkeypatch):
    before = program.run(outputs={}).outputs
    program.edit(
        "Pulumi.dev.yaml",
        **{"config/eco2:rollouts": {name: {"phase": 1} for name in ("location-api", "my-api", "my-worker")}},
    )
    answers = _Answers.new_resource

    def as_the_engine_does(self, args):
        """What it leaves alone stands as it was, and what it does not create has its inputs and no id."""
        found = answers(self, args)
        if args.name in ("location-api-canary", "my-worker-canary"):
            return "", found[1]
        if args.typ == ROUTES and args.name.startswith("location-api"):
            plain = virtual_services(0)[f"urn:pulumi:dev::eco2::{ROUTES}::auth-api"]
            return found[0], {**found[1], **plain["outputs"]}
        return found

    monkeypatch.setattr(_Answers, "new_resource", as_the_engine_does)
    after = program.run(outputs=json.loads(json.dumps(before))).outputs
    for output in ("rollouts", "traffic"):
        for left_out in ("location-api", "my-worker"):
            assert after[output][left_out] == before[output][left_out]
        assert after[output]["my-api"] != before[output]["my-api"]
    assert after["rollouts"]["my-api"]["phase"] == 1


def test_no_output_tells_of_a_service_that_was_never_brought_up(program, monkeypatch):
    answers = _Answers.new_resource

    def without(self, args):
        found = answers(self, args)
        return ("" if args.name == "my-worker" else found[0]), found[1]

    monkeypatch.setattr(_Answers, "new_resource", without)
    after = program.run(outputs={}).outputs
    assert "my-worker" not in after["rollouts"]
    assert len(after["rollouts"]) == 12


def test_a_step_that_lacks_an_update_is_refused_with_what_does_it(desk):
    desk.says(auth_api="{phase: 1}")
    told = desk.run("advance", "auth-api", "--yes")
    assert told.exit_code == 1
    assert "rule 13" in told.output
    flat = " ".join(told.output.split())
    assert "phase 1 stands here already and was never reached; what does it: `pulumi up --stack dev`" in flat
    assert desk.updates == []


def test_before_is_what_an_update_changes():
    stable, canary = Image("s"), Image("c")
    one = dataclasses.replace(
        prior(outputs(1, 0), state(canary=CANARY, phase=1)), deployed=Deployed(stable, canary)
    )
    assert (one.stable_before(Image("new")), one.stable_before(stable)) == (stable, Image.read(STABLE))
    assert (one.canary_before(None), one.canary_before(canary)) == (canary, Image.read(CANARY))
