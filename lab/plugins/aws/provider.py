"""The plugin's answers to the engine."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from lab.plugins import differences
from lab.plugins.aws.kinds import KINDS
from lab.plugins.aws.lookups import LOOKUPS
from lab.plugins.aws.session import Session
from lab.plugins.host import UNKNOWN, Plugin, RefusedError, refuse, to_python, to_struct

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.plugins.aws.kind import Kind

EVERYWHERE = frozenset({"region"})
"""Properties that version 7 of the official plugin adds to every type."""


class Aws(Plugin):
    """One region, as a provider's settings name it."""

    version = "7.51.1"

    def __init__(self) -> None:
        super().__init__()
        self._session = Session("")

    def DiffConfig(self, request: Any, _context: Any) -> Any:  # noqa: N802  # the engine's names, here and below
        """Another region needs new resources."""
        old, new = to_python(request.olds), to_python(request.news)
        return differences.answer(old, new, ("region",))

    def Configure(self, request: Any, _context: Any) -> Any:  # noqa: N802
        """Takes the region."""
        self._session = Session(str(to_python(request.args).get("region", "")))
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def _kind(self, urn: str) -> Kind:
        token = urn.split("::")[2].rsplit("$", maxsplit=1)[-1]
        if token not in KINDS:
            raise RefusedError(f"the lab has no {token}; it has {', '.join(sorted(KINDS))}")
        return KINDS[token](self._session)

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Refuses unknown properties and missing ones; names what has no name."""

        def work() -> Any:
            inputs, old, kind = to_python(request.news), to_python(request.olds), self._kind(request.urn)
            known = kind.properties | EVERYWHERE
            failures = [
                provider_pb2.CheckFailure(property=name, reason=f"unknown property {name!r}")
                for name in sorted(inputs.keys() - known)
            ] + [
                provider_pb2.CheckFailure(property=name, reason=f"missing required property {name!r}")
                for name in sorted(kind.required - inputs.keys())
            ]
            if kind.named_by and kind.named_by not in inputs:
                made_up = f"{request.urn.rsplit('::', 1)[1]}-{secrets.token_hex(4)[:7]}"
                inputs[kind.named_by] = old.get(kind.named_by) or made_up
            inputs.setdefault("region", self._session.region)
            return provider_pb2.CheckResponse(inputs=to_struct(inputs), failures=failures)

        return self._answered(context, request.urn, work)

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Compares inputs with inputs, less what is to be ignored."""

        def work() -> Any:
            kind = self._kind(request.urn)
            old, new = to_python(request.old_inputs), to_python(request.news)
            for path in request.ignoreChanges:
                differences.keep(old, new, path)

            return differences.answer(old, new, kind.replaced_by)

        return self._answered(context, request.urn, work)

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Creates a resource; in a preview nothing is asked."""
        inputs = to_python(request.properties)

        def work() -> Any:
            kind = self._kind(request.urn)
            if request.preview:
                unknown = dict.fromkeys(kind.computed, UNKNOWN)
                return provider_pb2.CreateResponse(properties=to_struct({**inputs, **unknown}))
            identity = kind.create(inputs)
            state = kind.read(identity, inputs) or inputs
            return provider_pb2.CreateResponse(id=identity, properties=to_struct(_plain(state)))

        return self._answered(context, request.urn, work)

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Changes a resource in place; in a preview nothing is asked."""
        old, new, before = map(to_python, (request.old_inputs, request.news, request.olds))

        def work() -> Any:
            kind = self._kind(request.urn)
            if request.preview:
                unknown = {
                    name: UNKNOWN for name in ("latestVersion", "defaultVersion") if name in kind.computed
                }
                return provider_pb2.UpdateResponse(properties=to_struct(before | new | unknown))
            # A plugin that bridges Terraform plans ignored fields with what its state holds, and not the inputs.
            for path in request.ignoreChanges:
                differences.keep(before, old, path)
                differences.keep(before, new, path)
            kind.update(request.id, old, new)
            state = kind.read(request.id, new) or new
            return provider_pb2.UpdateResponse(properties=to_struct(_plain(state)))

        return self._answered(context, request.urn, work)

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Deletes a resource."""

        def work() -> Any:
            self._kind(request.urn).delete(request.id, to_python(request.old_inputs))
            return empty_pb2.Empty()

        return self._answered(context, request.urn, work)

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Reads a resource for a refresh or an import."""
        inputs = to_python(request.inputs)

        def work() -> Any:
            kind = self._kind(request.urn)
            state = kind.read(request.id, inputs)
            if state is None:
                return provider_pb2.ReadResponse()
            kept = {key: value for key, value in state.items() if key in (inputs or kind.properties)}
            for key, value in inputs.items():
                if _alike(kept.get(key), value):
                    kept[key] = value
            return provider_pb2.ReadResponse(
                id=request.id, properties=to_struct(_plain(state)), inputs=to_struct(_plain(kept))
            )

        return self._answered(context, request.urn, work)

    def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Looks a cluster or a node group up."""

        def work() -> Any:
            if request.tok not in LOOKUPS:
                raise RefusedError(f"the lab has no {request.tok}")
            answer = LOOKUPS[request.tok](self._session, to_python(request.args))
            fields: dict[str, Any] = {"return": to_struct(answer)}  # the field's name is a keyword
            return provider_pb2.InvokeResponse(**fields)

        return self._answered(context, request.tok, work)

    def _answered(self, context: Any, urn: str, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except RefusedError as error:
            refuse(context, error)
        except Exception as error:
            # boto3 makes its exceptions' classes at run time, and importing them is slow.
            if not type(error).__module__.startswith("botocore"):
                raise
            kind, _, name = urn.rpartition("::")
            refuse(context, RefusedError(f"{kind.split(':')[-1] or 'AWS'} {name}: {error}"))
        return None


def _alike(live: Any, given: Any) -> bool:
    """Whether a live value is what was given, in whatever order AWS returns it."""
    if isinstance(live, list) and isinstance(given, list):
        return sorted(map(repr, live)) == sorted(map(repr, given))
    return bool(live == given)


def _plain(state: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in state.items() if value is not None}
