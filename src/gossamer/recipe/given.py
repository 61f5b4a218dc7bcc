"""What a caller may give as a recipe: steps, the name of a ready recipe, a file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import PurePath

from ..errors import RecipeError, StructureError, did_you_mean
from ..structure import Structure, Word, as_structure, meant
from .ready import READY
from .steps import Step, checked
from .text import SUFFIXES, read

__all__ = ["Recipe", "as_steps"]

Recipe = Step | Iterable[Step] | str | os.PathLike[str]

_BRINGS: Mapping[str, str] = {"support": "Prune", "values": "Quantize", "lowrank": "Factorize"}


def as_steps(recipe: Recipe) -> tuple[Step, ...]:
    """The steps of a recipe, checked.

    Args:
        recipe: a step, several steps, the name of a ready recipe (`READY`), or the path of a recipe file (a path
            object, or a text that ends with .yaml, .yml or .json).
    Raises: RecipeError that names every wrong entry at once.

    >>> [str(step) for step in as_steps("weight-only-int8")]
    ['quantize int8 (rtn)']
    """
    if isinstance(recipe, str):
        if PurePath(recipe).suffix.lower() in SUFFIXES:
            return read(recipe)
        if recipe not in READY:
            raise RecipeError(_unknown(recipe))
        return READY[recipe].steps
    if isinstance(recipe, os.PathLike):
        return read(recipe)
    if isinstance(recipe, Word | Structure):
        raise RecipeError(_wrapped(as_structure(recipe)))
    return checked(recipe)


def _unknown(name: str) -> str:
    try:
        return _wrapped(as_structure(name))
    except StructureError:
        ready = f"the ready ones are {', '.join(READY)}; a recipe file ends with {', '.join(SUFFIXES)}"
        return f"there is no recipe {name!r:.80}; {ready}{did_you_mean(name, READY) or meant(name)}"


def _wrapped(structure: Structure) -> str:
    """What to write for a structure that was given as a recipe."""
    step = _BRINGS[structure.words[0].slot] if len(structure.words) == 1 else "Impose"
    write = f"write [{step}({str(structure)!r})]" if structure.words else "such as [Prune('2:4')]"
    return f"{str(structure)!r} is a structure; a recipe is a list of steps: {write}"
