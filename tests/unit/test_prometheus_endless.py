"""A Prometheus whose answer has no end: an outage in words, after some seconds, and pods are judged meanwhile."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager

import pytest

from eco2 import whole_answer
from eco2.judge.asking import Asker
from eco2.judge.watch import LATE, Watch
from eco2.prometheus import Prometheus, PrometheusError
from rollout.judge.judging import Earlier
from rollout.judge.observations import Unknown
from rollout.judge.signs import PodLook
from tests.judge_reading import SERVICES

ONE = {"auth-api": SERVICES["auth-api"]}
WEIGHTS = {"auth-api": 100}
HEAD = b"HTTP/1.1 200 OK\r\n"
PAUSE_SECONDS = 0.05

DRIPS = {
    "a body": (HEAD + b"Content-Length: 100000\r\n\r\n", b" "),
    "a body without a length": (HEAD + b"\r\n", b" "),
    "chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "a chunk's length": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "headers": (HEAD + b"X-Long: ", b"x"),
    "first lines": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@contextmanager
def saying(head, part, pause_seconds=PAUSE_SECONDS):
    """A server that sends the head, and then the part for ever; gives its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve(line):
            try:
                line.recv(9999)
                line.sendall(head)
                while True:
                    line.sendall(part)
                    time.sleep(pause_seconds)
            except OSError:
                line.close()

        def accept():
            try:
                while True:
                    threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()
            except OSError:
                pass

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


class Cluster:
    """A canary of one pod that is ready."""

    def list(self, _, query):
        status = {"conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": []}
        return [{"metadata": {"name": query["labelSelector"]}, "status": status}]

    def get(self, _):
        return {"spec": {"replicas": 1}}


def in_time(call, seconds=3.0):
    """What a call gives, or the exception that it raises; it must not take longer."""
    found = []

    def run():
        try:
            found.append(call())
        except PrometheusError as error:
            found.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    assert found, f"no end after {seconds} s"
    return found[0]


@pytest.mark.parametrize("what", DRIPS)
def test_an_answer_that_comes_byte_by_byte_is_an_outage(monkeypatch, what):
    monkeypatch.setattr(whole_answer, "WHOLE_SECONDS", 0.4)
    with saying(*DRIPS[what]) as url:
        error = in_time(lambda: Prometheus(url).query("up"))
        assert isinstance(error, PrometheusError)
        assert "does not answer (" in str(error)
        now = in_time(Asker(url).now)
        assert isinstance(now, Unknown)


def test_an_answer_without_an_end_is_an_outage_as_soon_as_it_is_too_large(monkeypatch):
    monkeypatch.setattr(whole_answer, "MOST_BYTES", 3 * 2**20)
    with saying(HEAD + b"\r\n", b" " * 2**20, 0.0) as url:
        error = in_time(lambda: Prometheus(url).query("up"))
    assert str(error).endswith("does not answer (its answer is larger than 3 MiB)")


def test_a_large_answer_that_comes_in_parts_is_read_to_its_end(server):
    padding = b" " * (5 * 2**20)
    server.told["many"] = 200, b'{"status": "success", "data": {"result": []}}' + padding
    assert Prometheus(server.url).query("many") == []


def test_pods_are_looked_at_in_time_while_prometheus_is_slow(monkeypatch):
    monkeypatch.setattr("eco2.judge.watch.REQUESTS_SECONDS", 0.3)
    with saying(*DRIPS["a body"]) as url:
        watch = Watch(Cluster(), url, ONE)
        for _ in range(3):
            found = in_time(lambda: watch.look(WEIGHTS), 1.5)["auth-api"]
            assert isinstance(found.pods, PodLook)
            assert found.failed == found.slow == found.fallen_back == LATE
        assert in_time(lambda: watch.earlier("auth-api"), 1.5) == Earlier(LATE, LATE)


def test_what_comes_late_is_told_by_the_next_look_and_nobody_is_asked_twice(monkeypatch, server):
    monkeypatch.setattr("eco2.judge.watch.REQUESTS_SECONDS", 1.0)
    watch = Watch(Cluster(), server.url, ONE)
    answers = server.slow["vector(time())"] = threading.Event()
    for _ in range(2):
        assert watch.look(WEIGHTS)["auth-api"].failed == LATE
    assert server.asked == ["vector(time())"]
    answers.set()
    time.sleep(0.3)
    assert watch.look(WEIGHTS)["auth-api"].failed.why == "no request to it was counted"


def test_what_comes_late_from_the_phase_before_is_not_taken_for_this_one(monkeypatch, server, mesh):
    monkeypatch.setattr("eco2.judge.watch.REQUESTS_SECONDS", 1.0)
    watch = Watch(Cluster(), server.url, ONE)
    for _ in range(3):
        mesh.count("v2", 10)
        mesh.wait(15)
        watch.look(WEIGHTS)
    answers = server.slow["vector(time())"] = threading.Event()
    mesh.count("v2", 10)
    mesh.wait(15)
    assert watch.look(WEIGHTS)["auth-api"].failed == LATE
    watch.begin_phase()
    answers.set()
    time.sleep(0.3)
    assert watch.look(WEIGHTS)["auth-api"].failed.why == "two scrapes since the beginning are awaited"


def test_what_stable_did_before_is_told_when_it_has_come(monkeypatch, server):
    monkeypatch.setattr("eco2.judge.watch.REQUESTS_SECONDS", 1.0)
    watch = Watch(Cluster(), server.url, ONE)
    watch.look(WEIGHTS)
    found = watch.earlier("auth-api")
    (question,) = {
        one
        for one in server.asked
        if "1h" in one or "3600s" in one
        if "bucket" not in one and "5.." not in one
    }
    answers = server.slow[question] = threading.Event()
    assert watch.earlier("auth-api") == Earlier(LATE, LATE)
    answers.set()
    time.sleep(0.3)
    assert watch.earlier("auth-api") == found
