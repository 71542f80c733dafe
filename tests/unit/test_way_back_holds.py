"""What an abort wrote is read again, what it knows is read behind the lock, and nobody waits in silence for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from eco2.abort import finish, promotions
from eco2.abort import reconcile as second_stroke
from eco2.abort.errors import ReconcileError, RoutesError
from eco2.stack.cli import LockedError
from kube import connection, waiting
from kube.cluster import ClusterClient
from kube.errors import ClusterError
from tests.aborting import COMPONENT, in_state, state_of, struck, without_cli
from tests.api_server import ROUTES, ApiServer
from tests.conftest import ROOT
from tests.unit.priors import entry

OLD, NEW = "docker.io/mng990/eco2:old", "docker.io/mng990/eco2:new"


@pytest.fixture
def server(tmp_path, desk, monkeypatch):
    """auth-api and gone-api, which the checkout does not know, at 20 %."""
    without_cli(desk, monkeypatch)
    monkeypatch.setattr(finish, "what_waits", lambda *_: "")
    with ApiServer(tmp_path / "kubeconfig", "eco2-dev") as running:
        for name in ("auth-api", "gone-api"):
            running.routes("auth", name, 20)
        yield running


def put_back(server, *names):
    """Somebody gives the canary its share again, as soon as it is taken away."""
    for name in names:
        server.after_write[ROUTES.format("auth", name)] = lambda: server.routes("auth", "auth-api", 20)


@pytest.mark.parametrize("reconcile", [True, False])
@pytest.mark.parametrize("names", [["auth-api"], ["auth-api", "auth-api-mesh"]])
def test_a_route_that_somebody_puts_back_is_not_told_as_moved(desk, server, names, reconcile):
    put_back(server, *names)
    said, error = struck(desk, "auth-api", reconcile=reconcile)
    assert isinstance(error, RoutesError)
    told = f"VirtualService auth/{names[0]} was written, and it leads to the canary again; who else writes it"
    assert told in str(error)
    assert not [line for line in said if "all traffic" in line]


def test_a_route_that_cannot_be_read_again_is_told_as_written(desk, server):
    path = ROUTES.format("auth", "auth-api")
    server.after_write[path] = lambda: server.unreadable.add(path)
    _, error = struck(desk, "auth-api", reconcile=False)
    assert "VirtualService auth/auth-api was written, and could not be read again" in str(error)


def test_a_server_that_is_busy_just_after_the_write_is_asked_again(desk, server):
    path = ROUTES.format("auth", "auth-api")
    server.after_write[path] = lambda: server.once.update({("GET", path): [503]})
    said, error = struck(desk, "auth-api", reconcile=False)
    assert error is None
    assert said[0].startswith("auth-api: all traffic to stable after")
    assert [one for one, _ in server.written].count(path) == 1


def test_a_route_that_is_put_back_behind_the_update_is_no_success(desk, server, monkeypatch):
    now = [state_of(auth_api=entry(3, 20, OLD, NEW))]
    in_state(monkeypatch, lambda *_: now[0])

    def update(*_, **__):
        now[0] = state_of(auth_api=entry(0, 0, OLD, None))
        server.routes("auth", "auth-api", 20)

    monkeypatch.setattr(second_stroke, "update", update)
    _, error = struck(desk, "auth-api")
    assert isinstance(error, RoutesError)
    assert "led to the canary once more" in str(error)
    assert server.subsets("auth", "auth-api") == {"stable"}


@pytest.mark.parametrize("ends_well", [True, False])
def test_a_promotion_that_ends_meanwhile_is_not_told_as_taken_back(desk, server, monkeypatch, ends_well):
    before, ended = state_of(auth_api=entry(5, 100, OLD, NEW)), state_of(auth_api=entry(0, 0, NEW, None))
    now, looks = [before], iter([before])
    in_state(monkeypatch, lambda *_: now[0])
    monkeypatch.setattr(promotions, "resources_of", lambda *_: next(looks, now[0]))
    restored, updates = [], []

    def locked(*_):
        now[0] = ended if ends_well else before
        monkeypatch.setattr(second_stroke, "ask_for_lock", lambda *_: None)
        raise LockedError("is currently locked")

    def update(*told, **_):
        updates.append(told)
        now[0] = state_of(auth_api=entry(0, 0, OLD, None))

    monkeypatch.setattr(second_stroke, "ask_for_lock", locked)
    monkeypatch.setattr(
        second_stroke, "restore_stable", lambda *_: restored.append("auth-api") or frozenset()
    )
    monkeypatch.setattr(second_stroke, "update", update)
    said, error = struck(desk, "auth-api")
    if not ends_well:
        assert error is None
        assert (restored, len(updates)) == (["auth-api"], 1)
        return
    assert isinstance(error, ReconcileError)
    assert "auth-api: its promotion was under way and ended before it could be taken back" in str(error)
    assert 'write eco2:services.auth-api.image: {tag: "old"} and run: pulumi up --stack dev' in str(error)
    # The file asks for what runs, as the promotion has written it.
    assert (restored, updates) == ([], [])
    assert not [line for line in said if "stays" in line]


def test_a_canary_that_another_update_has_ended_is_no_target(desk, server, monkeypatch):
    """It ends a moment before the lock is free."""
    canary = {"type": "kubernetes:apps/v1:Deployment", "urn": "urn:pulumi:dev::eco2::x::auth-api-canary"}
    parent = {"parent": f"urn:pulumi:dev::eco2::{COMPONENT}::auth-api"}
    now = [[*state_of(auth_api=entry(1, 0, OLD, NEW)), canary | parent]]
    updates = []
    in_state(monkeypatch, lambda *_: now[0])

    def waited(*_):
        now[0] = state_of(auth_api=entry(0, 0, OLD, None))

    monkeypatch.setattr(second_stroke, "ask_for_lock", waited)
    monkeypatch.setattr(second_stroke, "update", lambda *told, **_: updates.append(told))
    said, error = struck(desk, "auth-api")
    assert error is None
    assert updates == []
    assert "nothing else is in flight" in said


@pytest.mark.parametrize("reconcile", [True, False])
def test_a_service_beyond_the_checkout_keeps_no_other_from_its_update(desk, server, monkeypatch, reconcile):
    now = [state_of(auth_api=entry(3, 20, OLD, NEW), gone_api=entry(3, 20, OLD, NEW))]
    in_state(monkeypatch, lambda *_: now[0])
    updates = []

    def update(*told, **_):
        updates.append(" ".join(map(str, told)))
        now[0] = state_of(auth_api=entry(0, 0, OLD, None), gone_api=entry(3, 20, OLD, NEW))

    monkeypatch.setattr(second_stroke, "update", update)
    said, error = struck(desk, "auth-api", "gone-api", namespace="auth", reconcile=reconcile)
    assert [server.subsets("auth", name) for name in ("auth-api", "gone-api")] == [{"stable"}] * 2
    told = "gone-api: this checkout's services.yaml does not know it"
    if not reconcile:
        assert error is None
        assert [line for line in said if line.startswith(told)]
        return
    assert isinstance(error, ReconcileError)
    assert str(error).startswith(told)
    assert len(updates) == 1
    assert "gone-api" not in updates[0]


def test_an_istiod_that_answers_late_costs_the_traffic_no_second(desk, server, monkeypatch):
    asked = ClusterClient.list

    def slow(cluster, path, query=None):
        if "istio-system" in path:
            threading.Event().wait(2.0)
        return asked(cluster, path, query)

    monkeypatch.setattr(ClusterClient, "list", slow)
    began = time.monotonic()
    said, error = struck(desk, "auth-api", reconcile=False)
    assert error is None
    assert time.monotonic() - began > 2.0
    assert "auth-api: what could be written is; whether istiod hands it on to proxies" in said[0]
    (moved,) = [line for line in said if "all traffic" in line]
    assert float(moved.split()[-2]) < 1.5


def test_many_that_wait_for_the_same_say_it_once(monkeypatch):
    heard = []
    monkeypatch.setattr(waiting, "_hears", [heard.append])
    monkeypatch.setattr(waiting, "_said", {})
    monkeypatch.setattr(waiting, "SLOW_SECONDS", 0.05)
    for _ in range(2):
        with waiting.told_if_slow("waiting for the cluster"):
            time.sleep(0.2)
    assert heard == ["waiting for the cluster"]


def test_a_cluster_that_does_not_answer_is_named(server, monkeypatch):
    heard = []
    monkeypatch.setattr(waiting, "_hears", [heard.append])
    monkeypatch.setattr(waiting, "_said", {})
    monkeypatch.setattr(waiting, "SLOW_SECONDS", 0.05)
    monkeypatch.setattr(connection, "TIMEOUT_SECONDS", 0.3)
    server.hangs = True
    with pytest.raises(ClusterError, match="does not answer"):
        ClusterClient("eco2-dev").read("Deployment", "auth", "auth-api")
    assert heard == ["waiting for the cluster of context eco2-dev, 10 s at the most for each answer"]


PROGRAM = """
from eco2.stack.cli import cli
cli({command!r}, "--yes")
"""


@pytest.mark.parametrize(("command", "whole"), [("refresh", True), ("preview", False)])
def test_a_ctrl_c_kills_no_command_that_holds_the_lock(tmp_path, command, whole):
    """The engine gives the lock back at the end; whoever comes next would wait for half an hour."""
    pulumi = tmp_path / "pulumi"
    pulumi.write_text(f"#!/bin/sh\necho > {tmp_path}/begun; sleep 1.5; echo > {tmp_path}/ended\n")
    pulumi.chmod(0o755)
    began = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(command=command)],
        cwd=ROOT,
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        stderr=subprocess.DEVNULL,
    )
    while not (tmp_path / "begun").exists():
        time.sleep(0.02)
    began.send_signal(signal.SIGINT)
    assert began.wait(20) != 0
    assert (tmp_path / "ended").exists() is whole
