"""How an abort fails."""


class RoutesError(Exception):
    """The routes of some service could not be moved: its canary may still get traffic."""


class ReconcileError(Exception):
    """The routes are back, and the second stroke failed; the message says how to go on."""
