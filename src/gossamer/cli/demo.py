"""`gossamer demo`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from . import rooms
from .options import Json, Quiet
from .output import check_room, titled, write_result
from .screen import note, only_json, show, show_json

__all__ = ["EXAMPLES", "demo"]

EXAMPLES = ("gossamer demo", "gossamer demo /tmp/digits --json")


def demo(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the three files are written.")] = Path("demo"),
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Train, compress, reload and measure a small network for handwritten digits, in about half a minute.

    Writes small.safetensors, report.json and report.html. The digits come with scikit-learn: pip install
    'gossamer[demo]'.
    """
    started = time.perf_counter()
    check_room(folder)
    if not as_json:
        network = rooms.demo.network()
        parameters = sum(parameter.numel() for parameter in network.parameters())
        show(f"{network}\n{parameters:,} parameters\n", *(f"  {step}" for step in rooms.demo.RECIPE), "")
    with only_json(as_json), rooms.progress.show_progress(lines=True, quiet=quiet):
        result = rooms.demo.compressed(seed=0)
    folder.mkdir(parents=True, exist_ok=True)
    written = write_result(result, folder, titled(folder))
    if as_json:
        show_json(result.report.to_dict())
    else:
        show(str(result.report))
    note(f"wrote {', '.join(map(str, written))} in {time.perf_counter() - started:.0f} s")
