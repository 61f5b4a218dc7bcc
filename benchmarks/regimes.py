"""Six kinds of sparse data whose support is known, by name and seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["REGIMES", "Case"]


@dataclass(frozen=True, eq=False)
class Case:
    """A (m, n); b (m,) or (signals, m); truth like x; groups (n,) where they are known to the user."""

    A: Tensor
    b: Tensor
    truth: Tensor
    groups: Tensor | None = None


def _normal(*shape: int, generator: torch.Generator) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def _signal(n: int, k: int, generator: torch.Generator, least: float = 1.0) -> Tensor:
    """k nonzeros of either sign and size least + |N(0, 1)|."""
    x = torch.zeros(n, dtype=torch.float64)
    sizes = least + _normal(k, generator=generator).abs()
    x[torch.randperm(n, generator=generator)[:k]] = sizes * _normal(k, generator=generator).sign()
    return x


def _with_noise(A: Tensor, x: Tensor, snr: float, generator: torch.Generator) -> Tensor:
    """snr: variance of Ax over that of the noise."""
    clean = A @ x
    return clean + _normal(len(clean), generator=generator) * (clean.var() / snr).sqrt()


def compressed_sensing(generator: torch.Generator, small: bool) -> Case:
    """Gaussian measurements without noise of a Gaussian signal, near what m allows."""
    m, n, k = (40, 100, 6) if small else (128, 512, 24)
    A = _normal(m, n, generator=generator) / math.sqrt(m)
    x = torch.zeros(n, dtype=torch.float64)
    x[torch.randperm(n, generator=generator)[:k]] = _normal(k, generator=generator)
    return Case(A, A @ x, x)


def low_snr(generator: torch.Generator, small: bool) -> Case:
    """Independent columns, noise of half the signal's variance."""
    m, n, k = (80, 60, 3) if small else (200, 400, 8)
    A = _normal(m, n, generator=generator)
    x = _signal(n, k, generator)
    return Case(A, _with_noise(A, x, 2.0, generator), x)


def correlated(generator: torch.Generator, small: bool) -> Case:
    """Columns of an autoregression: neighbours correlate by 0.95."""
    m, n, k = (80, 60, 3) if small else (250, 250, 8)
    A = _normal(m, n, generator=generator)
    for j in range(1, n):
        A[:, j] = 0.95 * A[:, j - 1] + math.sqrt(1 - 0.95**2) * A[:, j]
    x = _signal(n, k, generator)
    return Case(A, _with_noise(A, x, 10.0, generator), x)


def genes(generator: torch.Generator, small: bool) -> Case:
    """Fifty columns a sample, of uneven scale, few of them strong."""
    m, n, k = (60, 300, 3) if small else (100, 5000, 6)
    A = _normal(m, n, generator=generator)
    x = _signal(n, k, generator)
    b = _with_noise(A, x, 8.0, generator)
    scale = torch.exp(0.2 * _normal(n, generator=generator))
    return Case(A * scale, b, x / scale)


def coherent(generator: torch.Generator, small: bool) -> Case:
    """Spikes and cosines: each signal of its own few atoms of both, with noise."""
    m, signals, most = (32, 40, 3) if small else (64, 200, 6)
    steps = torch.arange(m, dtype=torch.float64)
    cosines = torch.cos(math.pi * (steps[:, None] + 0.5) * steps / m)
    A = torch.cat([torch.eye(m, dtype=torch.float64), cosines / cosines.norm(dim=0)], 1)
    counts = torch.randint(2, most + 1, (signals,), generator=generator).tolist()
    x = torch.stack([_signal(2 * m, k, generator, 0.5) for k in counts])
    return Case(A, x @ A.T + 0.1 * _normal(signals, m, generator=generator), x)


def grouped(generator: torch.Generator, small: bool) -> Case:
    """Columns in known groups of five; five groups are used, with dense and partly weak values."""
    m, count, used = (60, 12, 2) if small else (150, 60, 5)
    groups = torch.arange(5 * count) // 5
    A = _normal(m, 5 * count, generator=generator)
    chosen = torch.randperm(count, generator=generator)[:used]
    x = torch.isin(groups, chosen) * _normal(5 * count, generator=generator)
    return Case(A, _with_noise(A, x, 3.0, generator), x, groups)


REGIMES: Mapping[str, Callable[[torch.Generator, bool], Case]] = {
    "compressed sensing, no noise": compressed_sensing,
    "independent columns, SNR 2": low_snr,
    "neighbours correlate by 0.95": correlated,
    "50 columns a sample, few strong": genes,
    "spikes and cosines, many signals": coherent,
    "known groups, weak values": grouped,
}
