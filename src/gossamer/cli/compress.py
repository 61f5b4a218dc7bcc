"""`gossamer compress`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from ..report import Report
from . import rooms
from .guard import DONE, WORSE
from .options import BatchSizes, ExampleInputs, Json, Quiet, numbers
from .output import check_place, check_space
from .recipes import named
from .screen import headline, note, only_json, show, show_json
from .sources import Asked, kind_of, source_of

__all__ = ["EXAMPLES", "compress"]

EXAMPLES = (
    "gossamer compress ./all-MiniLM-L6-v2",
    "gossamer compress ./all-MiniLM-L6-v2 -r mine.yaml -o small --texts mine.txt",
    "gossamer compress my.nets:trained -r fast --example-inputs my.nets:example",
    "gossamer compress my.nets:trained -r mine.yaml --data my.nets:batches",
    "gossamer compress my.nets:trained -r fast --metric my.nets:accuracy --json",
    "gossamer compress plain.safetensors --model my.nets:empty --recipe small",
)
FOR_FOLDERS = "weight-only-int8"


def compress(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A Hugging Face folder, MODULE:NAME of what makes a model, or a state_dict as .safetensors.",
        ),
    ],
    recipe: Annotated[
        str,
        typer.Option("--recipe", "-r", metavar="NAME|FILE", help="A ready recipe, or a file with one (YAML, JSON)."),
    ] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The new folder; by default named after model and recipe.")
    ] = None,
    texts: Annotated[
        Path | None, typer.Option("--texts", help="For a folder: a file with your own texts, one a line.")
    ] = None,
    model: Annotated[
        str, typer.Option("--model", metavar="MODULE:NAME", help="For a state_dict: the function that makes its model.")
    ] = "",
    data: Annotated[
        str, typer.Option("--data", metavar="MODULE:NAME", help="Batches, for recipes that calibrate or distil.")
    ] = "",
    metric: Annotated[
        str, typer.Option("--metric", metavar="MODULE:NAME", help="metric(model) -> float, shown before and after.")
    ] = "",
    example_inputs: ExampleInputs = None,
    batch_sizes: BatchSizes = "1,16",
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, metavar="N", help="Threads while milliseconds are taken.")
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(
            "--tolerance", min=0, metavar="NUMBER", help="A loss of metric that counts as none. More ends with 3."
        ),
    ] = None,
    lower_is_better: Annotated[
        bool, typer.Option("--lower-is-better", help="The metric is a loss or a perplexity.")
    ] = False,
    no_measure: Annotated[
        bool, typer.Option("--no-measure", help="Do not read the result back and time it in another process.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", help="For everything that draws.")] = 0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an output folder that gossamer wrote before.")
    ] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Compress a model by a recipe, measure what that brought, and write the result with its report.

    From a Hugging Face folder a folder is made that from_pretrained reads, with report.json and report.html in it. From
    any other model, a folder with small.safetensors, report.json and report.html. Names are of the form
    package.module:name; the working directory is importable. What a name leads to may be the object or a function
    without arguments that returns it.

    Nothing is written before the end, and then all of it or nothing. Without --recipe a folder gets weight-only-int8.
    """
    started = time.perf_counter()
    sizes = numbers(batch_sizes, "--batch-sizes")
    with only_json(as_json):
        name, steps = named(recipe or _default_recipe(source))
        if output is not None:
            check_place(output, overwrite=overwrite)
        origin = source_of(source, model=model, texts=texts, data=data, metric_name=metric, inputs=example_inputs or "")
        place = output or Path(f"{origin.name}-{name}")
        check_place(place, overwrite=overwrite)
        if warning := check_space(place, origin.dense_bytes):
            note(f"warning: {warning}")
        effort = rooms.passes.Effort(batch_sizes=sizes, threads=threads)
        proof = rooms.passes.Proof(measure=not no_measure, effort=effort)
        with rooms.progress.show_progress(lines=True, quiet=quiet):
            result = origin.compressed(Asked(steps, tolerance, lower_is_better, sizes, proof, seed))
        origin.write(result, place, overwrite)
    if as_json:
        show_json(result.report.to_dict() | {"output": str(place)})
    else:
        show(
            *headline(result.report), "", f"each tensor: gossamer report {place / 'report.json'}, or report.html there"
        )
    note(f"wrote {place} in {time.perf_counter() - started:.0f} s")
    return WORSE if tolerance is not None and _is_worse(result.report) else DONE


def _default_recipe(source: str) -> str:
    if kind_of(source) != "folder":
        raise typer.BadParameter("needed for a model that is no Hugging Face folder", param_hint="--recipe")
    note(f"recipe: {FOR_FOLDERS}, since none was given")
    return FOR_FOLDERS


def _is_worse(report: Report) -> bool:
    return any(verdict.question == "as good?" and verdict.outcome == "worse" for verdict in report.verdicts)
