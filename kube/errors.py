"""Why a cluster gave no answer that can be used."""


class ClusterError(Exception):
    """The cluster cannot be asked; the message says why and what to do."""


class NoClusterError(ClusterError):
    """The kubeconfig has no such context."""


class ConflictError(ClusterError):
    """Somebody else has changed the object since it was read."""


class ForbiddenError(ClusterError):
    """The user of this context may not do this."""


class NotServedError(ClusterError):
    """The server knows no such API: another answer than that an object is not there."""


class BusyError(ClusterError):
    """The server may take the same a moment later: too many requests, a leader that changes, a line that was cut."""
