"""The first stroke of a worker: its canary is scaled to 0 at once, before any update."""

from __future__ import annotations

import time

import pytest

from eco2.abort import finish as after_the_first
from eco2.abort import reconcile as second_stroke
from eco2.abort.errors import ReconcileError, RoutesError
from eco2.abort.files import Place
from eco2.abort.request import AbortRequest
from eco2.abort.run import abort
from eco2.abort.workers import PAUSED
from eco2.stack.cli import LockedError
from kube.cluster import ClusterClient
from tests.aborting import struck, without_cli
from tests.api_server import DEPLOYMENT, ROUTES, ApiServer

pytestmark = pytest.mark.whole
CANARY = DEPLOYMENT.format("scan", "scan-worker-canary")
SCALER = "/apis/keda.sh/v1alpha1/namespaces/scan/scaledobjects/scan-worker-canary"
SCALED = "scan-worker-canary: scaled to 0; its pods finish their message"
NOT_UNTIL = "scan-worker: until the update ends its canary, it may take work: "


@pytest.fixture
def server(tmp_path, desk, monkeypatch):
    """scan-worker with a canary of 2 pods, auth-api at 20 %, and a CLI that can be used for nothing."""
    without_cli(desk, monkeypatch)
    with ApiServer(tmp_path / "kubeconfig", "eco2-dev") as running:
        running.routes("auth", "auth-api", 20)
        running.deployment("scan", "scan-worker", 3)
        running.deployment("scan", "scan-worker-canary", 2)
        yield running


@pytest.fixture
def ended(monkeypatch):
    """What the second stroke is tried for; it succeeds, and the canary is gone."""
    tried = []
    monkeypatch.setattr(second_stroke.SecondStroke, "run", lambda stroke, _: tried.extend(stroke.services))
    monkeypatch.setattr(second_stroke.SecondStroke, "not_back", lambda _, **__: {})
    monkeypatch.setattr(after_the_first, "what_waits", lambda *_: "")
    return tried


def scaler(server, **annotations):
    meta = {"namespace": "scan", "name": "scan-worker-canary", "annotations": annotations}
    server.objects[SCALER] = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {**meta, "uid": "1", "resourceVersion": "7"},
        "spec": {"scaleTargetRef": {"name": "scan-worker-canary"}, "triggers": [{"type": "rabbitmq"}]},
        "status": {"conditions": []},
    }


def replicas(server, name="scan-worker-canary"):
    return server.objects[DEPLOYMENT.format("scan", name)]["spec"]["replicas"]


def test_a_workers_canary_is_scaled_to_0_at_once_and_its_stable_is_not(desk, server):
    said, error = struck(desk, "scan-worker", reconcile=False)
    assert error is None
    assert said[0] == SCALED
    assert (replicas(server), replicas(server, "scan-worker")) == (0, 3)
    assert server.written == [(f"{CANARY}/scale", "fieldManager=eco2")]
    assert not [line for line in said if "traffic" in line]


def test_a_stack_that_stays_locked_leaves_no_canary_at_work(desk, server):
    """The update fails, as by a lock, a backend that is away or a file that cannot be written."""
    said, error = struck(desk, "scan-worker")
    assert isinstance(error, ReconcileError)
    assert said[0] == SCALED
    assert replicas(server) == 0
    assert "still takes work" not in str(error)


def test_a_second_run_says_that_it_was_done(desk, server):
    server.objects[CANARY]["spec"]["replicas"] = 0
    said, error = struck(desk, "scan-worker", reconcile=False)
    assert error is None
    assert said[0] == "scan-worker-canary: scaled to 0 already"
    assert server.written == []


def test_keda_is_held_before_the_pods_go(desk, server):
    scaler(server, own="x")
    spec = server.objects[SCALER]["spec"]
    said, error = struck(desk, "scan-worker", reconcile=False)
    assert error is None
    assert said[0] == SCALED
    assert [path for path, _ in server.written] == [SCALER, f"{CANARY}/scale"]
    assert server.written[0][1] == "fieldManager=eco2&force=true"
    held = server.objects[SCALER]
    assert held["metadata"]["annotations"] == {"own": "x", PAUSED: "0"}
    assert held["spec"] == spec
    assert "uid" not in held["metadata"]


def test_keda_is_held_also_where_it_has_scaled_to_0_itself(desk, server):
    scaler(server)
    server.objects[CANARY]["spec"]["replicas"] = 0
    said, error = struck(desk, "scan-worker", reconcile=False)
    assert error is None
    assert server.objects[SCALER]["metadata"]["annotations"] == {PAUSED: "0"}
    assert said[0] == "scan-worker-canary: scaled to 0 already"


def test_a_cluster_without_keda_needs_none(desk, server):
    server.not_served.add(SCALER)
    said, error = struck(desk, "scan-worker", reconcile=False)
    assert error is None
    assert said[0] == SCALED


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_where_keda_cannot_be_held_the_pods_go_all_the_same_and_that_is_no_success(desk, server, method):
    scaler(server)
    server.once[method, SCALER] = [403] * 3
    said, error = struck(desk, "scan-worker", reconcile=False)
    assert replicas(server) == 0
    assert said[0] == SCALED
    assert "whether KEDA scales it up again is not known: no right to " in str(error)
    assert f"{ {'GET': 'get', 'PATCH': 'patch'}[method] } ScaledObject scan/scan-worker-canary" in str(error)


@pytest.mark.parametrize(
    ("method", "path", "right"),
    [
        ("GET", CANARY, "no right to get Deployment scan/scan-worker-canary"),
        (
            "PATCH",
            f"{CANARY}/scale",
            "no right to patch deployments/scale of Deployment scan/scan-worker-canary",
        ),
    ],
)
def test_a_right_that_is_missing_is_named_and_holds_up_no_other_service(desk, server, method, path, right):
    server.once[method, path] = [403] * 3
    said, error = struck(desk, "scan-worker", "auth-api", reconcile=False)
    assert isinstance(error, RoutesError)
    assert f"scan-worker: its canary may take work still: {right}: " in str(error)
    assert str(error).endswith("eco2 abort scan-worker auth-api --stack dev --no-reconcile")
    assert server.subsets("auth", "auth-api") == {"stable"}
    assert "auth-api: all traffic to stable" in said[0]
    assert not [line for line in said if "scaled to 0" in line]


def test_a_canary_that_could_not_be_scaled_is_ended_by_the_update(desk, server, ended):
    server.once["PATCH", f"{CANARY}/scale"] = [403] * 3
    said, error = struck(desk, "scan-worker", "auth-api")
    assert error is None
    assert ended == ["scan-worker", "auth-api"]
    assert [line for line in said if line.startswith(f"{NOT_UNTIL}no right to patch deployments/scale")]


def test_where_the_update_fails_too_the_canary_is_not_told_at_rest(desk, server):
    server.once["PATCH", f"{CANARY}/scale"] = [403] * 9
    _, error = struck(desk, "scan-worker")
    assert isinstance(error, ReconcileError)
    assert "scan-worker: its canary still takes work: no right to patch deployments/scale" in str(error)
    assert "gets traffic any more" not in str(error)


@pytest.mark.parametrize("status", [429, 500, 503, 0])
@pytest.mark.parametrize(
    ("method", "path"), [("GET", CANARY), ("PATCH", f"{CANARY}/scale"), ("PATCH", SCALER)]
)
def test_a_server_that_is_busy_for_a_moment_is_asked_again(desk, server, method, path, status):
    scaler(server)
    server.once[method, path] = [status] * 2
    said, error = struck(desk, "scan-worker", reconcile=False)
    assert error is None
    assert said[0] == SCALED
    assert replicas(server) == 0


def test_a_scaled_object_that_changes_between_look_and_write_is_read_again(desk, server):
    scaler(server)

    def changed():
        server.objects[SCALER]["metadata"]["resourceVersion"] = "8"
        server.objects[SCALER]["spec"]["maxReplicaCount"] = 4

    server.before_write[SCALER] = changed
    _, error = struck(desk, "scan-worker", reconcile=False)
    assert error is None
    assert server.objects[SCALER]["spec"]["maxReplicaCount"] == 4
    assert server.objects[SCALER]["metadata"]["annotations"] == {PAUSED: "0"}


def test_what_is_scaled_up_again_at_once_is_not_told_at_rest(desk, server):
    server.after_write[CANARY] = lambda: server.objects[CANARY]["spec"].update(replicas=2)
    said, error = struck(desk, "scan-worker", reconcile=False)
    assert "was scaled to 0, and its spec.replicas is 2 again" in str(error)
    assert not [line for line in said if "scaled to 0" in line]


def test_a_worker_without_a_canary_is_no_failure(desk, server):
    del server.objects[CANARY]
    scaler(server)
    said, error = struck(desk, "scan-worker", reconcile=False)
    assert error is None
    assert said[0] == "scan-worker: has no canary: no Deployment scan-worker-canary is there"
    assert server.written == []


def test_a_canary_that_goes_between_look_and_write_is_no_failure(desk, server):
    server.before_write[f"{CANARY}/scale"] = lambda: server.objects.pop(CANARY)
    said, error = struck(desk, "scan-worker", reconcile=False)
    assert error is None
    assert "has no canary" in said[0]


def test_a_wrong_word_in_the_checkout_scales_no_canary_that_requests_come_to(desk, server):
    server.deployment("scan", "scan-worker-canary", 2, kind="grpc")
    _, error = struck(desk, "scan-worker", reconcile=False)
    assert replicas(server) == 2
    assert "is of kind grpc, so requests may come to it, and it is left as it is" in str(error)


def test_a_deployment_of_another_shape_ends_nobody_elses_way_back(desk, server):
    server.objects[CANARY]["spec"] = ["?"]
    _, error = struck(desk, "scan-worker", "auth-api", reconcile=False)
    assert "Deployment scan/scan-worker-canary has a shape that is not understood" in str(error)
    assert server.subsets("auth", "auth-api") == {"stable"}


def test_a_canary_that_another_update_brings_up_is_scaled_down_again(desk, server, monkeypatch):
    """It holds the lock, and sets the number that it was begun with."""
    said, tried = [], []

    def locked(*_):
        if "scan-worker: taken back again" in said:
            raise KeyboardInterrupt
        if not tried:
            server.objects[CANARY]["spec"]["replicas"] = 2
        tried.append(1)
        raise LockedError("is currently locked")

    waiting = time.monotonic() + 20
    monkeypatch.setattr(second_stroke, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(second_stroke, "in_order", locked)
    monkeypatch.setattr("time.sleep", lambda _: time.monotonic() < waiting or pytest.fail("it stays up"))
    with pytest.raises(KeyboardInterrupt):
        abort(AbortRequest(desk.folder, "dev", ("scan-worker",)), said.append)
    assert said[0] == SCALED
    assert replicas(server) == 0


def test_a_missing_right_is_told_once_while_another_update_is_waited_for(desk, server, monkeypatch):
    server.once["PATCH", f"{CANARY}/scale"] = [403] * 9
    looks = []

    class Ended:
        def wait(self, _):
            looks.append(1)
            return len(looks) > 4

    said, places = [], {"scan-worker": Place("worker", "scan")}
    request = AbortRequest(desk.folder, "dev", ("scan-worker",))
    second = second_stroke.SecondStroke(request, ClusterClient("eco2-dev"), places, said.append)
    second._keep_off({}, Ended())
    assert len(said) == 1


def test_a_worker_that_only_the_cluster_knows_is_scaled_down_and_no_success(desk, server):
    file = desk.folder / "services.yaml"
    text = file.read_text()
    assert "\n  scan-worker:\n" in text
    file.write_text(text.replace("\n  scan-worker:\n", "\n  scan-reader:\n"))
    live = server.objects[CANARY]
    live["metadata"]["labels"]["app"] = "scan-worker"
    for path in (ROUTES.partition("/namespaces")[0] + "/virtualservices", "/api/v1/services"):
        server.objects[path] = {"items": []}
    server.objects["/apis/apps/v1/deployments"] = {"items": [live]}
    said, _ = struck(desk, reconcile=False)
    assert replicas(server) == 0
    assert SCALED in said
