"""Keys of a stack's file that the program's models do not read: those of Pulumi's plugins, and what is encrypted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rollout.problems import NAMESPACE, Problem
from rollout.spec import patterns as forms

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

REQUIRED_ELSEWHERE = {
    "kubernetes:context": (
        forms.CONTEXT,
        "the ambient context is never used: name the one of this stack's cluster",
    ),
    "aws:region": (forms.REGION, "name the region of this stack's cluster"),
}
"""The form of each, and why it is required."""


def of_plugins(file: str, config: Mapping[str, str], secret: Collection[str]) -> list[Problem]:
    """What is wrong with the keys of Pulumi's own plugins, and with namespaces that are nobody's."""
    problems = []
    for key, (form, why) in REQUIRED_ELSEWHERE.items():
        value = config.get(key, "")
        if key in secret:
            reason = "is encrypted, and every message about the cluster names it; write it in clear"
            problems.append(Problem(file, key, reason))
        elif not value.strip():
            problems.append(Problem(file, key, f"missing; {why}"))
        elif not re.fullmatch(form, value):
            problems.append(
                Problem(file, key, f"must have the form of {forms.FORMS[form]}, not {value!r}; {why}")
            )
    for key in config:
        namespace = key.partition(":")[0]
        if namespace != NAMESPACE and namespace.strip().lower() == NAMESPACE:
            problems.append(Problem(file, key, f"nobody reads it; write {NAMESPACE}:{key.partition(':')[2]}"))
    return problems


def encrypted_values(file: str, secret: Collection[str]) -> list[Problem]:
    """Secrets inside the config: the program gets them in clear and would write them to pods and state.

    Pulumi marks neither nested values nor what is made of them (pulumi#6531, #7384).
    """
    way = "keep the value in a Secret of the cluster and name it: {secret: {name: ..., key: ...}}"
    return [
        Problem(file, key, f"holds an encrypted value, which would go out in clear; {way}")
        for key in sorted(secret)
        if key.startswith(f"{NAMESPACE}:")
    ]
