"""An abort claims no more than what it did, whatever else fails beside it."""

from __future__ import annotations

import json

import pytest

from eco2.abort import reconcile as second_stroke
from eco2.abort.errors import ReconcileError, RoutesError
from eco2.abort.request import AbortRequest
from eco2.abort.run import abort
from eco2.stack.cli import EndedError, LockedError
from kube.cluster import ClusterClient
from tests.aborting import in_state, state_of, struck, without_cli
from tests.api_server import ISTIOD, ROUTES, ApiServer, routed
from tests.unit.priors import entry

pytestmark = pytest.mark.whole
NO = 'admission webhook "x" denied the request'
SERVICE = "/api/v1/namespaces/auth/services/ext-authz"
DEPLOYMENT = "/apis/apps/v1/namespaces/{}/deployments/{}"


@pytest.fixture
def server(tmp_path, desk, monkeypatch):
    """auth-api and chat-api at 20 %, and a CLI that can be used for nothing."""
    without_cli(desk, monkeypatch)
    with ApiServer(tmp_path / "kubeconfig", "eco2-dev") as running:
        for name, namespace in (("auth-api", "auth"), ("chat-api", "chat")):
            running.routes(namespace, name, 20)
        yield running


def refuse(server, namespace, *names):
    server.refusals |= {ROUTES.format(namespace, name): NO for name in names}


def test_a_refused_route_is_told_though_the_update_of_the_others_fails_too(desk, server):
    refuse(server, "chat", "chat-api", "chat-api-mesh")
    said, error = struck(desk, "auth-api", "chat-api")
    assert isinstance(error, RoutesError)
    assert said[0].startswith("auth-api: all traffic to stable after")
    assert "chat-api: the cluster of context eco2-dev refused" in str(error)
    assert NO in str(error)
    assert "No canary of auth-api gets traffic any more" in str(error)
    assert "No canary of auth-api, chat-api" not in str(error)


def test_a_refused_route_does_not_keep_another_service_from_its_update(desk, server, monkeypatch):
    tried = []
    monkeypatch.setattr(second_stroke.SecondStroke, "run", lambda stroke, _: tried.extend(stroke.services))
    refuse(server, "chat", "chat-api", "chat-api-mesh")
    server.objects[DEPLOYMENT.format("scan", "scan-worker")] = {"metadata": {}}
    _, error = struck(desk, "chat-api", "scan-worker")
    assert tried == ["scan-worker"]
    assert NO in str(error)


def test_where_no_route_is_found_it_says_what_was_not_touched(desk, server):
    for name in ("chat-api", "chat-api-mesh"):
        del server.objects[ROUTES.format("chat", name)]
    _, error = struck(desk, "chat-api", "scan-worker")
    assert "chat-api: no route was found" in str(error)
    assert "nothing of scan-worker was touched" in str(error)


@pytest.mark.parametrize("kind", ["API", "http", "worker", "grpc"])
@pytest.mark.parametrize("reconcile", [True, False])
def test_a_wrong_kind_in_the_checkout_hides_no_route(desk, server, kind, reconcile):
    file = desk.folder / "services.yaml"
    before, own, after = file.read_text().partition("\n  auth-api:\n")
    file.write_text(before + own + after.replace("kind: api", f"kind: {kind}", 1))
    struck(desk, "auth-api", reconcile=reconcile)
    assert server.subsets("auth", "auth-api") == {"stable"}


def test_a_worker_whose_update_fails_is_not_told_free_of_traffic(desk, server):
    for name in ("scan-worker", "scan-worker-canary"):
        server.deployment("scan", name, 1)
    canary = server.objects[DEPLOYMENT.format("scan", "scan-worker-canary")]
    server.after_write[DEPLOYMENT.format("scan", "scan-worker-canary")] = lambda: canary.update(
        spec={"replicas": 1}
    )
    _, error = struck(desk, "scan-worker")
    assert isinstance(error, ReconcileError)
    assert "scan-worker: its canary still takes work" in str(error)
    assert "gets traffic any more" not in str(error)


def test_one_route_that_is_not_there_is_no_success_without_an_update(desk, server):
    del server.objects[ROUTES.format("auth", "auth-api-mesh")]
    said, error = struck(desk, "auth-api", reconcile=False)
    assert said[0].startswith("auth-api: VirtualService auth/auth-api to stable after")
    assert "VirtualService auth/auth-api-mesh is not there" in str(error)


def test_an_object_of_another_shape_ends_nobody_elses_way_back(desk, server):
    meta = {"name": "ext-authz", "namespace": "auth"}
    server.objects[SERVICE] = {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {}}
    server.objects[ROUTES.format("chat", "chat-api")]["spec"]["http"] = [{"route": [{"weight": 1}]}]
    _, error = struck(desk, "ext-authz", "chat-api", "auth-api", reconcile=False)
    assert "ext-authz: Service auth/ext-authz has no selector" in str(error)
    assert "VirtualService chat/chat-api has a shape that is not understood: KeyError" in str(error)
    assert server.subsets("auth", "auth-api") == {"stable"}


def test_an_object_without_rules_sends_nothing_to_a_canary(desk, server):
    del server.objects[ROUTES.format("auth", "auth-api")]["spec"]
    _, error = struck(desk, "auth-api", reconcile=False)
    assert error is None


def test_a_route_that_changes_between_look_and_write_is_read_again(desk, server):
    path = ROUTES.format("auth", "auth-api")
    server.objects[path]["metadata"]["resourceVersion"] = "1"

    def changed():
        server.objects[path] = routed("auth", "auth-api", 50)
        server.objects[path]["spec"]["hosts"] = ["new.example.org"]
        server.objects[path]["metadata"]["resourceVersion"] = "2"

    server.before_write[path] = changed
    _, error = struck(desk, "auth-api", reconcile=False)
    assert error is None
    assert server.subsets("auth", "auth-api") == {"stable"}
    assert server.objects[path]["spec"]["hosts"] == ["new.example.org"]


@pytest.fixture
def two_workers(desk, server, monkeypatch):
    """scan-worker and my-worker in flight by the state; the updates that run, by their targets."""
    left = entry(2, 5, "a:1", "a:2")
    state = state_of(scan_worker=left, my_worker=left, auth_api=left)
    updates = []
    in_state(monkeypatch, lambda *_: json.loads(json.dumps(state)))
    monkeypatch.setattr(second_stroke.SecondStroke, "_left_in_state", lambda *_: False)
    monkeypatch.setattr(second_stroke, "update", lambda *told, **_: updates.append(" ".join(map(str, told))))
    server.objects[DEPLOYMENT.format("my", "my-worker")] = {"metadata": {}}
    return updates


def test_a_worker_that_is_not_there_does_not_keep_another_from_its_way_back(desk, server, two_workers):
    _, error = struck(desk, "scan-worker", "my-worker")
    assert len(two_workers) == 1
    assert "my-worker" in two_workers[0]
    assert "scan-worker" not in two_workers[0]
    assert "of scan/scan-worker neither Deployment is there" in str(error)


def test_a_worker_of_which_only_the_canary_is_left_goes_back(desk, server, two_workers):
    server.objects[DEPLOYMENT.format("scan", "scan-worker-canary")] = {"metadata": {}}
    struck(desk, "scan-worker", "my-worker")
    assert "scan-worker" in two_workers[0]


def test_an_istiod_that_is_down_keeps_no_worker_at_work(desk, server, two_workers):
    server.objects[DEPLOYMENT.format("scan", "scan-worker")] = {"metadata": {}}
    istiod(server, 0)
    _, error = struck(desk, "scan-worker", "auth-api")
    assert len(two_workers) == 1
    assert "CanaryService::scan-worker" in two_workers[0]
    assert "auth-api" not in two_workers[0]
    assert "the canary of auth-api stays, since its proxies' routes lead to it" in str(error)


def test_an_entry_that_cannot_be_changed_keeps_no_other_service_from_its_way_back(desk, server, two_workers):
    desk.says(auth_api="&shared {phase: 3}", chat_api="*shared", scan_worker="{phase: 3}")
    server.objects[DEPLOYMENT.format("scan", "scan-worker")] = {"metadata": {}}
    _, error = struck(desk, "auth-api", "chat-api", "scan-worker")
    assert len(two_workers) == 1
    assert "CanaryService::scan-worker" in two_workers[0]
    assert "auth-api" not in two_workers[0]
    assert "nothing of these entries was changed" in str(error)
    assert "eco2:rollouts.auth-api" in str(error)


def test_the_pause_counts_from_the_last_time_that_routes_were_taken_back(desk, server, monkeypatch):
    """Another update sets its routes between the last look and its end."""
    state = state_of(auth_api=entry(3, 20, "a:1", "a:2"))
    told = []

    def update(*_, variables, **__):
        told.append((server.subsets("auth", "auth-api"), float(variables["ECO2_ROUTES_LEFT_AT"])))
        if len(told) == 1:
            server.routes("auth", "auth-api", 20)
            raise LockedError("is currently locked")

    in_state(monkeypatch, lambda *_: state)
    monkeypatch.setattr(second_stroke.SecondStroke, "_left_in_state", lambda *_: False)
    monkeypatch.setattr(second_stroke.SecondStroke, "_keep_off", lambda *_: None)
    monkeypatch.setattr(second_stroke, "update", update)
    struck(desk, "auth-api")
    assert [subsets for subsets, _ in told] == [{"stable"}, {"stable"}]
    assert told[1][1] > told[0][1]


def istiod(server, ready):
    status = {"replicas": 1, "updatedReplicas": 1, "readyReplicas": ready}
    server.objects[ISTIOD] = {"items": [{"metadata": {"name": "istiod"}, "status": status}]}


def test_routes_that_no_proxy_learns_of_are_no_traffic_on_stable(desk, server):
    istiod(server, 0)
    said, error = struck(desk, "auth-api", reconcile=False)
    assert isinstance(error, RoutesError)
    assert "auth-api: the routes are written, and proxies do not know them, or may not" in str(error)
    assert not [line for line in said if "all traffic" in line]
    assert said[0].startswith(
        "auth-api: VirtualService auth/auth-api, VirtualService auth/auth-api-mesh to stable"
    )
    assert "proxies do not know that yet: no pod of Deployment istio-system/istiod is ready" in said[1]
    assert "kubectl -n istio-system rollout restart deployment istiod" in said[1]


@pytest.mark.parametrize("ready", [0, 1])
def test_a_canary_that_proxies_still_send_to_is_not_ended(desk, server, monkeypatch, ready):
    istiod(server, ready)
    updates = in_flight_at_20(server, monkeypatch)
    _, error = struck(desk, "auth-api")
    assert len(updates) == ready
    assert ("the canary of auth-api stays, since its proxies' routes lead to it" in str(error)) is (
        ready == 0
    )
    if not ready:
        assert "The routes of auth-api are written, and proxies do not know that yet" in str(error)
        assert "gets traffic any more" not in str(error)


@pytest.mark.parametrize("reconcile", [True, False])
def test_routes_in_a_version_that_istiod_does_not_read_are_no_success(desk, server, monkeypatch, reconcile):
    monkeypatch.setattr(ClusterClient, "version_instead", lambda *_: "v1beta1")
    said, error = struck(desk, "auth-api", reconcile=reconcile)
    assert isinstance(error, ReconcileError if reconcile else RoutesError)
    assert "whether proxies know that is not known" in said[1]
    assert "gets traffic any more" not in str(error)
    told = "The routes of auth-api are written" if reconcile else "auth-api: the routes are written"
    assert told in str(error)


def test_an_istiod_of_which_nothing_can_be_read_is_neither_known_to_be_down_nor_to_work(desk, server):
    server.unreadable.add(ISTIOD)
    said, error = struck(desk, "auth-api", reconcile=False)
    assert error is None
    assert not [line for line in said if "all traffic" in line]
    assert said[1].startswith(
        "whether istiod hands it on to proxies was not looked at: the cluster of context"
    )
    server.objects[ISTIOD] = {"items": []}
    server.unreadable.clear()
    server.routes("auth", "auth-api", 20)
    assert "all traffic to stable" in struck(desk, "auth-api", reconcile=False)[0][0]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 0])
@pytest.mark.parametrize("method", ["GET", "PATCH"])
@pytest.mark.parametrize("kept", [False, True])
def test_a_server_that_is_busy_for_a_moment_ends_no_way_back(desk, server, method, status, kept):
    """`kept`: whether it is asked again on a connection that has served before."""
    for name in ("auth-api", "auth-api-mesh"):
        server.once[method, ROUTES.format("auth", name)] = [status] * (2 if kept else 1)
    said, error = struck(desk, "auth-api", reconcile=False)
    assert error is None
    assert server.subsets("auth", "auth-api") == {"stable"}
    assert "auth-api: all traffic to stable" in said[0]


def test_a_server_that_stays_busy_is_told_with_its_words(desk, server):
    server.once["PATCH", ROUTES.format("auth", "auth-api")] = [429] * 50
    _, error = struck(desk, "auth-api", reconcile=False)
    assert "not now" in str(error)
    assert len(server.once["PATCH", ROUTES.format("auth", "auth-api")]) == 45


def test_a_refusal_is_not_asked_for_again(desk, server):
    server.once["PATCH", ROUTES.format("auth", "auth-api")] = [403] * 2
    _, error = struck(desk, "auth-api", reconcile=False)
    assert "not now" in str(error)


def test_what_istio_does_not_tell_keeps_no_service_from_being_pinned(desk, server):
    spec = {"selector": {"app": "ext-authz", "version": "v2"}}
    meta = {"name": "ext-authz", "namespace": "auth"}
    server.objects[SERVICE] = {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}
    server.unreadable |= {ROUTES.format("auth", one) for one in ("ext-authz", "ext-authz-mesh")}
    said, error = struck(desk, "ext-authz", reconcile=False)
    assert server.objects[SERVICE]["spec"]["selector"]["version"] == "v1"
    assert said[0].startswith("ext-authz: Service auth/ext-authz to stable after")
    assert "no right to read this" in str(error)


def test_what_istio_does_not_tell_keeps_no_worker_from_its_update(desk, server, two_workers):
    server.objects[DEPLOYMENT.format("scan", "scan-worker")] = {"metadata": {}}
    server.unreadable |= {ROUTES.format("scan", one) for one in ("scan-worker", "scan-worker-mesh")}
    said, error = struck(desk, "scan-worker")
    assert "scan-worker" in two_workers[0]
    assert error is None
    assert said[0].startswith(
        "scan-worker: takes its work from queues; whether it has routes besides is not known"
    )


def test_a_state_that_knows_no_service_is_no_witness(desk, server, monkeypatch):
    """The wrong backend, or a stack that was just made."""
    for name in ("chat-api", "chat-api-mesh"):
        del server.objects[ROUTES.format("chat", name)]
    monkeypatch.setattr("eco2.abort.state.resources_of", lambda *_: [])
    _, error = struck(desk, "chat-api")
    assert isinstance(error, RoutesError)
    assert "chat-api: no route was found, looked for VirtualService chat/chat-api" in str(error)


def test_a_typing_error_keeps_no_other_service_from_its_way_back(desk, server):
    said, error = struck(desk, "auth-api", "chat-apo", reconcile=False)
    assert "auth-api: all traffic to stable" in said[0]
    assert isinstance(error, RoutesError)
    assert "chat-apo: no such service in services.yaml; did you mean chat-api?" in str(error)
    assert str(error).endswith("eco2 abort auth-api chat-apo --stack dev --no-reconcile")


def test_where_no_service_is_known_the_command_was_wrong(desk, server):
    done = desk.run("abort", "chat-apo")
    assert done.exit_code == 2
    assert "chat-apo: no such service in services.yaml; did you mean chat-api?" in done.output


def test_a_second_run_says_that_routes_are_where_they_should_be(desk, server):
    desk.says(auth_api="{phase: 3}")
    struck(desk, "auth-api", reconcile=False)
    said, error = struck(desk, "auth-api", reconcile=False)
    assert error is None
    assert said[0] == "auth-api: routes lead to stable already"
    assert said[1].startswith("config and state still say otherwise")


def test_a_file_at_phase_0_is_not_told_to_say_otherwise(desk, server):
    said, _ = struck(desk, "auth-api", reconcile=False)
    assert said[-1].startswith("the file says phase 0; whether the state does is not looked at: eco2 abort")


def test_a_ctrl_c_during_the_update_is_told_as_one(desk, server, monkeypatch):
    in_flight_at_20(server, monkeypatch)

    def ended(*_, **__):
        raise EndedError("the update was interrupted")

    monkeypatch.setattr(second_stroke, "update", ended)
    with pytest.raises(KeyboardInterrupt):
        abort(AbortRequest(desk.folder, "dev", ("auth-api",)), lambda _: None)


def in_flight_at_20(server, monkeypatch):
    """auth-api in flight by the state; the updates that run."""
    state = state_of(auth_api=entry(3, 20, "a:1", "a:2"))
    updates = []
    in_state(monkeypatch, lambda *_: state)
    monkeypatch.setattr(second_stroke.SecondStroke, "_left_in_state", lambda *_: False)
    monkeypatch.setattr(second_stroke, "update", lambda *told, **_: updates.append(told))
    return updates
