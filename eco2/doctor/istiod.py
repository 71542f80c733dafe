"""Is istiod new enough for what the program writes? By its Deployments; what they do not tell is not known."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from eco2.doctor.finding import fine, missing, unchecked
from eco2.doctor.platform import ISTIO
from kube.kinds import path
from rollout.spec.image import Image

if TYPE_CHECKING:
    from eco2.doctor.finding import CheckResult
    from kube.cluster import ClusterClient

NAMESPACE: Final = "istio-system"
OLDEST: Final = (1, 22)
"""The first that serves networking.istio.io/v1. An older one may not know the value behind `=` in
`failoverPriority` either (istio/istio#43535), and then a canary that fails would not fall back (rule 19)."""
_VERSION: Final = re.compile(r"(\d+)\.(\d+)(?:\.\d+)?(?:[-+].*)?")
_LABELS: Final = ("app.kubernetes.io/version", "operator.istio.io/version", "helm.sh/chart")
_CHART: Final = "istiod-"


def istiod(cluster: ClusterClient, context: str) -> list[CheckResult]:
    """The version of each istiod.

    Args:
        cluster: The cluster.
        context: The context, for commands.

    Raises:
        ClusterError: If the cluster refuses or does not answer.
    """
    found = cluster.list(path("Deployment", NAMESPACE), {"labelSelector": "app=istiod"})
    if not found:
        return [unchecked(ISTIO, f"istiod's version; {NAMESPACE} has no Deployment with app=istiod")]
    return [_judged(one, context) for one in found]


def _judged(deployment: dict[str, Any], context: str) -> CheckResult:
    name, wanted = deployment["metadata"]["name"], ".".join(map(str, OLDEST))
    image, told = _image(deployment), _told(deployment)
    version = _VERSION.fullmatch(told)
    if version is None:
        look = f"its image {image or '?'} names none; it must be {wanted} or later"
        return unchecked(ISTIO, f"the version of Deployment {NAMESPACE}/{name}: {look}")
    if (int(version[1]), int(version[2])) >= OLDEST:
        return fine(ISTIO, f"{name} is {told}")
    what = f"{name} is {told}, and a canary that fails falls back from {wanted} on alone (rule 19)"
    upgrade = f"helm --kube-context {context} upgrade {name} istio/istiod -n {NAMESPACE} --version {wanted}"
    return missing(ISTIO, what, f"{upgrade}, after the minor versions before it")


def _told(deployment: dict[str, Any]) -> str:
    """The version by the image's tag, or else by labels; empty where neither is one."""
    labels = deployment["metadata"].get("labels") or {}
    tag = Image.parse(_image(deployment)).tag
    for one in (tag or "", *(str(labels.get(label, "")) for label in _LABELS)):
        if _VERSION.fullmatch(version := one.removeprefix(_CHART)):
            return version
    return ""


def _image(deployment: dict[str, Any]) -> str:
    containers = deployment["spec"]["template"]["spec"].get("containers") or [{}]
    pilot = next((one for one in containers if one.get("name") == "discovery"), containers[0])
    return str(pilot.get("image", ""))
