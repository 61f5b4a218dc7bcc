"""`python -m gossamer.cli.pages FOLDER` writes a page for each command, from the texts that `--help` shows."""

from __future__ import annotations

import inspect
import sys
import textwrap
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from typer.models import ArgumentInfo, OptionInfo

from .app import COMMANDS, EXAMPLES, Command, global_options
from .guard import EXIT_CODES

__all__ = ["pages", "write"]


def pages() -> dict[str, str]:
    """The text of each page by its file's name."""
    return {"README.md": _index(), **{f"{name}.md": _page(name, command) for name, command in COMMANDS.items()}}


def write(folder: Path) -> None:
    """Write all pages into a folder that is there."""
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")


def _index() -> str:
    commands = "\n".join(f"| [`{name}`]({name}.md) | {command.summary} |" for name, command in COMMANDS.items())
    codes = "\n".join(f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items())
    return f"""# The command line

`gossamer COMMAND`, or `python -m gossamer COMMAND`. These pages are generated from the texts of `--help`.

| command | what it does |
|---|---|
{commands}

{_examples(EXAMPLES)}
{_options(global_options)}
`--install-completion` sets completion up for your shell, and `--show-completion` prints the script for it.

## Exit codes

| code | meaning |
|---|---|
{codes}

## What goes where

Results go to stdout; progress, notes and errors to stderr. With `--json`, stdout holds exactly one JSON document.
Colours and bars are for terminals: into a pipe go plain text and whole lines, and each stage of slow work is a line on
stderr unless `--quiet` is given. `NO_COLOR` in the environment, or `--no-color` before the command, takes the colours
away.

An error is one message on stderr: what was given, what is needed, what to do. `GOSSAMER_DEBUG=1` in the environment
shows the traceback as well.

Folders and files of results appear whole or not at all, also after Ctrl-C. A process that is killed (`kill -9`) can
leave a folder or file behind whose name begins with a dot and ends in `.part`, and one in the temporary folder whose
name begins with `gossamer-`; both can be deleted.
"""


def _page(name: str, command: Command) -> str:
    return f"""# gossamer {name}

{_wrapped(command.help)}

{_examples(command.examples)}
{_options(command.function)}
Exit codes and what goes where: [the command line](README.md).
"""


def _wrapped(text: str) -> str:
    return "\n\n".join(textwrap.fill(part, 120, break_on_hyphens=False) for part in text.split("\n\n"))


def _examples(lines: tuple[str, ...]) -> str:
    shown = "\n".join(lines)
    return f"## Examples\n\n```\n{shown}\n```\n"


def _options(function: Any) -> str:
    """The arguments and options of a function, as tables."""
    hints = get_type_hints(function, include_extras=True)
    parts: dict[type, list[str]] = {ArgumentInfo: [], OptionInfo: []}
    for parameter in inspect.signature(function).parameters.values():
        hint = hints[parameter.name]
        kind, info = get_args(hint)[:2] if get_origin(hint) is Annotated else (hint, OptionInfo())
        parts[type(info)].append(_line(parameter, kind, info))
    titles = {ArgumentInfo: "Arguments", OptionInfo: "Options"}
    return "\n".join(
        f"## {titles[sort]}\n\n| | | default |\n|---|---|---|\n" + "\n".join(lines) + "\n"
        for sort, lines in parts.items()
        if lines
    )


def _line(parameter: inspect.Parameter, kind: Any, info: Any) -> str:
    flag = kind is bool
    if isinstance(info, ArgumentInfo):
        names = f"`{parameter.name.upper()}`"
    else:
        value = "" if flag else f" {info.metavar or _value(kind)}".replace("|", "\\|")
        # Inside Annotated typer keeps the first name in the place of the default.
        given = [name for name in (info.default, *(info.param_decls or ())) if isinstance(name, str)]
        names = ", ".join(f"`{name}`" for name in given) + (f" `{value.strip()}`" if value else "")
    default = "needed" if parameter.default is inspect.Parameter.empty else _default(parameter.default, flag)
    return f"| {names} | {info.help} | {default} |"


def _value(kind: Any) -> str:
    chosen = next((arm for arm in (get_args(kind) or (kind,)) if arm is not type(None)), kind)
    if isinstance(chosen, type) and issubclass(chosen, Enum):
        return "|".join(member.value for member in chosen)
    return {str: "TEXT", int: "N", float: "NUMBER", Path: "PATH"}[chosen]


def _default(value: Any, flag: bool) -> str:
    if flag or value is None or value == "":
        return ""
    return f"`{value.value if isinstance(value, Enum) else value}`"


if __name__ == "__main__":
    write(Path(sys.argv[1]))
