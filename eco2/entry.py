"""The console script: a Ctrl-C that comes while the commands are still being imported ends without a trace."""

from __future__ import annotations

import sys

INTERRUPTED = 130


def main() -> None:
    """Entry point of the console script."""
    try:
        from eco2.cli import main as run  # noqa: PLC0415  # what takes the time

        run()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        raise SystemExit(INTERRUPTED) from None
