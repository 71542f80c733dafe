"""The doctor at a server that takes questions about rights and does not answer them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml

from kube.connection import TIMEOUT_SECONDS
from tests.conftest import ROOT


@pytest.fixture
def asked(tmp_path):
    """Set once somebody asks for a right; everything else is answered."""
    asked, released = threading.Event(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps({"items": [], "major": "1", "minor": "34", "gitVersion": "v1.34"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            asked.set()
            released.wait()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    described = {
        "contexts": [{"name": "eco2-dev", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(described))
    yield asked
    released.set()
    server.shutdown()
    server.server_close()


def test_ctrl_c_does_not_wait_for_answers(asked, tmp_path):
    # Tests that run in the background of a shell would hand down that Ctrl-C is ignored.
    command = ["env", "--default-signal=INT", sys.executable, "-m", "eco2", "doctor", "--stack", "dev"]
    known = {**os.environ, "KUBECONFIG": str(tmp_path / "kubeconfig")}
    with subprocess.Popen(command, cwd=ROOT, env=known, stdout=subprocess.PIPE, text=True) as running:
        assert asked.wait(20)
        began = time.monotonic()
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=40)
        # A command that waits ends with its request's own time; a busy machine takes a few seconds to end any.
        assert time.monotonic() - began < TIMEOUT_SECONDS - 1
    assert running.returncode == 130
