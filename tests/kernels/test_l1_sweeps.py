"""Every row of l1_sweeps against the plain reference: the same sweeps, and values to rounding."""

from __future__ import annotations

from math import inf

import pytest
import torch
from torch import Tensor

from gossamer.errors import KernelError
from gossamer.kernels import l1_sweeps, sequential
from gossamer.kernels.native import Library

CLOSE = 1e-11  # rounding of sums of k products of order 1, in another order


def problem(k: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(k)
    rows = torch.randn(k, k + 3, generator=generator, dtype=torch.float64)
    rows[k // 2] = 0.0  # a column of zeros must not be divided by
    c = torch.randn(k, generator=generator, dtype=torch.float64) * k
    levels = torch.rand(k, generator=generator, dtype=torch.float64)
    levels[0] = 0.0
    return rows @ rows.mT, levels, torch.zeros(k, dtype=torch.float64), c


@pytest.mark.parametrize("k", [1, 7, 8, 9, 19, 64])
@pytest.mark.parametrize(("low", "high", "ridge"), [(-inf, inf, 0.0), (0.0, inf, 2.0), (-0.2, 0.1, 0.5)])
def test_rows_agree_with_the_reference(library: Library, k: int, low: float, high: float, ridge: float) -> None:
    rows = [row for row in library.rows if row.op == "l1_sweeps" and row.supported]
    assert rows
    gram, levels, x, h = problem(k)
    apart = torch.full((k, k + 5), torch.nan, dtype=torch.float64)
    apart[:, :k] = gram
    for row in rows:
        for sweeps, accuracy in ((0, 0.0), (3, 0.0), (5000, 1e-3)):
            wanted = sequential.l1_sweeps(gram, levels, x, h, low, high, ridge, accuracy, sweeps)
            found_x, found_h, done = x.clone(), h.clone(), torch.zeros((), dtype=torch.int32)
            code = row.function(
                apart.data_ptr(), k + 5, k, levels.data_ptr(), low, high, ridge, accuracy, sweeps,
                found_x.data_ptr(), found_h.data_ptr(), done.data_ptr(),
            )  # fmt: skip
            assert code == 0
            assert int(done) == wanted[2], row.name
            torch.testing.assert_close(found_x, wanted[0], rtol=CLOSE, atol=CLOSE)
            torch.testing.assert_close(found_h, wanted[1], rtol=CLOSE, atol=CLOSE * k)


def test_sweeps_end_where_optimality_holds() -> None:
    gram, levels, x, c = problem(12)
    x, h, done = l1_sweeps(gram, levels, x, c, ridge=1.0, accuracy=1e-10, sweeps=10_000)
    assert done > 0
    torch.testing.assert_close(h, c - gram @ x - x)
    inside = torch.where(x != 0, (h - levels * x.sign()).abs(), (h.abs() - levels).clamp(min=0))
    assert float(inside.max()) < 1e-9


def test_wrong_arguments_are_refused() -> None:
    gram, levels, x, h = problem(4)
    with pytest.raises(KernelError, match="gram is"):
        l1_sweeps(gram[:3], levels, x, h, accuracy=0.0, sweeps=1)
    with pytest.raises(KernelError, match=r"h is torch\.float32"):
        l1_sweeps(gram, levels, x, h.float(), accuracy=0.0, sweeps=1)
    with pytest.raises(KernelError, match="low ≤ 0"):
        l1_sweeps(gram, levels, x, h, low=1.0, accuracy=0.0, sweeps=1)
