"""A matrix that is mostly zeros, held by rows and by columns."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor

from ..errors import DataError
from .base import LinearOperator
from .products import checked, few_places, gram_by_columns, norm2_by_lanczos

__all__ = ["Sparse", "entry_matrix", "is_scipy_sparse"]

Forms = tuple[Tensor, Callable[[], Tensor], Callable[[], Tensor]]  # the entries, and what makes CSR of A and of Aᴴ


class Sparse(LinearOperator):
    """A sparse matrix A (m, n), from torch COO, CSR or CSC or a scipy sparse matrix or array.

    It is held twice, as the CSR form of A and of Aᴴ, each made when it is first needed, so that both products read rows
    in order; only `dense()` makes it dense. `entries` are the held values, in no set order. Entries given twice are
    added, as torch and scipy do. Gradients pass through x and y, not to the entries.

    Raises: DataError for another kind of matrix, or for entries that require gradients.

    >>> A = Sparse(torch.tensor([[1.0, 0.0, 2.0], [0.0, 0.0, 3.0]]).to_sparse())
    >>> A.mv(torch.ones(3)), A.rmv(torch.ones(2)), A.nonzeros
    (tensor([3., 3.]), tensor([1., 0., 5.]), 3)
    """

    def __init__(self, matrix: Any) -> None:
        given, self._make_forward, self._make_adjoint = (
            _of_scipy(matrix) if is_scipy_sparse(matrix) else _of_torch(matrix)
        )
        self.shape = (matrix.shape[0], matrix.shape[1])
        self.dtype, self.device = given.dtype, given.device
        self.entries, self.nonzeros = given, given.numel()

    def mv(self, x: Tensor) -> Tensor:
        x = checked(self, x, 1)
        if "_forward" not in vars(self) and (places := few_places(x)) is not None:
            return self._some_columns(x, places)
        return _product(x, self, adjoint=False)

    def rmv(self, y: Tensor) -> Tensor:
        return _product(checked(self, y, 0), self, adjoint=True)

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

    def form(self, adjoint: bool) -> Tensor:
        """A, or Aᴴ, as a torch CSR tensor."""
        return self._adjoint if adjoint else self._forward

    @cached_property
    def _forward(self) -> Tensor:
        return self._make_forward()

    @cached_property
    def _adjoint(self) -> Tensor:
        return self._make_adjoint()

    def _some_columns(self, x: Tensor, places: Tensor) -> Tensor:
        """A x from the columns where x is not zero."""
        counts, rows, values = self.column_entries(places)
        found = torch.zeros(self.shape[0], dtype=self.dtype, device=self.device)
        return found.index_add_(0, rows, values * torch.repeat_interleave(x[places], counts))

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
    def forward(ctx: Any, x: Tensor, operator: Sparse, adjoint: bool) -> Tensor:
        ctx.given = operator, adjoint
        return (operator.form(adjoint) @ x.mT).mT

    @staticmethod
    def backward(ctx: Any, *grad: Tensor) -> tuple[Tensor, None, None]:
        operator, adjoint = ctx.given
        return _apply(grad[0], operator, not adjoint), None, None


def _apply(x: Tensor, operator: Sparse, adjoint: bool) -> Tensor:
    product: Tensor = _Product.apply(x, operator, adjoint)  # type: ignore[no-untyped-call]
    return product


def _product(x: Tensor, operator: Sparse, adjoint: bool) -> Tensor:
    batch = x.shape[:-1]
    return _apply(x.reshape(-1, x.shape[-1]), operator, adjoint).reshape(*batch, operator.shape[int(adjoint)])


def _starts(matrix: Tensor) -> Tensor:
    return matrix.crow_indices().long()


def _csr(starts: Tensor, places: Tensor, values: Tensor, shape: tuple[int, ...]) -> Tensor:
    with warnings.catch_warnings():  # torch says once a process that its CSR is young; we use three operations of it
        warnings.filterwarnings("ignore", "Sparse CSR tensor support", UserWarning)
        return torch.sparse_csr_tensor(starts, places, values, shape, check_invariants=False)


def entry_matrix(rows: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Entries that lie in row-major order, as a CSR tensor with int32 indices where they suffice."""
    starts = torch.zeros(shape[0] + 1, dtype=torch.int64, device=values.device)
    starts[1:] = torch.bincount(rows, minlength=shape[0]).cumsum(0)
    index = torch.int32 if max(len(values), *shape) < 1 << 31 else torch.int64
    return _csr(starts.to(index), columns.to(index), values, shape)


def _turned(rows: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The adjoint of entries that lie in row-major order, as CSR."""
    order = columns.argsort(stable=True)  # rows are in order already, so they stay so within a column
    return entry_matrix(columns[order], rows[order], values[order].conj().resolve_conj(), shape[::-1])


def _of_torch(matrix: Any) -> Forms:
    if not isinstance(matrix, Tensor):
        raise DataError(f"Sparse needs a sparse torch tensor or scipy matrix, given {type(matrix).__name__}")
    if matrix.layout == torch.strided or matrix.ndim != 2 or matrix.dense_dim():
        raise DataError(
            f"Sparse needs a COO, CSR or CSC tensor of 2 axes, given {matrix.layout} with {matrix.ndim}; "
            f"as_operator takes dense ones too"
        )
    if matrix.requires_grad:
        raise DataError(
            "Sparse: gradients do not pass to the entries of a sparse design; detach() it, or use Dense(A.to_dense())"
        )
    coo = matrix.to_sparse_coo().coalesce()
    rows, columns = coo.indices()
    parts = (rows, columns, coo.values(), tuple(coo.shape))
    return coo.values(), partial(entry_matrix, *parts), partial(_turned, *parts)


def _of_scipy(matrix: Any) -> Forms:
    """By scipy's own conversions, which count instead of sorting; CSR and CSC are shared where they can be."""
    if len(matrix.shape) != 2:
        raise DataError(f"Sparse needs 2 axes, given a scipy matrix of shape {tuple(matrix.shape)}")
    held = matrix if matrix.format in ("csr", "csc") else matrix.tocsr()
    if not held.has_canonical_format:
        held = held.tocsc() if held.format == "csr" else held.tocsr()  # a copy whose indices are in order
        held.sum_duplicates()
    return _shared(held.data), partial(_scipy_forward, held), partial(_scipy_adjoint, held)


def _scipy_forward(held: Any) -> Tensor:
    rows = held.tocsr()
    return _csr(_shared(rows.indptr), _shared(rows.indices), _shared(rows.data), rows.shape)


def _scipy_adjoint(held: Any) -> Tensor:
    """CSC of A is CSR of A'."""
    columns = held.tocsc()
    values = _shared(columns.data).conj().resolve_conj()
    return _csr(_shared(columns.indptr), _shared(columns.indices), values, columns.shape[::-1])


def _shared(array: Any) -> Tensor:
    """torch refuses other byte orders, and warns of memory that may not be written."""
    if not array.dtype.isnative or not array.flags.writeable:
        array = array.astype(array.dtype.newbyteorder("="), copy=True)
    return torch.from_numpy(array)


def is_scipy_sparse(matrix: object) -> bool:
    """Told by the type's own name, so that scipy is not imported for it."""
    return type(matrix).__module__.partition(".")[0] == "scipy" and callable(getattr(matrix, "tocoo", None))
