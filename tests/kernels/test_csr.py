"""Kernels on sparse matrices by rows, native and plain: both are the dense matrix's, and refuse the same."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest
import torch
from torch import Tensor

from gossamer import kernels
from gossamer.errors import KernelError
from gossamer.kernels import csr_columns, csr_gram, csr_l1_sweeps, csr_mv, csr_rmv, l1_sweeps
from gossamer.kernels.csr import owners
from gossamer.kernels.native import Library

# Rounding of sums of up to 300 products of order 1, in another order.
NEAR = {torch.float32: 2e-5, torch.float64: 1e-12}
SHAPES = [(0, 5, 0.5), (5, 0, 0.5), (1, 1, 1.0), (7, 9, 0.0), (40, 30, 0.2), (300, 50, 0.1), (3, 2000, 0.9)]
MOVED = (torch.float32, torch.float64, torch.complex64, torch.complex128)
both = pytest.mark.parametrize("form", ["native", "reference"])


@pytest.fixture(autouse=True)
def _native(library: Library) -> None:
    """These rows are called through the installed library, which a bare checkout may lack."""
    if kernels.status().backend != "native":
        pytest.skip("the native library is not installed")


def call(form: str, op: str, *given: Any) -> Any:
    return getattr(kernels.KERNELS[op], form)(*given)


def drawn(m: int, n: int, density: float, dtype: torch.dtype) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
    """A matrix with an empty row, dense and by its rows; the first entry is not the first in memory."""
    generator = torch.Generator().manual_seed(m + n)
    matrix = torch.randn(m, n, generator=generator, dtype=dtype)
    matrix = torch.where(torch.rand(m, n, generator=generator) < density, matrix, torch.zeros((), dtype=dtype))
    matrix[m // 2 : m // 2 + 1] = 0
    rows, places = matrix.nonzero(as_tuple=True)
    starts = torch.zeros(m + 1, dtype=torch.int32)
    starts[1:] = torch.bincount(rows, minlength=m).cumsum(0)
    ahead = torch.full((2,), 77, dtype=torch.int32)
    values = torch.cat([torch.full((2,), torch.nan, dtype=dtype), matrix[rows, places]])
    return matrix, (starts + 2, torch.cat([ahead, places.to(torch.int32)]), values)


@both
@pytest.mark.parametrize(("m", "n", "density"), SHAPES)
@pytest.mark.parametrize("dtype", NEAR)
def test_products_are_those_of_the_matrix(form: str, m: int, n: int, density: float, dtype: torch.dtype) -> None:
    matrix, held = drawn(m, n, density, dtype)
    if form == "reference":  # which takes the entries from the first on
        held = (held[0] - 2, held[1][2:], held[2][2:])
    x, y = torch.randn(n, dtype=dtype), torch.randn(m, dtype=dtype)
    near = {"rtol": NEAR[dtype], "atol": NEAR[dtype] * max(n, m, 1) ** 0.5}
    torch.testing.assert_close(call(form, "csr_mv", *held, x), matrix @ x, **near)
    torch.testing.assert_close(call(form, "csr_rmv", *held, y, n), y @ matrix, **near)
    for first in {0, n // 3, n}:
        wanted = matrix[:, first:].mT @ matrix
        torch.testing.assert_close(call(form, "csr_gram", *held, n, first), wanted, **near)


@both
@pytest.mark.parametrize(("m", "n", "density"), SHAPES)
@pytest.mark.parametrize("dtype", MOVED)
def test_columns_are_moved_to_the_bit(form: str, m: int, n: int, density: float, dtype: torch.dtype) -> None:
    matrix, (starts, places, values) = drawn(m, n, density, dtype)
    held = (starts - 2, places[2:], values[2:])
    wanted = torch.randperm(n, generator=torch.Generator().manual_seed(0))[: (n + 1) // 2]
    slots = torch.full((n,), -1, dtype=torch.int32)
    slots[wanted] = torch.arange(len(wanted), dtype=torch.int32)
    for which, k, columns in ((slots, len(wanted), matrix[:, wanted]), (None, n, matrix)):
        ends, rows, found = call(form, "csr_columns", *held, n, which, k)
        column, row = columns.mT.nonzero(as_tuple=True)
        assert torch.equal(owners(ends, len(rows)).long(), column)
        assert torch.equal(rows.long(), row)
        assert torch.equal(found, columns[row, column])
        assert (ends.dtype, rows.dtype, found.dtype) == (torch.int32, torch.int32, dtype)


@both
@pytest.mark.parametrize(("low", "high", "ridge"), [(-inf, inf, 0.0), (0.0, inf, 2.0), (-0.2, 0.1, 0.5)])
@pytest.mark.parametrize(("sweeps", "accuracy"), [(0, 0.0), (3, 0.0), (5000, 1e-6)])
def test_sweeps_over_entries_are_those_over_the_gram_matrix(
    form: str, low: float, high: float, ridge: float, sweeps: int, accuracy: float
) -> None:
    matrix, (starts, places, values) = drawn(19, 40, 0.2, torch.float64)  # row 9 is a column of zeros
    generator = torch.Generator().manual_seed(1)
    h, levels = torch.randn(19, generator=generator, dtype=torch.float64), torch.rand(19, dtype=torch.float64)
    levels[0] = 0.0
    x = torch.where(torch.rand(19, generator=generator) < 0.3, 0.1, 0.0).double() * (h != 0)
    given = (levels, x, h, low, high, ridge, accuracy, sweeps)
    found = call(form, "csr_l1_sweeps", starts - 2, places[2:], values[2:], 40, *given)
    wanted = kernels.KERNELS["l1_sweeps"].native(matrix @ matrix.mT, *given)
    assert found[2] == wanted[2]
    for one, other in zip(found[:2], wanted[:2], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


@both
@pytest.mark.parametrize(
    ("starts", "places"),
    [
        ([0, 2, 3], [0, 5, 1]),
        ([0, 2, 3], [0, -1, 1]),
        ([0, 3, 2], [0] * 3),
        ([0, 2, 9], [0] * 3),
        ([-1, 2, 3], [0] * 3),
    ],
)
def test_a_broken_matrix_is_refused_before_it_is_followed(
    form: str, starts: list[int], places: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels.kernel.native, "serves", lambda tensors: form == "native")
    held = torch.tensor(starts, dtype=torch.int32), torch.tensor(places, dtype=torch.int32)
    values, two = torch.ones(3, dtype=torch.float64), torch.ones(2, dtype=torch.float64)
    calls = {
        "mv": lambda: csr_mv(*held, values, torch.ones(5, dtype=torch.float64)),
        "rmv": lambda: csr_rmv(*held, values, two, 5),
        "turned": lambda: csr_columns(*held, values, 5, None, 5),
        "some": lambda: csr_columns(*held, values, 5, torch.zeros(5, dtype=torch.int32), 1),
        "gram": lambda: csr_gram(*held, values, 5),
        "sweeps": lambda: csr_l1_sweeps(*held, values, 5, two, two, two, accuracy=0.0, sweeps=1),
    }
    for refused in calls.values():
        with pytest.raises(KernelError, match="is broken"):
            refused()


def test_nothing_that_is_not_finite_is_passed_over() -> None:
    starts, places = torch.tensor([0, 1, 2], dtype=torch.int32), torch.tensor([0, 1], dtype=torch.int32)
    for bad in (torch.nan, torch.inf):
        assert csr_rmv(starts, places, torch.tensor([bad, 1.0]), torch.tensor([0.0, 1.0]), 2)[0].isnan()


def test_wrong_arguments_are_refused() -> None:
    starts, places = torch.tensor([0, 1, 2], dtype=torch.int32), torch.tensor([0, 1], dtype=torch.int32)
    values = torch.ones(2)
    with pytest.raises(KernelError, match="both must be float32"):
        csr_mv(starts, places, values, torch.ones(2, dtype=torch.float64))
    with pytest.raises(KernelError, match="both int32, or both int64"):
        csr_mv(starts.long(), places, values, values)
    with pytest.raises(KernelError, match="one a row"):
        csr_rmv(starts, places, values, torch.ones(3), 2)
    with pytest.raises(KernelError, match="rows \\+ 1"):
        csr_mv(starts, places, torch.ones(3), values)
    with pytest.raises(KernelError, match="all 2 columns"):
        csr_columns(starts, places, values, 2, None, 1)
    with pytest.raises(KernelError, match="slots must be"):
        csr_columns(starts, places, values, 2, torch.zeros(2), 1)
    with pytest.raises(KernelError, match="first must be"):
        csr_gram(starts, places, values, 2, 3)
    with pytest.raises(KernelError, match=r"values is torch\.float32"):
        csr_l1_sweeps(starts, places, values, 2, values, values, values, accuracy=0.0, sweeps=1)
    wide = values.double()
    with pytest.raises(KernelError, match="low ≤ 0"):
        csr_l1_sweeps(starts, places, wide, 2, wide, wide, wide, low=1.0, accuracy=0.0, sweeps=1)


def test_indices_of_64_bits_are_read_by_the_reference() -> None:
    matrix, (starts, places, values) = drawn(40, 30, 0.2, torch.float64)
    held = (starts.long() - 2, places[2:].long(), values[2:])
    x, y = torch.randn(30, dtype=torch.float64), torch.randn(40, dtype=torch.float64)
    torch.testing.assert_close(csr_mv(*held, x), matrix @ x)
    torch.testing.assert_close(csr_rmv(*held, y, 30), y @ matrix)
    torch.testing.assert_close(csr_gram(*held, 30, 20), matrix[:, 20:].mT @ matrix)
    assert csr_columns(*held, 30, None, 30)[0].dtype == torch.int64
    level = torch.ones(40, dtype=torch.float64)
    found = csr_l1_sweeps(*held, 30, level, level * 0, y * 3, accuracy=1e-9, sweeps=99)
    wanted = l1_sweeps(matrix @ matrix.mT, level, level * 0, y * 3, accuracy=1e-9, sweeps=99)
    torch.testing.assert_close(found[0], wanted[0], rtol=1e-9, atol=1e-9)
