"""Ports that are chosen for servers which start later: nobody else gets them in between."""

from __future__ import annotations

import socket
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from lab import ports
from lab.ports import free_ports

CHOOSES = "import sys; from lab.ports import free_ports; print(*free_ports(*sys.argv[1:]).values())"


@pytest.fixture
def kernels_own(monkeypatch, tmp_path):
    """Tells what the kernel says of its own ports."""
    file = tmp_path / "ip_local_port_range"
    monkeypatch.setattr(ports, "KERNELS_OWN", file)
    return file.write_text


def listens(port):
    """A server as Python's own are, and Go's: it lets sockets that do not listen be where it is."""
    return HTTPServer(("127.0.0.1", port), BaseHTTPRequestHandler)


def is_taken(port):
    with socket.socket() as one:
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def test_ports_differ_and_are_none_that_the_kernel_gives_by_itself(kernels_own):
    kernels_own("20100\t65535\n")
    found = free_ports(*map(str, range(30)))
    assert len(set(found.values())) == 30
    assert all(20000 <= port < 20100 for port in found.values())


@pytest.mark.parametrize("said", [None, "", "none of mine", "1\t2\t3\n"])
def test_a_kernel_that_does_not_tell_gives_what_is_usual(said, kernels_own):
    if said is not None:
        kernels_own(said)
    assert all(20000 <= port < 49152 for port in free_ports(*map(str, range(30))).values())


def test_where_the_kernel_gives_all_ports_it_is_asked_for_some(kernels_own):
    kernels_own("1024\t65535\n")
    found = free_ports("a", "b", "c")
    assert len(set(found.values())) == 3
    assert all(found.values())


def test_a_port_stays_free_for_a_server_that_names_it_and_for_nobody_else():
    port = free_ports("a")["a"]
    assert is_taken(port)
    for _ in ("first", "restarted"):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)
        with listens(port):
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            assert is_taken(port)
    assert is_taken(port)


def test_two_processes_that_choose_among_few_ports_get_different_ones(kernels_own, monkeypatch):
    monkeypatch.setattr(ports, "FIRST", 20200)
    kernels_own("20220\t65535\n")
    names = [str(number) for number in range(12)]
    mine = free_ports(*names).values()
    few = f"from lab import ports; ports.FIRST, ports.KERNELS_OWN = 20200, ports.Path({str(ports.KERNELS_OWN)!r})"
    done = subprocess.run(
        [sys.executable, "-c", f"{few}; {CHOOSES}", *names], capture_output=True, text=True, check=True
    )
    others = {int(port) for port in done.stdout.split()}
    assert len(others) == 12
    assert not others & set(mine)


def test_a_port_is_free_again_when_the_process_that_chose_it_has_ended():
    done = subprocess.run([sys.executable, "-c", CHOOSES, "a"], capture_output=True, text=True, check=True)
    assert not is_taken(int(done.stdout))


def test_a_kernel_where_nobody_can_listen_beside_another_socket_gets_its_port_back(monkeypatch):
    # Any other option of a socket leaves the kernel as strict as those are.
    monkeypatch.setattr(socket, "SO_REUSEADDR", socket.SO_KEEPALIVE)
    assert not is_taken(free_ports("a")["a"])
