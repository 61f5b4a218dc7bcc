"""What a design and its targets are like, measured: sizes, norms, coherence, conditioning."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import torch
from torch import Tensor

from ..linop import LinearOperator

__all__ = ["Facts", "facts"]

SAMPLED = 1000  # columns whose pairs are looked at; more are sampled
SMALL = 1500  # of the smaller side: up to here singular values are computed
TWINS = 0.9  # a coherence from which columns are hard to tell apart


@dataclass(frozen=True)
class Facts:
    """Args:
    m, n, signals: sizes; density: share of entries of A that are not zero; spread: largest over smallest column norm;
    coherence: max |a_i'a_j|/(‖a_i‖‖a_j‖), of `looked` columns; condition: largest over smallest singular value other
    than those that are zero for want of rows or columns, None for large designs; centred: whether columns and
    targets have means that are small beside them.
    """

    m: int
    n: int
    signals: int
    density: float
    spread: float
    coherence: float
    looked: int
    condition: float | None
    centred: bool

    @property
    def twins(self) -> bool:
        """Whether some columns are nearly the same."""
        return self.coherence > TWINS

    @property
    def uneven(self) -> bool:
        """Whether a penalty on raw columns would choose by their scale."""
        return self.spread > 1.5

    def __str__(self) -> str:
        looked = "" if self.looked == self.n else f" (of {self.looked} sampled columns)"
        condition = "" if self.condition is None else f", condition number {self.condition:.3g}"
        return (
            f"A is {self.m} × {self.n}, {self.density:.0%} of it nonzero; {self.signals} "
            f"{'signal' if self.signals == 1 else 'signals'}; column norms within a factor of {self.spread:.3g}; "
            f"coherence {self.coherence:.2f}{looked}{condition}"
        )


def facts(A: LinearOperator, b: Tensor, seed: int = 0) -> Facts:
    """Measure A and b (signals, m), in float64. Columns are sampled where there are many."""
    m, n = A.shape
    norms = A.column_norms()
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))[:SAMPLED].sort().values
    columns = A.columns(order)
    unit = columns / norms[order].clamp(min=torch.finfo(columns.dtype).tiny)
    products = (unit.mT @ unit).abs().fill_diagonal_(0.0)
    used = norms[norms > 0]
    means = columns.sum(0).abs() / (sqrt(m) * norms[order].clamp(min=torch.finfo(columns.dtype).tiny))
    level = b.sum(-1).abs() / (sqrt(m) * torch.linalg.vector_norm(b, dim=-1).clamp(min=1e-300))
    return Facts(
        m,
        n,
        len(b),
        float((columns != 0).double().mean()),
        float(used.max() / used.min()) if len(used) else 1.0,
        float(products.max()),
        len(order),
        _condition(A),
        bool(means.median() < 0.5) and bool(level.median() < 0.5),
    )


def _condition(A: LinearOperator) -> float | None:
    if min(A.shape) > SMALL or max(A.shape) > 20 * SMALL:
        return None
    values = torch.linalg.svdvals(A.dense())
    return float(values[0] / values[-1]) if float(values[-1]) > 0 else float("inf")
