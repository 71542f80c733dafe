"""Decisions of a rollout, in pure Python: no Pulumi, no cluster, no clock."""
