"""What each op demands of its arguments, in words, before any code that trusts them runs."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import KernelError
from . import reference

__all__ = [
    "PADDED",
    "batch_omp",
    "bool_vector",
    "codes_fit",
    "csr_columns",
    "csr_fit",
    "csr_gram",
    "csr_l1_sweeps",
    "csr_mv",
    "csr_rmv",
    "gram_descent",
    "l1_sweeps",
    "mask_compress",
    "mask_expand",
    "mask_fits",
    "mask_fits_values",
    "pack_bits",
    "unpack_bits",
    "wrong_place",
]

ITEM_SIZES = (1, 2, 4)
PADDED = 32  # numbers of which a row of gram_descent's matrix has a multiple


def pack_bits(codes: Tensor, bits: int) -> None:
    _uint8_vector("codes", codes)
    _bits(bits)


def unpack_bits(packed: Tensor, bits: int, count: int) -> None:
    _uint8_vector("packed", packed)
    _bits(bits)
    _not_negative("count", count)
    needed = (count * bits + 7) // 8
    if packed.shape[0] != needed:
        raise KernelError(
            f"packed holds {packed.shape[0]} bytes, but {count} codes of {bits} bits need exactly {needed}; "
            f"give the count and bits that the stream was packed with"
        )


def mask_compress(dense: Tensor, mask: Tensor, kept: int) -> None:
    _items("dense", dense)
    _mask("dense", dense, mask, dense.shape[0])
    _not_negative("kept", kept)
    if kept > dense.shape[0]:
        raise KernelError(f"kept {kept} exceeds the {dense.shape[0]} items of dense; give the mask's number of ones")


def mask_expand(values: Tensor, mask: Tensor, count: int) -> None:
    _items("values", values)
    _not_negative("count", count)
    _mask("values", values, mask, count)
    if values.shape[0] > count:
        raise KernelError(f"{values.shape[0]} values do not fit into {count} items; give the count before compressing")


def batch_omp(atoms: Tensor, gram: Tensor, scales: Tensor, signals: Tensor, targets: Tensor, k: int) -> None:
    if atoms.dim() != 2 or signals.dim() != 2:
        raise KernelError(f"atoms and signals must be matrices, given {tuple(atoms.shape)}, {tuple(signals.shape)}")
    (n, m), count = atoms.shape, signals.shape[0]
    needed = {"gram": (gram, (n, n)), "scales": (scales, (n,)), "signals": (signals, (count, m))}
    needed |= {"atoms": (atoms, (n, m)), "targets": (targets, (count,))}
    for name, (tensor, shape) in needed.items():
        if tensor.shape != shape:
            raise KernelError(
                f"{name} must have shape {shape} as atoms and signals have it, given {tuple(tensor.shape)}"
            )
        if tensor.dtype not in (torch.float32, torch.float64) or tensor.dtype != atoms.dtype:
            raise KernelError(f"{name} is {tensor.dtype}; all tensors must be float32, or all float64")
        if tensor.device != atoms.device:
            raise KernelError(f"{name} is on {tensor.device} and atoms on {atoms.device}; move one of them")
    if not isinstance(k, int) or not 1 <= k <= n:
        raise KernelError(f"k must be an int from 1 to the {n} atoms, given {k!r}")


def l1_sweeps(
    gram: Tensor, levels: Tensor, x: Tensor, h: Tensor,
    low: float, high: float, ridge: float, accuracy: float, sweeps: int,
) -> None:  # fmt: skip
    (k,) = x.shape if x.dim() == 1 else (-1,)
    for name, tensor, shape in (("gram", gram, (k, k)), ("levels", levels, (k,)), ("x", x, (k,)), ("h", h, (k,))):
        if tuple(tensor.shape) != shape or tensor.dtype != torch.float64:
            raise KernelError(
                f"{name} is {tensor.dtype} of shape {tuple(tensor.shape)}; give float64: gram (k, k), the others (k,)"
            )
    _sweeping(low, high, ridge, accuracy, sweeps)


def gram_descent(
    off_diagonal: Tensor, scales: Tensor, thresholds: Tensor, low: Tensor, high: Tensor,
    correlations: Tensor, squares: Tensor, start: Tensor | None, tol: float, rounds: int,
) -> None:  # fmt: skip
    if off_diagonal.dim() != 2 or correlations.dim() != 2:
        given = f"{off_diagonal.dim()} and {correlations.dim()} axes"
        raise KernelError(f"off_diagonal and correlations must be matrices, given {given}")
    (n, stride), count = off_diagonal.shape, correlations.shape[0]
    if stride < n or stride % PADDED:
        raise KernelError(f"rows of off_diagonal must be padded to a multiple of {PADDED} above {n}, given {stride}")
    vectors = {"scales": scales, "thresholds": thresholds, "low": low, "high": high}
    needed = {"off_diagonal": (off_diagonal, (n, stride))} | {name: (vector, (n,)) for name, vector in vectors.items()}
    needed |= {"correlations": (correlations, (count, n)), "squares": (squares, (count,))}
    if start is not None:
        needed["start"] = (start, (count, n))
    for name, (tensor, shape) in needed.items():
        if tensor.shape != shape or n == 0:
            raise KernelError(f"{name} must have shape {shape} with at least one column, given {tuple(tensor.shape)}")
        if tensor.dtype != torch.float64:
            raise KernelError(f"{name} is {tensor.dtype}; convert it to float64")
        if tensor.device != off_diagonal.device:
            raise KernelError(
                f"{name} is on {tensor.device} and off_diagonal on {off_diagonal.device}; move one of them"
            )
    if not tol >= 0:
        raise KernelError(f"tol must be a number that is not negative, given {tol!r}")
    if not isinstance(rounds, int) or not 0 <= rounds < 1 << 31:
        raise KernelError(f"rounds must be an int from 0 to 2^31 - 1, given {rounds!r}")


def csr_mv(starts: Tensor, places: Tensor, values: Tensor, x: Tensor) -> None:
    _csr(starts, places, values)
    _alike("x", x, values)


def csr_rmv(starts: Tensor, places: Tensor, values: Tensor, x: Tensor, columns: int) -> None:
    _csr(starts, places, values)
    _alike("x", x, values)
    _not_negative("columns", columns)
    if x.shape[0] != starts.shape[0] - 1:
        raise KernelError(f"x has {x.shape[0]} numbers and the matrix {starts.shape[0] - 1} rows; give one a row")


def csr_columns(starts: Tensor, places: Tensor, values: Tensor, columns: int, slots: Tensor | None, k: int) -> None:
    _csr(starts, places, values)
    if slots is None and k != columns:
        raise KernelError(f"without slots all {columns} columns are taken, k is {k}; give slots, or that number")
    if slots is not None and (tuple(slots.shape) != (columns,) or slots.dtype != starts.dtype or k < 0):
        raise KernelError(f"slots must be ({columns},) in {starts.dtype}, given {tuple(slots.shape)} in {slots.dtype}")


def csr_gram(starts: Tensor, places: Tensor, values: Tensor, k: int, first: int) -> None:
    _csr(starts, places, values)
    if not 0 <= first <= k:
        raise KernelError(f"first must be from 0 to the {k} columns, given {first}")


def csr_l1_sweeps(
    starts: Tensor, places: Tensor, values: Tensor, m: int, levels: Tensor, x: Tensor, h: Tensor,
    low: float, high: float, ridge: float, accuracy: float, sweeps: int,
) -> None:  # fmt: skip
    _csr(starts, places, values)
    _not_negative("m", m)
    for name, tensor in (("values", values), ("levels", levels), ("x", x), ("h", h)):
        shape = places.shape if tensor is values else (starts.shape[0] - 1,)
        if tensor.shape != shape or tensor.dtype != torch.float64:
            raise KernelError(f"{name} is {tensor.dtype} of shape {tuple(tensor.shape)}; give float64 {tuple(shape)}")
    _sweeping(low, high, ridge, accuracy, sweeps)


def csr_fit(starts: Tensor, places: Tensor, values: Tensor, *others: Tensor | int | float | None) -> None:
    """Of the data: that starts never fall and stay within the entries, and places within the columns.

    How many columns there are is the first whole number that an op is given, or the length of csr_mv's x.
    """
    first = next((other for other in others if isinstance(other, int)), others[0])
    columns = first if isinstance(first, int) else len(torch.as_tensor(first))
    if len(starts) > 1 and (int(starts.diff().min()) < 0 or int(starts[0]) < 0 or int(starts[-1]) > len(places)):
        raise wrong_place(columns)
    if len(places) and not 0 <= int(places.min()) <= int(places.max()) < columns:
        raise wrong_place(columns)


def codes_fit(codes: Tensor, bits: int) -> None:
    if codes.numel() and (widest := int(codes.max())) >> bits:
        raise wide_code(bits, f"the largest is {widest}")


def mask_fits(dense: Tensor, mask: Tensor, kept: int) -> None:
    _ones(mask, kept, dense.shape[0])


def mask_fits_values(values: Tensor, mask: Tensor, count: int) -> None:
    _ones(mask, values.shape[0], count)


def wide_code(bits: int, given: str = "one is not") -> KernelError:
    return KernelError(f"codes of {bits} bits must be below {1 << bits}, {given}; use more bits or clamp the codes")


def wrong_mask(kept: int, count: int) -> KernelError:
    return KernelError(
        f"the mask must hold exactly {kept} ones, all among its first {count} bits, and it does not; "
        f"pack the mask that the values were compressed with"
    )


def wrong_place(columns: int) -> KernelError:
    return KernelError(
        f"the matrix is broken: its starts must not fall, nor pass its entries, and its places must be 0 to "
        f"{columns - 1}, ascending within a row for a Gram matrix; build it anew"
    )


def bool_vector(name: str, tensor: Tensor) -> None:
    _vector(name, tensor)
    if tensor.dtype != torch.bool:
        raise KernelError(f"{name} must be bool, given {tensor.dtype}; compare it with != 0 first")


def _csr(starts: Tensor, places: Tensor, values: Tensor) -> None:
    for name, tensor in (("starts", starts), ("places", places), ("values", values)):
        _vector(name, tensor)
    if starts.dtype not in (torch.int32, torch.int64) or places.dtype != starts.dtype:
        raise KernelError(f"starts is {starts.dtype} and places {places.dtype}; give both int32, or both int64")
    if len(starts) < 1 or len(places) != len(values):
        raise KernelError(
            f"starts holds {len(starts)}, places {len(places)} and values {len(values)}; give rows + 1, and one of the "
            f"others an entry"
        )


def _alike(name: str, vector: Tensor, values: Tensor) -> None:
    _vector(name, vector)
    if vector.dtype != values.dtype or values.dtype not in (torch.float32, torch.float64):
        raise KernelError(f"{name} is {vector.dtype} and values {values.dtype}; both must be float32, or both float64")


def _sweeping(low: float, high: float, ridge: float, accuracy: float, sweeps: int) -> None:
    if not low <= 0 <= high or not ridge >= 0 or not accuracy >= 0 or not 0 <= sweeps < 1 << 31:
        raise KernelError(
            f"give low ≤ 0 ≤ high, ridge and accuracy ≥ 0 and sweeps ≥ 0, given {(low, high, ridge, accuracy, sweeps)}"
        )


def _ones(mask: Tensor, kept: int, count: int) -> None:
    bits = reference.unpack_bits(mask, 1, 8 * mask.shape[0])
    if int(bits.sum()) != kept or bool(bits[count:].any()):
        raise wrong_mask(kept, count)


def _vector(name: str, tensor: Tensor) -> None:
    if not isinstance(tensor, Tensor):
        raise KernelError(f"{name} must be a tensor, given {type(tensor).__name__}")
    if tensor.layout != torch.strided or tensor.dim() != 1:
        raise KernelError(f"{name} must be a dense vector, given shape {tuple(tensor.shape)}; flatten it first")


def _uint8_vector(name: str, tensor: Tensor) -> None:
    _vector(name, tensor)
    if tensor.dtype != torch.uint8:
        raise KernelError(f"{name} must be uint8, given {tensor.dtype}; convert it first")


def _items(name: str, tensor: Tensor) -> None:
    _vector(name, tensor)
    if tensor.dtype.itemsize not in ITEM_SIZES:
        raise KernelError(
            f"{name} must have items of 1, 2 or 4 bytes, given {tensor.dtype}; convert it to a narrower dtype"
        )


def _mask(name: str, tensor: Tensor, mask: Tensor, count: int) -> None:
    _uint8_vector("mask", mask)
    if mask.device != tensor.device:
        raise KernelError(f"mask is on {mask.device} and {name} on {tensor.device}; move one of them")
    if mask.shape[0] != (count + 7) // 8:
        raise KernelError(
            f"mask holds {mask.shape[0]} bytes, but {count} items need exactly {(count + 7) // 8}; "
            f"pack a mask of {count} items with pack_mask"
        )


def _bits(bits: int) -> None:
    if not isinstance(bits, int) or not 1 <= bits <= 8:
        raise KernelError(f"bits must be an int from 1 to 8, given {bits!r}")


def _not_negative(name: str, number: int) -> None:
    if not isinstance(number, int | torch.SymInt) or number < 0:
        raise KernelError(f"{name} must be an int that is not negative, given {number!r}")
