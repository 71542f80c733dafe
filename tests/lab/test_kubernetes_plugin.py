"""The lab's stand-in for Pulumi's Kubernetes plugin: previews, owners of fields, replacements, waiting."""

from __future__ import annotations

import copy
import re
import secrets
import socket
import time
from pathlib import Path

import pytest
import yaml

from lab.api import APPLY, JSON_PATCH, ApiError
from tests.conftest import CLUSTERS
from tests.lab.program import add_node, failed, new_program
from tests.lab.waiting import until

pytestmark = pytest.mark.lab
AUTOSCALERS = "/apis/autoscaling/v2/horizontalpodautoscalers"
HOLD = "example.com/hold"


@pytest.fixture(scope="module", autouse=True)
def node(lab):
    """One node of two cores, for all pods."""
    add_node(lab)


@pytest.fixture
def namespace(lab):
    """A namespace of the test's own."""
    name = f"n-{secrets.token_hex(4)}"
    lab.api.request("POST", "/api/v1/namespaces", {"apiVersion": "v1", "metadata": {"name": name}})
    return name


@pytest.fixture
def program(lab, namespace, tmp_path_factory):
    return new_program(lab, tmp_path_factory.mktemp("program"))


def autoscaler(namespace, **spec):
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "thing", "namespace": namespace, "annotations": {}},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "thing"},
            "minReplicas": 1,
            "maxReplicas": 3,
            **spec,
        },
    }


def deployment(namespace, image="example.com/good", cpu="10m", labels=None, **spec):
    labels = labels or {"app": "thing"}
    container = {"name": "app", "image": image, "resources": {"requests": {"cpu": cpu}}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "thing", "namespace": namespace, "annotations": {}},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            **spec,
        },
    }


def annotated(manifest, **annotations):
    """The manifest with an annotation `pulumi.com/NAME` for each argument."""
    changed = copy.deepcopy(manifest)
    changed["metadata"]["annotations"] |= {f"pulumi.com/{name}": value for name, value in annotations.items()}
    return changed


def live(lab, manifest):
    meta = manifest["metadata"]
    path = lab.api.path(manifest["apiVersion"], manifest["kind"], meta["namespace"], meta["name"])
    return lab.api.request("GET", path)


def take(lab, manifest, manager="on-call", **fields):
    """Another hand sets fields of an object's spec, and owns them from now on."""
    meta = manifest["metadata"]
    path = lab.api.path(manifest["apiVersion"], manifest["kind"], meta["namespace"], meta["name"])
    body = {key: manifest[key] for key in ("apiVersion", "kind")}
    body |= {"metadata": {"name": meta["name"]}, "spec": fields}
    lab.api.request("PATCH", path, body, {"fieldManager": manager, "force": "true"}, APPLY)


def owners(lab, manifest, field):
    """The managers of a field of an object's spec."""
    entries = live(lab, manifest)["metadata"]["managedFields"]
    return {one["manager"] for one in entries if f"f:{field}" in one["fieldsV1"].get("f:spec", {})}


def test_a_preview_asks_the_server_and_changes_nothing(lab, namespace, program):
    thing = autoscaler(namespace)
    program.declare(thing)
    assert program.changes() == [
        "create HorizontalPodAutoscaler thing",
        f"create Stack declared-{program.name}",
    ]
    assert f"{namespace}/thing" not in lab.items(AUTOSCALERS)
    program.up()
    before = owners(lab, thing, "maxReplicas")

    program.declare(autoscaler(namespace, maxReplicas=5))
    assert program.changes() == ["update HorizontalPodAutoscaler thing"]
    assert live(lab, thing)["spec"]["maxReplicas"] == 3
    assert owners(lab, thing, "maxReplicas") == before


def test_a_preview_tells_what_the_server_would_refuse(lab, namespace, program):
    program.declare(autoscaler(namespace, minReplicas=4))
    refused = failed(program.pulumi("preview", check=False).stdout)
    assert f"HorizontalPodAutoscaler {namespace}/thing" in refused
    assert "spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`" in refused


def test_a_preview_of_objects_in_a_namespace_to_come_is_no_error(program):
    new = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "to-come"}}
    program.declare(new, autoscaler("to-come"))
    assert "create HorizontalPodAutoscaler thing" in program.changes()


def test_an_object_that_somebody_else_made_is_not_taken_over(lab, namespace, program):
    thing = autoscaler(namespace)
    path = lab.api.path(thing["apiVersion"], thing["kind"], namespace)
    lab.api.request("POST", path, thing)
    program.declare(autoscaler(namespace, maxReplicas=7))
    assert '"thing" already exists' in failed(program.up(check=False))
    assert live(lab, thing)["spec"]["maxReplicas"] == 3


def test_a_field_of_another_manager_is_refused_by_name_and_taken_by_patch_force(lab, namespace, program):
    thing = autoscaler(namespace)
    program.declare(thing)
    program.up()
    take(lab, thing, maxReplicas=9)

    wanted = autoscaler(namespace, maxReplicas=5)
    program.declare(wanted)
    refused = failed(program.up(check=False))
    assert f"HorizontalPodAutoscaler {namespace}/thing" in refused
    assert ".spec.maxReplicas" in refused
    assert '"on-call"' in refused
    assert "pulumi.com/patchForce" in refused
    assert live(lab, thing)["spec"]["maxReplicas"] == 9

    program.declare(annotated(wanted, patchForce="true"))
    program.up()
    assert live(lab, thing)["spec"]["maxReplicas"] == 5
    assert "on-call" not in owners(lab, thing, "maxReplicas")


def test_a_conflict_shows_in_the_preview_of_an_object_that_was_updated_before(lab, namespace, program):
    thing = autoscaler(namespace)
    for ceiling in (3, 4):
        program.declare(autoscaler(namespace, maxReplicas=ceiling))
        program.up()
    take(lab, thing, maxReplicas=9)
    program.declare(autoscaler(namespace, maxReplicas=5))
    assert ".spec.maxReplicas" in failed(program.pulumi("preview", check=False).stdout)


def test_an_ignored_field_keeps_the_value_and_the_owner_that_it_has(lab, namespace, program):
    ignoring = {"ignore_changes": ["spec.maxReplicas"]}
    thing = autoscaler(namespace)
    program.declare(thing, **ignoring)
    program.up()
    take(lab, thing, maxReplicas=9)

    program.declare(autoscaler(namespace, minReplicas=2, maxReplicas=4), **ignoring)
    program.up()
    assert live(lab, thing)["spec"]["minReplicas"] == 2
    assert live(lab, thing)["spec"]["maxReplicas"] == 9
    assert owners(lab, thing, "maxReplicas") == {"on-call"}
    assert " unchanged" in program.up()


def test_a_field_that_the_program_no_longer_names_goes(lab, namespace, program):
    stays = {"scaleDown": {"stabilizationWindowSeconds": 7}}
    program.declare(autoscaler(namespace, behavior=stays))
    program.up()
    assert (
        live(lab, autoscaler(namespace))["spec"]["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 7
    )
    program.declare(autoscaler(namespace))
    program.up()
    assert "behavior" not in live(lab, autoscaler(namespace))["spec"]


def test_a_named_object_with_an_immutable_field_is_deleted_before_it_is_replaced(lab, namespace, program):
    program.declare(deployment(namespace))
    program.up()
    first = live(lab, deployment(namespace))["metadata"]["uid"]

    program.declare(deployment(namespace, labels={"app": "other"}))
    assert "replace Deployment thing" in program.changes()
    log = program.up()
    assert log.index("Deployment thing deleted") < log.index("Deployment thing creating")
    now = live(lab, deployment(namespace))
    assert now["metadata"]["uid"] != first
    assert now["spec"]["selector"]["matchLabels"] == {"app": "other"}


def test_an_object_that_pulumi_names_is_replaced_before_it_is_deleted(lab, namespace, program):
    unnamed = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": namespace}}
    program.declare({**unnamed, "data": {"a": "1"}})
    program.up()
    before = [name for name in lab.items("/api/v1/configmaps") if name.startswith(f"{namespace}/unnamed-")]
    program.declare({**unnamed, "data": {"a": "2"}})
    log = program.up()
    assert log.index("ConfigMap unnamed created") < log.index("ConfigMap unnamed deleting")
    after = [name for name in lab.items("/api/v1/configmaps") if name.startswith(f"{namespace}/unnamed-")]
    assert len(before) == len(after) == 1
    assert before != after


def test_a_cluster_that_nobody_serves_is_reported_as_unreachable(lab, namespace, program, tmp_path):
    kubeconfig = yaml.safe_load(Path(lab.variables["KUBECONFIG"]).read_text())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = f"https://127.0.0.1:{free.getsockname()[1]}"
        kubeconfig["clusters"][0]["cluster"]["server"] = server
        (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
        program.set("kubernetes:kubeconfig", str(tmp_path / "kubeconfig"))
        program.declare(autoscaler(namespace))
        told = failed(program.up(check=False))
    assert "configured Kubernetes cluster is unreachable" in told
    assert "refused" in told


def test_a_context_that_does_not_exist_is_reported_with_those_that_do(namespace, program):
    program.set("kubernetes:context", "nowhere")
    program.declare(autoscaler(namespace))
    told = failed(program.up(check=False))
    assert "configured Kubernetes cluster is unreachable" in told
    assert "context 'nowhere' does not exist" in told.replace('"', "'")
    assert CLUSTERS[0] in told


def test_a_deployment_that_finds_no_node_fails_in_time_and_names_no_pod(lab, namespace, program):
    program.declare(deployment(namespace, cpu="3"), custom_timeouts={"create": "3s", "update": "3s"})
    began = time.monotonic()
    told = failed(program.up(check=False))
    # Its own 3 s count, and not the plugin's 10 min: room for a busy machine.
    assert time.monotonic() - began < 60
    assert f"Deployment {namespace}/thing: timed out waiting to be Ready" in told
    assert "Minimum number of live Pods was not attained" in told
    # That is eco2's to tell: the official plugin does not.
    assert not re.search(r"thing-\w+-\w+|Insufficient", told)

    # It was made, so the next update goes on with it.
    uid = live(lab, deployment(namespace))["metadata"]["uid"]
    program.declare(deployment(namespace), custom_timeouts={"create": "3s", "update": "30s"})
    program.up()
    assert live(lab, deployment(namespace))["metadata"]["uid"] == uid
    assert " unchanged" in program.up()


def test_a_deployment_whose_pods_never_get_ready_fails_again_until_they_do(lab, namespace, program):
    lab.command("behave", "example.com/bad", "--unready")
    program.declare(annotated(deployment(namespace, image="example.com/bad"), timeoutSeconds="3"))
    for _ in range(2):
        told = failed(program.up(check=False))
        assert "waiting for pods of the new revision (0/1 ready)" in told
        assert "timed out waiting to be Ready" in told
        assert "the readiness probe" not in told
    lab.command("behave", "--reset")
    program.up()
    assert " unchanged" in program.up()


def test_pods_of_the_old_revision_do_not_count(lab, namespace, program):
    timeouts = {"custom_timeouts": {"create": "30s", "update": "3s"}}
    program.declare(deployment(namespace), **timeouts)
    program.up()
    lab.command("behave", "example.com/bad", "--unready")
    program.declare(deployment(namespace, image="example.com/bad"), **timeouts)
    assert "waiting for pods of the new revision" in failed(program.up(check=False))
    assert live(lab, deployment(namespace))["status"]["readyReplicas"] == 1
    lab.command("behave", "--reset")


def test_skip_await_waits_for_nothing(lab, namespace, program):
    program.declare(annotated(deployment(namespace, cpu="3"), skipAwait="true"))
    program.up()
    assert live(lab, deployment(namespace)).get("status", {}).get("readyReplicas", 0) == 0


def test_a_service_waits_for_an_endpoint(namespace, program):
    meta = {"name": "door", "namespace": namespace}
    spec = {"selector": {"app": "thing"}, "ports": [{"port": 80}]}
    door = {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}
    program.declare(door, custom_timeouts={"create": "2s", "update": "30s"})
    assert "waiting for a ready pod that the selector matches" in failed(program.up(check=False))
    program.declare(door, deployment(namespace), custom_timeouts={"create": "30s", "update": "30s"})
    program.up()


def test_a_deletion_is_awaited_and_names_what_holds_it(lab, namespace, program):
    thing = autoscaler(namespace)
    program.declare(thing, custom_timeouts={"delete": "2s"})
    program.up()
    path = lab.api.path(thing["apiVersion"], thing["kind"], namespace, "thing")
    hold = [{"op": "add", "path": "/metadata/finalizers", "value": [HOLD]}]
    lab.api.request("PATCH", path, hold, None, JSON_PATCH)

    program.declare()
    told = failed(program.up(check=False))
    assert f"HorizontalPodAutoscaler {namespace}/thing is still there after 2 s, held by {HOLD}" in told
    assert "delete HorizontalPodAutoscaler thing" in program.changes()

    lab.api.request("PATCH", path, [{"op": "remove", "path": "/metadata/finalizers"}], None, JSON_PATCH)
    program.up()
    with pytest.raises(ApiError, match="not found"):
        live(lab, thing)
    assert program.changes() == []


def test_an_object_that_is_gone_already_is_deleted_without_complaint(lab, namespace, program):
    thing = autoscaler(namespace)
    program.declare(thing)
    program.up()
    lab.api.request("DELETE", lab.api.path(thing["apiVersion"], thing["kind"], namespace, "thing"))
    program.declare()
    program.up()


def test_an_object_that_somebody_deleted_is_not_updated_and_made_anew_by_a_refresh(lab, namespace, program):
    program.declare(autoscaler(namespace))
    program.up()
    path = lab.api.path("autoscaling/v2", "HorizontalPodAutoscaler", namespace, "thing")
    lab.api.request("DELETE", path)
    assert " unchanged" in program.up()
    program.declare(autoscaler(namespace, maxReplicas=5))
    for done in (program.pulumi("preview", check=False).stdout, program.up(check=False)):
        told = failed(done)
        assert f"update of resource {namespace}/thing failed" in told
        assert 'horizontalpodautoscalers.autoscaling "thing" not found' in told
    program.pulumi("up", "--yes", "--skip-preview", "--refresh")
    assert live(lab, autoscaler(namespace))["spec"]["maxReplicas"] == 5
    assert program.changes() == []


def scaled_to(lab, manifest, replicas):
    """Waits until a Deployment has some replicas, and asserts that it was asked to."""
    until(lambda: live(lab, manifest)["status"].get("readyReplicas") == replicas, seconds=20)
    assert live(lab, manifest)["spec"]["replicas"] == replicas


def test_a_refresh_sees_the_replicas_of_an_autoscaler_which_then_is_in_conflict(lab, namespace, program):
    thing, scaling = deployment(namespace, replicas=1), autoscaler(namespace, minReplicas=3)
    program.declare(thing)
    program.up()
    lab.api.request("POST", lab.api.path(scaling["apiVersion"], scaling["kind"], namespace), scaling)
    scaled_to(lab, thing, 3)

    assert " unchanged" in program.up()
    seen = program.pulumi("refresh", "--yes", "--diff").stdout
    assert re.search(r"~ replicas: 1 => 3", seen), seen
    assert program.changes() == ["update Deployment thing"]
    assert ".spec.replicas" in failed(program.up(check=False))
    assert live(lab, thing)["spec"]["replicas"] == 3

    # What was refused counts as made and not ready: it is applied once more.
    program.declare(thing, ignore_changes=["spec.replicas"])
    assert program.changes() == ["update Deployment thing"]
    program.up()
    assert program.changes() == []
    program.declare(deployment(namespace, replicas=1, minReadySeconds=1), ignore_changes=["spec.replicas"])
    program.up()
    assert live(lab, thing)["spec"]["replicas"] == 3


def test_replicas_that_the_program_leaves_out_are_the_autoscalers(lab, namespace, program):
    thing, scaling = deployment(namespace), autoscaler(namespace, minReplicas=3)
    program.declare(thing, scaling)
    program.up()
    scaled_to(lab, thing, 3)
    program.pulumi("refresh", "--yes", "--expect-no-changes")
    program.declare(deployment(namespace, image="example.com/better"), scaling)
    program.up()
    assert live(lab, thing)["spec"]["replicas"] == 3
    assert "kube-controller-manager" in owners(lab, thing, "replicas")


@pytest.mark.parametrize(("policy", "pods_left"), [("background", True), ("foreground", False)])
def test_a_deployment_goes_before_or_after_its_pods_as_its_annotation_says(
    lab, program, namespace, policy, pods_left
):
    declared = deployment(namespace)
    lifecycle = {"preStop": {"sleep": {"seconds": 4}}}
    declared["spec"]["template"]["spec"]["containers"][0]["lifecycle"] = lifecycle
    program.declare(annotated(declared, deletionPropagationPolicy=policy))
    program.up()
    program.declare()
    program.up()
    pods = f"/api/v1/namespaces/{namespace}/pods"
    assert bool(lab.items(pods)) == pods_left
    until(lambda: not lab.items(pods))
