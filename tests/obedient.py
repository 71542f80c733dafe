"""What `pulumi up` leaves by a project's file, for a Pulumi that does nothing else: python -m tests.obedient FOLDER."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from eco2.stack.config import stack_config
from rollout.plan.service_plan import plan
from rollout.spec.files import read_catalog
from rollout.spec.services import resolve
from rollout.spec.settings import read_settings


def main(folder):
    catalog = read_catalog(folder / "services.yaml")
    wanted = resolve(catalog, read_settings("Pulumi.dev.yaml", stack_config(folder, "dev"), catalog))
    entries = {name: plan(one, None).output() for name, one in wanted.items()}
    root = {"type": "pulumi:pulumi:Stack", "urn": "root", "outputs": {"rollouts": entries}}
    urn = "urn:pulumi:dev::eco2::eco2:service:CanaryService::"
    services = [
        {"type": "eco2:service:CanaryService", "urn": f"{urn}{name}", "inputs": {}} for name in wanted
    ]
    (folder / "state.json").write_text(json.dumps({"deployment": {"resources": [root, *services]}}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
