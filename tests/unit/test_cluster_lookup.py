"""An EKS cluster that cannot be looked up ends an update in words."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pulumi
import pulumi_aws as aws
import pytest

from components.cluster import Cluster


def test_a_cluster_that_aws_does_not_tell_of_is_named_with_the_way_on(monkeypatch):
    async def refused():
        raise RuntimeError("AccessDeniedException")

    monkeypatch.setattr(aws.eks, "get_cluster_output", lambda **_: SimpleNamespace(future=refused))
    told = r"EKS cluster eco2-dev cannot be looked up: AccessDenied.*eks:DescribeCluster\? Then run the same"
    with pytest.raises(pulumi.RunError, match=told):
        asyncio.run(Cluster._ask(SimpleNamespace(name="eco2-dev")))
