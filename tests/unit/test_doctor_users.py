"""The doctor and headers that name users: a filter that sets them too late keeps nobody's version."""

from __future__ import annotations

import pytest
import yaml

from eco2.doctor.users import MESH, POLICIES, users
from kube.errors import NotServedError
from lab.pods.authorization import allowed, user_of
from rollout.spec.files import read_catalog
from rollout.spec.stickiness import Stickiness
from tests.conftest import ROOT

CATALOG = read_catalog(ROOT / "services.yaml")
POLICY = {"spec": {"action": "CUSTOM", "provider": {"name": "authz"}}}


class Cluster:
    def __init__(self, mesh, policies):
        self._mesh, self._policies = mesh, policies

    def list(self, path):
        assert path == POLICIES
        if self._policies is None:
            raise NotServedError(path)
        return self._policies

    def get(self, path):
        assert path == MESH
        return self._mesh


def mesh(**provider):
    said = {"extensionProviders": [{"name": "authz", "envoyExtAuthzGrpc": {"service": "a", **provider}}]}
    return {"data": {"mesh": yaml.safe_dump(said)}}


@pytest.mark.parametrize(
    ("found", "policies", "state", "says"),
    [
        (mesh(), [POLICY], "warning", "If authz sets that header, it comes too late"),
        (mesh(clearRouteCache=True), [POLICY], "fine", "chosen again after authz"),
        (mesh(clearRouteCache="true"), [POLICY], "warning", "too late"),
        (mesh(), [{"spec": {"action": "ALLOW"}}], "fine", "which callers send"),
        (mesh(), None, "fine", "which callers send"),
        (None, [POLICY], "unchecked", "no ConfigMap istio"),
        ({"data": {"mesh": "a: [b"}}, [POLICY], "unchecked", "names no providers"),
        ({"data": {"mesh": "[]"}}, [POLICY], "unchecked", "names no providers"),
        ({"data": {"mesh": "extensionProviders: []"}}, [POLICY], "warning", "too late"),
    ],
)
def test_a_filter_that_chooses_no_route_again_is_told(found, policies, state, says):
    own = CATALOG.services["auth-api"]
    services = {"auth-api": own.model_copy(update={"stickiness": Stickiness(header="x-user-id")})}
    (told,) = users(Cluster(found, policies), services, "eco2-dev")
    assert (told.state, says in told.what) == (state, True)
    assert "auth-api knows users by x-user-id" in told.what or state == "unchecked"
    assert bool(told.remedy) == (state == "warning")


def test_without_such_a_service_nothing_is_asked():
    assert users(Cluster(None, None), CATALOG.services, "eco2-dev") == []


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
