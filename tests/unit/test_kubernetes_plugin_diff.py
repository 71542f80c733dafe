"""What the stand-in for the Kubernetes plugin sees as a change, and what of the ignored fields it sends."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from lab.plugins.host import to_struct
from lab.plugins.kubernetes.objects import _without_ignored
from lab.plugins.kubernetes.provider import Kubernetes

URN = "urn:pulumi:dev::eco2::kubernetes:autoscaling/v2:HorizontalPodAutoscaler::thing"


def autoscaler(annotations=None, **spec):
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "thing", "namespace": "n", "annotations": annotations or {}},
        "spec": {"maxReplicas": 3, **spec},
    }


def left(inputs, **differing):
    """The state that an update leaves: no empty maps, the server's own fields, and what differs."""
    meta = {key: value for key, value in inputs["metadata"].items() if value}
    return {
        **inputs,
        "metadata": {**meta, "uid": "u"},
        "spec": {**inputs["spec"], "minReplicas": 1, **differing},
        "status": {"currentReplicas": 1},
    }


def changed(state, old, new, ignored=()):
    request = SimpleNamespace(
        urn=URN,
        olds=to_struct(state),
        old_inputs=to_struct(old),
        news=to_struct(new),
        ignoreChanges=list(ignored),
    )
    return set(Kubernetes().Diff(request, None).detailedDiff)


def test_what_a_server_adds_and_what_is_empty_is_no_change():
    assert changed(left(autoscaler()), autoscaler(), autoscaler()) == set()


def test_a_changed_input_is_a_change():
    old, new = autoscaler(behavior={"scaleDown": {"policies": []}}), autoscaler(maxReplicas=4)
    assert changed(left(old), old, new) == {"spec.maxReplicas"}
    old = autoscaler({"a": "b"}, minReplicas=1)
    assert changed(left(old), old, autoscaler()) == {"metadata.annotations", "spec.minReplicas"}


def test_a_quantity_in_another_form_is_no_change():
    def container(cpu, memory):
        resources = {"limits": {"cpu": cpu, "memory": memory}, "requests": {"cpu": "0.1"}}
        spec = {"containers": [{"resources": resources}]}
        return {"kind": "Deployment", "metadata": {"name": "thing"}, "spec": spec}

    given = container("1000m", "1024Mi")
    assert changed(container("1", "1Gi"), given, given) == set()
    path = "spec.containers[0].resources.limits.cpu"
    assert changed(container("1", "1Gi"), given, container("1001m", "1Gi")) == {path}


def test_an_update_that_was_refused_is_still_a_change():
    # The state holds the new inputs beside what is live.
    inputs = autoscaler(maxReplicas=5)
    assert changed(left(inputs, maxReplicas=9), inputs, inputs) == {"spec.maxReplicas"}


def test_an_ignored_field_is_no_change_whatever_is_live():
    inputs = autoscaler()
    ignored = ["spec.maxReplicas"]
    assert changed(left(inputs, maxReplicas=9), inputs, autoscaler(maxReplicas=4), ignored) == set()


@pytest.mark.parametrize(
    ("owners", "sent"),
    [
        (("eco2",), 9),
        (("kube-controller-manager",), None),
        # Left out, the manager would give up its share of the field.
        (("eco2", "kube-controller-manager"), 9),
        ((), 9),
    ],
)
def test_an_ignored_field_is_left_to_others_only_where_it_is_theirs_alone(owners, sent):
    live = left(autoscaler(maxReplicas=9))
    fields = {"f:spec": {"f:maxReplicas": {}}}
    live["metadata"]["managedFields"] = [{"manager": name, "fieldsV1": fields} for name in owners]
    body = _without_ignored(autoscaler(), live, "eco2", ["spec.maxReplicas"])
    assert body["spec"].get("maxReplicas") == sent


def test_ignored_metadata_brings_what_no_server_takes():
    live = left(autoscaler())
    meta = {"f:metadata": {"f:annotations": {}}}
    live["metadata"]["managedFields"] = [{"manager": name, "fieldsV1": meta} for name in ("eco2", "other")]
    assert "managedFields" in _without_ignored(autoscaler(), live, "eco2", ["metadata"])["metadata"]
