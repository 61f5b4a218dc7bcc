"""`python -m gossamer demo`. The command line with its other commands will take this place."""

from __future__ import annotations

import sys
from pathlib import Path

from .demo import run
from .errors import GossamerError

__all__ = ["main"]

USAGE = """usage: python -m gossamer demo [folder]

Trains, compresses, reloads and measures a small network; writes into ./demo."""


def main(arguments: list[str]) -> int:
    """The exit code: 0 done, 1 a gossamer error (printed), 2 wrong usage."""
    if not arguments or arguments[0] != "demo" or len(arguments) > 2:
        print(USAGE, file=sys.stderr)
        return 2
    try:
        run(Path(arguments[1] if len(arguments) == 2 else "demo"))
    except GossamerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
