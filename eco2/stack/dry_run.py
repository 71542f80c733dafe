"""Running the program against nothing: what it would register, without CLI, plugins or cluster."""

from __future__ import annotations

import json
import runpy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pulumi
from google.protobuf import json_format
from pulumi.runtime import mocks, rpc
from pulumi.runtime.config import set_all_config
from pulumi.runtime.settings import set_root_resource
from pulumi.runtime.stack import Stack, run_pulumi_func
from pulumi.runtime.sync_await import _ensure_event_loop, _sync_await

from eco2.stack.config import stack_config
from rollout.plan.nodes import NODE_GROUP

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Captured", "Registration", "capture", "stack_config"]

ACCOUNT = "123456789012"
"""The account number of AWS' own examples: what a lookup would answer is not known here."""


@dataclass(frozen=True)
class Registration:
    """One resource as the program registered it.

    Attributes:
        urn: Its name in Pulumi's state.
        type: Its token (`kubernetes:apps/v1:Deployment`).
        name: Its name in the program.
        inputs: Its inputs as JSON.
        after: URNs that it waits for.
        options: The other options of the registration, as the engine gets them.
    """

    urn: str
    type: str
    name: str
    inputs: dict[str, Any]
    after: frozenset[str]
    options: Mapping[str, Any]


@dataclass
class Captured:
    """Everything that the program registered.

    Attributes:
        resources: In the order of registration.
        outputs: The stack's outputs.
    """

    resources: list[Registration] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)


def capture(
    project: Path,
    stack: str,
    config: Mapping[str, str],
    outputs: Mapping[str, Any] | None = None,
    resources: Mapping[str, Any] | None = None,
    logger: logging.Logger | None = None,
) -> Captured:
    """Runs the program and keeps what it registers.

    Args:
        project: The folder with `__main__.py`.
        stack: The stack's name.
        config: As `stack_config` returns it.
        outputs: What the stack's last update left; None: not known, so guards cannot judge and are
            overruled.
        resources: Type and outputs of the stack's resources by URN; None where they are not known.
        logger: Takes what the program logs; None: the root's.

    Raises:
        pulumi.RunError: If the program refuses the config.
    """
    captured = Captured()
    answers = _Answers(outputs or {}, resources or {})
    _ensure_event_loop()  # type: ignore[no-untyped-call]  # mocks take this thread's, and `asyncio.run` leaves none
    monitor = _Recorder(answers, captured)
    mocks.set_mocks(answers, "eco2", stack, preview=False, logger=logger, monitor=monitor)
    set_all_config(dict(config) if outputs is not None else _unjudged(config))
    failure: list[BaseException] = []

    def program() -> None:
        set_root_resource(None)  # type: ignore[arg-type]  # mocks come with a stack that has ended already
        root = Stack()
        try:
            runpy.run_path(str(project / "__main__.py"), run_name="__main__")
        except pulumi.RunError as error:
            failure.append(error)
        finally:
            root._finish()  # noqa: SLF001  # what the SDK's own entry point does

    _sync_await(run_pulumi_func(program))  # as `pulumi.runtime.test` does
    if failure:
        raise failure[0]
    return captured


def _unjudged(config: Mapping[str, str]) -> dict[str, str]:
    """The config with every rollout's guards overruled; what cannot be read is left for the program to refuse."""
    key = "eco2:overrule"
    try:
        rollouts, reasons = (json.loads(config.get(one, "{}")) for one in ("eco2:rollouts", key))
        merged = {**dict.fromkeys(rollouts, "the last update is not known here"), **reasons}
    except (ValueError, TypeError):
        return dict(config)
    return {**config, key: json.dumps(merged)}


class _Answers(mocks.Mocks):
    """What AWS and the engine would say."""

    def __init__(self, outputs: Mapping[str, Any], resources: Mapping[str, Any]) -> None:
        self._outputs, self._resources = outputs, resources

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        if args.token == "pulumi:pulumi:readStackOutputs":  # noqa: S105  # a token in Pulumi's sense
            return {"name": args.args["name"], "outputs": dict(self._outputs)}, []
        if args.token == "pulumi:pulumi:readStackResourceOutputs":  # noqa: S105
            return {"name": args.args["stackName"], "outputs": dict(self._resources)}, []
        if args.token == "aws:eks/getCluster:getCluster":  # noqa: S105
            name = args.args["name"]
            arn = f"arn:aws:eks:ap-northeast-2:{ACCOUNT}:cluster/{name}"
            return {"name": name, "arn": arn, "vpcConfig": {"subnetIds": ["<the cluster's own>"]}}, []
        if args.token == "aws:eks/getNodeGroup:getNodeGroup":  # noqa: S105
            return {"scalingConfigs": [self._sizes(args.args["nodeGroupName"])]}, []
        raise NotImplementedError(args.token)

    def _sizes(self, group: str) -> Mapping[str, Any]:
        """What the state knows of a node group's sizes; the live ones only AWS does."""
        outputs = (one.get("outputs") or {} for one in self._resources.values() if one["type"] == NODE_GROUP)
        return next(one["scalingConfig"] for one in outputs if one.get("nodeGroupName") == group)

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        known = {"arn": f"<arn of {args.name}>", "latestVersion": 1, "name": f"<name of {args.name}>"}
        return f"<id of {args.name}>", {**known, **args.inputs}


class _Recorder(mocks.MockMonitor):
    """Keeps every request, with the options that mocks do not see."""

    def __init__(self, answers: _Answers, captured: Captured) -> None:
        super().__init__(answers)
        self._captured = captured

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802  # the engine's name
        if request.type != "pulumi:pulumi:Stack":
            urn = self.make_urn(request.parent, request.type, request.name)
            options = json_format.MessageToDict(request)
            inputs = _whole_numbers(rpc.deserialize_properties(request.object))
            after = frozenset(request.dependencies)
            self._captured.resources.append(
                Registration(urn, request.type, request.name, inputs, after, options)
            )
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]  # the SDK's base has no types

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802  # the engine's name
        # The stack that mocks come with has no outputs.
        if "::pulumi:pulumi:Stack::" in request.urn and request.outputs.fields:
            self._captured.outputs = _whole_numbers(rpc.deserialize_properties(request.outputs))
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]  # the same


def _whole_numbers(value: Any) -> Any:
    """Protocol buffers know only floats; what was whole is whole again."""
    if isinstance(value, dict):
        return {key: _whole_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole_numbers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
