"""A design and its targets as a user gives them, ready for a convex solver, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..errors import DataError
from ..linop import LinearOperator, Standardised, as_operator
from ..linop.row_scaled import RowScaled
from ..solvers import Recovery

__all__ = ["RegressionData"]

PARTS = ("x", "ending", "residual", "steps", "gap", "objective", "intercept")  # of a Recovery, a row a signal


@dataclass(frozen=True, eq=False)
class RegressionData:
    """The design and targets (signals, m) that a solver sees, and what turns its answer into the user's.

    Args: A, b: centred when there is an intercept, rows scaled by √sample weight; single: b was given as (m,);
        mean (n,), level (signals, 1): the column means and target means that were taken out.
    """

    A: LinearOperator
    b: Tensor
    single: bool
    mean: Tensor | None = None
    level: Tensor | None = None

    @classmethod
    def of(cls, A: Any, b: Any, *, intercept: bool = False, sample_weights: Any = None) -> RegressionData:
        """Raises DataError on shapes, and on sample weights that are not positive."""
        design = as_operator(A)
        b = b if isinstance(b, Tensor) else torch.as_tensor(b)
        m = design.shape[0]
        if b.ndim not in (1, 2) or b.shape[-1] != m or len(b) == 0:
            raise DataError(f"b has shape {tuple(b.shape)}; A is {design.shape}, so give b as ({m},) or (signals, {m})")
        if b.dtype != design.dtype:
            raise DataError(f"A is {design.dtype}, b is {b.dtype}; convert one of them")
        single, b = b.ndim == 1, b.reshape(-1, m)
        root = None
        if sample_weights is not None:
            weights = torch.as_tensor(sample_weights).to(b)
            if tuple(weights.shape) != (m,) or not bool(((weights > 0) & torch.isfinite(weights)).all()):
                raise DataError(f"sample_weights: give {m} finite numbers > 0 (leave samples of weight 0 out)")
            root = weights.sqrt()
        mean = level = None
        if intercept:
            share = torch.full_like(b[0], 1 / m) if root is None else root**2 / (root**2).sum()
            mean, level = design.rmv(share), (b @ share)[:, None]
            design, b = Standardised(design, mean), b - level
        if root is not None:
            design, b = RowScaled(root, design), b * root
        return cls(design, b, single, mean, level)

    def answer(self, recovery: Recovery) -> Recovery:
        """In the shapes of the user's b, with the intercept."""
        if self.mean is not None and self.level is not None:
            recovery = replace(recovery, intercept=self.level[:, 0] - recovery.x @ self.mean)
        if not self.single:
            return recovery
        parts: dict[str, Any] = {name: getattr(recovery, name) for name in PARTS}
        alone: dict[str, Any] = {name: part[0] for name, part in parts.items() if part is not None}
        return replace(recovery, **alone)

    def answers(self, recoveries: Sequence[Recovery]) -> Recovery:
        """Several answers to one signal as the rows of one recovery."""
        parts = {name: [getattr(found, name) for found in recoveries] for name in PARTS[:-1]}
        rows: dict[str, Any] = {name: torch.cat(found) for name, found in parts.items()}
        together = replace(recoveries[0], **rows)
        return replace(self, single=False).answer(together)
