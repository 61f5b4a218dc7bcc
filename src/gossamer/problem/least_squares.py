"""Least squares with a penalty: what convex solvers are given."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ..errors import DataError
from ..linop import LinearOperator
from ..terms import Penalty

__all__ = ["LeastSquares", "all_finite", "widened", "widened_entries"]

MANY = 64  # signals from which A'b is worth computing in parts, by whoever needs it


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """min_x ½‖Ax − b‖² + Ω(x), one problem for each row of b.

    Args: A (m, n); b (signals, m), real, in A's dtype; penalty Ω. With `penalty.event_ndim` 2 all rows are one problem.
    Raises: DataError on shapes, dtypes, NaN or infinity; StructureError where Ω does not fit n.
    """

    A: LinearOperator
    b: Tensor
    penalty: Penalty

    def __post_init__(self) -> None:
        m, n = self.A.shape
        if self.b.ndim != 2 or self.b.shape[1] != m:
            raise DataError(
                f"b has shape {tuple(self.b.shape)}; A is ({m}, {n}), so give b as ({m},) or (signals, {m})"
            )
        if self.A.dtype not in (torch.float32, torch.float64):
            raise DataError(f"A is {self.A.dtype}; convex solvers take float32 and float64, so convert A and b")
        if self.b.dtype != self.A.dtype or self.b.device != self.A.device:
            given = f"A is {self.A.dtype} on {self.A.device}, b is {self.b.dtype} on {self.b.device}"
            raise DataError(f"{given}; give both alike")
        self.penalty.check(n)
        if not all_finite(self.b):
            raise DataError("b holds NaN or infinity; drop or fill those samples")
        # Any product reads every entry of A, and a bad one shows, since 0·NaN and 0·∞ are NaN.
        read = self.correlation if len(self.b) < MANY else self.wide.rmv(self.b.new_ones(m, dtype=torch.float64))
        if not all_finite(read):
            raise DataError("A holds NaN or infinity (a product with it is not finite); drop or fill those entries")

    def with_penalty(self, penalty: Penalty) -> LeastSquares:
        """The same data under another penalty; what was computed from A and b is kept."""
        other = LeastSquares.__new__(LeastSquares)
        vars(other).update(vars(self), penalty=penalty)
        penalty.check(self.A.shape[1])
        return other

    def parts(self, rows: int) -> list[LeastSquares]:
        """The problems of `rows` signals at a time, the last of what is left, with A in float64 in common."""
        parts = []
        for b in self.b.split(rows):
            part = LeastSquares.__new__(LeastSquares)
            vars(part).update(A=self.A, b=b, penalty=self.penalty, wide=self.wide)
            parts.append(part)
        return parts

    @cached_property
    def wide(self) -> LinearOperator:
        """A in float64."""
        return widened(self.A)

    @cached_property
    def correlation(self) -> Tensor:
        """A'b in float64, (signals, n)."""
        return self.wide.rmv(self.b.double())


def widened(A: LinearOperator) -> LinearOperator:
    """A in float64 or complex128, itself when it is."""
    return A if A.dtype in (torch.float64, torch.complex128) else A.double()


def widened_entries(x: Tensor) -> Tensor:
    """x in float64 or complex128."""
    return x.to(torch.complex128 if x.is_complex() else torch.float64)


def all_finite(x: Tensor) -> bool:
    """In one pass without a copy: a finite sum has finite terms, and one that is not may only have overflowed."""
    return bool(torch.isfinite(x.sum())) or bool(torch.isfinite(x).all())
