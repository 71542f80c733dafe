"""`eco2 abort` as a function, with a CLI that can be used for nothing and no pauses."""

from __future__ import annotations

from eco2.abort import everything, promotions, reconcile
from eco2.abort.errors import ReconcileError, RoutesError
from eco2.abort.request import AbortRequest
from eco2.abort.run import abort


def struck(desk, *services, **options):
    """What an abort says, and how it ends."""
    said = []
    try:
        abort(AbortRequest(desk.folder, "dev", services, **options), said.append)
    except (RoutesError, ReconcileError) as error:
        return said, error
    return said, None


def without_cli(desk, monkeypatch):
    """Pulumi's CLI fails at each command, and nobody waits."""
    (desk.folder / "answers").write_text("1")
    monkeypatch.setattr(reconcile, "owner_has_ended", lambda _: False)
    monkeypatch.setattr("time.sleep", lambda _: None)


COMPONENT = "eco2:service:CanaryService"


def state_of(**rollouts):
    """A state's resources: what the last update left of services, and their components."""
    named = {name.replace("_", "-"): one for name, one in rollouts.items()}
    root = {"type": "pulumi:pulumi:Stack", "urn": "root", "outputs": {"rollouts": named}}
    return [
        root,
        *({"type": COMPONENT, "urn": f"urn:pulumi:dev::eco2::{COMPONENT}::{name}"} for name in named),
    ]


def in_state(monkeypatch, resources):
    """What a function gives is the state's resources, nobody else holds its lock, and stable is what the file says."""
    for module in (reconcile, promotions, everything):
        monkeypatch.setattr(module, "resources_of", resources)
    monkeypatch.setattr(reconcile, "ask_for_lock", lambda *_: None)
    monkeypatch.setattr(reconcile, "restore_stable", lambda *_: frozenset())
