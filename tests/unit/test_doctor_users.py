"""The doctor and headers that name users: a filter that sets them too late keeps nobody's version."""

from __future__ import annotations

import pytest
import yaml

from eco2.doctor.users import FILTERS, POLICIES, users
from kube.errors import NotServedError
from lab.pods.authorization import allowed, user_of
from rollout.spec.files import read_catalog
from rollout.spec.stickiness import Stickiness
from tests.conftest import ROOT

CATALOG = read_catalog(ROOT / "services.yaml")
POLICY = {
    "metadata": {"namespace": "istio-system"},
    "spec": {"action": "CUSTOM", "provider": {"name": "authz"}},
}


class Cluster:
    def __init__(self, policies, filters):
        self._lists = {POLICIES: policies, FILTERS: filters}

    def list(self, path):
        if self._lists[path] is None:
            raise NotServedError(path)
        return self._lists[path]


def envoy_filter(name="envoy.filters.http.ext_authz", namespace="istio-system", context="GATEWAY", **config):
    patch = {"operation": config.pop("operation", "MERGE"), "value": {"name": name, "typed_config": config}}
    patches = [{"match": {"context": context}, "patch": patch}]
    return {"metadata": {"namespace": namespace}, "spec": {"configPatches": patches}}


OURS = yaml.safe_load((ROOT / "docs/istio/routes-after-ext-authz.yaml").read_text())


@pytest.mark.parametrize(
    ("policies", "filters", "state", "says"),
    [
        ([POLICY], [], "warning", "If authz sets that header, it comes too late"),
        ([POLICY], None, "warning", "too late"),
        ([POLICY], [{"metadata": {"namespace": "istio-system"}}], "warning", "too late"),
        ([POLICY], [OURS], "fine", "chosen again after authz"),
        ([POLICY], [envoy_filter(clearRouteCache=True)], "fine", "chosen again"),
        ([POLICY], [envoy_filter(clear_route_cache=False)], "warning", "too late"),
        (
            [POLICY],
            [envoy_filter("envoy.filters.http.jwt_authn", clear_route_cache=True)],
            "warning",
            "too late",
        ),
        ([POLICY], [envoy_filter(namespace="shop", clear_route_cache=True)], "warning", "too late"),
        ([POLICY], [envoy_filter(context="SIDECAR_INBOUND", clear_route_cache=True)], "warning", "too late"),
        ([POLICY], [envoy_filter(operation="REMOVE", clear_route_cache=True)], "warning", "too late"),
        ([{**POLICY, "spec": {"action": "ALLOW"}}], [], "fine", "callers must send it"),
        ([{**POLICY, "metadata": {"namespace": "shop"}}], [], "fine", "callers must send it"),
        (None, [], "fine", "callers must send it"),
    ],
)
def test_a_filter_that_chooses_no_route_again_is_told(policies, filters, state, says):
    own = CATALOG.services["auth-api"]
    services = {"auth-api": own.model_copy(update={"stickiness": Stickiness(header="x-user-id")})}
    (told,) = users(Cluster(policies, filters), services, "istio-system/eco2-gateway", "eco2-dev")
    assert (told.state, says in told.what) == (state, True)
    assert "auth-api knows users by x-user-id" in told.what
    assert ("docs/istio/routes-after-ext-authz.yaml" in told.remedy) == (state == "warning")


def test_without_such_a_service_nothing_is_asked():
    assert users(Cluster(None, None), CATALOG.services, "istio-system/eco2-gateway", "eco2-dev") == []


def test_the_labs_own_filter_reads_who_asks():
    def part(number, body):
        return bytes([number << 3 | 2, len(body)]) + body

    def check(*pairs):
        headers = b"".join(part(3, part(1, key.encode()) + part(2, value.encode())) for key, value in pairs)
        # A number, eight bytes and four bytes stand before it, as Envoy may send them.
        others = bytes([1 << 3, 0x96, 1]) + bytes([5 << 3 | 1]) + bytes(8) + bytes([6 << 3 | 5]) + bytes(4)
        return part(1, part(4, others + part(2, headers)))

    assert user_of(check((":path", "/"), ("authorization", "Bearer 17"))) == "17"
    assert user_of(check((":path", "/"))) == ""
    assert user_of(b"") == ""
    long = "f" * 200
    assert long.encode() in allowed("v1", long)
    assert b"x-user-id" not in allowed("v1")
