"""`gossamer bench`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ArtifactError, DataError
from . import rooms
from .options import BatchSizes, ExampleInputs, Json, Quiet, numbers
from .screen import grid, only_json, show, show_json
from .sources import source_of

if TYPE_CHECKING:
    from ..bench import Comparison, Contender

__all__ = ["EXAMPLES", "bench"]

EXAMPLES = (
    "gossamer bench ./MiniLM-weight-only-int8 --dense ./all-MiniLM-L6-v2",
    "gossamer bench ./small --dense ./dense --batch-sizes 1,32 --threads 1,2",
    "gossamer bench ./small --dense my.nets:net --example-inputs my.nets:example",
    "gossamer bench ./small --dense ./dense --peers onnxruntime,openvino --json",
)


def bench(
    small: Annotated[
        Path, typer.Argument(metavar="SMALL", help="A compressed file, or a folder that `gossamer compress` wrote.")
    ],
    dense: Annotated[
        str, typer.Option("--dense", help="What it was made from: a folder, MODULE:NAME, or a state_dict.")
    ],
    model: Annotated[
        str, typer.Option("--model", metavar="MODULE:NAME", help="For a state_dict: the function that makes its model.")
    ] = "",
    example_inputs: ExampleInputs = None,
    batch_sizes: BatchSizes = "1,16",
    threads: Annotated[
        str, typer.Option("--threads", metavar="N,N,…", help="Numbers of threads; by default what torch takes.")
    ] = "",
    seconds: Annotated[
        float,
        typer.Option(
            "--seconds",
            min=0.01,
            metavar="NUMBER",
            help="About how long each contender is timed, at each of --threads.",
        ),
    ] = 3.0,
    runs: Annotated[
        int | None, typer.Option("--runs", min=1, metavar="N", help="Times each is timed, in place of --seconds.")
    ] = None,
    peers: Annotated[
        str, typer.Option("--peers", metavar="all|none|NAME,…", help="Other libraries to compare with.")
    ] = "all",
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Time a compressed model against the dense one, and against what other libraries make of that.

    Every contender runs in turns with the dense model: the milliseconds are medians (and quartiles) of interleaved
    runs, and it is faster or slower only when the 99 % interval of the ratio says so; else it is within noise. Bytes
    and the largest output difference stand beside them. A library that is not installed or fails says so.
    """
    sizes = numbers(batch_sizes, "--batch-sizes")
    counts = numbers(threads, "--threads") if threads else ()
    with only_json(as_json):
        chosen = _peers(peers)
        file = _file(small)
        origin = source_of(dense, option="--dense", model=model, inputs=example_inputs or "")
        network, inputs = origin.dense()
        if inputs is None:
            raise DataError("times need inputs: --example-inputs package.module:name says what the model takes")
        with rooms.progress.show_progress(lines=True, quiet=quiet):
            found = rooms.bench.compare(
                file,
                into=network,
                dense=network,
                example_inputs=inputs,
                peers=chosen,
                effort=rooms.passes.Effort(batch_sizes=sizes, runs=runs, seconds=seconds),
                threads=counts,
            )
    if as_json:
        show_json(found.to_dict())
    else:
        _show(found)


def _peers(text: str) -> dict[str, Any]:
    table = rooms.bench.PEERS
    if text in ("all", "none"):
        return dict(table) if text == "all" else {}
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in table]
    if unknown:
        raise typer.BadParameter(f"no peer {unknown[0]!r}; there are {', '.join(table)}", param_hint="--peers")
    return {name: table[name] for name in names}


def _file(small: Path) -> Path:
    """The compressed weights: the file itself, or those of a folder."""
    if small.is_file():
        return small
    if not small.exists():
        raise ArtifactError(f"{small}: no such file or folder")
    plain = small / "small.safetensors"
    if plain.is_file():
        return plain
    folder = rooms.huggingface.read_folder(small)
    if not folder.compressed:
        raise ArtifactError(
            f"{small}: is not compressed by gossamer; give it as --dense, and what was made from it here"
        )
    if len(folder.weights) > 1:
        return folder.weights[0].parent / "model.safetensors.index.json"
    return folder.weights[0]


def _show(found: Comparison) -> None:
    head = ("", "threads", "batch", "dense ms", "ms", "quartiles", "of the time", "faster?", "bytes", "difference")
    measured = [contender for contender in found.contenders if not contender.problem]
    rows = [row for contender in measured for row in _rows(contender)]
    dense = [("dense", *[""] * 7, f"{m.bytes:,}", "") for m in [c.before for c in measured][:1] if m is not None]
    show(grid(head, [*dense, *rows], "lrrrrrrlrr"), "")
    others = [contender for contender in found.contenders if contender.problem]
    if others:
        show(grid(("", "not measured"), _once((c.name, c.problem) for c in others)), "")
    card = {key: found.machine.get(key, "unknown") for key in ("cpu", "cores", "torch", "kernels")}
    show("{cpu}, {cores} cores, torch {torch}, kernels {kernels}".format(**card), *found.notes)


def _rows(contender: Contender) -> list[tuple[str, ...]]:
    before, after = contender.before, contender.after
    if before is None or after is None:
        return []
    words = {verdict.question: verdict.outcome for verdict in contender.verdicts}
    rows: list[tuple[str, ...]] = []
    for batch, timing in after.ms.items():
        dense = before.ms[batch]
        rows.append(
            (
                contender.name,
                str(contender.threads),
                str(batch),
                f"{dense.median:.3f}",
                f"{timing.median:.3f}",
                f"{timing.lower:.3f}–{timing.upper:.3f}",
                f"{timing.median / dense.median:.2f}",
                words.get(f"faster at batch {batch}?", ""),
                f"{after.bytes:,}",
                f"{contender.output_difference:.2g}",
            )
        )
    return rows


def _once(lines: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without what is said again for each number of threads."""
    return list(dict.fromkeys(lines))
