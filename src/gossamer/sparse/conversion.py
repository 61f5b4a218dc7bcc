"""A packed tensor in other libraries' sparse forms."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from ..errors import DataError, KernelError, MissingDependencyError, StructureError, did_you_mean
from .pack import Packed

__all__ = ["to_scipy", "to_torch"]


def to_torch(packed: Packed, form: str = "csr", *, block: tuple[int, int] | None = None) -> Tensor:
    """A packed tensor as one of torch's.

    The held entries go over bit by bit, −0.0 and NaN among them. CSR, CSC, BSR and semi-structured need 2 axes.

    Args:
        form: "dense", "coo", "csr", "csc", "bsr", or "semi_structured" (2:4, on CUDA only: torch's own kernels need
            it).
        block: (rows, columns) of a block, which divide the shape; for "bsr", and only there.
    Raises: DataError for an unknown form or a wrong shape; StructureError where the tensor is not 2:4; KernelError
        where this torch or device has no semi-structured tensors.

    >>> from gossamer.sparse import pack
    >>> to_torch(pack(torch.tensor([[0.0, 5.0], [0.0, 0.0]])), "coo").indices()
    tensor([[0],
            [1]])
    """
    if form not in _FORMS:
        raise DataError(
            f"to_torch: form must be one of {', '.join(_FORMS)}, given {form!r}{did_you_mean(form, _FORMS)}"
        )
    if (block is not None) != (form == "bsr"):
        raise DataError(f"to_torch: 'bsr' and block=(rows, columns) go together, given form={form!r}, block={block}")
    return _FORMS[form](packed, block)


def to_scipy(packed: Packed, form: str = "csr") -> Any:
    """A packed matrix as a scipy sparse array.

    Entries go over bit by bit; scipy's own `toarray` adds them to zeros, which makes 0.0 of −0.0.

    Args: form: "csr", "csc" or "coo".
    Raises: DataError for another form, other than 2 axes, or float16 and bfloat16, which scipy has not;
        MissingDependencyError without scipy.

    >>> from gossamer.sparse import pack
    >>> to_scipy(pack(torch.eye(3))).nnz  # doctest: +SKIP
    3
    """
    if form not in ("csr", "csc", "coo"):
        raise DataError(
            f"to_scipy: form must be csr, csc or coo, given {form!r}{did_you_mean(form, ('csr', 'csc', 'coo'))}"
        )
    if packed.dtype in (torch.float16, torch.bfloat16):
        raise DataError(f"to_scipy: scipy has no sparse {packed.dtype}; pack tensor.float() instead")
    rows, columns = _matrix_places(packed, "to_scipy")
    try:
        sparse = import_module("scipy.sparse")
    except ImportError as error:
        raise MissingDependencyError("to_scipy: scipy is not installed; pip install scipy") from error
    parts = (packed.values().cpu().numpy(), (rows.cpu().numpy(), columns.cpu().numpy()))
    return sparse.coo_array(parts, shape=packed.shape).asformat(form)


def _dense(packed: Packed, block: tuple[int, int] | None) -> Tensor:
    return packed.dense()


def _coo(packed: Packed, block: tuple[int, int] | None) -> Tensor:
    places = packed.support().nonzero().T
    return torch.sparse_coo_tensor(places, packed.values(), packed.shape, is_coalesced=True, check_invariants=False)


def _csr(packed: Packed, block: tuple[int, int] | None) -> Tensor:
    rows, columns = _matrix_places(packed, "to_torch")
    return _compressed(torch.sparse_csr, rows, columns, packed.values(), packed.shape[0], packed.shape)


def _csc(packed: Packed, block: tuple[int, int] | None) -> Tensor:
    rows, columns = _matrix_places(packed, "to_torch")
    order = columns.argsort(stable=True)
    values = packed.values()[order]
    return _compressed(torch.sparse_csc, columns[order], rows[order], values, packed.shape[1], packed.shape)


def _bsr(packed: Packed, block: tuple[int, int] | None) -> Tensor:
    """Every block that holds an entry, whole."""
    assert block is not None, "checked by to_torch"
    _matrix_places(packed, "to_torch")
    if min(block) < 1 or packed.shape[0] % block[0] or packed.shape[1] % block[1]:
        raise DataError(f"to_torch: block {block} does not divide the shape {packed.shape}; choose divisors of it")
    tiles = packed.dense().unflatten(0, (-1, block[0])).unflatten(2, (-1, block[1])).transpose(1, 2)
    held = packed.support().unflatten(0, (-1, block[0])).unflatten(2, (-1, block[1])).transpose(1, 2)
    rows, columns = held.flatten(2).any(-1).nonzero().T
    height = packed.shape[0] // block[0]
    return _compressed(torch.sparse_bsr, rows, columns, tiles[rows, columns], height, packed.shape)


def _semi_structured(packed: Packed, block: tuple[int, int] | None) -> Tensor:
    _matrix_places(packed, "to_torch")
    if packed.shape[1] % 4 or bool((packed.support().unflatten(1, (-1, 4)).sum(-1) > 2).any()):
        raise StructureError(
            "to_torch: semi-structured is 2:4, at most 2 entries in each run of 4 columns, and this tensor is not; "
            "prune it with NM(keep=2, of=4) first, or take 'csr'"
        )
    try:
        return torch.sparse.to_sparse_semi_structured(packed.dense())
    except (RuntimeError, NotImplementedError) as error:
        raise KernelError(
            f"to_torch: torch cannot hold this semi-structured on {packed.support().device}: {error}; on a CPU keep it "
            f"packed, or take 'csr'"
        ) from error


_FORMS: Mapping[str, Callable[[Packed, tuple[int, int] | None], Tensor]] = {
    "dense": _dense,
    "coo": _coo,
    "csr": _csr,
    "csc": _csc,
    "bsr": _bsr,
    "semi_structured": _semi_structured,
}


def _matrix_places(packed: Packed, name: str) -> tuple[Tensor, Tensor]:
    """Row and column of each held entry, row-major."""
    if len(packed.shape) != 2:
        raise DataError(f"{name}: this form needs 2 axes, given shape {packed.shape}; 'coo' and 'dense' take any")
    rows, columns = packed.support().nonzero().T
    return rows, columns


def _compressed(
    layout: torch.layout, slow: Tensor, fast: Tensor, values: Tensor, count: int, shape: tuple[int, ...]
) -> Tensor:
    starts = torch.zeros(count + 1, dtype=torch.int64, device=slow.device)
    starts[1:] = torch.bincount(slow, minlength=count).cumsum(0)
    with warnings.catch_warnings():  # torch says once a process that these layouts are young
        warnings.filterwarnings("ignore", "Sparse .* tensor support", UserWarning)
        return torch.sparse_compressed_tensor(starts, fast, values, shape, layout=layout, check_invariants=True)
