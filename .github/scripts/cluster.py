"""Prints where a stack's cluster is, for a workflow's outputs: region, cluster, context.

Only the standard keys of the stack's file are read: an abort must work with a file that is
wrong elsewhere.
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

file = Path(f"Pulumi.{sys.argv[1]}.yaml")
try:
    config = yaml.safe_load(file.read_text("utf-8"))["config"]
    found = {
        "region": config["aws:region"],
        "cluster": config["eco2:cluster"]["name"],
        "context": config["kubernetes:context"],
    }
except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
    sys.exit(f"error: {file}: needs aws:region, eco2:cluster.name and kubernetes:context ({error!r})")
for key, value in found.items():
    if not isinstance(value, str) or not value.isprintable():
        sys.exit(f"error: {file}: {key} is no plain text")
    sys.stdout.write(f"{key}={value}\n")
