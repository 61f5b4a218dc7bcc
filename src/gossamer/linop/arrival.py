"""Whatever a user calls a design or its targets, as a linear operator and a tensor."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import DataError
from .base import LinearOperator
from .dense import Dense
from .sparse import Sparse, is_scipy_sparse

__all__ = ["as_operator", "as_signals", "check_design"]

DTYPES = (torch.float32, torch.float64, torch.complex64, torch.complex128)
_NAMES = tuple(str(dtype).removeprefix("torch.") for dtype in DTYPES)


def as_operator(A: Any, *, unread: bool = False) -> LinearOperator:
    """A design as a `LinearOperator`.

    Args:
        A: an operator, given back as it is; a tensor (m, n), dense or sparse (COO, CSR, CSC); a numpy array; a scipy
            sparse matrix or array. float32, float64, complex64 or complex128; it is not copied where it need not be.
        unread: leave it to the caller to see that the entries of a dense design are finite.
    Raises: DataError unless it has two axes, at least one entry, one of these types and only finite entries.

    >>> as_operator(torch.eye(3)).shape
    (3, 3)
    >>> as_operator(torch.eye(3, dtype=torch.int64))
    Traceback (most recent call last):
        ...
    gossamer.errors.DataError: A: int64 is no type to solve in; convert it, e.g. A.to(torch.float32)
    """
    if isinstance(A, LinearOperator):
        return A
    check_design(A)
    if is_scipy_sparse(A) or (isinstance(A, Tensor) and A.layout != torch.strided):
        sparse = Sparse(A)
        _check_finite(sparse.entries)
        return sparse
    matrix = A if isinstance(A, Tensor) else _from_numpy(A)
    if not unread:
        _check_finite(matrix)
    return Dense(matrix)


def check_design(A: Any) -> torch.dtype:
    """What can be seen of a design without reading its entries: its type.

    Raises: DataError unless it has two axes, at least one entry, and a type that `as_operator` takes.

    >>> check_design(torch.ones(3))
    Traceback (most recent call last):
        ...
    gossamer.errors.DataError: A: needs (m, n) with at least one entry, given (3,)
    """
    if isinstance(A, LinearOperator):
        return A.dtype
    if not (isinstance(A, Tensor) or is_scipy_sparse(A) or _is_array(A)):
        raise DataError(
            f"A: needs a tensor, numpy array, sparse matrix or LinearOperator, given {type(A).__name__}; "
            f"convert it, e.g. torch.tensor(A)"
        )
    if hasattr(A, "mask"):
        raise DataError("A: is a masked array, and what is masked has no value here; fill it, e.g. A.filled(0.0)")
    kind = str(A.dtype).removeprefix("torch.").lstrip("<>=|")
    named = _BYTES.get(kind, kind)
    if named not in _NAMES:
        raise DataError(f"A: {kind} is no type to solve in; convert it, e.g. A.to(torch.float32)")
    if len(A.shape) != 2 or 0 in A.shape:
        raise DataError(f"A: needs (m, n) with at least one entry, given {tuple(A.shape)}")
    return DTYPES[_NAMES.index(named)]


def as_signals(b: Any, dtype: torch.dtype | None = None) -> Tensor:
    """Targets as a tensor; which type and shape they need is for their design to say.

    Args:
        b: a dense tensor, numpy array or list of numbers; it is not copied where it need not be.
        dtype: of what carries no type, such as a list; None takes int64 and float64, as numpy does.
    Raises: DataError for anything else.

    >>> as_signals([1.0, 2.0], torch.float32)
    tensor([1., 2.])
    """
    if isinstance(b, Tensor):
        if b.layout != torch.strided:
            raise DataError(f"b: is a sparse tensor ({b.layout}); give b.to_dense()")
        return b
    if hasattr(b, "mask"):
        raise DataError("b: is a masked array, and what is masked has no value here; leave those samples out")
    try:
        found = _from_numpy(b if _is_array(b) else np.asarray(b))
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(
            f"b: needs numbers in a tensor, numpy array or list, given {type(b).__name__}; "
            f"convert it, e.g. torch.tensor(b)"
        ) from error
    return found if hasattr(b, "dtype") else found.to(dtype)


_BYTES = {"f4": "float32", "f8": "float64", "c8": "complex64", "c16": "complex128"}  # how numpy names the other endian


def _is_array(A: object) -> bool:
    return type(A).__module__.partition(".")[0] == "numpy" and hasattr(A, "strides")


def _from_numpy(A: Any) -> Tensor:
    """Shares memory; an array that torch cannot share (read-only, reversed, of the other byte order) is copied."""
    if not A.flags.writeable or min(A.strides, default=0) < 0 or not A.dtype.isnative:
        A = A.astype(A.dtype.newbyteorder("="), copy=True)
    return torch.from_numpy(A)


def _check_finite(entries: Tensor) -> None:
    """By the sum, which costs one pass; only where it is not finite each entry is looked at, at thirty times that."""
    if bool(torch.isfinite(entries.sum())):
        return
    bad = int((~torch.isfinite(entries)).sum())
    if bad:
        raise DataError(f"A: {bad} of its entries are NaN or infinite; remove or fill them first")
