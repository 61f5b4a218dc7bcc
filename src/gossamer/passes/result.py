"""What compressing gives back: the model, its report, and the way to a file."""

from __future__ import annotations

import os
from dataclasses import dataclass

from torch import nn

from ..artifact import save
from ..recipe import Step
from ..report import Report

__all__ = ["Result"]


@dataclass(frozen=True, eq=False)
class Result:
    """A compressed model and what is known of it.

    Args:
        model: the model with packed weights.
        report: a row for each tensor, and what was measured.
        recipe: the steps that made it.
    """

    model: nn.Module
    report: Report
    recipe: tuple[Step, ...]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the one file, atomically. `gossamer.load(path, into=...)` reads it."""
        save(self.model, path, recipe=[step.to_dict() for step in self.recipe])
