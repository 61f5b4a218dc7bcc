"""Small regression problems that the tests of selection and estimators share."""

from __future__ import annotations

import torch
from torch import Tensor

TIGHT = 1e-11  # relative gap asked for where x is compared; x then agrees to about its root
CLOSE = 1e-5  # of x or a mean error, between two solvers of such gaps


def problem(m: int = 60, n: int = 30, nonzeros: int = 4, noise: float = 0.5, seed: int = 0) -> tuple[Tensor, Tensor]:
    """A (m, n) with correlated columns of different means and sizes, and b with an intercept."""
    generator = torch.Generator().manual_seed(seed)
    A = torch.randn(m, n, generator=generator, dtype=torch.float64)
    A = A + 0.5 * A.roll(1, 1) + torch.linspace(-1, 1, n)
    A = A * torch.linspace(0.5, 2.0, n, dtype=torch.float64)
    truth = torch.zeros(n, dtype=torch.float64)
    truth[:: max(1, n // nonzeros)][:nonzeros] = 1.0
    return A, A @ truth + 3.0 + noise * torch.randn(m, generator=generator, dtype=torch.float64)
