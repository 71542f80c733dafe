"""What a pod is doing, in one word, as kubectl would say it, and the cluster's own reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rollout.text.plain import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Mark = Literal["good", "waiting", "bad", "ending"]
STARTING = ("ContainerCreating", "PodInitializing")


@dataclass(frozen=True)
class PodStatus:
    """One pod.

    Attributes:
        name: Its name.
        mark: How it is.
        word: The same in a word or two: `ready`, `unschedulable`, `CrashLoopBackOff`.
        message: Why, in the cluster's own words; empty if all is well.
        restarts: Of all its containers.
        node: Where it runs; empty before it is scheduled.
        created: When, as Kubernetes writes it.
    """

    name: str
    mark: Mark
    word: str
    message: str
    restarts: int
    node: str
    created: str


def read_pod(document: dict[str, Any]) -> PodStatus:
    """Reads a pod as the API server returns it."""
    meta, status = document["metadata"], document.get("status", {})
    containers = status.get("containerStatuses", [])
    mark, word, message = _state(document)
    return PodStatus(
        name=meta["name"],
        mark=mark,
        word=one_line(word),
        message=one_line(message),
        restarts=sum(one.get("restartCount", 0) for one in containers),
        node=document["spec"].get("nodeName", ""),
        created=meta.get("creationTimestamp", ""),
    )


def reasons(pods: Iterable[PodStatus]) -> Iterator[str]:
    """What pods that are not ready say, the same words of several once."""
    said: dict[str, list[str]] = {}
    for pod in pods:
        if pod.mark in ("waiting", "bad"):
            words = pod.word + (f": {pod.message}" if pod.message else "")
            said.setdefault(words, []).append(pod.name)
    for words, names in said.items():
        yield f"{names[0] if len(names) == 1 else f'{len(names)} pods'} {words}"


def _state(document: dict[str, Any]) -> tuple[Mark, str, str]:
    status = document.get("status", {})
    conditions = {one["type"]: one for one in status.get("conditions", ())}
    if "deletionTimestamp" in document["metadata"]:
        return "ending", "ending", ""
    if status.get("phase") in ("Failed", "Succeeded"):
        return "bad", status.get("reason") or status["phase"].lower(), status.get("message", "")
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        word = "unschedulable" if scheduled.get("reason") == "Unschedulable" else "pending"
        return "waiting", word, scheduled.get("message", "")
    containers = [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]
    sick = next(filter(None, (_sick(one.get("state", {})) for one in containers)), None)
    if sick:
        return ("bad", *sick)
    return _progress(status, conditions)


def _progress(status: dict[str, Any], conditions: dict[str, dict[str, Any]]) -> tuple[Mark, str, str]:
    """How far a pod is that is scheduled and not sick."""
    if conditions.get("Ready", {}).get("status") == "True":
        return "good", "ready", ""
    containers = status.get("containerStatuses", [])
    if status.get("phase") == "Running":
        ready = sum(bool(one.get("ready")) for one in containers)
        of = f" ({ready}/{len(containers)})" if len(containers) > 1 else ""
        return "waiting", f"not ready{of}", ""
    return "waiting", "starting", ""


def _sick(state: dict[str, Any]) -> tuple[str, str] | None:
    waiting, ended = state.get("waiting"), state.get("terminated")
    if waiting and waiting.get("reason") not in (*STARTING, None):
        return waiting["reason"], waiting.get("message", "")
    if ended and ended.get("exitCode"):
        return ended.get("reason", "Error"), ended.get("message") or f"exit code {ended['exitCode']}"
    return None
