"""The lab's network: for an ordinary user, for a root that may not make one, and where the kernel gives none."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lab import places
from lab.api import Api, connection
from tests.conftest import ROOT
from tests.lab.test_lab import leftovers
from tests.lab.waiting import until

pytestmark = [pytest.mark.lab, pytest.mark.long]
NOBODY = 65534
IS_ROOT = os.getuid() == 0
NEEDED = {Path(sys.base_prefix), Path(sys.prefix), ROOT, places.cache()}
"""What an ordinary user must be able to read."""
WHO = f"exec setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups"

ORDINARY = ("an ordinary user",)
DROPPED = ("setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin")
FORBIDDEN = ("unshare", "--user", "--map-root-user", "sh", "-c",
             'echo 0 > /proc/sys/user/max_net_namespaces && exec "$@"', "sh")  # fmt: skip
"""Runs a command where the kernel gives no network namespace; the limit is that of a user namespace."""


def can(*command: str) -> bool:
    try:
        return subprocess.run([*command, "true"], check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def closed_to_others() -> list[Path]:
    """The topmost folders on the way to what is needed that only their owner may enter."""
    closed = {
        next((one for one in reversed(needed.parents) if not one.stat().st_mode & 0o001), None)
        for needed in NEEDED
    }
    return sorted(one for one in closed if one is not None)


def as_nobody(scratch: Path) -> tuple[str, ...]:
    """Runs a command as an ordinary user who sees what is needed, even if it lies in root's home.

    In a mount namespace of its own, each folder that is closed gives way to an empty one, into which
    what is needed is put back.
    """
    script = ["set -e"]
    for number, needed in enumerate(sorted(NEEDED)):
        script += [f"mkdir -p {scratch}/{number}", f"mount --bind {needed} {scratch}/{number}"]
    script += [f"mount -t tmpfs -o mode=755 lab {closed}" for closed in closed_to_others()]
    for number, needed in enumerate(sorted(NEEDED)):
        if any(needed.is_relative_to(closed) for closed in closed_to_others()):
            script += [f"mkdir -p {needed}", f"mount --bind {scratch}/{number} {needed}"]
    return ("unshare", "--mount", "sh", "-c", "; ".join([*script, f'{WHO} "$@"']), "sh")


@dataclass(frozen=True)
class Started:
    """A lab whose every command runs in the same way.

    Attributes:
        home: Where labs, and what belongs to the user, lie.
        prefix: What stands before each command.
    """

    home: Path
    prefix: tuple[str, ...]
    told: list[str] = field(default_factory=list)

    def command(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs the command `lab`."""
        own = {
            "HOME": str(self.home),
            # Pulumi asks the user database for a home, and nobody has none.
            "PULUMI_HOME": str(self.home / ".pulumi"),
            "LAB_HOME": str(self.home),
            "XDG_CACHE_HOME": str(places.cache().parent),
        }
        done = subprocess.run(
            [*self.prefix, sys.executable, "-m", "lab", *arguments],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, **own},
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    @property
    def api(self) -> Api:
        return Api(connection(self.home / "default" / "kubeconfig", "eco2-local"))


@pytest.fixture
def home():
    """A folder that anybody may enter, unlike pytest's own."""
    made = Path(tempfile.mkdtemp(prefix="lab-"))
    made.chmod(0o755)
    yield made
    assert leftovers(made) == {}
    shutil.rmtree(made)


@pytest.fixture
def started(request, home):
    """A lab that is started as an ordinary user, or in another way."""
    prefix = request.param
    if prefix is ORDINARY:
        prefix = ()
        if IS_ROOT:
            own = home / "user"
            own.mkdir()
            shutil.chown(own, NOBODY, NOBODY)
            prefix, home = as_nobody(home), own
    if not can(*prefix):
        pytest.skip(f"this machine lets nobody run {' '.join(prefix[:2])}")
    lab = Started(home, prefix)
    try:
        lab.told.append(lab.command("start").stderr)
        yield lab
    finally:
        lab.command("stop")


def run_a_pod(api: Api) -> None:
    """Makes a ready pod of a Service `web` in the namespace default."""
    container = {
        "name": "web",
        "image": "example.com/web",
        "ports": [{"containerPort": 8000, "name": "http"}],
    }
    # Endpoints leave out pods of nodes that do not exist.
    api.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "somewhere"}}, "test")
    for kind, spec in (
        ("Service", {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 8000}]}),
        ("Pod", {"nodeName": "somewhere", "containers": [container]}),
    ):
        meta = {"name": "web", "namespace": "default", "labels": {"app": "web", "version": "v1"}}
        api.apply({"apiVersion": "v1", "kind": kind, "metadata": meta, "spec": spec}, "test")

    def ready() -> bool:
        conditions = api.request("GET", "/api/v1/namespaces/default/pods/web")["status"].get("conditions", [])
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

    until(ready)


def update_a_stack(lab: Started) -> None:
    """Brings up a stack of one ConfigMap, with the user's own folders alone."""
    folder = lab.home / "project"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: one\nruntime: python\n")
    (folder / "Pulumi.one.yaml").write_text('{"config": {"kubernetes:context": "eco2-local"}}')
    (folder / "__main__.py").write_text(
        "import pulumi_kubernetes as k8s\n"
        "k8s.core.v1.ConfigMap('one', metadata={'name': 'one', 'namespace': 'default'}, data={'by': 'user'})\n"
    )
    owner = lab.home.stat()
    for path in (folder, *folder.iterdir()):
        os.chown(path, owner.st_uid, owner.st_gid)
    for what in (("stack", "init"), ("up", "--yes", "--skip-preview")):
        lab.command("run", "--", "pulumi", *what, "--stack=one", f"--cwd={folder}", "--non-interactive")
    assert lab.api.request("GET", "/api/v1/namespaces/default/configmaps/one")["data"] == {"by": "user"}


def answers(lab: Started) -> dict[str, int]:
    asked = ("/", "--host=web.default:8000", "--inside", "--count=20", "--json")
    done = lab.command("traffic", *asked, check=False)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)["answers"]


@pytest.mark.parametrize(
    "started",
    [
        ORDINARY,
        pytest.param(DROPPED, marks=pytest.mark.skipif(not IS_ROOT, reason="there is nothing to take away")),
    ],
    ids=["an ordinary user", "root without CAP_SYS_ADMIN"],
    indirect=True,
)
def test_a_network_inside_a_user_namespace_carries_traffic(started):
    assert "warning" not in started.told[0]
    assert set(json.loads(started.command("status", "--json").stdout).values()) == {"running"}
    run_a_pod(started.api)
    until(lambda: answers(started) == {"v1": 20}, seconds=30)
    # From outside, through the relay: there is a gateway, and no route yet.
    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.urlopen(started.command("gateway").stdout.strip())  # noqa: S310
    assert answer.value.code == 404
    update_a_stack(started)
    started.command("restart", "pods")
    until(lambda: answers(started) == {"v1": 20}, seconds=30)


@pytest.mark.parametrize("started", [FORBIDDEN], ids=[""], indirect=True)
def test_without_a_network_pods_run_and_the_lab_says_why_nobody_answers(started):
    assert "warning: the kernel gives user 0 no network namespace" in started.told[0]
    run_a_pod(started.api)
    for asked in (("gateway",), ("traffic", "/", "--host=web.default:8000")):
        refused = started.command(*asked, check=False)
        assert refused.returncode == 3
        assert "no network of its own: the kernel gives user 0 no network namespace" in refused.stderr
    assert started.command("status").returncode == 0
    started.command("behave", "example.com/web", "--unready")
