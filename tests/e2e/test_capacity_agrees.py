"""Rule 17 packs pods as the real scheduler does: 200 random stacks, on nodes of the lab's own arithmetic.

Of the lab run the three parts that decide: etcd, API server and scheduler, by the lab's own commands.
"""

from __future__ import annotations

import collections
import random
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from eco2.stack.config import stack_config
from lab.api import Api, ApiError, Unreachable, connection
from lab.aws.instance_types import SHAPES, offer
from lab.aws.joiner import nodes_of
from lab.parts import ADMIN_CONTEXT, Plan, commands, environment, write_files
from lab.places import LabFolder
from lab.tools import ensure
from rollout.guards.capacity import fits, placed
from rollout.plan.service_plan import plan
from rollout.spec.files import read_catalog
from rollout.spec.instances import DAEMONSETS, MIB, Allocatable, allocatable
from rollout.spec.quantities import memory_bytes, millicores
from rollout.spec.rollout_settings import RolloutSettings
from rollout.spec.services import resolve
from rollout.spec.settings import ServiceSettings, read_settings
from rollout.spec.workload import Resources
from tests.conftest import ROOT

pytestmark = [pytest.mark.lab, pytest.mark.long]
STACKS, BATCH = 200, 10
PARTS = ("etcd", "kube-apiserver", "kube-scheduler")
PODS = "/api/v1/namespaces/default/pods"
CATALOG = read_catalog(ROOT / "services.yaml")


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    """The API server of a control plane without controllers and kubelets: nothing but the scheduler acts."""
    folder = LabFolder(tmp_path_factory.mktemp("control-plane"))
    ensure(print)
    lab = Plan(folder, ("eco2-dev",), "ap-northeast-2")
    write_files(lab)
    found = {name: command for name, command in commands(lab).items() if name in PARTS}
    running = []
    try:
        for name, command in found.items():
            log = (folder.root / "logs" / name).open("w")
            running.append(subprocess.Popen(command, stdout=log, stderr=log, env=environment(lab)))
            if name == "kube-apiserver":
                server = _ready(lab, folder)
        yield server
    finally:
        for process in reversed(running):
            # Nothing of it is needed again, and an API server without its etcd takes its time to end.
            process.kill()
            process.wait()


def _ready(lab, folder):
    deadline = time.monotonic() + 120
    while True:
        try:
            server = Api(connection(folder.root / "admin.kubeconfig", ADMIN_CONTEXT))
            server.request("GET", "/api/v1/namespaces/default")
        except (ApiError, Unreachable, OSError):
            assert time.monotonic() < deadline, (folder.root / "logs" / "kube-apiserver").read_text()[-2000:]
            time.sleep(0.5)
        else:
            return server


class RandomStack:
    """The 13 services with sizes, requests, replicas and phases by chance."""

    def __init__(self, number: int) -> None:
        chance = random.Random(number)  # noqa: S311  # no secret
        self.number, self.nodes = number, {}
        found = read_settings("Pulumi.dev.yaml", stack_config(ROOT, "dev"), CATALOG)
        services, rollouts, scale = {}, {}, chance.choice((0.1, 0.2, 0.5, 1))
        for name in CATALOG.services:
            rollouts[name] = RolloutSettings(phase=chance.randint(0, 5))
            services[name] = _sizes(chance, CATALOG.services[name], scale)
        environment = chance.choice(("dev", "prod"))
        found = found.model_copy(
            update={"services": services, "rollouts": rollouts, "environment": environment}
        )
        wanted = resolve(CATALOG, found)
        plans = {name: plan(one, None) for name, one in wanted.items()}
        self.pods = placed(wanted, plans)
        for domain in self.pods:
            self.nodes[domain] = (chance.choice(sorted(SHAPES)), chance.randint(1, 3))

    def selector(self, domain: str) -> dict[str, str]:
        return {"stack": str(self.number), "domain": domain}

    def described(self, domain: str) -> dict:
        """The node group as EKS would describe it."""
        instance_type, count = self.nodes[domain]
        return {
            "clusterName": f"stack-{self.number}",
            "nodegroupName": domain,
            "instanceTypes": [instance_type],
            "scalingConfig": {"desiredSize": count},
            "labels": self.selector(domain),
            "taints": [{"key": "domain", "value": domain, "effect": "NO_SCHEDULE"}],
        }

    def expected(self, domain: str) -> list[bool]:
        """Whether each pod of a domain is placed, in order."""
        instance_type, count = self.nodes[domain]
        told = offer(instance_type).allocatable
        node = Allocatable(
            instance_type, millicores(told["cpu"]), memory_bytes(told["memory"]), int(told["pods"])
        )
        left = collections.Counter(fits(self.pods[domain], node, count).unplaced)
        # Equal pods are interchangeable, and later ones stay out.
        seen: list[bool] = []
        for one in reversed(self.pods[domain]):
            seen.append(left[one] <= 0)
            left[one] -= 1
        return seen[::-1]


def _sizes(chance, service, scale):
    cpu, memory = int(scale * chance.randint(30, 1000)), int(scale * chance.randint(30, 1600))
    amounts = {"cpu": f"{cpu}m", "memory": f"{memory}Mi"}
    resources = Resources.model_validate({"requests": amounts, "limits": amounts})
    low = chance.randint(1, 2 + int(2 * scale))
    if service.autoscaler:
        bounds = {"min": low, "max": low + 2}
        return ServiceSettings.model_validate({"resources": resources, "autoscaler": bounds})
    return ServiceSettings(resources=resources, replicas=low)


def _pod(name, requests, selector, node=None):
    amounts = {
        "cpu": f"{requests.cpu_millicores}m",
        "memory": str(requests.memory_bytes),
    }
    container = {"name": "main", "image": "none", "resources": {"requests": amounts}}
    place = {"nodeName": node} if node else {"nodeSelector": selector}
    tolerations = [
        {"key": "domain", "operator": "Equal", "value": selector["domain"], "effect": "NoSchedule"}
    ]
    meta = {"name": name, "labels": {"stack": selector["stack"]}}
    spec = {"containers": [container], "tolerations": tolerations, **place}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


def _fill(api, stack, domain):
    """Brings up the nodes of a domain with their daemonsets' pods, then the services' pods in order."""
    selector = stack.selector(domain)
    nodes = nodes_of(stack.described(domain), "ap-northeast-2")
    for name, node in nodes.items():
        made = api.request("POST", "/api/v1/nodes", node)
        # The API server taints new nodes until a controller has heard of them, and here runs none.
        made["spec"]["taints"] = node["spec"]["taints"]
        api.request("PUT", f"/api/v1/nodes/{name}", made)
        for number, requests in enumerate(DAEMONSETS):
            api.request("POST", PODS, _pod(f"{name}-{number}", requests, selector, node=name))
    for number, pod in enumerate(stack.pods[domain]):
        api.request("POST", PODS, _pod(f"s{stack.number}-{domain}-{number:03}", pod.requests, selector))


def _decided(api, stacks):
    """Every pod's fate by name, once the scheduler has decided on all."""
    wanted = {
        f"s{one.number}-{domain}-{number:03}"
        for one in stacks
        for domain in one.pods
        for number in range(len(one.pods[domain]))
    }
    deadline = time.monotonic() + 120
    while True:
        fates = {}
        for pod in api.request("GET", PODS)["items"]:
            conditions = {one["type"]: one for one in pod.get("status", {}).get("conditions", ())}
            if pod["spec"].get("nodeName"):
                fates[pod["metadata"]["name"]] = True
            elif conditions.get("PodScheduled", {}).get("reason") == "Unschedulable":
                fates[pod["metadata"]["name"]] = False
        if wanted <= fates.keys():
            return fates
        assert time.monotonic() < deadline, sorted(wanted - fates.keys())[:20]
        time.sleep(0.2)


def _empty(api):
    api.request("DELETE", PODS, query={"gracePeriodSeconds": "0"})
    api.request("DELETE", "/api/v1/nodes")


def test_what_fits_by_arithmetic_fits_by_the_scheduler_on_200_random_stacks(api):
    wrong, fitting, domains = [], 0, 0
    with ThreadPoolExecutor(8) as pool:
        for first in range(0, STACKS, BATCH):
            stacks = [RandomStack(number) for number in range(first, first + BATCH)]
            jobs = [(stack, domain) for stack in stacks for domain in stack.pods]
            list(pool.map(lambda job: _fill(api, *job), jobs))
            fates = _decided(api, stacks)
            for stack in stacks:
                good = True
                for domain, pods in stack.pods.items():
                    names = [f"s{stack.number}-{domain}-{number:03}" for number in range(len(pods))]
                    told, expected = [fates[name] for name in names], stack.expected(domain)
                    domains += 1
                    good = good and all(told)
                    if told != expected:
                        wrong.append((stack.number, domain, stack.nodes[domain], told, expected))
                fitting += good
            _empty(api)
    print(
        f"{STACKS} stacks, {domains} domains; {fitting} stacks fit, {len(wrong)} domains differ"
    )  # the figure
    assert not wrong, f"{len(wrong)} of {domains} domains differ:\n" + "\n".join(map(str, wrong))
    assert STACKS // 10 < fitting < STACKS - STACKS // 10


def test_the_product_never_promises_more_than_a_node_of_the_lab_has():
    for instance_type in SHAPES:
        told, own = offer(instance_type).allocatable, allocatable(instance_type)
        assert own.cpu_millicores <= millicores(told["cpu"])
        assert own.memory_bytes <= memory_bytes(told["memory"])
        assert own.memory_bytes >= memory_bytes(told["memory"]) * 0.9 - 64 * MIB
        assert own.pods <= int(told["pods"])
