"""The command `eco2`."""

from __future__ import annotations

import typer

from eco2.commands.abort import abort
from eco2.commands.doctor import doctor
from eco2.commands.plan import plan
from eco2.commands.recover import recover
from eco2.commands.render import render
from eco2.commands.status import status

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Ship Eco2's services by header-first canaries.",
    epilog="Exit codes: 0 done, 1 refused or failed (the reason is on standard error), 2 wrong usage.",
)
for command in (status, doctor, plan, abort, recover, render):
    app.command()(command)


def main() -> None:
    """Entry point of the console script."""
    app()
