"""Methods that take the nearest member: magnitude, Wanda, round-to-nearest, k-means, truncated SVD."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import StructureError
from ..problem import LayerQuadratic, Problem
from ..solvers import Projection
from ..structure import NM, Structure, TopK, Word
from ..terms import Member
from .base import Compressor, LayerTask, constraint, fits

__all__ = ["Nearest"]


@dataclass(frozen=True)
class Nearest(Compressor):
    """argmin_Ŵ ½ Σ metric (W − Ŵ)² over the structure, by one projection.

    Args:
        words: the words it may bring.
        weighted: metric = diag(XᵀX) instead of ones.
        by_row: the support must be chosen within each row (Wanda: energies compare columns, not layers' outputs).
    Source: magnitude (Han et al. 2015), Wanda (Sun et al. 2023, eq. 1), weight sharing (Han et al. 2016), truncated SVD
        (Eckart & Young 1936).
    """

    words: tuple[type[Word], ...]
    weighted: bool = False
    by_row: bool = False

    @property
    def needs(self) -> tuple[str, ...]:
        return ("column energy",) if self.weighted else ()

    def check(self, structure: Structure, shape: tuple[int, ...]) -> None:
        for word in structure.words:
            if not isinstance(word, self.words):
                can = ", ".join(kind.__name__ for kind in self.words)
                raise StructureError(
                    f"{word} is a {type(word).__name__}, which this method does not bring; it brings {can}"
                )
        support = structure.support
        by_row = isinstance(support, NM) or (isinstance(support, TopK) and support.scope == "row")
        if self.by_row and not by_row:
            raise StructureError(
                f"{support} is not chosen within a row; use TopK(..., scope='row') or NM with this method"
            )
        if self.weighted and isinstance(support, TopK) and support.scope == "model":
            raise StructureError(f"{support} is shared out by plain magnitude; use it with a method without energies")
        fits(structure, shape)

    def member(self, task: LayerTask) -> Member:
        fit = LayerQuadratic(task.weight, task.energy if self.weighted else None)
        return Projection().solve(Problem(fit, constraint(task, fit.metric))).member
