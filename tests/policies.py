"""Deciding as IAM does, for what the policies of docs/iam use: Allow, globs, three conditions."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from tests.conftest import ROOT

if TYPE_CHECKING:
    from tests.recorder import Call

UNSEEN = ("aws:RequestTag/", "aws:ResourceTag/", "ec2:CreateAction")
"""Condition keys that a recorded call does not show: the stand-in tags a launch template after it
made it, the official plugin in the same call."""
FREE = {"sts:GetCallerIdentity"}
"""Needs no permission (AWS' reference of STS)."""


def policy(name: str, environment: str = "prod") -> dict[str, Any]:
    """A policy of docs/iam, as docs/eks.md has it written for an environment."""
    text = (ROOT / "docs/iam" / f"{name}.json").read_text()
    return json.loads(re.sub(r"\bprod\b", environment, text))


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def allows(document: dict[str, Any], wanted: Call) -> bool:
    return wanted.action in FREE or any(
        statement["Effect"] == "Allow"
        and any(fnmatchcase(wanted.action.lower(), one.lower()) for one in listed(statement["Action"]))
        and any(fnmatchcase(wanted.resource, one) for one in listed(statement["Resource"]))
        and _met(statement.get("Condition", {}), dict(wanted.context))
        for statement in document["Statement"]
    )


def _met(condition: dict[str, Any], context: dict[str, str]) -> bool:
    return all(
        (key.startswith(UNSEEN) and key not in context)
        or any(fnmatchcase(context.get(key, ""), one) for one in listed(values))
        for keys in condition.values()
        for key, values in keys.items()
    )
