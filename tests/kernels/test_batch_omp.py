"""Every row of batch_omp against the torch reference: the same supports, and values to rounding."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gossamer.errors import KernelError
from gossamer.kernels import batch_omp, reference
from gossamer.kernels.native import Library, Row

# Rounding of k sums of products of order 1, with room for another order of summation.
CLOSE = {4: 1e-4, 8: 1e-11}
DTYPES = {4: torch.float32, 8: torch.float64}


def problem(n: int, m: int, count: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    atoms = torch.nn.functional.normalize(torch.randn(n, m, dtype=dtype), dim=1)
    return atoms, atoms @ atoms.mT, torch.rand(n, dtype=dtype) + 0.5, torch.randn(count, m, dtype=dtype)


Answer = tuple[Tensor, Tensor, Tensor]


def rows_of(library: Library) -> list[Row]:
    rows = [row for row in library.rows if row.op == "batch_omp" and row.supported]
    assert rows
    return rows


def pursued(row: Row, atoms: Tensor, gram: Tensor, scales: Tensor, signals: Tensor, targets: Tensor, k: int) -> Answer:
    (n, m), count = atoms.shape, signals.shape[0]
    room = atoms.new_empty(-(n // -16) * 16 * (m + 24) + 2 * (k * n + k * k + 2 * k))
    x, residuals, steps = signals.new_empty(count, n), signals.new_empty(count), torch.empty(count, dtype=torch.int32)
    code = row.function(
        atoms.data_ptr(), gram.data_ptr(), scales.data_ptr(), n, m, k, signals.data_ptr(), targets.data_ptr(),
        count, room.data_ptr(), room.numel(), x.data_ptr(), residuals.data_ptr(), steps.data_ptr(),
    )  # fmt: skip
    assert code == 0
    return x, residuals, steps


@pytest.mark.parametrize(("n", "m", "k"), [(1, 3, 1), (31, 12, 4), (32, 12, 12), (33, 20, 5), (67, 9, 3), (300, 80, 6)])
@pytest.mark.parametrize("bounded", [False, True])
def test_rows_agree_with_the_reference(library: Library, n: int, m: int, k: int, bounded: bool) -> None:
    for row in rows_of(library):
        atoms, gram, scales, signals = problem(n, m, 31, DTYPES[row.item_size])
        targets = signals.square().sum(-1) * 0.3 if bounded else signals.new_full((31,), -1)
        wanted = reference.batch_omp(atoms, gram, scales, signals, targets, k)
        x, residuals, steps = pursued(row, atoms, gram, scales, signals, targets, k)
        assert torch.equal(steps, wanted[2]), row.name
        settled = steps >= 0
        for found, right in ((x, wanted[0]), (residuals, wanted[1])):
            torch.testing.assert_close(found[settled], right[settled], rtol=0, atol=CLOSE[row.item_size])


def test_a_signal_is_answered_to_the_bit_alike_in_any_company(library: Library) -> None:
    for row in rows_of(library):
        atoms, gram, scales, signals = problem(150, 40, 60, DTYPES[row.item_size])
        targets = signals.square().sum(-1) * torch.rand(60, dtype=signals.dtype)
        together = pursued(row, atoms, gram, scales, signals, targets, 8)
        for i in (0, 1, 23, 24, 37, 59):
            alone = pursued(row, atoms, gram, scales, signals[i : i + 1], targets[i : i + 1], 8)
            for one, all_of_them in zip(alone, together, strict=True):
                assert torch.equal(one[0], all_of_them[i]), row.name


def test_of_equal_columns_the_first_is_taken_in_every_lane(library: Library) -> None:
    for row in rows_of(library):
        once = torch.nn.functional.normalize(torch.randn(5, 8, dtype=DTYPES[row.item_size]), dim=1)
        atoms = once.repeat(60, 1)[torch.randperm(300)]
        signals = atoms[torch.randint(0, 300, (20,))]
        none = signals.new_full((20,), -1)
        x, _, _ = pursued(row, atoms, atoms @ atoms.mT, atoms.new_ones(300), signals, none, 1)
        first = (atoms[None] == signals[:, None]).all(-1).to(torch.uint8).argmax(-1)
        assert torch.equal(x.abs().argmax(-1), first), row.name


def test_a_signal_without_a_number_is_given_up_and_harms_no_other(library: Library) -> None:
    for row in rows_of(library):
        atoms, gram, scales, signals = problem(40, 12, 3, DTYPES[row.item_size])
        none = signals.new_full((3,), -1)
        wanted = pursued(row, atoms, gram, scales, signals, none, 4)
        signals[1] = float("nan")
        found = pursued(row, atoms, gram, scales, signals, none, 4)
        assert found[2].tolist() == [4, -1, 4]
        assert torch.equal(found[0][::2], wanted[0][::2])


def test_the_number_of_threads_changes_no_bit() -> None:
    problem_, targets = problem(70, 20, 2000, torch.float32), torch.full((2000,), -1.0)
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(batch_omp(*problem_, targets, 5))
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


def test_wrong_arguments_are_refused() -> None:
    atoms, gram, scales, signals = problem(6, 4, 3, torch.float32)
    targets = torch.zeros(3)
    with pytest.raises(KernelError, match="k must be an int from 1 to the 6"):
        batch_omp(atoms, gram, scales, signals, targets, 7)
    with pytest.raises(KernelError, match="gram must have shape"):
        batch_omp(atoms, gram[:5], scales, signals, targets, 2)
    with pytest.raises(KernelError, match="float64"):
        batch_omp(atoms, gram, scales, signals.double(), targets, 2)
