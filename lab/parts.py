"""The processes of a lab: their commands, and when each counts as ready."""

from __future__ import annotations

import os
import secrets
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from lab import plugin_choice, tools
from lab.mesh import istio
from lab.mesh import parts as mesh
from lab.ports import free_ports

if TYPE_CHECKING:
    from lab.places import LabFolder

POD_RANGE = "10.244.0.0/16"
SERVICE_RANGE = "10.96.0.0/16"
ADMIN_CONTEXT = "lab-admin"
"""The context of the lab's own processes, in a kubeconfig of their own."""


@dataclass(frozen=True)
class Plan:
    """What a lab is made of.

    Attributes:
        folder: Its files.
        clusters: The names of its EKS clusters and kubeconfig contexts.
        region: The AWS region.
        feature_gates: Kubernetes' gates that differ from their defaults, as its own option has them
            (`HPAConfigurableTolerance=false`).
        token: The administrator's bearer token.
        ports: Loopback ports by part.
    """

    folder: LabFolder
    clusters: tuple[str, ...]
    region: str
    feature_gates: str = ""
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    ports: dict[str, int] = field(
        default_factory=lambda: free_ports("etcd", "etcd-peer", "api", "aws", "kwok", *mesh.PORTS)
    )

    @property
    def api(self) -> str:
        """The API server's URL."""
        return f"https://127.0.0.1:{self.ports['api']}"

    @property
    def aws(self) -> str:
        """The AWS API's URL."""
        return f"http://127.0.0.1:{self.ports['aws']}"

    @property
    def admin_kubeconfig(self) -> str:
        """The kubeconfig of the lab's own processes."""
        return str(self.folder.root / "admin.kubeconfig")


def write_files(plan: Plan) -> None:
    """Writes keys, tokens and configuration that the processes read."""
    root = plan.folder.root
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    _write(plan, "sa.key", private.decode())
    _write(plan, "sa.pub", public.decode())
    _write(plan, "tokens.csv", f'{plan.token},admin,1,"system:masters"\n')
    _write(plan, "admin.kubeconfig", _kubeconfig(plan, (ADMIN_CONTEXT,), current=ADMIN_CONTEXT))
    scheduler = {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "clientConnection": {"kubeconfig": plan.admin_kubeconfig},
        "leaderElection": {"leaderElect": False},
    }
    _write(plan, "scheduler.yaml", yaml.safe_dump(scheduler))
    mesh.write_files(plan.folder, plan.ports)
    plan.folder.backend.mkdir(exist_ok=True)
    plugin_choice.write_stand_ins(plan.folder.plugins, sys.executable)
    (root / "logs").mkdir(exist_ok=True)


def write_kubeconfig(plan: Plan) -> None:
    """Writes the users' kubeconfig: it has no current context, since the product must name one; kubectl's has."""
    folder = plan.folder
    for path, current in ((folder.kubeconfig, ""), (folder.kubectl_config, plan.clusters[0])):
        _write(plan, path.name, _kubeconfig(plan, plan.clusters, current=current))


def _write(plan: Plan, name: str, text: str) -> None:
    path = plan.folder.root / name
    path.write_text(text, "utf-8")
    path.chmod(0o600)


def _kubeconfig(plan: Plan, contexts: tuple[str, ...], current: str) -> str:
    # The server's own certificate carries its authority.
    cluster = {"server": plan.api, "certificate-authority": str(plan.folder.root / "certs" / "apiserver.crt")}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "lab", "cluster": cluster}],
            "users": [{"name": "lab", "user": {"token": plan.token}}],
            "contexts": [{"name": name, "context": {"cluster": "lab", "user": "lab"}} for name in contexts],
            "current-context": current,
        }
    )


def commands(plan: Plan) -> dict[str, list[str]]:
    """The command of each part, in the order of their start."""
    root, ports = plan.folder.root, plan.ports

    def built(name: str) -> str:
        return str(tools.program(next(tool for tool in tools.TOOLS if tool.name == name)))

    etcd_url, peer_url = (f"http://127.0.0.1:{ports[name]}" for name in ("etcd", "etcd-peer"))
    own = [sys.executable, "-m"]
    gates = [f"--feature-gates={plan.feature_gates}"] if plan.feature_gates else []
    stages = sorted(
        tools.folder(next(files for files in tools.FILES if files.name == "kwok-stages")).glob("*node*.yaml")
    )
    return {
        "etcd": [
            built("etcd"), f"--data-dir={root / 'etcd'}", "--unsafe-no-fsync",
            f"--listen-client-urls={etcd_url}", f"--advertise-client-urls={etcd_url}",
            f"--listen-peer-urls={peer_url}", f"--initial-advertise-peer-urls={peer_url}",
            f"--initial-cluster=default={peer_url}",
        ],
        "kube-apiserver": [
            built("kube-apiserver"), f"--etcd-servers={etcd_url}", f"--cert-dir={root / 'certs'}",
            f"--secure-port={ports['api']}", "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none", f"--service-account-key-file={root / 'sa.pub'}",
            f"--service-account-signing-key-file={root / 'sa.key'}",
            "--service-account-issuer=https://kubernetes.default.svc", f"--token-auth-file={root / 'tokens.csv'}",
            "--authorization-mode=RBAC", f"--service-cluster-ip-range={SERVICE_RANGE}",
            # Pods here need no token, and no controller makes the accounts.
            "--disable-admission-plugins=ServiceAccount", *gates,
        ],
        "kube-controller-manager": [
            built("kube-controller-manager"), f"--kubeconfig={plan.admin_kubeconfig}",
            f"--service-account-private-key-file={root / 'sa.key'}", "--leader-elect=false", "--secure-port=0",
            "--controllers=*,-serviceaccount-token", "--horizontal-pod-autoscaler-sync-period=2s",
            *gates,
        ],
        "kube-scheduler": [built("kube-scheduler"), f"--config={root / 'scheduler.yaml'}", "--secure-port=0"],
        "kwok": [
            built("kwok"), f"--kubeconfig={plan.admin_kubeconfig}", "--manage-all-nodes", f"--cidr={POD_RANGE}",
            "--node-lease-duration-seconds=40", f"--server-address=127.0.0.1:{ports['kwok']}",
            *(f"--config={stage}" for stage in stages),
        ],
        "aws": [*own, "moto.server", "--host=127.0.0.1", f"--port={ports['aws']}"],
        "joiner": [*own, "lab.aws.joiner", plan.aws, plan.region, plan.admin_kubeconfig, *plan.clusters],
        "keda": [*own, "lab.keda", plan.admin_kubeconfig],
        **mesh.commands(plan.folder, plan.admin_kubeconfig, ports, POD_RANGE),
    }  # fmt: skip


def environment(plan: Plan) -> dict[str, str]:
    """The environment of the lab's processes."""
    return {
        **os.environ,
        **aws_environment(plan.aws, plan.region),
        **istio.ENVIRONMENT,
        "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
    }


OTHER_ACCOUNTS = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
MISLEADING = frozenset((*OTHER_ACCOUNTS, *PROXIES))
"""The user's variables that would lead a lab's clients away from it: everything in it is on loopback."""


def aws_environment(endpoint: str, region: str) -> dict[str, str]:
    """What every AWS client reads: the lab's endpoint and keys that open nothing else."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "lab",
        "AWS_SECRET_ACCESS_KEY": "lab",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
