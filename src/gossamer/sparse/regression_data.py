"""A design and its targets as a user gives them, ready for a convex solver, and the way back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor

from ..errors import DataError
from ..linop import Dense, LinearOperator, Standardised, as_operator, as_signals, check_design
from ..linop.row_scaled import RowScaled
from ..problem.least_squares import widened
from ..solvers import Recovery
from .checks import check_sample_weights, check_x0

__all__ = ["RegressionData"]


class InGraph(Protocol):
    """A tensor, or what is made of some."""

    @property
    def requires_grad(self) -> bool:
        """Whether it takes part in autograd."""


@dataclass(frozen=True, eq=False)
class RegressionData:
    """The design and targets (signals, m) that a solver sees, and what turns its answer into the user's.

    Args: A, b: centred when there is an intercept, rows scaled by √sample weight; single: b was given as (m,);
        mean (n,), level (signals, 1): the column means and target means that were taken out; scale (n,): the
        deviations that columns were divided by; traced: the same data in the user's autograd graph, where that asks
        for derivatives: all else is outside of it.
    """

    A: LinearOperator
    b: Tensor
    single: bool
    mean: Tensor | None = None
    level: Tensor | None = None
    scale: Tensor | None = None
    traced: RegressionData | None = None

    @classmethod
    def of(
        cls,
        A: Any,
        b: Any,
        *,
        intercept: bool = False,
        sample_weights: Any = None,
        standardise: bool = False,
        for_squares: bool = False,
    ) -> RegressionData:
        """With `standardise` the columns that the solver sees have a mean square of 1, about their mean when centred.

        A dense A, b and sample weights may take part in autograd; see `traced`. `for_squares` promises that a
        `LeastSquares` is made of this: it finds what is not finite in A'b, and spares a large A one of its readings.

        Raises: DataError on shapes, on NaN, and on sample weights that are not positive.
        """
        b = as_signals(b, check_design(A))
        design = as_operator(A, unread=for_squares and _touches_all(b))
        matrix = design.matrix if isinstance(design, Dense) else None
        if not any(isinstance(part, Tensor) and part.requires_grad for part in (matrix, b, sample_weights)):
            return cls._of(design, b, sample_weights, intercept, standardise)
        held = design if matrix is None or not matrix.requires_grad else Dense(matrix.detach())
        plain = cls._of(held, _detached(b), _detached(sample_weights), intercept, standardise)
        if not torch.is_grad_enabled():
            return plain
        return replace(plain, traced=cls._of(design, b, sample_weights, intercept, standardise))

    @classmethod
    def _of(
        cls, design: LinearOperator, b: Tensor, sample_weights: Any, intercept: bool, standardise: bool
    ) -> RegressionData:
        m = design.shape[0]
        if b.ndim not in (1, 2) or b.shape[-1] != m or len(b) == 0:
            raise DataError(f"b has shape {tuple(b.shape)}; A is {design.shape}, so give b as ({m},) or (signals, {m})")
        if b.dtype != design.dtype:
            raise DataError(f"A is {design.dtype}, b is {b.dtype}; convert one of them")
        single, b = b.ndim == 1, b.reshape(-1, m)
        root = None
        if sample_weights is not None:
            root = check_sample_weights(torch.as_tensor(sample_weights).to(b), m).sqrt()
        mean = level = None
        if intercept:
            share = torch.full_like(b[0], 1 / m) if root is None else root**2 / (root**2).sum()
            # In float64: a mean that is off by m roundings would give a constant column a slope.
            mean = widened(design).rmv(share.double()).to(b.dtype)
            level = (b @ share)[:, None]
            design, b = Standardised(design, mean), b - level
        if root is not None:
            design, b = RowScaled(root, design), b * root
        scale = None
        if standardise:
            norms, blank = _norms(design, mean)
            mass = m if root is None else (root**2).sum()
            scale = torch.where(blank, 1.0, norms / mass**0.5)
            design = Standardised(design, scale=scale)
        return cls(design, b, single, mean, level, scale)

    def start(self, x0: Any) -> Tensor | None:
        """A point of the user's as the solver sees it. Raises: DataError on its shape."""
        return check_x0(x0, len(self.b), self.A.shape[1], self.scale)

    def seen(self, *strengths: InGraph | None) -> RegressionData | None:
        """The data as autograd sees them, where they or one of the strengths ask for a derivative; else None."""
        moved = any(part is not None and part.requires_grad for part in strengths)
        return self.traced or (self if moved and torch.is_grad_enabled() else None)

    def check_single(self) -> None:
        """Raises: DataError unless b is one signal, (m,)."""
        if not self.single:
            raise DataError(f"b has {len(self.b)} rows; a path is of one signal, so give (m,) and call it for each row")

    @property
    def blank(self) -> Tensor:
        """Columns that explain nothing: zero, or constant beside an intercept. (n,) bool."""
        return _norms(self.A, None if self.scale is not None else self.mean)[1]

    def answer(self, recovery: Recovery) -> Recovery:
        """In the shapes of the user's b, with the intercept."""
        data = self if recovery.differentiable is None else self.traced or self
        if data.scale is not None:
            recovery = replace(recovery, x=recovery.x / data.scale)
        if data.mean is not None and data.level is not None:
            recovery = replace(recovery, intercept=data.level[:, 0] - recovery.x @ data.mean)
        return recovery.one() if self.single else recovery


def _norms(design: LinearOperator, mean: Tensor | None) -> tuple[Tensor, Tensor]:
    """The columns' norms, and which are zero but for the rounding of the mean that was taken out."""
    norms = design.column_norms()
    if mean is None:
        return norms, norms == 0
    m = design.shape[0]
    off = max(torch.finfo(design.dtype).eps, m * torch.finfo(torch.float64).eps)  # a sum of m has m roundings at most
    return norms, norms <= 4 * off * mean.abs() * m**0.5


def _touches_all(b: Tensor) -> bool:
    """Whether A'b is one vector and shows every bad entry of A: a product may skip a sample whose target is 0."""
    return b.ndim == 1 and bool((b != 0).all())


def _detached(part: Any) -> Any:
    return part.detach() if isinstance(part, Tensor) else part
