"""One small problem for each loss, with weights, and predictors at which it is examined."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gossamer.problem import Loss
from gossamer.problem.losses import Cox, Huber, Logistic, Multinomial, Poisson, Squares

M = 14
CLASSES = 3


class Case(NamedTuple):
    loss: Loss
    b: Tensor
    w: Tensor

    def points(self, seed: int = 0) -> Tensor:
        """z (1, M), or (CLASSES, M)."""
        rows = CLASSES if self.loss.event_ndim == 2 else 1
        return 1.5 * torch.randn(rows, M, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def _targets(loss: Loss) -> Tensor:
    generator = torch.Generator().manual_seed(7)
    numbers = torch.randn(M, dtype=torch.float64, generator=generator)
    times = torch.tensor([3.0, 1.0, 2.0, 2.0, 5.0, 2.0, 4.0, 4.0, 1.0, 6.0, 0.5, 7.0, 3.0, 3.0])  # many ties
    events = torch.tensor([1, 0, 1, 1, 0, 1, 1, 0, 1, 1, 0, 0, 1, 1])
    given = {
        Squares: numbers,
        Huber: 2 * numbers,
        Logistic: (numbers > 0).double(),
        Poisson: (3 * numbers.abs()).floor(),
        Multinomial: torch.arange(M) % CLASSES,
        Cox: torch.stack([times, events], -1),
    }
    return loss.targets(given[type(loss)], M)


WEIGHTS = torch.linspace(0.4, 2.0, M, dtype=torch.float64)
CASES = {
    name: Case(loss, _targets(loss), WEIGHTS)
    for name, loss in {
        "squares": Squares(),
        "logistic": Logistic(),
        "multinomial": Multinomial(),
        "huber": Huber(0.8),
        "poisson": Poisson(),
        "cox": Cox(),
    }.items()
}
