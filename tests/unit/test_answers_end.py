"""Answers of an API server that drip, that are cut off, and that come in parts."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest

from kube import connection
from kube.connection import ApiRequest, Direct, NoAnswerError
from kube.kubeconfig import Access

ASKED = ApiRequest("GET", "/version", {}, {})


@contextlib.contextmanager
def answering(*parts, pause=0.0):
    """A server that sends its parts to whoever asks, again for each request of a connection."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(line):
        with line, contextlib.suppress(OSError):
            while line.recv(65536):
                for part in parts:
                    line.sendall(part)
                    time.sleep(pause)
                if pause:
                    return

    def listen():
        with contextlib.suppress(OSError):
            while True:
                line, _ = listener.accept()
                threading.Thread(target=serve, args=(line,), daemon=True).start()

    threading.Thread(target=listen, daemon=True).start()
    with listener:
        yield Direct("test", Access(f"http://127.0.0.1:{listener.getsockname()[1]}", None, ""))


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ],
    ids=["counted", "to the end of the line"],
)
def test_an_answer_that_drips_has_an_end(monkeypatch, head):
    monkeypatch.setattr(connection, "WHOLE_SECONDS", 0.3)
    began = time.monotonic()
    with (
        answering(head, *[b"x"] * 40, pause=0.05) as server,
        pytest.raises(NoAnswerError, match=r"after 0\.3 s"),
    ):
        server.send(ASKED)
    assert time.monotonic() - began < 1.5


def test_an_answer_that_drips_in_chunks_has_an_end(monkeypatch):
    monkeypatch.setattr(connection, "WHOLE_SECONDS", 0.3)
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with (
        answering(head, *[b"1\r\nx\r\n"] * 40, pause=0.05) as server,
        pytest.raises(NoAnswerError, match="not ended"),
    ):
        server.send(ASKED)


@pytest.mark.parametrize(
    "cut",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ],
    ids=["counted", "in chunks"],
)
def test_a_part_of_an_answer_is_none(cut):
    with answering(cut, pause=0.01) as server, pytest.raises(NoAnswerError) as found:
        server.send(ASKED)
    assert found.value.cut_off


@pytest.mark.parametrize(
    "whole",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfull",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nfu\r\n2\r\nll\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["counted", "in chunks", "empty"],
)
def test_one_connection_serves_many_requests(whole):
    with answering(whole) as server:
        answers = [server.send(ASKED) for _ in range(3)]
        line = server._own.line
        assert server.send(ASKED) == answers[0]
        assert server._own.line is line
    assert answers[0][0] == 200
    assert len(set(answers)) == 1
    assert answers[0][1] in (b"full", b"")
