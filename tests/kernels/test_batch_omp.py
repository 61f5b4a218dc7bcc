"""Every row of batch_omp against the torch reference: the same supports, and values to rounding."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gossamer.errors import KernelError
from gossamer.kernels import batch_omp, reference
from gossamer.kernels.native import Library

# Rounding of k sums of products of order 1, with room for another order of summation.
CLOSE = {4: 1e-4, 8: 1e-11}
DTYPES = {4: torch.float32, 8: torch.float64}


def problem(n: int, m: int, count: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    atoms = torch.nn.functional.normalize(torch.randn(n, m, dtype=dtype), dim=1)
    return atoms, atoms @ atoms.mT, torch.rand(n, dtype=dtype) + 0.5, torch.randn(count, m, dtype=dtype)


@pytest.mark.parametrize(("n", "m", "k"), [(1, 3, 1), (31, 12, 4), (32, 12, 12), (33, 20, 5), (67, 9, 3)])
@pytest.mark.parametrize("bounded", [False, True])
def test_rows_agree_with_the_reference(library: Library, n: int, m: int, k: int, bounded: bool) -> None:
    rows = [row for row in library.rows if row.op == "batch_omp" and row.supported]
    assert rows
    for row in rows:
        atoms, gram, scales, signals = problem(n, m, 20, DTYPES[row.item_size])
        targets = signals.square().sum(-1) * 0.3 if bounded else signals.new_full((20,), -1)
        wanted = reference.batch_omp(atoms, gram, scales, signals, targets, k)
        room = atoms.new_empty(k * n + n + k * k + 3 * k + m)
        x, residuals, steps = signals.new_empty(20, n), signals.new_empty(20), torch.empty(20, dtype=torch.int32)
        products = signals @ atoms.mT
        code = row.function(
            atoms.data_ptr(), gram.data_ptr(), scales.data_ptr(), n, m, k, signals.data_ptr(), products.data_ptr(),
            targets.data_ptr(), 20, room.data_ptr(), room.numel(), x.data_ptr(), residuals.data_ptr(), steps.data_ptr(),
        )  # fmt: skip
        assert code == 0
        assert torch.equal(steps, wanted[2]), row.name
        settled = steps >= 0
        for found, right in ((x, wanted[0]), (residuals, wanted[1])):
            torch.testing.assert_close(found[settled], right[settled], rtol=0, atol=CLOSE[row.item_size])


def test_wrong_arguments_are_refused() -> None:
    atoms, gram, scales, signals = problem(6, 4, 3, torch.float32)
    targets = torch.zeros(3)
    with pytest.raises(KernelError, match="k must be an int from 1 to the 6"):
        batch_omp(atoms, gram, scales, signals, targets, 7)
    with pytest.raises(KernelError, match="gram must have shape"):
        batch_omp(atoms, gram[:5], scales, signals, targets, 2)
    with pytest.raises(KernelError, match="float64"):
        batch_omp(atoms, gram, scales, signals.double(), targets, 2)
