"""Which istiod is new enough by its Deployment, and which of them nobody can tell."""

from __future__ import annotations

import pytest

from eco2.doctor.istiod import istiod

PATH = "/apis/apps/v1/namespaces/istio-system/deployments"


class Cluster:
    def __init__(self, *deployments):
        self.deployments = list(deployments)

    def list(self, path, query):
        assert (path, query) == (PATH, {"labelSelector": "app=istiod"})
        return self.deployments


def deployment(image, name="istiod", **labels):
    containers = [{"name": "sidecar", "image": "proxy:1.1"}, {"name": "discovery", "image": image}]
    meta = {"name": name, "labels": {"app": "istiod"} | labels}
    return {"metadata": meta, "spec": {"template": {"spec": {"containers": containers}}}}


@pytest.mark.parametrize(
    ("image", "state"),
    [
        ("docker.io/istio/pilot:1.22.0", "fine"),
        ("docker.io/istio/pilot:1.27.3-distroless", "fine"),
        ("gcr.io/istio/pilot:1.30", "fine"),
        ("here:5000/pilot:2.0.1@sha256:0f", "fine"),
        ("docker.io/istio/pilot:1.21.6", "missing"),
        ("docker.io/istio/pilot:1.9.0-distroless", "missing"),
        # Of these nobody knows.
        ("docker.io/istio/pilot:latest", "unchecked"),
        ("docker.io/istio/pilot", "unchecked"),
        ("here:5000/pilot@sha256:0f", "unchecked"),
        ("here:1.25/pilot", "unchecked"),
        ("docker.io/istio/pilot:master-1.25", "unchecked"),
        ("", "unchecked"),
    ],
)
def test_the_tag_tells_the_version_or_nothing_does(image, state):
    (found,) = istiod(Cluster(deployment(image)), "there")
    assert (found.group, found.state) == ("Istio", state)
    assert bool(found.remedy) == (state == "missing")


def test_an_old_one_is_told_with_what_it_costs_and_the_way_on():
    (found,) = istiod(Cluster(deployment("docker.io/istio/pilot:1.21.6")), "there")
    assert found.what == "istiod is 1.21.6, and a canary that fails falls back from 1.22 on alone (rule 19)"
    assert found.remedy.startswith(
        "helm --kube-context there upgrade istiod istio/istiod -n istio-system --version 1.22,"
    )


@pytest.mark.parametrize(
    ("labels", "state"),
    [
        ({"app.kubernetes.io/version": "1.26.2"}, "fine"),
        ({"helm.sh/chart": "istiod-1.21.1"}, "missing"),
        ({"operator.istio.io/version": "1.21.0"}, "missing"),
        ({"operator.istio.io/version": "unknown"}, "unchecked"),
    ],
)
def test_where_the_tag_is_none_labels_tell(labels, state):
    (found,) = istiod(Cluster(deployment("here/pilot@sha256:0f", **labels)), "there")
    assert found.state == state


def test_each_revision_is_told_by_itself():
    both = (deployment("pilot:1.24.0", "istiod-1-24"), deployment("pilot:1.20.0", "istiod-1-20"))
    assert [one.state for one in istiod(Cluster(*both), "there")] == ["fine", "missing"]


def test_without_a_deployment_nothing_is_known():
    (found,) = istiod(Cluster(), "there")
    assert found.state == "unchecked"
    assert found.what == "not checked: istiod's version; istio-system has no Deployment with app=istiod"
