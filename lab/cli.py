"""The command `lab`."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from typing import Annotated

import typer

from lab import running, starting, tools
from lab.environment import NotRunningError, ask, exports, network, plugins
from lab.options import Name  # noqa: TC001  # typer reads it at run time
from lab.parts import OTHER_ACCOUNTS
from lab.places import LabFolder
from lab.project import ProjectError
from lab.terminal import answer, say, show_what_can_be_shown, visible
from lab.traffic import command as traffic_command

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="EKS on one machine: a real Kubernetes control plane, Istio and an AWS API, without the internet.",
    epilog="Exit codes: 0 done, 1 failed (the reason is on standard error), 2 wrong usage, 3 no lab runs, or it "
    "has no network. `run` and `project` end with the code of the command that they run.",
)
NOT_RUNNING = 3
INTERRUPTED = 130
REGION = "ap-northeast-2"
DEFAULT_CLUSTER = "eco2-local"
Part = Annotated[str, typer.Argument(help="A part, as `lab status` names it.")]


@app.command()
def build(
    istioctl: Annotated[bool, typer.Option("--istioctl", help="Build Istio's analyser, too.")] = False,
    argo: Annotated[
        bool, typer.Option("--argo", help="Build Argo Rollouts, too, for the measurements.")
    ] = False,
) -> None:
    """Build the lab's programs from pinned Go modules into the user's cache; skip those that are there.

    Example: lab build --istioctl
    """
    tools.ensure(say, istioctl=istioctl, argo=argo)


@app.command()
def start(
    cluster: Annotated[
        list[str] | None,
        typer.Option(help=f"A cluster and context to offer; repeatable. [default: {DEFAULT_CLUSTER}]"),
    ] = None,
    region: Annotated[str, typer.Option(help="The AWS region to play.")] = REGION,
    feature_gate: Annotated[
        list[str] | None,
        typer.Option(
            help="A gate of Kubernetes that differs from its default, GATE=true or GATE=false; repeatable."
        ),
    ] = None,
    name: Name = "default",
) -> None:
    """Start a lab in the background, unless it runs already.

    Example: lab start --cluster eco2-dev --cluster eco2-prod
    """
    tools.ensure(say)
    folder = LabFolder.of(name)
    with starting.alone(folder):
        if not starting.running(folder):
            starting.begin(folder, region, cluster or [DEFAULT_CLUSTER], ",".join(feature_gate or ()))
        elif folder.ready.exists():
            say(f"lab {name} runs already")
            return
        # One that another command began, and did not see to its end, is waited for all the same.
        if not starting.follow(folder, say):
            raise typer.Exit(1)
    say(f'lab {name} is up; to use it in this shell: eval "$(lab env)"')


@app.command()
def stop(name: Name = "default") -> None:
    """End a lab and remove everything that it held, Pulumi's state included; exit code 0 also if none runs.

    Example: lab stop --name other
    """
    folder = LabFolder.of(name)
    starting.end(folder)
    if starting.running(folder):
        say(f"error: lab {name} does not end; see {folder.supervisor_log}")
        raise typer.Exit(1)
    starting.remove(folder)
    say(f"lab {name} is gone")


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
    name: Name = "default",
) -> None:
    """Show the parts of a lab, and which of Pulumi's plugins it stands in for here.

    Exit code 1 if a part has ended, 3 if no lab runs. `--json` has the parts alone.

    Example: lab status --json
    """
    parts = ask(LabFolder.of(name), "status")["parts"]
    told = [f"{part:26}{state}" for part, state in parts.items()]
    told += [] if as_json else map(str, plugins(tools.pulumi_on_path()))
    answer(json.dumps(parts) if as_json else "\n".join(told))
    if any(state != "running" for state in parts.values()):
        raise typer.Exit(1)


@app.command()
def logs(
    part: Part,
    lines: Annotated[int, typer.Option("-n", help="How many lines, from the end.")] = 50,
    follow: Annotated[bool, typer.Option("-f", help="Keep showing new lines.")] = False,
    name: Name = "default",
) -> None:
    """Show the log of a part; if there is none, exit code 1 and the names of the logs that there are.

    Example: lab logs kube-apiserver -n 100 -f
    """
    log = LabFolder.of(name).logs / f"{part}.log"
    if not log.exists():
        known = sorted(path.stem for path in log.parent.glob("*.log"))
        say(f"error: no log of {part!r}; there are {', '.join(known) or 'none: no lab runs'}")
        raise typer.Exit(1)
    command = ["tail", f"-n{lines}", *(["-f"] if follow else []), str(log)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8", errors="replace") as tail:
        try:
            for line in tail.stdout or ():
                sys.stdout.write(visible(line))
                sys.stdout.flush()
        except BaseException:
            # Whoever read has gone, and a `tail -f` learns of that with its next line only.
            tail.terminate()
            raise
    sys.exit(tail.returncode)


@app.command()
def env(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
    name: Name = "default",
) -> None:
    """Print the variables to export for a lab (kubeconfig, AWS, Pulumi's backend); exit code 3 if no lab runs.

    Example: eval "$(lab env)"
    """
    variables = exports(LabFolder.of(name))
    if as_json:
        typer.echo(json.dumps(variables, indent=2))
        return
    if others := [key for key in OTHER_ACCOUNTS if key in os.environ]:
        typer.echo(f"unset {' '.join(others)}")
    for key, value in variables.items():
        typer.echo(f"export {key}={shlex.quote(value)}")


@app.command()
def gateway(name: Name = "default") -> None:
    """Print the URL of the ingress gateway; exit code 3, and the reason, if the kernel gave the lab no network.

    Example: curl -H 'Host: api.eco2.test' "$(lab gateway)/api/v1/auth/me"
    """
    answer(network(LabFolder.of(name))[1])


for command in (running.run, running.project):
    app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(command)


def _fault(what: str, part: str, name: str) -> None:
    if error := ask(LabFolder.of(name), what, part).get("error"):
        say(f"error: {error}")
        raise typer.Exit(1)


@app.command()
def kill(part: Part, name: Name = "default") -> None:
    """End a part as a crash would; `lab restart` starts it anew.

    Example: lab kill istiod
    """
    _fault("kill", part, name)


@app.command()
def restart(part: Part, name: Name = "default") -> None:
    """Start a part anew, whether it runs or has ended.

    Example: lab restart istiod
    """
    _fault("restart", part, name)


app.command()(traffic_command.traffic)
app.command()(traffic_command.behave)


def main() -> None:
    """Entry point of the console script."""
    show_what_can_be_shown()
    try:
        app(standalone_mode=True)
    except NotRunningError as error:
        say(f"error: {error}")
        sys.exit(NOT_RUNNING)
    except (tools.BuildError, starting.PlaceError, ProjectError, OSError) as error:
        say(f"error: {error}")
        sys.exit(1)
    except SystemExit as end:
        # typer turns Ctrl-C into this code by itself, and says nothing of the way on.
        if end.code == INTERRUPTED:
            say("interrupted; run the same command again to go on")
        raise
