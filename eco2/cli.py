"""The command `eco2`."""

from __future__ import annotations

from functools import partial

import typer

from eco2.commands.abort import abort
from eco2.commands.adopt import adopt
from eco2.commands.advance import advance
from eco2.commands.climb import climb
from eco2.commands.doctor import doctor
from eco2.commands.history import history
from eco2.commands.judge import judge
from eco2.commands.plan import plan
from eco2.commands.promote import promote
from eco2.commands.recover import recover
from eco2.commands.render import render
from eco2.commands.set_image import set_image
from eco2.commands.status import status
from eco2.terminal.output import failing_in_words, open_standard_streams, say_if_possible
from kube.waiting import heard_by

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Help is read while somebody waits: drawn by rich it takes twice the time.
    rich_markup_mode=None,
    help="Ship Eco2's services by header-first canaries.",
    epilog="Exit codes: 0 done, 1 refused or failed (the reason is on standard error), 2 wrong usage; "
    "if a command has more codes, its own help lists them.",
)
COMMANDS = (
    *(status, doctor, plan, set_image, climb, judge, advance, promote),
    *(abort, adopt, history, recover, render),
)
for command in COMMANDS:
    # Named apart, or it would be cut to fit a line.
    app.command(short_help=(command.__doc__ or "").partition("\n")[0])(command)


def main() -> None:
    """Entry point of the console script."""
    open_standard_streams()
    heard_by(partial(say_if_possible, err=True))
    with failing_in_words():
        app()
