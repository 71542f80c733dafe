"""Prints where a stack's cluster is, for a workflow's outputs: region, cluster, context.

Only the standard keys of the stack's file are read: an abort must work with a file that is
wrong elsewhere.
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

from rollout.problems import ConfigError
from rollout.spec.yaml_bounds import Loader, read_bounded, within_bounds

file = Path(f"Pulumi.{sys.argv[1]}.yaml")
try:
    text = read_bounded(file).decode("utf-8")
    within_bounds(text, file.name, one_meaning=False)
    config = yaml.load(text, Loader=Loader)["config"]  # noqa: S506  # a SafeLoader
    found = {
        "region": config["aws:region"],
        "cluster": config["eco2:cluster"]["name"],
        "context": config["kubernetes:context"],
    }
except (OSError, ValueError, ConfigError, yaml.YAMLError, KeyError, TypeError) as error:
    sys.exit(f"error: {file}: needs aws:region, eco2:cluster.name and kubernetes:context ({error!r})")
for key, value in found.items():
    if not isinstance(value, str) or not value.isprintable():
        sys.exit(f"error: {file}: {key} is no plain text")
    sys.stdout.write(f"{key}={value}\n")
