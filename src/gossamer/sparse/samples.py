"""Some samples of a design, whatever form the design has."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..errors import DataError
from ..linop import LinearOperator, Masked, as_signals, check_design
from ..linop.sparse import is_scipy_sparse
from .strengths import refuse

__all__ = ["by_rows", "samples_of", "take_rows"]


def by_rows(A: Any) -> Any:
    """The design in a form whose rows are cheap to take: what is sparse becomes CSR, once and not for each fold."""
    return A.tocsr() if is_scipy_sparse(A) else A


def samples_of(A: Any, b: Any, sample_weights: Any = None) -> tuple[Any, Tensor]:
    """A design `by_rows` and its targets as a tensor.

    Raises: DataError for what is no design, for targets that are not finite or have no axis of samples, and where one
        of all three asks for a derivative.
    """
    targets = as_signals(b, check_design(A))
    refuse("a choice", A, b, sample_weights)
    if not targets.ndim:
        raise DataError(f"b is one number; A has {A.shape[0]} samples, so give ({A.shape[0]},)")
    if not bool(torch.isfinite(targets).all()):
        raise DataError("b holds NaN or infinity; drop or fill those samples")
    return by_rows(A), targets


def take_rows(A: Any, rows: Tensor) -> Any:
    """The design with those rows in that order, in the form in which it came; a sparse one stays sparse.

    Args: A: as for `lasso`; rows (k,) int64. Of a LinearOperator only rising, distinct rows can be taken.
    Raises: DataError where an operator is asked for repeated rows.
    """
    if isinstance(A, LinearOperator):
        if bool((rows.diff() <= 0).any()):
            raise DataError("folds: of a LinearOperator, samples are taken once and in order; sort the indices")
        observed = torch.zeros(A.shape[0], dtype=torch.bool, device=A.device)
        observed[rows] = True
        return Masked(observed, A.dtype) @ A
    if isinstance(A, Tensor):
        rows = rows.to(A.device)
        return A[rows] if A.layout == torch.strided else A.to_sparse_coo().index_select(0, rows)
    return A[rows.numpy()]
