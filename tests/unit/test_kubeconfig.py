"""The way to a cluster, as kubeconfigs describe it."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import yaml

from kube.cluster import ClusterClient
from kube.connection import ApiRequest, Direct, Official
from kube.errors import ClusterError
from kube.kubeconfig import KubeconfigError, UnknownWayError, access


@pytest.fixture
def kubeconfig(tmp_path, monkeypatch):
    """Writes a kubeconfig with one context, `there`, and makes it the one to use."""

    def write(cluster, user, name="config"):
        file = tmp_path / name
        described = {
            "contexts": [{"name": "there", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": user}],
        }
        file.write_text(yaml.safe_dump(described))
        monkeypatch.setenv("KUBECONFIG", str(file))
        return file

    return write


@pytest.fixture
def server():
    """A server over plain HTTP that tells what it was asked, and ends each connection after one answer."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            token = self.headers.get("Authorization", "")
            acting = sorted((k, v) for k, v in self.headers.items() if k.startswith("Impersonate-"))
            told = {"path": self.path, "token": token} | ({"acting_as": acting} if acting else {})
            body = json.dumps(told).encode()
            self.send_response(401 if token.endswith("old") else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True

        def do_PATCH(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *_):
            pass

    listening = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{listening.server_port}"
    listening.shutdown()
    listening.server_close()


def plugin(tmp_path, *tokens):
    """A credential plugin that tells the next token each time."""
    script, left = tmp_path / "plugin.py", tmp_path / "tokens"
    left.write_text("\n".join(tokens))
    script.write_text(
        "import json, os, pathlib\n"
        "assert json.loads(os.environ['KUBERNETES_EXEC_INFO'])['kind'] == 'ExecCredential'\n"
        f"file = pathlib.Path({str(left)!r})\n"
        "first, _, rest = file.read_text().partition('\\n')\n"
        "file.write_text(rest or first)\n"
        "print(json.dumps({'status': {'token': os.environ['PREFIX'] + first}}))\n"
    )
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": sys.executable,
            "args": [str(script)],
            "env": [{"name": "PREFIX", "value": "of-"}],
        }
    }


def test_an_abort_imports_nothing_slow():
    slow = {"pydantic", "kubernetes", "urllib3", "pulumi", "pulumi_kubernetes", "rich.console"}
    code = f"import sys, eco2.cli, eco2.abort; print(*({slow!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_a_token_and_a_path_in_front_of_the_api(kubeconfig, server):
    kubeconfig({"server": f"{server}/k8s/clusters/c-1"}, {"token": "secret"})
    found = ClusterClient("there").read("Service", "auth", "ext-authz")
    assert found == {
        "path": "/k8s/clusters/c-1/api/v1/namespaces/auth/services/ext-authz",
        "token": "Bearer secret",
    }


def test_a_connection_that_the_server_has_ended_is_opened_again(kubeconfig, server):
    kubeconfig({"server": server}, {"token": "secret"})
    cluster = ClusterClient("there")
    assert cluster.read("Service", "auth", "one") != cluster.read("Service", "auth", "two")


def test_a_credential_plugin_is_asked_and_asked_again_when_its_token_has_expired(
    kubeconfig, server, tmp_path
):
    kubeconfig({"server": server}, plugin(tmp_path, "old", second := "new"))
    assert ClusterClient("there").read("Service", "auth", "one")["token"] == f"Bearer of-{second}"


def test_a_plugin_that_is_missing_or_fails_is_named(kubeconfig):
    version = "client.authentication.k8s.io/v1"
    missing = {"apiVersion": version, "command": "no-such-plugin", "installHint": "brew install it"}
    kubeconfig({"server": "https://x"}, {"exec": missing})
    with pytest.raises(ClusterError, match="no-such-plugin is not there; brew install it"):
        ClusterClient("there")
    kubeconfig({"server": "https://x"}, {"exec": {"apiVersion": version, "command": "false"}})
    with pytest.raises(ClusterError, match="false ended with exit code 1"):
        ClusterClient("there")


def test_an_unknown_context_is_named_with_those_there_are(kubeconfig):
    kubeconfig({"server": "https://x"}, {})
    with pytest.raises(ClusterError, match=r"no context elsewhere in the kubeconfig \(contexts: there\)"):
        ClusterClient("elsewhere")


def test_of_two_files_the_first_counts(kubeconfig, tmp_path, monkeypatch):
    first = kubeconfig({"server": "https://one"}, {"token": "one"}, "first")
    second = kubeconfig({"server": "https://two"}, {"token": "two"}, "second")
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'none'}:{first}:{second}")
    assert access("there").server == "https://one"


@pytest.mark.parametrize(
    ("cluster", "user"),
    [
        ({"proxy-url": "http://proxy"}, {}),
        ({"tls-server-name": "x"}, {}),
        ({}, {"username": "u", "password": "p"}),
    ],
)
def test_what_is_not_known_here_is_left_to_the_official_client(kubeconfig, cluster, user):
    kubeconfig({"server": "https://x", **cluster}, user)
    with pytest.raises(UnknownWayError):
        access("there")


def test_a_proxy_in_the_environment_is_left_to_the_official_client(kubeconfig, monkeypatch):
    kubeconfig({"server": "https://x"}, {})
    assert isinstance(ClusterClient("there")._connection, Direct)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy")
    # The client itself keeps a proxy that it has seen for its whole process, so a double stands for it.
    monkeypatch.setattr("kube.connection.Official", lambda context: f"the official client for {context}")
    assert ClusterClient("there")._connection == "the official client for there"


def test_the_official_client_answers_in_the_same_form(kubeconfig, server):
    kubeconfig({"server": server}, {"token": "secret"})
    request = ApiRequest("GET", "/api/v1/pods", {"labelSelector": "a=b"}, {"Accept": "application/json"})
    ours, theirs = (
        connection.send(request) for connection in (Direct("there", access("there")), Official("there"))
    )
    assert ours[0] == theirs[0] == 200
    assert json.loads(ours[1])["token"] == json.loads(theirs[1])["token"] == "Bearer secret"  # noqa: S105
    assert json.loads(theirs[1])["path"].startswith("/api/v1/pods?labelSelector=")
    kubeconfig({"server": server}, {"token": "old"})
    assert Official("there").send(request)[0] == 401


def test_a_certificate_that_is_none_is_told_in_words(kubeconfig):
    data = base64.b64encode(b"nonsense").decode()
    kubeconfig({"server": "https://x", "certificate-authority-data": data}, {})
    with pytest.raises(KubeconfigError, match="the kubeconfig's context there cannot be used"):
        access("there")


def test_a_server_that_does_not_answer_is_told_in_words(kubeconfig):
    kubeconfig({"server": "http://127.0.0.1:9"}, {})
    with pytest.raises(ClusterError, match=r"the cluster of context there does not answer: .*refused"):
        ClusterClient("there").read("Service", "auth", "one")


def test_an_official_client_that_is_not_installed_is_told_in_words(kubeconfig, monkeypatch):
    def absent(_context):
        raise ImportError("kubernetes")

    kubeconfig({"server": "https://x", "proxy-url": "http://proxy"}, {})
    monkeypatch.setattr("kube.connection.Official", absent)
    with pytest.raises(ClusterError, match=r"only the official client can do \(proxy-url\).*pip install"):
        ClusterClient("there")


@pytest.mark.parametrize("server", ["127.0.0.1:6443", "api.eco2.test", "ftp://127.0.0.1", "https://"])
def test_a_server_that_is_no_url_is_left_to_the_official_client(kubeconfig, server):
    # Read as a path it would be port 80 of this machine, and the token would go there in clear.
    kubeconfig({"server": server}, {"token": "t"})
    with pytest.raises(UnknownWayError, match="a server that is no URL"):
        access("there")


def test_an_answer_that_no_api_server_gives_is_told_in_words(kubeconfig, monkeypatch):
    kubeconfig({"server": "http://127.0.0.1:1"}, {})
    monkeypatch.setattr(Direct, "send", lambda *_: (200, b"[" * 200_000))
    with pytest.raises(ClusterError, match="answers /version with something else than JSON"):
        ClusterClient("there").get("/version")


@pytest.mark.parametrize("user", [{"auth-provider": 7}, {"auth-provider": {"name": "gcp", "config": 7}}])
def test_what_the_official_client_cannot_read_is_told_in_words(kubeconfig, user):
    kubeconfig({"server": "https://127.0.0.1:1"}, user)
    with pytest.raises(ClusterError, match="the kubeconfig's context there cannot be used"):
        ClusterClient("there")


ACTING = {
    "as": "j\u00f6rg",
    "as-uid": "7",
    "as-groups": ["deployers", "a, b"],
    "as-user-extra": {"acme.com/team 1": ["x", "y"]},
}
HEADERS = [
    ["Impersonate-Extra-acme.com%2Fteam%201", "x"],
    ["Impersonate-Extra-acme.com%2Fteam%201", "y"],
    ["Impersonate-Group", "a, b"],
    ["Impersonate-Group", "deployers"],
    ["Impersonate-Uid", "7"],
    ["Impersonate-User", "j\u00f6rg".encode().decode("latin-1")],
]


@pytest.mark.parametrize("cluster", [{}, {"tls-server-name": "x"}])
@pytest.mark.parametrize(("method", "body"), [("GET", None), ("PATCH", {"metadata": {}})])
def test_whom_a_user_acts_as_is_sent_on_both_ways(kubeconfig, server, cluster, method, body):
    kubeconfig({"server": server, **cluster}, {"token": "secret", **ACTING})
    connection = ClusterClient("there")._connection
    assert isinstance(connection, Official if cluster else Direct)
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    status, answer = connection.send(ApiRequest(method, "/version", {}, headers, body))
    assert (status, json.loads(answer)["acting_as"]) == (200, HEADERS)


@pytest.mark.parametrize("cluster", [{}, {"tls-server-name": "x"}])
@pytest.mark.parametrize(
    ("user", "told"),
    [
        ({"as-groups": ["deployers"]}, "as-uid, as-groups and as-user-extra need an as"),
        ({"as": "a", "as-groups": "deployers"}, "as-groups is no list, or as-user-extra no mapping of lists"),
        (
            {"as": "a", "as-user-extra": {"scope": "x"}},
            "as-groups is no list, or as-user-extra no mapping of lists",
        ),
        ({"as": "a\r\nImpersonate-Group: system:masters"}, "holds a character that no header can"),
        ({"as": 7}, "whom its user acts as is no text"),
    ],
)
def test_whom_nobody_can_act_as_is_refused_in_words(kubeconfig, cluster, user, told):
    kubeconfig({"server": "http://127.0.0.1:1", **cluster}, {"token": "t", **user})
    with pytest.raises(ClusterError, match=f"the kubeconfig's context there cannot be used: .*{told}"):
        ClusterClient("there")


def test_several_groups_are_refused_where_the_official_client_would_make_one_of_them(kubeconfig):
    kubeconfig({"server": "http://there", "proxy-url": "http://proxy"}, {"as": "a", "as-groups": ["b"]})
    Official("there")
    kubeconfig({"server": "http://there", "proxy-url": "http://proxy"}, {"as": "a", "as-groups": ["b", "c"]})
    with pytest.raises(KubeconfigError, match="cannot be said to a proxy over plain HTTP"):
        Official("there")
