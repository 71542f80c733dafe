"""`eco2 abort`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eco2.options import Project, Stack, in_words
from eco2.terminal.output import say_if_possible
from rollout.problems import ConfigError


def abort(
    stack: Stack,
    service: Annotated[list[str] | None, typer.Argument(help="The services to take back.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Take every service back.")] = False,
    no_reconcile: Annotated[
        bool,
        typer.Option(
            "--no-reconcile",
            help="Only move routes and scale workers' canaries; others update config and state.",
        ),
    ] = False,
    no_up: Annotated[
        bool, typer.Option("--no-up", help="Only write phase 0 to the stack's file, for a commit.")
    ] = False,
    context: Annotated[
        str, typer.Option("--context", help="The kubeconfig's context, if the stack's file names none.")
    ] = "",
    namespace: Annotated[
        str,
        typer.Option("--namespace", help="The services' namespace, if services.yaml names none."),
    ] = "",
    message: Annotated[
        list[str] | None,
        typer.Option(
            "--message", metavar="TEXT", help="What `eco2 history` says of it; more than once: a line each."
        ),
    ] = None,
    project: Project = Path(),
) -> None:
    """Take services back to stable at once: one command for the night call.

    First it sets all routes to stable and scales workers' canaries to 0, directly at the API server, within a second.
    Then it writes phase 0 to the stack's file and updates these services, so that config, cluster and state agree. If
    it was interrupted, run it again to finish. It does not ask, and no guard stops it.

    Exit codes: 0 done, 1 a route could not be moved, was not found, or is not known to have reached the proxies, or a
    worker's canary could not be scaled, 2 wrong usage, 4 the routes are moved but the update failed, 130 interrupted.

    Example: eco2 abort auth-api scan-api --stack prod
    """
    from eco2.abort.errors import ReconcileError, RoutesError  # noqa: PLC0415
    from eco2.abort.files import NoSuchServiceError  # noqa: PLC0415
    from eco2.abort.request import AbortRequest  # noqa: PLC0415
    from eco2.abort.run import abort as take_back  # noqa: PLC0415
    from eco2.abort.run import record  # noqa: PLC0415
    from kube.errors import ClusterError  # noqa: PLC0415

    if bool(service) == everything:
        typer.echo("error: name services, or use --all for every service", err=True)
        raise typer.Exit(2)
    if everything and namespace:
        typer.echo(
            "error: --all takes back the services of every namespace, and --namespace names one: "
            "name its services instead of --all, or leave --namespace out",
            err=True,
        )
        raise typer.Exit(2)
    if no_up and no_reconcile:
        typer.echo(
            "error: --no-up writes the file alone and --no-reconcile the routes alone: choose one", err=True
        )
        raise typer.Exit(2)
    request = AbortRequest(
        project.resolve(),
        stack,
        tuple(service or ()),
        not no_reconcile,
        context=context,
        namespace=namespace,
        message="\n".join(message or ()),
    )
    try:
        with in_words(ConfigError, ClusterError, RoutesError, OSError):
            try:
                (record if no_up else take_back)(request, say_if_possible)
            except NoSuchServiceError as error:
                say_if_possible(f"error: {error}", err=True)
                raise typer.Exit(2) from None
    except ReconcileError as error:
        say_if_possible(f"error: {error}", err=True)
        raise typer.Exit(4) from None
    except KeyboardInterrupt:
        said = "interrupted; only services named above as taken back are known to be, run it again"
        say_if_possible(f"error: {said}: {request.command}", err=True)
        raise typer.Exit(130) from None
