"""A matrix that is mostly zeros, held by rows and by columns."""

from __future__ import annotations

import warnings
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ..errors import DataError
from .base import LinearOperator
from .products import checked, gram_by_columns, norm2_by_lanczos

__all__ = ["Sparse", "is_scipy_sparse"]


class Sparse(LinearOperator):
    """A sparse matrix A (m, n), from torch COO, CSR or CSC or a scipy sparse matrix or array.

    It is held twice, as the CSR form of A and of Aᴴ, so that both products read rows in order; only `dense()` makes
    it dense. Entries given twice are added, as torch and scipy do. Gradients pass through x and y, not to the entries.

    Raises: DataError for another kind of matrix, or for entries that require gradients.

    >>> A = Sparse(torch.tensor([[1.0, 0.0, 2.0], [0.0, 0.0, 3.0]]).to_sparse())
    >>> A.mv(torch.ones(3)), A.rmv(torch.ones(2)), A.nonzeros
    (tensor([3., 3.]), tensor([1., 0., 5.]), 3)
    """

    def __init__(self, matrix: Any) -> None:
        coo = _coalesced(matrix)
        self.shape = (coo.shape[0], coo.shape[1])
        self.dtype, self.device = coo.dtype, coo.device
        rows, columns = coo.indices()
        self.nonzeros = coo.values().numel()
        self._forward = _csr(rows, columns, coo.values(), self.shape)
        order = columns.argsort(stable=True)  # rows are in order already, so they stay so within a column
        self._adjoint = _csr(columns[order], rows[order], coo.values()[order].conj().resolve_conj(), self.shape[::-1])

    @property
    def entries(self) -> Tensor:
        """The held values, row by row."""
        return self._forward.values()

    def mv(self, x: Tensor) -> Tensor:
        return _product(checked(self, x, 1), self._forward, self._adjoint)

    def rmv(self, y: Tensor) -> Tensor:
        return _product(checked(self, y, 0), self._adjoint, self._forward)

    def dense(self) -> Tensor:
        return self._forward.to_dense()

    def columns(self, indices: Tensor) -> Tensor:
        counts, samples, values = self.column_entries(indices)
        found = torch.zeros(len(indices), self.shape[0], dtype=self.dtype, device=self.device)
        found[torch.repeat_interleave(torch.arange(len(indices), device=self.device), counts), samples] = values
        return found.mT

    def column_entries(self, indices: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of some columns: how many entries each has, (k,), and the row and the value of each entry, in order."""
        starts, rows, values = _starts(self._adjoint), self._adjoint.col_indices(), self._adjoint.values()
        first = starts[indices]
        counts = starts[indices + 1] - first
        which = torch.repeat_interleave(torch.arange(len(indices), device=self.device), counts)
        within = torch.arange(len(which), device=self.device) - (counts.cumsum(0) - counts)[which]
        entries = first[which] + within
        return counts, rows[entries].long(), values[entries].conj().resolve_conj()

    def column_norms(self, centre: Tensor | None = None) -> Tensor:
        """From the entries; a zero entry adds |centre_j|², so centring costs no dense column."""
        squares = torch.zeros(self.shape[1], dtype=torch.float64, device=self.device)
        off = self._adjoint.values() if centre is None else self._adjoint.values() - centre.conj()[self._column]
        squares.index_add_(0, self._column, off.abs().double() ** 2)
        if centre is not None:
            absent = self.shape[0] - _starts(self._adjoint).diff()
            squares += absent * centre.abs().double() ** 2
        return squares.sqrt().to(off.abs().dtype)

    def gram(self) -> Tensor:
        return gram_by_columns(self)

    def norm2_bound(self) -> float:
        return self._norm2

    def double(self) -> Sparse:
        return Sparse(self._forward.to(torch.complex128 if self.dtype.is_complex else torch.float64))

    @cached_property
    def _norm2(self) -> float:
        return norm2_by_lanczos(self)

    @cached_property
    def _column(self) -> Tensor:
        """The column of each entry, in the order of the adjoint's values."""
        counts = _starts(self._adjoint).diff()
        return torch.repeat_interleave(torch.arange(self.shape[1], device=self.device), counts)


class _Product(torch.autograd.Function):
    """x (b, n) ↦ x Aᵀ; its gradient is a product with Aᴴ, which is at hand, and not with a transpose made anew."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, matrix: Tensor, adjoint: Tensor) -> Tensor:
        ctx.pair = matrix, adjoint
        return (matrix @ x.mT).mT

    @staticmethod
    def backward(ctx: Any, *grad: Tensor) -> tuple[Tensor, None, None]:
        matrix, adjoint = ctx.pair
        return _apply(grad[0], adjoint, matrix), None, None


def _apply(x: Tensor, matrix: Tensor, adjoint: Tensor) -> Tensor:
    product: Tensor = _Product.apply(x, matrix, adjoint)  # type: ignore[no-untyped-call]
    return product


def _product(x: Tensor, matrix: Tensor, adjoint: Tensor) -> Tensor:
    batch = x.shape[:-1]
    return _apply(x.reshape(-1, x.shape[-1]), matrix, adjoint).reshape(*batch, matrix.shape[0])


def _starts(matrix: Tensor) -> Tensor:
    return matrix.crow_indices().long()


def _csr(rows: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Entries that lie in row-major order, as a CSR tensor with int32 indices where they suffice."""
    starts = torch.zeros(shape[0] + 1, dtype=torch.int64, device=values.device)
    starts[1:] = torch.bincount(rows, minlength=shape[0]).cumsum(0)
    index = torch.int32 if max(len(values), *shape) < 1 << 31 else torch.int64
    with warnings.catch_warnings():  # torch says once a process that its CSR is young; we use three operations of it
        warnings.filterwarnings("ignore", "Sparse CSR tensor support", UserWarning)
        return torch.sparse_csr_tensor(starts.to(index), columns.to(index), values, shape, check_invariants=False)


def _coalesced(matrix: Any) -> Tensor:
    """A COO tensor in row-major order without repeated places."""
    if isinstance(matrix, Tensor):
        if matrix.layout == torch.strided or matrix.ndim != 2 or matrix.dense_dim():
            raise DataError(
                f"Sparse needs a COO, CSR or CSC tensor of 2 axes, given {matrix.layout} with {matrix.ndim}; "
                f"as_operator takes dense ones too"
            )
        coo = matrix.to_sparse_coo()
    elif is_scipy_sparse(matrix):
        if len(matrix.shape) != 2:
            raise DataError(f"Sparse needs 2 axes, given a scipy matrix of shape {tuple(matrix.shape)}")
        found = matrix.tocoo()
        places = torch.stack([torch.tensor(found.row).long(), torch.tensor(found.col).long()])
        coo = torch.sparse_coo_tensor(places, torch.tensor(found.data), tuple(found.shape), check_invariants=True)
    else:
        raise DataError(f"Sparse needs a sparse torch tensor or scipy matrix, given {type(matrix).__name__}")
    if coo.requires_grad:
        raise DataError(
            "Sparse: gradients do not pass to the entries of a sparse design; detach() it, or use Dense(A.to_dense())"
        )
    coalesced: Tensor = coo.coalesce()
    return coalesced


def is_scipy_sparse(matrix: object) -> bool:
    """Told by the type's own name, so that scipy is not imported for it."""
    return type(matrix).__module__.partition(".")[0] == "scipy" and callable(getattr(matrix, "tocoo", None))
