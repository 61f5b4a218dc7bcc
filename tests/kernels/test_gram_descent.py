"""Every row of gram_descent against the torch reference and against optimality conditions."""

from __future__ import annotations

from math import inf

import pytest
import torch
from torch import Tensor

from gossamer.errors import KernelError
from gossamer.kernels import gram_descent
from gossamer.kernels.greedy_newton import gram_descent as reference
from gossamer.kernels.native import Library, Row

TOL = 1e-13  # relative gap; x of a strictly convex problem is then known to about its root
CLOSE = 1e-6
Given = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]


def problem(n: int, count: int, low: float = -inf, high: float = inf) -> Given:
    """Strictly convex, with thresholds of which some are zero, in scales that are not one."""
    generator = torch.Generator().manual_seed(n)
    A = torch.randn(n + 5, n, generator=generator, dtype=torch.float64)
    b = torch.randn(count, n + 5, generator=generator, dtype=torch.float64)
    gram, c = A.T @ A, b @ A
    scales = gram.diagonal().rsqrt()
    thresholds = torch.rand(n, generator=generator, dtype=torch.float64) * (torch.arange(n) % 5 != 2)
    bounds = (scales.new_full((n,), bound) for bound in (low, high))
    return off_diagonal(gram * scales * scales[:, None]), scales, thresholds, *bounds, c, (b * b).sum(-1)


def off_diagonal(gram: Tensor) -> Tensor:
    """As the kernel takes it: without the ones, rows padded with zeros."""
    padded = gram.new_zeros(len(gram), -(len(gram) // -32) * 32)
    padded[:, : len(gram)] = gram - torch.eye(len(gram), dtype=gram.dtype)
    return padded


def solved(row: Row, given: Given, start: Tensor | None = None, rounds: int = 500) -> tuple[Tensor, Tensor]:
    padded, scales, thresholds, low, high, c, squares = given
    (n, stride), count = padded.shape, c.shape[0]
    room = padded.new_empty(13 * stride + n * (stride + 8))
    x = torch.zeros_like(c) if start is None else start.clone()
    done = torch.empty(count, dtype=torch.int32)
    code = row.function(
        padded.data_ptr(), n, stride, scales.data_ptr(), thresholds.data_ptr(), low.data_ptr(), high.data_ptr(),
        c.data_ptr(), squares.data_ptr(), TOL, rounds, count, room.data_ptr(), room.numel(), x.data_ptr(),
        done.data_ptr(),
    )  # fmt: skip
    assert code == 0
    return x, done


def rows_of(library: Library) -> list[Row]:
    rows = [row for row in library.rows if row.op == "gram_descent" and row.supported]
    assert rows
    return rows


@pytest.mark.parametrize("n", [1, 7, 8, 9, 31, 32, 33, 67])
@pytest.mark.parametrize("bounds", [(-inf, inf), (0.0, inf), (-0.3, 0.2)])
def test_rows_agree_with_the_reference(library: Library, n: int, bounds: tuple[float, float]) -> None:
    given = problem(n, 6, *bounds)
    wanted, rounds = reference(*given, None, TOL, 500)
    assert bool((rounds >= 0).all())
    for row in rows_of(library):
        x, done = solved(row, given)
        assert bool((done >= 0).all()), row.name
        torch.testing.assert_close(x, wanted, rtol=0, atol=CLOSE)


def test_a_warm_start_ends_at_the_same_place_sooner(library: Library) -> None:
    given = problem(40, 8)
    for row in rows_of(library):
        cold, first = solved(row, given)
        warm, again = solved(row, given, cold * 1.001)
        assert int(again.sum()) < int(first.sum())
        torch.testing.assert_close(warm, cold, rtol=0, atol=CLOSE)


def test_dependent_columns_and_zeros_end(library: Library) -> None:
    """Every column twice, one of zeros, and no threshold at all on some: it ends, and the objective is the least."""
    generator = torch.Generator().manual_seed(3)
    once = torch.randn(6, 10, generator=generator, dtype=torch.float64)
    A = torch.cat([once, once, torch.zeros(6, 1, dtype=torch.float64)], 1)
    b = torch.randn(5, 6, generator=generator, dtype=torch.float64)
    gram = A.T @ A
    scales = torch.where(gram.diagonal() > 0, gram.diagonal(), 1.0).rsqrt()
    gram = gram * scales * scales[:, None]
    gram.diagonal().fill_(1.0)
    free = scales.new_full((21,), inf)
    for level in (0.0, 0.3):
        levels = scales * level
        design = (off_diagonal(gram), scales, levels, -free, free)
        narrow = (off_diagonal(gram[:10, :10]), *(part[:10] for part in design[1:]))
        for row in rows_of(library):
            x, _ = solved(row, (*design, b @ A, (b * b).sum(-1)))
            y, _ = solved(row, (*narrow, b @ once, (b * b).sum(-1)))  # type: ignore[arg-type]
            values = [0.5 * ((b - z @ D.T) ** 2).sum(-1) + level * z.abs().sum(-1) for z, D in ((x, A), (y, once))]
            torch.testing.assert_close(values[0], values[1], rtol=0, atol=1e-9)
            assert not x[:, 20].any()


def test_what_is_no_number_ends_and_harms_no_other(library: Library) -> None:
    for row in rows_of(library):
        given = problem(20, 3)
        wanted, _ = solved(row, given)
        given[5][1] = float("nan")
        x, done = solved(row, given, rounds=50)
        assert int(done[1]) < 0
        assert torch.equal(x[::2], wanted[::2])


def test_wrong_arguments_are_refused() -> None:
    given = problem(6, 3)
    with pytest.raises(KernelError, match="scales must have shape"):
        gram_descent(given[0], given[1][:5], *given[2:], None, 1e-6, 10)
    with pytest.raises(KernelError, match="multiple of 32"):
        gram_descent(given[0][:, :6], *given[1:], None, 1e-6, 10)
    with pytest.raises(KernelError, match="float64"):
        gram_descent(given[0].float(), *given[1:], None, 1e-6, 10)
    with pytest.raises(KernelError, match="start must have shape"):
        gram_descent(*given, given[5][:2], 1e-6, 10)
    with pytest.raises(KernelError, match="tol"):
        gram_descent(*given, None, float("nan"), 10)
    with pytest.raises(KernelError, match="rounds"):
        gram_descent(*given, None, 1e-6, -1)
