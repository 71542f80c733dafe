"""An EKS cluster that cannot be looked up ends an update in words."""

from __future__ import annotations

import pulumi
import pytest

from eco2.capture import _Answers


def test_a_cluster_that_aws_does_not_tell_of_is_named_with_the_way_on(program, monkeypatch):
    answer = _Answers.call

    def call(own, args):
        if args.token == "aws:eks/getCluster:getCluster":  # noqa: S105  # a token in Pulumi's sense
            raise RuntimeError("AccessDeniedException")
        return answer(own, args)

    monkeypatch.setattr(_Answers, "call", call)
    told = (
        r"EKS cluster eco2-dev cannot be looked up: .*AccessDenied.*eks:DescribeCluster\? Then run the same"
    )
    with pytest.raises(pulumi.RunError, match=told):
        program.run(outputs={})
