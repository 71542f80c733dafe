"""Writes what this package makes into the project of the working directory."""

from __future__ import annotations

import sys
from pathlib import Path

from observability.files import files


def main() -> None:
    """Writes the files, and says which."""
    for path, text in files(Path.cwd()).items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text, "utf-8")
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
