"""The measuring process: `python -m gossamer.passes.child FOLDER`. Nothing imports this module."""

from __future__ import annotations

import sys
from pathlib import Path

from .process import answer

if __name__ == "__main__":
    answer(Path(sys.argv[1]))
