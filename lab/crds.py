"""The definitions of the custom resources in use, of pods' usage, and the namespace of Istio."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import yaml

from lab import tools
from lab.api import ApiError
from lab.pods import usage

if TYPE_CHECKING:
    from lab.api import Api

Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
ESTABLISH_SECONDS = 30.0


def install(api: Api) -> None:
    """Applies the definitions and waits until the API server serves them.

    Raises:
        ApiError: If the API server refuses, or serves them too late.
    """
    definitions = [
        document
        for files in tools.FILES
        if files.name.endswith("-crds")
        for path in sorted(tools.folder(files).glob("*.yaml"))
        for document in yaml.load_all(path.read_text("utf-8"), Loader=Loader)  # a safe loader
        if document
    ]
    definitions.append(usage.DEFINITION)
    for definition in definitions:
        api.apply(definition, "lab")
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "istio-system"}}
    api.apply(namespace, "lab")
    deadline = time.monotonic() + ESTABLISH_SECONDS
    for group in sorted({f"{one['spec']['group']}/{_served(one)}" for one in definitions}):
        while not _answers(api, group):
            if time.monotonic() > deadline:
                raise ApiError(504, "Timeout", f"the API server does not serve {group}")
            time.sleep(0.1)


def _served(definition: dict[str, Any]) -> str:
    return str(next(version["name"] for version in definition["spec"]["versions"] if version["served"]))


def _answers(api: Api, group: str) -> bool:
    try:
        api.request("GET", f"/apis/{group}")
    except ApiError:
        return False
    return True
