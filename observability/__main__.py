"""Writes what this package makes into the project of the working directory."""

from __future__ import annotations

import sys
from pathlib import Path

from observability.files import files, stale
from rollout.problems import ConfigError


def main() -> None:
    """Writes the files, takes rules away that no stack needs any more, and says which."""
    project = Path.cwd()
    try:
        made = files(project)
    except ConfigError as error:
        sys.exit(f"error: {error}")
    for path, text in made.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(text, "utf-8")
        sys.stdout.write(f"{path}\n")
    for path in stale(project, made):
        (project / path).unlink()
        sys.stdout.write(f"{path}: taken away, since its stack is judged as services.yaml says\n")


if __name__ == "__main__":
    main()
