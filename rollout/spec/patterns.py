"""The forms of text that files may hold, as patterns and in words."""

from __future__ import annotations

from typing import Final

LABEL: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
HOST: Final = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)+$"
# The pattern of Kubernetes' published API schemas, less the sign.
QUANTITY: Final = (
    r"^([0-9]+(\.[0-9]*)?|\.[0-9]+)(([KMGTPE]i)|[numkMGTPE]|([eE][+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)))?$"
)
DURATION: Final = r"^([0-9]+(\.[0-9]+)?(h|m|s|ms))+$"
TAG: Final = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$"
DIGEST: Final = r"^sha256:[0-9a-f]{64}$"
REVISION: Final = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"
VARIABLE: Final = r"^[A-Za-z_][A-Za-z0-9_]*$"
# As container runtimes read images (distribution/reference `regexp.go`), in lower case.
REPOSITORY: Final = r"^[a-z0-9]+([.-]+[a-z0-9]+)*(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+$"
GATEWAY: Final = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?/[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
PATH: Final = r"^/[!-~]*$"
ROUTE_PATH: Final = r'^/[!"$->@-~]*$'
CLUSTER: Final = r"^[0-9A-Za-z][A-Za-z0-9_-]{0,99}$"
SUBNET: Final = r"^subnet-[0-9a-z]+$"
INSTANCE_TYPE: Final = r"^[a-z0-9-]+\.[a-z0-9-]+$"
HEADER: Final = r"^[a-z0-9-]+$"
COOKIE: Final = r"^[A-Za-z0-9_-]+$"
HEADER_VALUE: Final = r"^[!-~]([ -~]*[!-~])?$"
CANARY_VALUE: Final = r"^[A-Za-z0-9._-]+$"
CONTEXT: Final = r"^[A-Za-z0-9][A-Za-z0-9._:/@+=,~-]*$"
REGION: Final = r"^[a-z]{2}(-[a-z]+)+-[0-9]$"
REASON: Final = r"\S"
SERVICE: Final = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"
PORT_NAME: Final = r"^([a-z0-9]+-)*[0-9]*[a-z][a-z0-9]*(-[a-z0-9]+)*$"
DATA_KEY: Final = r"^[-._a-zA-Z0-9]+$"
IMAGE: Final = (
    r"^([a-z0-9]+([.-]+[a-z0-9]+)*(:[0-9]+)?/)?[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"
    r"(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?$"
)
CAPABILITY: Final = r"^[A-Z][A-Z_]*$"
METRIC: Final = r"^[^\s/%\x00-\x1f\x7f-\x9f]+$"
PROFILE: Final = r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$"
QUEUE: Final = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"

FORMS: Final = {
    LABEL: "a DNS label (lower case, digits and hyphens)",
    HOST: "a host name in lower case without scheme and port (api.growbin.app)",
    QUANTITY: "a Kubernetes quantity (200m, 512Mi)",
    DURATION: "a duration (30s, 1m30s)",
    TAG: "an image tag (letters, digits, . _ -)",
    DIGEST: "a digest (sha256: and 64 hex digits)",
    REVISION: "a revision (letters, digits, . _ -)",
    VARIABLE: "a variable's name (letters, digits, _)",
    REPOSITORY: "an image repository without a tag (docker.io/owner/name)",
    GATEWAY: "namespace/name",
    PATH: "a path that begins with / and holds no blank",
    ROUTE_PATH: "a path that begins with / and holds no blank, no query and no fragment",
    CLUSTER: "an EKS cluster's name (letters, digits, - _)",
    SUBNET: "a subnet's id (subnet-0123)",
    INSTANCE_TYPE: "an EC2 instance type (t3.medium)",
    HEADER: "a header's name in lower case (x-canary)",
    COOKIE: "a cookie's name (letters, digits, - _)",
    HEADER_VALUE: "a header's value (printable ASCII on one line, no blank at its ends)",
    CANARY_VALUE: "a word of letters, digits, . _ - (baggage, which carries it on, encodes all others)",
    CONTEXT: "a name without blanks (letters, digits, . _ : / @ + = , ~ -)",
    REGION: "a region of AWS (ap-northeast-2)",
    REASON: "a reason in words",
    SERVICE: "a DNS label that begins with a letter (lower case, digits and hyphens)",
    PORT_NAME: "a port's name (lower case, digits and single hyphens, with a letter)",
    DATA_KEY: "a key of a Secret or ConfigMap (letters, digits, - _ .)",
    IMAGE: "an image without blanks: name, tag, digest (busybox:1.36@sha256: and 64 hex digits)",
    CAPABILITY: "a capability's name without CAP_ (NET_BIND_SERVICE)",
    METRIC: "a metric's name without blanks, / and %",
    PROFILE: "a path below the kubelet's folder of profiles (audit.json)",
    QUEUE: "a queue's name (letters, digits, . _ -)",
}
