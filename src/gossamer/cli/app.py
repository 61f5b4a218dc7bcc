"""The table of commands, and the options that stand before a command."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.markup import escape

from .. import __version__
from . import bench, compress, demo, doctor, inspect, recipes, report
from .guard import EXIT_CODES, guarded
from .screen import show

__all__ = ["COMMANDS", "EXAMPLES", "Command", "application", "global_options"]


@dataclass(frozen=True)
class Command:
    """A function whose docstring is its help and whose signature its options; lines that show its use."""

    function: Callable[..., int | None]
    examples: tuple[str, ...]

    @property
    def help(self) -> str:
        """Paragraphs of one line each."""
        return "\n\n".join(" ".join(part.split()) for part in (self.function.__doc__ or "").strip().split("\n\n"))

    @property
    def summary(self) -> str:
        """The first sentence."""
        return self.help.split("\n\n")[0]


COMMANDS = {
    "demo": Command(demo.demo, demo.EXAMPLES),
    "compress": Command(compress.compress, compress.EXAMPLES),
    "bench": Command(bench.bench, bench.EXAMPLES),
    "inspect": Command(inspect.inspect, inspect.EXAMPLES),
    "report": Command(report.report, report.EXAMPLES),
    "recipes": Command(recipes.recipes, recipes.EXAMPLES),
    "doctor": Command(doctor.doctor, doctor.EXAMPLES),
}

EXAMPLES = (
    "gossamer doctor",
    "gossamer demo",
    "gossamer compress ./MiniLM --recipe weight-only-int8",
    "gossamer bench ./MiniLM-weight-only-int8 --dense ./MiniLM",
)


def application() -> typer.Typer:
    """The typer application, made from the table."""
    app = typer.Typer(
        help="Compress PyTorch models, measure what that brought, and look into the files.",
        no_args_is_help=True,
        epilog=_epilog(EXAMPLES, tuple(f"{code:>3}  {meaning}" for code, meaning in EXIT_CODES.items())),
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(global_options)
    for name, command in COMMANDS.items():
        app.command(name, help=escape(command.help), epilog=_epilog(command.examples))(guarded(command.function))
    return app


def _version(wanted: bool) -> None:
    if wanted:
        show(f"gossamer {__version__}")
        raise typer.Exit


def _plain(wanted: bool) -> None:
    if wanted:
        os.environ["NO_COLOR"] = "1"  # rich's own switch, which help pages and error messages heed too


def global_options(
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
    no_color: Annotated[
        bool,
        typer.Option(
            "--no-color",
            callback=_plain,
            is_eager=True,
            help="No colours; the environment variable NO_COLOR does the same.",
        ),
    ] = False,
) -> None:
    """Options that stand before a command."""


def _epilog(examples: tuple[str, ...], codes: tuple[str, ...] = ()) -> str:
    """The lines under the options."""
    parts = ["\n".join(["[bold]Examples[/bold]", *(f"[dim]$[/dim] {escape(line)}" for line in examples)])]
    if codes:
        parts.append("\n".join(["[bold]Exit codes[/bold]", *codes]))
    return "\n\n".join(parts)
