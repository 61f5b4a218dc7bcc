"""`gossamer recipes`, and recipes by name or file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.padding import Padding
from rich.text import Text

from ..errors import RecipeError, did_you_mean
from . import rooms
from .options import Json
from .screen import only_json, printed, show, show_json

if TYPE_CHECKING:
    from ..recipe import Step

__all__ = ["EXAMPLES", "named", "recipes"]

EXAMPLES = (
    "gossamer recipes",
    "gossamer recipes weight-only-int8 > mine.yaml",
    "gossamer compress ./MiniLM --recipe mine.yaml",
)


def recipes(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A ready recipe; without it they are listed.")] = "",
    as_json: Json = False,
) -> None:
    """List the ready recipes, or print one as YAML, to be edited and given to --recipe."""
    with only_json(as_json):
        ready = rooms.recipe.READY
        if name and name not in ready:
            raise RecipeError(f"no ready recipe {name!r}{did_you_mean(name, ready)}; there are {', '.join(ready)}")
    if name:
        if as_json:
            show_json([step.to_dict() for step in ready[name].steps])
        else:
            printed(rooms.recipe.to_yaml(ready[name].steps))
    elif as_json:
        show_json({key: {"about": r.about, "steps": [s.to_dict() for s in r.steps]} for key, r in ready.items()})
    else:
        for key, recipe in ready.items():
            show(Text(key, style="bold"), *(Padding(str(step), (0, 0, 0, 2)) for step in recipe.steps))
            show(Padding(recipe.about, (0, 0, 1, 2)))


def named(text: str) -> tuple[str, tuple[Step, ...]]:
    """A ready recipe by its name or one in a file, with the name by which results are called.

    Raises: RecipeError when there is neither, or the file holds no recipe.
    """
    steps = rooms.recipe.as_steps(text)
    # A colon is no letter of file names everywhere.
    return (text.replace(":", "-") if text in rooms.recipe.READY else Path(text).stem), steps
