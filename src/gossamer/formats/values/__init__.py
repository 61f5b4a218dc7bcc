"""Value parts: how the held entries are held. A new one is one file here and one line in this table."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ...structure import Structure
from .base import ValuePart
from .codebook import CodebookValues
from .floating import FloatingValues
from .grid import GridValues
from .nothing import NoValues

__all__ = ["FLOATS", "VALUES", "ValuePart", "usual_values"]

FLOATS: Mapping[str, torch.dtype] = {
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}
VALUES: Mapping[str, ValuePart] = {
    "none": NoValues(),
    **{name: FloatingValues(dtype) for name, dtype in FLOATS.items()},
    "grid": GridValues(),
    "codebook": CodebookValues(),
}


def usual_values(structure: Structure, dtype: torch.dtype) -> str:
    """The value part that goes without saying: what the structure asks for, floats in the weight's own type.

    A float64 weight is held in float32.
    """
    names = [name for name, part in VALUES.items() if part.fits(structure)]
    own = next((name for name in names if FLOATS.get(name) == dtype), None)
    return own or names[0]
