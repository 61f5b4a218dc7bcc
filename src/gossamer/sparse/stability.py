"""Stability selection: which columns are chosen again and again when the samples change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Any

import torch
from torch import Tensor

from ..errors import DataError
from ..problem import LeastSquares
from ..solvers.homotopy import follow
from .families import l1_family
from .path import falling
from .penalised import Penalised, zero_level
from .regression_data import RegressionData
from .samples import samples_of, take_rows
from .strengths import as_weights, held, refuse

__all__ = ["Stability", "stability_selection"]

DENSE = 1 << 26  # entries of a half up to which the exact path is followed, which needs it dense: 0.5 GB
GRID = 100  # levels otherwise, down to this share of the first
DEPTH = 1e-2


@dataclass(frozen=True, eq=False)
class Stability:
    """How often each column was chosen on halves of the samples.

    Args: frequency (n,): the share of halves that chose the column, float64; k: columns each half chose, at most;
        halves: how many there were; average: columns that a half chose in the mean.
    """

    frequency: Tensor
    k: int
    halves: int
    average: float

    def selected(self, threshold: float = 0.75) -> Tensor:
        """Columns whose frequency is at least `threshold`, the most frequent first."""
        order = self.frequency.argsort(descending=True, stable=True)
        return order[self.frequency[order] >= threshold]

    def false_bound(self, threshold: float = 0.75) -> float:
        """A bound on the expected number of selected columns that a half chooses no more often than at random.

            average²/((2·threshold − 1)·n)

        Raises: DataError unless 0.5 < threshold ≤ 1.
        Source: Shah and Samworth 2013, theorem 1, which for complementary pairs asks nothing of the noise columns; in
            the form of Meinshausen and Bühlmann 2010.
        """
        if not 0.5 < threshold <= 1:
            raise DataError(f"threshold is {threshold}; the bound holds above 0.5 and up to 1")
        return self.average**2 / ((2 * threshold - 1) * len(self.frequency))


def stability_selection(
    A: Any,
    b: Any,
    k: int | None = None,
    *,
    pairs: int = 50,
    seed: int = 0,
    intercept: bool = False,
    standardise: bool = False,
    weights: Any = None,
    tol: float = 1e-4,
) -> Stability:
    """The share of random halves of the samples on which a column is among the k that enter the Lasso first.

    The halves come in complementary pairs: disjoint, ⌊m/2⌋ samples each.

    Args:
        A, b, intercept, weights: as for `lasso`; b (m,). standardise: as for `lasso_cv`.
        k: columns that each half may choose; default ⌊√(0.8·n)⌋, with which at most one false column is expected at
            threshold 0.9.
        pairs: of halves; frequencies come in steps of 1/(2·pairs). seed: of the halves.
        tol: of the Lasso where the exact path is not followed.
    Returns: a Stability.
    Raises: DataError on shapes, types, NaN, k, or pairs.
    Source: Meinshausen and Bühlmann 2010; pairs, Shah and Samworth 2013. Columns are taken in the order of the exact
        path. Halves of more than 67 million entries go down 100 levels instead; columns that enter between the same
        two are taken by their index.

    >>> A = torch.randn(60, 8, generator=torch.Generator().manual_seed(0))
    >>> found = stability_selection(A, A[:, 2] * 2 - A[:, 5], k=2, pairs=5)
    >>> found.selected(), found.frequency[2]
    (tensor([2, 5]), tensor(1., dtype=torch.float64))
    """
    A, b = samples_of(A, b)
    m, n = int(A.shape[0]), int(A.shape[1])
    if tuple(b.shape) != (m,):
        raise DataError(f"b has shape {tuple(b.shape)}; give ({m},)")
    k = max(1, int(sqrt(0.8 * n))) if k is None else k
    if not 1 <= k <= n or pairs < 1 or m < 4:
        raise DataError(f"k is {k}, pairs is {pairs}, of {m} samples; give 1 ≤ k ≤ {n}, pairs ≥ 1, at least 4 samples")
    refuse("a choice", weights)
    factors = held(as_weights(weights))
    if factors is not None and (tuple(factors.shape) != (n,) or not bool((factors > 0).all())):
        raise DataError(f"weights: give {n} factors above 0; a column without a penalty is chosen by every half")
    model = Penalised(l1_family(factors), tol, intercept, standardise)
    counts, total = torch.zeros(n, dtype=torch.float64), 0
    for half in _halves(m, pairs, seed):
        chosen = _first(model, take_rows(A, half), b[half], k, factors)
        counts[chosen] += 1
        total += len(chosen)
    return Stability(counts / (2 * pairs), k, 2 * pairs, total / (2 * pairs))


def _halves(m: int, pairs: int, seed: int) -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    for _ in range(pairs):
        order = torch.randperm(m, generator=generator)
        yield order[: m // 2].sort().values
        yield order[m // 2 : 2 * (m // 2)].sort().values


def _first(model: Penalised, A: Any, b: Tensor, k: int, weights: Tensor | None) -> Tensor:
    """The k columns that leave zero first as the penalty falls; fewer where the path ends before."""
    data = model.data(A, b)
    small = data.A.shape[0] * data.A.shape[1] <= DENSE
    ways = _exact(data, weights) if small else _on_a_grid(model, data)
    entered: list[int] = []
    for x in ways:
        entered += [j for j in x.nonzero()[:, 0].tolist() if j not in entered]
        if len(entered) >= k:
            break
    return torch.tensor(entered[:k], dtype=torch.int64)


def _exact(data: RegressionData, weights: Tensor | None) -> Iterator[Tensor]:
    """Each bend of the path; dense and in float64. Penalty factors divide the columns."""
    A = data.A.dense().double().cpu()
    A = A if weights is None else A / weights.double()
    for bend in follow(A.numpy(), data.b[0].double().cpu().numpy()):
        yield torch.from_numpy(bend.x)


def _on_a_grid(model: Penalised, data: RegressionData) -> Iterator[Tensor]:
    """A hundred levels; the design is never made dense."""
    problem = LeastSquares(data.A, data.b, model.family(1.0))
    for found in model.walk(data, falling(zero_level(problem), GRID, DEPTH).tolist(), problem):
        yield found.x[0]
