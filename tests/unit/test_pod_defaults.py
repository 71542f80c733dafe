"""What pods have without anybody asking for it, and that Pod Security's `restricted` can be met."""

from __future__ import annotations

import pytest

from rollout.problems import ConfigError
from rollout.spec.files import read_catalog
from tests.conftest import ROOT
from tests.unit.conftest import objects

RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "runAsGroup": 1000,
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""What https://kubernetes.io/docs/concepts/security/pod-security-standards/ asks of a container, and a user."""


def pods(program, stack="prod"):
    deployments = objects(program.run(stack), "Deployment")
    assert len(deployments) >= 15
    return {name: one.inputs["spec"]["template"]["spec"] for name, one in deployments.items()}


def test_every_pod_is_confined_and_has_no_token(program):
    for spec in pods(program).values():
        assert spec["securityContext"] == {"seccompProfile": {"type": "RuntimeDefault"}}
        assert spec["automountServiceAccountToken"] is False
        for container in (*spec["containers"], *spec.get("initContainers", ())):
            assert container["securityContext"]["allowPrivilegeEscalation"] is False


def test_pods_spread_softly_over_nodes_and_zones_each_version_by_itself(program):
    for name, spec in pods(program).items():
        spread = spec["topologySpreadConstraints"]
        assert [one["topologyKey"] for one in spread] == [
            "kubernetes.io/hostname",
            "topology.kubernetes.io/zone",
        ]
        assert {one["whenUnsatisfiable"] for one in spread} == {"ScheduleAnyway"}
        assert all(one["labelSelector"] == {"matchLabels": {"app": name}} for one in spread)
        assert all(one["matchLabelKeys"] == ["version"] for one in spread)


def test_a_service_can_meet_restricted_and_name_its_account(program):
    own = {"securityContext": RESTRICTED, "serviceAccountName": "chat"}
    program.edit("services.yaml", **{f"services/chat-api/{key}": value for key, value in own.items()})
    spec = pods(program)["chat-api"]
    assert spec["containers"][0]["securityContext"] == RESTRICTED
    assert (spec["serviceAccountName"], spec["automountServiceAccountToken"]) == ("chat", True)


@pytest.mark.parametrize(
    "profile",
    [{"type": "Localhost"}, {"type": "RuntimeDefault", "localhostProfile": "a.json"}, {"type": "None"}],
)
def test_a_profile_that_kubernetes_would_refuse_is_refused(program, profile):
    program.edit("services.yaml", **{"services/chat-api/securityContext": {"seccompProfile": profile}})
    with pytest.raises(ConfigError, match=r"services.chat-api.securityContext.seccompProfile"):
        read_catalog(program.folder / "services.yaml")


def test_no_init_image_moves_by_itself(program):
    images = [one["image"] for spec in pods(program).values() for one in spec.get("initContainers", ())]
    assert images
    assert [image for image in images if "@sha256:" not in image] == []


def test_an_init_image_may_be_pinned_by_its_digest(program):
    digest = "sha256:" + "a" * 64
    container = {"name": "init", "image": f"busybox:1.36@{digest}", "command": ["true"]}
    program.edit("services.yaml", **{"services/chat-api/initContainers": [container]})
    assert pods(program)["chat-api"]["initContainers"][0]["image"].endswith(digest)


def test_a_sick_pod_holds_up_no_node_and_every_deployment_has_its_budget(program):
    captured = program.run("prod")
    budgets = objects(captured, "PodDisruptionBudget")
    assert budgets.keys() == objects(captured, "Deployment").keys()
    assert {one.inputs["spec"]["unhealthyPodEvictionPolicy"] for one in budgets.values()} == {"AlwaysAllow"}


def test_no_service_of_prod_has_a_single_pod_that_its_node_takes_along(program):
    single = {
        name
        for name, one in objects(program.run("prod"), "Deployment").items()
        if one.inputs["spec"].get("replicas") == 1
    }
    assert single == SINGLE


SINGLE = {"auth-relay"}
"""What the running system has once."""


def test_a_companion_that_is_not_there_is_refused(program):
    program.edit(
        "Pulumi.prod.yaml", **{"config/eco2:services/my-api/companions": {"my-gprc": {"replicas": 2}}}
    )
    with pytest.raises(
        Exception, match=r"services.my-api.companions.my-gprc: no such companion; did you mean my-grpc"
    ):
        program.run("prod")


def test_a_dead_worker_does_not_answer_for_another():
    """`inspect ping` without a destination is answered by any worker of the broker."""
    for service in read_catalog(ROOT / "services.yaml").services.values():
        probes = (service.probes.startup, service.probes.liveness, service.probes.readiness)
        pings = [
            " ".join(one.exec) for one in probes if one and one.exec and "inspect ping" in " ".join(one.exec)
        ]
        assert all("--destination=celery@$HOSTNAME" in one and one.startswith("sh -c ") for one in pings)
        assert bool(pings) == (
            service.kind == "worker" and "celery" in " ".join((*service.command, *service.args))
        )


def test_a_browser_may_ask_before_it_opens_a_stream(program):
    rules = objects(program.run("prod"), "VirtualService")["sse-gateway"].inputs["spec"]["http"]
    methods = {match.get("method", {}).get("exact") for rule in rules for match in rule["match"]}
    assert {"GET", "OPTIONS"} <= methods


def test_a_tag_that_moves_is_told_in_production_with_the_remedy(program):
    from rollout.guards.review import review  # noqa: PLC0415

    def warnings(stack):
        return [one for one in review(update(program, stack)).warnings if "pushed again" in one]

    (told,) = warnings("prod")
    assert "chat-api" in told
    assert "auth-api," not in told  # its tag is a version
    assert "digest: 'sha256:...'" in told
    assert warnings("dev") == []


def update(program, stack):
    from eco2.stack.config import stack_config  # noqa: PLC0415
    from rollout.plan.update import update_of  # noqa: PLC0415
    from rollout.spec.settings import read_settings  # noqa: PLC0415

    catalog = read_catalog(program.folder / "services.yaml")
    settings = read_settings(f"Pulumi.{stack}.yaml", stack_config(program.folder, stack), catalog)
    return update_of(stack, catalog, settings, {}, {})


def test_an_init_image_that_may_move_is_warned_of_in_production(program):
    from rollout.guards.review import review  # noqa: PLC0415

    container = {"name": "init", "image": "busybox:1.36", "command": ["true"]}
    program.edit("services.yaml", **{"services/chat-api/initContainers": [container]})

    def told(stack):
        return [one for one in review(update(program, stack)).warnings if "init image" in one]

    (warning,) = told("prod")
    assert warning.startswith("busybox:1.36 of chat-api: an init image without a digest may be another")
    assert told("dev") == []
