"""The options that several commands have, said once."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["BatchSizes", "ExampleInputs", "Json", "Quiet", "numbers"]

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout; all else goes to stderr.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")]
BatchSizes = Annotated[
    str, typer.Option("--batch-sizes", metavar="N,N,…", help="Batch sizes at which milliseconds are taken.")
]
ExampleInputs = Annotated[
    str | None,
    typer.Option(
        "--example-inputs",
        metavar="MODULE:NAME",
        help="What the model takes (a tensor, a tuple, a dict, or a function that returns one); times are taken on it.",
    ),
]


def numbers(text: str, option: str) -> tuple[int, ...]:
    """Whole numbers of at least 1, separated by commas.

    >>> numbers("1,16", "--batch-sizes")
    (1, 16)
    """
    try:
        found = tuple(int(part) for part in text.split(","))
    except ValueError:
        found = ()
    if not found or min(found) < 1:
        raise typer.BadParameter(
            f"needs whole numbers of at least 1, separated by commas, such as 1,16; given {text!r}", param_hint=option
        )
    return tuple(dict.fromkeys(found))
