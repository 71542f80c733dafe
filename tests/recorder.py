"""A proxy before the lab's AWS API that writes down which IAM action every call is."""

from __future__ import annotations

import re
import threading
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import boto3

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNT, REGION, CLUSTER = "123456789012", "ap-northeast-2", "eco2-prod"
SCOPE = re.compile(r"Credential=[^/]+/\d+/[^/]*/(\w+)/aws4_request")


@dataclass(frozen=True)
class Call:
    """A call as IAM sees it.

    Attributes:
        action: `eks:CreateNodegroup`.
        resource: The ARN that it is about; `*` where the service knows none.
        context: Condition keys with their values, those that the call itself shows.
    """

    action: str
    resource: str
    context: tuple[tuple[str, str], ...] = ()


def _rest_operations() -> Iterator[tuple[str, re.Pattern[str], str]]:
    model = boto3.Session().client("eks", region_name=REGION).meta.service_model
    for name in model.operation_names:
        http = model.operation_model(name).http
        path = re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(http["requestUri"].split("?")[0]))
        yield http["method"], re.compile(f"{path}/?$"), name


OPERATIONS = list(_rest_operations())


def call(method: str, path: str, body: bytes, authorization: str) -> Call:
    """Which IAM action a signed request is, and on what."""
    service = SCOPE.search(authorization)
    assert service, f"not signed: {method} {path}"
    if service[1] == "eks":
        plain = urllib.parse.unquote(path.split("?", maxsplit=1)[0])
        (name,) = [name for verb, form, name in OPERATIONS if verb == method and form.match(plain)]
        parts = plain.strip("/").split("/")
        kind = f"cluster/{parts[1]}"
        if "node-groups" in parts and parts[-1] != "node-groups":
            kind = f"nodegroup/{parts[1]}/{parts[3]}/0000"
        return Call(f"eks:{name}", f"arn:aws:eks:{REGION}:{ACCOUNT}:{kind}")
    fields = dict(urllib.parse.parse_qsl(body.decode()))
    action = f"{service[1]}:{fields['Action']}"
    if service[1] == "iam":
        context = (("iam:PolicyARN", fields["PolicyArn"]),) if "PolicyArn" in fields else ()
        return Call(action, f"arn:aws:iam::{ACCOUNT}:role/{fields['RoleName']}", context)
    if service[1] == "ec2" and "Describe" not in action:
        return Call(action, f"arn:aws:ec2:{REGION}:{ACCOUNT}:launch-template/lt-0000")
    return Call(action, "*")


class Recorder:
    """The proxy; its calls are in `calls`."""

    def __init__(self, target: str) -> None:
        calls = self.calls = set[Call]()

        class Handler(BaseHTTPRequestHandler):
            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                calls.add(call(self.command, self.path, body, self.headers.get("Authorization", "")))
                request = urllib.request.Request(  # noqa: S310  # the lab's own URL
                    target + self.path, data=body or None, headers=dict(self.headers), method=self.command
                )
                try:
                    answer = urllib.request.urlopen(request, timeout=60)  # noqa: S310  # the lab's own URL
                except urllib.error.HTTPError as error:
                    answer = error
                content = answer.read()
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.headers.get("Content-Type", "text/xml"))
                # REST services name an error's type in a header.
                for name, value in answer.headers.items():
                    if name.lower().startswith("x-amzn-"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = _pass_on  # noqa: N815  # the names that http.server asks for

            def log_message(self, *_: object) -> None:
                """Keeps quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
