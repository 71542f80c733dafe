"""Taking objects over that another tool has made: for one update, which `eco2 adopt` starts.

`upsertExistingObjects` lets a creation find its object there, but does not force its values: where another
tool's differ, the update is refused, although the preview, which forces always, has gone through. So every
object carries `pulumi.com/patchForce` while it is adopted. The annotation, and not the provider's setting, since
that would show as an update of the provider, and force everything else as well. The next update takes it off.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FORCE = {"pulumi.com/patchForce": "true"}


def marks(*, adopting: bool) -> dict[str, str]:
    """The annotations by which an adoption takes an object over; none in any other update."""
    return FORCE if adopting else {}


def without(spec: Mapping[str, Any], ignored: Iterable[str]) -> dict[str, Any]:
    """A spec without what somebody else owns once the object exists, such as the number of pods.

    Changes of these are ignored, but a creation has nothing to ignore: forced, it would take a Deployment
    that its autoscaler has made large back to the number that it starts with.

    Args:
        spec: The spec.
        ignored: Paths of the object, `spec.replicas`.
    """
    left = {"spec": copy.deepcopy(dict(spec))}
    for path in ignored:
        *parents, last = path.split(".")
        place: Any = left
        for parent in parents:
            place = place.get(parent, {})
        place.pop(last, None)
    return left["spec"]
