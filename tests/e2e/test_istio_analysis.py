"""Istio's own analyser on what dev and prod would apply."""

from __future__ import annotations

import subprocess

import pytest
import yaml

from eco2.stack.render import render
from lab import tools
from tests.conftest import ROOT

pytestmark = [pytest.mark.lab, pytest.mark.rare]

PLATFORM = [
    {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "eco2-gateway", "namespace": "istio-system"},
        "spec": {
            "selector": {"istio": "ingressgateway"},
            "servers": [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}],
        },
    },
    {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "ingress", "namespace": "istio-system", "labels": {"istio": "ingressgateway"}},
        "spec": {"containers": [{"name": "istio-proxy", "image": "x"}]},
    },
]
"""What belongs to the platform: the gateway that routes name."""


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_istio_finds_no_error(tmp_path, stack):
    tools.ensure(print, istioctl=True)
    render(ROOT, stack, tmp_path / "out")
    (tmp_path / "platform.yaml").write_text(yaml.safe_dump_all(PLATFORM))
    done = subprocess.run(
        [
            tools.program(tools.ISTIOCTL),
            "analyze",
            "--use-kube=false",
            "--failure-threshold=Error",
            "--all-namespaces",
            tmp_path / "out" / "kubernetes",
            tmp_path / "platform.yaml",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Error [" not in done.stdout
