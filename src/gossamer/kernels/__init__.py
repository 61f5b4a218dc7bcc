"""Kernels: one table, and for every row a plain torch reference and, where it could be built, native code.

The native code serves tensors on the CPU outside of tracing; everything else (other devices, gradients,
`torch.compile`, `torch.export`, fake and meta tensors, a missing library) takes the reference. Both give the
same bytes, and both refuse the same arguments. `status()` says which is in use and why. The environment
variable GOSSAMER_KERNELS overrides the choice: `auto` (the default), `reference`, or `native`, which raises
instead of falling back to the reference when the library is missing.

Streams are little-endian, least significant bit first: code i of b bits holds bits [i·b, (i + 1)·b), counted
from bit 0 of byte 0. A packed mask is such a stream with b = 1; the unused top bits of the last byte are 0.
"""

from __future__ import annotations

from math import inf

import torch
from torch import Tensor

from . import checks, csr, csr_native, native, reference, sequential
from .greedy_newton import gram_descent as _gram_descent
from .kernel import Kernel
from .native import KernelStatus, status

__all__ = [
    "KERNELS",
    "Kernel",
    "KernelStatus",
    "batch_omp",
    "csr_columns",
    "csr_gram",
    "csr_l1_sweeps",
    "csr_mv",
    "csr_rmv",
    "gram_descent",
    "l1_sweeps",
    "mask_compress",
    "mask_expand",
    "pack_bits",
    "pack_mask",
    "status",
    "unpack_bits",
    "unpack_mask",
]

KERNELS: dict[str, Kernel] = {
    "pack_bits": Kernel(reference.pack_bits, native.pack_bits, checks.pack_bits, checks.codes_fit),
    "unpack_bits": Kernel(reference.unpack_bits, native.unpack_bits, checks.unpack_bits, None),
    "mask_compress": Kernel(reference.mask_compress, native.mask_compress, checks.mask_compress, checks.mask_fits),
    "mask_expand": Kernel(reference.mask_expand, native.mask_expand, checks.mask_expand, checks.mask_fits_values),
    "batch_omp": Kernel(reference.batch_omp, native.batch_omp, checks.batch_omp, None),
    "l1_sweeps": Kernel(sequential.l1_sweeps, native.l1_sweeps, checks.l1_sweeps, None),
    "gram_descent": Kernel(_gram_descent, native.gram_descent, checks.gram_descent, None),
    "csr_mv": Kernel(csr.csr_mv, csr_native.csr_mv, checks.csr_mv, checks.csr_fit),
    "csr_rmv": Kernel(csr.csr_rmv, csr_native.csr_rmv, checks.csr_rmv, checks.csr_fit),
    "csr_columns": Kernel(csr.csr_columns, csr_native.csr_columns, checks.csr_columns, checks.csr_fit),
    "csr_gram": Kernel(csr.csr_gram, csr_native.csr_gram, checks.csr_gram, checks.csr_fit),
    "csr_l1_sweeps": Kernel(csr.csr_l1_sweeps, csr_native.csr_l1_sweeps, checks.csr_l1_sweeps, checks.csr_fit),
}


def pack_bits(codes: Tensor, bits: int) -> Tensor:
    """Pack one code a byte into `bits` bits a code.

        bit i·bits + j of the stream = bit j of codes_i,   j < bits

    Args: codes (n,) uint8, each below 2^bits; bits in 1..8.
    Returns: uint8 (ceil(n·bits/8),); unused top bits of the last byte are 0.
    Raises: KernelError for another dtype or shape, bits outside 1..8, or a code that is too wide (while
        tracing, where values are not known, its upper bits are dropped).

    >>> pack_bits(torch.tensor([1, 2, 3], dtype=torch.uint8), bits=4)
    tensor([33,  3], dtype=torch.uint8)
    """
    found: Tensor = KERNELS["pack_bits"](codes, bits)
    return found


def unpack_bits(packed: Tensor, bits: int, count: int) -> Tensor:
    """Inverse of `pack_bits`: the first `count` codes of a stream.

    Args: packed uint8 (ceil(count·bits/8),), whose unused top bits are not looked at; bits in 1..8.
    Returns: uint8 (count,), each below 2^bits.
    Raises: KernelError for another dtype, bits outside 1..8, or a length that does not follow from count and
        bits.

    >>> unpack_bits(torch.tensor([33, 3], dtype=torch.uint8), bits=4, count=3)
    tensor([1, 2, 3], dtype=torch.uint8)
    """
    found: Tensor = KERNELS["unpack_bits"](packed, bits, count)
    return found


def pack_mask(mask: Tensor) -> Tensor:
    """Pack a bool mask (n,) into uint8 (ceil(n/8),), one bit an item: `pack_bits` with bits = 1.

    >>> pack_mask(torch.tensor([True, False, False, True]))
    tensor([9], dtype=torch.uint8)
    """
    checks.bool_vector("mask", mask)
    return pack_bits(mask.to(torch.uint8), 1)


def unpack_mask(packed: Tensor, count: int) -> Tensor:
    """Inverse of `pack_mask`: bool (count,).

    >>> unpack_mask(torch.tensor([9], dtype=torch.uint8), count=4)
    tensor([ True, False, False,  True])
    """
    return unpack_bits(packed, 1, count).to(torch.bool)


def mask_compress(dense: Tensor, mask: Tensor, kept: int) -> Tensor:
    """Gather the items of `dense` whose mask bit is 1, in order.

        out_j = dense_i,   i the j-th index with mask bit 1

    Args: dense (n,) of any dtype of 1, 2 or 4 bytes; mask uint8 (ceil(n/8),) as of `pack_mask`; kept, its
        number of ones, given so that the result's shape does not depend on data.
    Returns: (kept,) of dense's dtype, its bits unchanged. Differentiable in `dense`.
    Raises: KernelError when shapes, dtypes or devices do not fit, a bit beyond n is set, or kept is not the
        number of ones (the last two not while tracing, where values are not known).

    >>> mask_compress(torch.tensor([5.0, 6.0, 7.0, 8.0]), torch.tensor([9], dtype=torch.uint8), kept=2)
    tensor([5., 8.])
    """
    found: Tensor = KERNELS["mask_compress"](dense, mask, kept)
    return found


def mask_expand(values: Tensor, mask: Tensor, count: int) -> Tensor:
    """Inverse of `mask_compress`: spread the values to where the mask's bits are 1, with 0 elsewhere.

    Args: values (kept,) of any dtype of 1, 2 or 4 bytes; mask uint8 (ceil(count/8),) with exactly `kept`
        ones.
    Returns: (count,) of values' dtype. Differentiable in `values`.
    Raises: as `mask_compress`.

    >>> mask_expand(torch.tensor([5.0, 8.0]), torch.tensor([9], dtype=torch.uint8), count=4)
    tensor([5., 0., 0., 8.])
    """
    found: Tensor = KERNELS["mask_expand"](values, mask, count)
    return found


def batch_omp(
    atoms: Tensor, gram: Tensor, scales: Tensor, signals: Tensor, targets: Tensor, k: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Orthogonal matching pursuit of many signals over one dictionary, from its Gram matrix.

        j_t = argmax_j |a_j'r|,   g = argmin ‖y − Σ_i g_i a_{j_i}‖²,   until t = k or ‖r‖² ≤ the signal's target

    Args: atoms (n, m), rows of norm 1; gram (n, n) = atoms·atomsᵀ; scales (n,), what coefficients are multiplied
        with; signals (count, m); targets (count,), squared, below 0 for none; k in 1..n. float32 or float64 alike.
    Returns: x (count, n); the norms of the residuals (count,), computed from the coefficients; steps (count,) int32,
        the atoms chosen, or −1 − that where the recursions can resolve no more and x must come from another solver.
    Raises: KernelError when shapes, dtypes or devices do not fit.
    Source: Rubinstein, Zibulevsky & Elad 2008, with the products of the atoms with the orthonormal basis kept, so
        that a step needs no triangular solve. Ties take the lower index.

    >>> eye = torch.eye(2)
    >>> batch_omp(eye, eye, torch.ones(2), torch.tensor([[1.0, -3.0]]), torch.tensor([-1.0]), 1)
    (tensor([[ 0., -3.]]), tensor([1.]), tensor([1], dtype=torch.int32))
    """
    found: tuple[Tensor, Tensor, Tensor] = KERNELS["batch_omp"](atoms, gram, scales, signals, targets, k)
    return found


def l1_sweeps(
    gram: Tensor,
    levels: Tensor,
    x: Tensor,
    h: Tensor,
    *,
    low: float = -inf,
    high: float = inf,
    ridge: float = 0.0,
    accuracy: float,
    sweeps: int,
) -> tuple[Tensor, Tensor, int]:
    """Sweeps of coordinate descent on a penalised quadratic.

        min_x ½x'(G + ridge)x − c'x + Σ_j level_j|x_j|,   low ≤ x_j ≤ high,   h = c − (G + ridge)x

    Args: gram G (k, k), symmetric, its rows may lie apart in memory; levels, x, h (k,), all float64; accuracy: stop
        after a sweep in which no move took away a slope above it; sweeps: how many at most, ≥ 0.
    Returns: the new x and h, and the sweeps made, or −1 − that where the last one still moved more.
    Raises: KernelError when shapes or dtypes do not fit.
    Source: Friedman, Hastie & Tibshirani 2010, covariance updates.

    >>> x, h, done = l1_sweeps(*(torch.tensor(part, dtype=torch.float64) for part in ([[2.0]], [1.0], [0.0], [5.0])),
    ...                        accuracy=1e-9, sweeps=5)
    >>> x, h, done
    (tensor([2.], dtype=torch.float64), tensor([1.], dtype=torch.float64), 2)
    """
    found: tuple[Tensor, Tensor, int] = KERNELS["l1_sweeps"](gram, levels, x, h, low, high, ridge, accuracy, sweeps)
    return found


def gram_descent(
    off_diagonal: Tensor, scales: Tensor, thresholds: Tensor, low: Tensor, high: Tensor,
    correlations: Tensor, squares: Tensor, start: Tensor | None, tol: float, rounds: int,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Minimise many penalised quadratics of one Gram matrix, each by greedy coordinates and Newton steps.

        min_u ½u'Gu − (scales·c)'u + Σ_j thresholds_j|u_j|  s.t.  low ≤ u ≤ high,   x = scales·u

    Args: off_diagonal (n, stride), G less the ones on its diagonal, rows padded with zeros to a multiple of 32; scales
        (n,) > 0; thresholds (n,) ≥ 0; low (n,) ≤ 0 ≤ high (n,), either may be infinite; correlations (count, n), their
        rows c; squares (count,), ‖b‖² of the signals; start (count, n), the x to begin at, or None for zeros. All
        float64. A signal ends where an estimate of its gap falls to ½·tol·square, after `rounds`, or when rounds bring
        nothing.
    Returns: x (count, n); rounds (count,) int32, or −1 − rounds where the estimate stayed above.
    Raises: KernelError when shapes, dtypes or devices do not fit.
    Source: greedy rule, Dhillon, Ravikumar and Tewari 2011; the Newton step is that of feature-sign search (Lee et al.
        2006), which adds one entry at a time. The reference leaves the Newton step out where a support is dependent;
        native code leaves out the dependent columns, and ends a round's coordinates earlier.

    >>> one, zero = torch.ones(2, dtype=torch.float64), torch.zeros(1, 2, dtype=torch.float64)
    >>> c = torch.tensor([[3.0, -0.5]], dtype=torch.float64)
    >>> apart, square = torch.zeros(2, 32, dtype=torch.float64), c.square().sum(-1)
    >>> gram_descent(apart, one, one, -9 * one, 9 * one, c, square, zero, 1e-9, 10)[0]
    tensor([[2., 0.]], dtype=torch.float64)
    """
    found: tuple[Tensor, Tensor] = KERNELS["gram_descent"](
        off_diagonal, scales, thresholds, low, high, correlations, squares, start, tol, rounds
    )
    return found


def csr_mv(starts: Tensor, places: Tensor, values: Tensor, x: Tensor) -> Tensor:
    """A x for a sparse matrix by its rows.

        out_i = Σ_p values_p x[places_p],   starts_i ≤ p < starts_{i+1}

    Args: starts (rows + 1,) and places (entries,), int32, or int64 which only the reference reads; values (entries,)
        and x (columns,), float32 or float64.
    Returns: (rows,).
    Raises: KernelError when shapes or dtypes do not fit, starts fall, or a place lies outside of x.

    >>> starts, places = torch.tensor([0, 2, 3], dtype=torch.int32), torch.tensor([0, 2, 2], dtype=torch.int32)
    >>> csr_mv(starts, places, torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 9.0, 10.0]))
    tensor([21., 30.])
    """
    found: Tensor = KERNELS["csr_mv"](starts, places, values, x)
    return found


def csr_rmv(starts: Tensor, places: Tensor, values: Tensor, x: Tensor, columns: int) -> Tensor:
    """A' x for a sparse matrix by its rows, without turning it: every entry is added where it belongs.

    Args: as `csr_mv`, with x (rows,).
    Returns: (columns,).
    Raises: as `csr_mv`.

    >>> starts, places = torch.tensor([0, 2, 3], dtype=torch.int32), torch.tensor([0, 2, 2], dtype=torch.int32)
    >>> csr_rmv(starts, places, torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 10.0]), 3)
    tensor([ 1.,  0., 32.])
    """
    found: Tensor = KERNELS["csr_rmv"](starts, places, values, x, columns)
    return found


def csr_columns(
    starts: Tensor, places: Tensor, values: Tensor, columns: int, slots: Tensor | None, k: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Some columns of a sparse matrix by its rows, or with slots None and k = columns all: the matrix by its columns.

    Args: starts, places, values as `csr_mv`, values of any type; slots (columns,), which of the k a column becomes, as
        starts are typed, negative where it is not wanted.
    Returns: where each column begins (k + 1,), and the row and the value of each entry, rows in order.
    Raises: as `csr_mv`.

    >>> starts, places = torch.tensor([0, 2, 3], dtype=torch.int32), torch.tensor([0, 2, 2], dtype=torch.int32)
    >>> csr_columns(starts, places, torch.tensor([1.0, 2.0, 3.0]), 3, torch.tensor([-1, -1, 0], dtype=torch.int32), 1)
    (tensor([0, 2], dtype=torch.int32), tensor([0, 1], dtype=torch.int32), tensor([2., 3.]))
    """
    found: tuple[Tensor, Tensor, Tensor] = KERNELS["csr_columns"](starts, places, values, columns, slots, k)
    return found


def csr_gram(starts: Tensor, places: Tensor, values: Tensor, k: int, first: int = 0) -> Tensor:
    """Products of the columns from `first` on with all k columns of a sparse matrix by its rows.

    Args: as `csr_mv`, places ascending within each row.
    Returns: (k − first, k).
    Raises: as `csr_mv`; native code also where places do not ascend.

    >>> starts, places = torch.tensor([0, 2, 3], dtype=torch.int32), torch.tensor([0, 2, 2], dtype=torch.int32)
    >>> csr_gram(starts, places, torch.tensor([1.0, 2.0, 3.0]), 3, first=2)
    tensor([[ 2.,  0., 13.]])
    """
    found: Tensor = KERNELS["csr_gram"](starts, places, values, k, first)
    return found


def csr_l1_sweeps(
    starts: Tensor, places: Tensor, values: Tensor, m: int, levels: Tensor, x: Tensor, h: Tensor,
    *,
    low: float = -inf, high: float = inf, ridge: float = 0.0, accuracy: float, sweeps: int,
) -> tuple[Tensor, Tensor, int]:  # fmt: skip
    """`l1_sweeps` where the Gram matrix is CC' and C (k, m) is sparse: columns of few entries need no Gram matrix.

    Args: starts, places, values: C as for `csr_mv`, float64; its row j is column j of the design. The rest as
        `l1_sweeps`.
    Returns: as `l1_sweeps`.
    Raises: as `csr_mv`.

    >>> starts, places = torch.tensor([0, 1], dtype=torch.int32), torch.tensor([1], dtype=torch.int32)
    >>> value, level, x, h = (torch.tensor([part], dtype=torch.float64) for part in (2.0, 1.0, 0.0, 5.0))
    >>> csr_l1_sweeps(starts, places, value, 3, level, x, h, accuracy=1e-9, sweeps=5)
    (tensor([1.], dtype=torch.float64), tensor([1.], dtype=torch.float64), 2)
    """
    found: tuple[Tensor, Tensor, int] = KERNELS["csr_l1_sweeps"](
        starts, places, values, m, levels, x, h, low, high, ridge, accuracy, sweeps
    )
    return found
