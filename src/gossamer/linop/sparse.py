"""A matrix that is mostly zeros, held as it is given: by rows or by columns."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ..errors import DataError
from .base import LinearOperator
from .compressed import Compressed
from .products import checked, few_places, gram_by_columns, norm2_by_lanczos

__all__ = ["Sparse", "is_scipy_sparse"]

# A look for some columns by rows goes through all entries; turning the matrix costs about as much as this many looks.
LOOKS = 8


class Sparse(LinearOperator):
    """A sparse matrix A (m, n), from torch COO, CSR or CSC or a scipy sparse matrix or array.

    It is held by rows or by columns, as it was given: both products of one vector read either in one pass. The other
    form is made when batches or many columns ask for it; only `dense()` makes it dense. `entries` are the held values,
    in no set order. Entries given twice are added, as torch and scipy do. Gradients pass through x and y, not to the
    entries.

    Raises: DataError for another kind of matrix, for indices outside of it, or for entries that require gradients.

    >>> A = Sparse(torch.tensor([[1.0, 0.0, 2.0], [0.0, 0.0, 3.0]]).to_sparse())
    >>> A.mv(torch.ones(3)), A.rmv(torch.ones(2)), A.nonzeros
    (tensor([3., 3.]), tensor([1., 0., 5.]), 3)
    """

    def __init__(self, matrix: Any) -> None:
        self._hold(*(_of_scipy(matrix) if is_scipy_sparse(matrix) else _of_torch(matrix)))

    def _hold(self, given: Compressed, by_columns: bool) -> None:
        """given: A, or A' where it is by columns."""
        self._given, self._by_columns, self._looks = given, by_columns, 0
        self.shape = given.shape[::-1] if by_columns else given.shape
        self.entries, self.nonzeros = given.values, len(given.values)
        self.dtype, self.device = given.values.dtype, given.values.device

    def mv(self, x: Tensor) -> Tensor:
        x = checked(self, x, 1)
        if (places := few_places(x)) is not None:
            return self._some_columns(x, places)
        return _product(x, self, adjoint=False)

    def rmv(self, y: Tensor) -> Tensor:
        return _product(checked(self, y, 0), self, adjoint=True)

    def product(self, x: Tensor, adjoint: bool) -> Tensor:
        """x Aᵀ, or with `adjoint` x Ā, for a batch (b, n)."""
        if len(x) != 1 or x.is_complex() or self.device.type != "cpu":
            return ((self._adjoint if adjoint else self._forward) @ x.mT).mT
        given = self._given
        return (given.mv(x[0]) if adjoint == self._by_columns else given.rmv(x[0]))[None]

    def dense(self) -> Tensor:
        return self._forward.to_dense()

    def columns(self, indices: Tensor) -> Tensor:
        chosen = self.column_rows(indices)
        found = torch.zeros(chosen.shape, dtype=self.dtype, device=self.device)
        found[chosen.owners, chosen.places] = chosen.values
        return found.mT

    def column_rows(self, indices: Tensor) -> Compressed:
        """Some columns, each as a row: (k, m)."""
        if not self._has_columns:
            self._looks += 1
            if self._looks <= LOOKS:
                return self._given.columns_at(indices)
        return self._held(by_columns=True).rows_at(indices)

    def column_norms(self, centre: Tensor | None = None) -> Tensor:
        """From the entries; a zero entry adds |centre_j|², so centring costs no dense column."""
        given = self._given
        if centre is None:
            return self._column_sums(given.values.abs().double() ** 2).sqrt().to(self.entries.real.dtype)
        off = given.values - centre[given.owners if self._by_columns else given.places]
        present = self._column_sums(torch.ones_like(off.real, dtype=torch.float64))
        squares = self._column_sums(off.abs().double() ** 2) + (self.shape[0] - present) * centre.abs().double() ** 2
        return squares.sqrt().to(self.entries.real.dtype)

    def gram(self) -> Tensor:
        return gram_by_columns(self)

    def norm2_bound(self) -> float:
        return self._norm2

    def double(self) -> Sparse:
        wide = Sparse.__new__(Sparse)
        values = self._given.values.to(torch.complex128 if self.dtype.is_complex else torch.float64)
        wide._hold(self._given.with_values(values), self._by_columns)
        return wide

    @property
    def _has_columns(self) -> bool:
        return self._by_columns or "_turned" in vars(self)

    def _held(self, by_columns: bool) -> Compressed:
        return self._given if by_columns == self._by_columns else self._turned

    @cached_property
    def _turned(self) -> Compressed:
        return self._given.turned()

    @cached_property
    def _forward(self) -> Tensor:
        """A as a torch CSR tensor: its products with many vectors."""
        return self._held(by_columns=False).tensor()

    @cached_property
    def _adjoint(self) -> Tensor:
        held = self._held(by_columns=True)
        return held.with_values(held.values.conj().resolve_conj()).tensor()

    def _some_columns(self, x: Tensor, places: Tensor) -> Tensor:
        """A x from the columns where x is not zero."""
        chosen = self.column_rows(places)
        found = torch.zeros(self.shape[0], dtype=self.dtype, device=self.device)
        return found.index_add_(0, chosen.places, chosen.values * x[places][chosen.owners])

    def _column_sums(self, values: Tensor) -> Tensor:
        """Of other values at A's places, (n,)."""
        other, ones = self._given.with_values(values), values.new_ones(self.shape[0])
        return other.mv(ones) if self._by_columns else other.rmv(ones)

    @cached_property
    def _norm2(self) -> float:
        return norm2_by_lanczos(self)


class _Product(torch.autograd.Function):
    """x (b, n) ↦ x Aᵀ; its gradient is a product with Aᴴ, which is at hand, and not with a transpose made anew."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, operator: Sparse, adjoint: bool) -> Tensor:
        ctx.given = operator, adjoint
        return operator.product(x, adjoint)

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


def _of_torch(matrix: Any) -> tuple[Compressed, bool]:
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
    m, n = matrix.shape
    if matrix.layout in (torch.sparse_csr, torch.sparse_csc):
        by_columns = matrix.layout == torch.sparse_csc
        starts, places, width = (
            (matrix.ccol_indices(), matrix.row_indices(), m)
            if by_columns
            else (matrix.crow_indices(), matrix.col_indices(), n)
        )
        values = matrix.values()
        if values.is_complex():  # a view of a compressed tensor, which refuses to give its real part
            values = values.clone()
        given = Compressed.of(starts, places, values, width)
        if given.ascends():
            return given, by_columns
        order = (given.places, given.owners) if by_columns else (given.owners, given.places)
        coo = torch.sparse_coo_tensor(torch.stack(order), given.values, (m, n), check_invariants=False).coalesce()
    else:
        coo = matrix.to_sparse_coo().coalesce()
    rows, columns = coo.indices()
    starts = torch.searchsorted(rows, torch.arange(m + 1, device=rows.device))
    if len(rows) and int(rows[-1]) >= m:
        raise DataError(f"A: is broken: holds row {int(rows[-1])}, needs 0 to {m - 1}; build it anew")
    return Compressed.of(starts, columns, coo.values(), n), False


def _of_scipy(matrix: Any) -> tuple[Compressed, bool]:
    """CSR and CSC are shared where they can be; what needs another form is made by scipy, which counts, not sorts."""
    if len(matrix.shape) != 2:
        raise DataError(f"Sparse needs 2 axes, given a scipy matrix of shape {tuple(matrix.shape)}")
    held = matrix if matrix.format in ("csr", "csc") else matrix.tocsr()
    if not held.has_canonical_format:
        held = held.tocsc() if held.format == "csr" else held.tocsr()  # a copy whose indices are in order
        held.sum_duplicates()
    by_columns = held.format == "csc"
    starts, places, values = (_shared(part) for part in (held.indptr, held.indices, held.data))
    return Compressed.of(starts, places, values, held.shape[0 if by_columns else 1]), by_columns


def _shared(array: Any) -> Tensor:
    """torch refuses other byte orders, and warns of memory that may not be written."""
    if not array.dtype.isnative or not array.flags.writeable:
        array = array.astype(array.dtype.newbyteorder("="), copy=True)
    return torch.from_numpy(array)


def is_scipy_sparse(matrix: object) -> bool:
    """Told by the type's own name, so that scipy is not imported for it."""
    return type(matrix).__module__.partition(".")[0] == "scipy" and callable(getattr(matrix, "tocoo", None))
