"""Chosen columns of a sparse design are those of its dense form, ones included."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gossamer.linop import Dense, Sparse
from gossamer.linop.chosen import Chosen, ColumnEntries, chosen_columns

M, N = 40, 30
NEAR = 1e-12  # rounding of sums over 40 samples
COLUMNS = torch.tensor([3, 7, N, 0, 29, 7, N, 12])  # N is a column of ones; column 0 holds nothing
ROWS = torch.tensor([0, 0, 0, 1, 1, 1, 1, 2])


def pair(height: int) -> tuple[Chosen, Chosen]:
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(M, N, dtype=torch.float64, generator=generator)
    matrix = torch.where(torch.rand(M, N, generator=generator) < 0.1, matrix, 0.0)
    matrix[:, 0] = 0
    rows = ROWS if height == 3 else torch.zeros_like(ROWS)
    return tuple(chosen_columns(A, COLUMNS, rows, height) for A in (Sparse(matrix.to_sparse()), Dense(matrix)))


@pytest.mark.parametrize("height", [1, 3])
def test_every_answer_is_that_of_the_dense_form(height: int) -> None:
    assert isinstance(Sparse(torch.eye(3).to_sparse()), ColumnEntries)
    thin, full = pair(height)
    assert type(thin) is not type(full)
    for places in (torch.arange(len(COLUMNS)), torch.tensor([6, 1, 0]), torch.tensor([2]), torch.tensor([3])):
        one, other = thin.take(places), full.take(places)
        t = torch.randn(len(places), dtype=torch.float64)
        g = torch.randn(height, M, dtype=torch.float64)

        def both(a: Tensor, b: Tensor) -> None:
            assert torch.allclose(a, b, atol=NEAR)

        both(one.dense(), other.dense())
        both(one.mv(t), other.mv(t))
        both(one.rmv(g), other.rmv(g))
        both(one.gram(g.abs()), other.gram(g.abs()))
        assert torch.equal(one.rows, other.rows)


def test_a_design_that_is_hardly_sparse_is_held_dense() -> None:
    full = torch.ones(M, N, dtype=torch.float64)
    assert type(chosen_columns(Sparse(full.to_sparse()), COLUMNS, ROWS, 3)) is type(pair(1)[1])
