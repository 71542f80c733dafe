"""What a node offers and what a pod counts for, in figures that a person can add up."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kubernetes.utils.quantity import parse_quantity

from rollout.spec.files import read_catalog
from rollout.spec.instances import (
    MIB,
    SHAPES,
    allocatable,
    effective_request,
    least,
    pod_request,
)
from rollout.spec.quantities import memory_bytes, millicores
from tests.conftest import ROOT
from tests.unit.conftest import mib

CATALOG = read_catalog(ROOT / "services.yaml")
profile = settings(max_examples=300, deadline=None, derandomize=True)


@pytest.mark.parametrize(
    ("quantity", "cpu", "memory"),
    [
        ("150m", 150, 1),
        ("1", 1000, 1),
        (".5", 500, 1),
        ("2.", 2000, 2),
        ("100u", 1, 1),  # rounded up
        ("512Mi", 512 * MIB * 1000, 512 * MIB),
        ("1.5Gi", 1536 * MIB * 1000, 1536 * MIB),
        ("1E", 10**21, 10**18),
        ("1E2", 100_000, 100),
        ("1e3", 1_000_000, 1000),
    ],
)
def test_quantities_are_kubernetes_own(quantity, cpu, memory):
    assert (millicores(quantity), memory_bytes(quantity)) == (cpu, memory)


@pytest.mark.parametrize("quantity", ["", "m", "1.2.3", "-1", "1 Gi", "1gi", "1e2Mi", "1e2.5", "1Mi\n"])
def test_what_is_no_quantity_is_refused_in_words(quantity):
    with pytest.raises(ValueError, match="is not a Kubernetes quantity"):
        memory_bytes(quantity)


@profile
@given(
    st.decimals(0, 10**6, places=3),
    st.sampled_from(["", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "e2", "E-1"]),
)
def test_quantities_are_read_as_the_kubernetes_client_reads_them(number, suffix):
    assert memory_bytes(f"{number}{suffix}") == math.ceil(parse_quantity(f"{number}{suffix}"))


def test_a_t3_medium_offers_what_one_reported():
    # kubectl describe node, EKS in October 2024: cpu 1930m, memory 3388304Ki, pods 17.
    node = allocatable("t3.medium")
    assert (node.cpu_millicores, node.pods) == (1930, 17)
    assert 0.96 * 3388304 * 1024 < node.memory_bytes <= 3388304 * 1024


@pytest.mark.parametrize(
    ("instance_type", "cpu", "pods"),
    [("t3.small", 1930, 11), ("t3a.small", 1930, 8), ("t3.xlarge", 3920, 58), ("t3.2xlarge", 7910, 58)],
)
def test_cpu_and_pods_follow_the_published_rules(instance_type, cpu, pods):
    assert (allocatable(instance_type).cpu_millicores, allocatable(instance_type).pods) == (cpu, pods)


def test_every_type_of_the_table_leaves_room_for_pods():
    assert all(allocatable(one).memory_bytes > 1000 * MIB for one in SHAPES)


def test_an_unknown_instance_type_is_named_with_the_nearest():
    with pytest.raises(
        LookupError, match=r"the size of t3\.mediun is not known here; did you mean t3\.medium"
    ):
        allocatable("t3.mediun")


def test_a_group_of_several_types_offers_the_least_of_each():
    node = least(("c5.large", "t3.large"))
    assert node.instance_type == "c5.large or t3.large"
    assert (node.memory_bytes, node.pods) == (allocatable("c5.large").memory_bytes, 29)


def test_a_pod_counts_its_sidecar_unless_it_has_none():
    services = CATALOG.services
    assert pod_request(services["scan-api"]) == mib(250 + 100, 256 + 128)
    assert pod_request(services["scan-api"], None) == mib(250, 256)
    assert pod_request(services["auth-relay"]) == mib(10, 32)  # sidecar.istio.io/inject: "false"


@pytest.mark.parametrize(
    ("annotations", "sidecar"),
    [
        ({"proxyCPU": "10m", "proxyMemory": "40Mi"}, (10, 40)),
        ({"proxyCPU": "10m"}, (10, 0)),  # one of its own leaves out all defaults
        ({"proxyCPULimit": "1", "proxyMemory": "40Mi"}, (1000, 40)),  # a limit alone is the request
    ],
)
def test_annotations_size_the_sidecar(annotations, sidecar):
    own = {f"sidecar.istio.io/{key}": value for key, value in annotations.items()}
    workload = CATALOG.services["scan-api"].model_copy(update={"annotations": own})
    assert pod_request(workload) == mib(250, 256) + mib(*sidecar)


def test_the_largest_init_container_counts_where_it_is_more():
    containers = [mib(100, 100), mib(100, 100)]
    assert effective_request(containers, [mib(150, 300), mib(150, 50)]) == mib(200, 300)
    assert effective_request(containers, []) == mib(200, 200)
