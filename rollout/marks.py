"""By what the program's own resources are known: in the cluster, and in Pulumi's state."""

from __future__ import annotations

from typing import Final

FIELD_MANAGER: Final = "eco2"
"""The field manager of every write, so that an abort, which writes to the API server itself, can take the same
name and leaves no conflict behind for the next update."""

CANARY_SERVICE: Final = "eco2:service:CanaryService"
"""The type of a service's component in a state."""

DOMAIN_NODE_GROUP: Final = "eco2:nodes:DomainNodeGroup"
"""The type of a node group's component in a state."""

DOMAIN_LABEL: Final = "domain"
"""Key of the label and of the taint of a domain's nodes."""
