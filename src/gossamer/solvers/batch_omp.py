"""Batch-OMP: orthogonal matching pursuit of many signals from the Gram matrix of their one design."""

from __future__ import annotations

import torch
from torch import Tensor

from .. import kernels
from ..linop import Dense
from .omp import omp
from .outcome import Ending, Recovery

__all__ = ["batch_omp"]

_ITEMS_AT_ONCE = 1 << 25


def batch_omp(A: Dense, b: Tensor, k: int, targets: Tensor | None) -> Recovery:
    """As `omp` by correlation, for signals by the thousand; real dtypes only.

    The recursion on the Gram matrix resolves a squared error of 32 roundings of ‖b‖². A signal that asks for less, or
    whose columns depend too much on each other, is solved again by `omp`, which looks at residuals.

    Args: b (signals, m); targets (signals,), residual norms at which to stop, or None for k steps.
    """
    unit = A.unit
    squares = b.new_full((b.shape[0],), -1) if targets is None else targets.square()
    rows = max(1, _ITEMS_AT_ONCE // (k * A.shape[1]))
    # The native form holds one signal's state, the reference that of all it is given.
    parts = [(b, squares)] if _native() else list(zip(b.split(rows), squares.split(rows), strict=True))
    found = [kernels.batch_omp(unit.rows, unit.gram, unit.scales, signals, goals, k) for signals, goals in parts]
    x, residual, codes = found[0] if len(found) == 1 else (torch.cat(pieces) for pieces in zip(*found, strict=True))
    steps = codes.long()
    ending = torch.where(steps < k, Ending.RESIDUAL_REACHED, Ending.SPARSITY_REACHED).to(torch.int8)
    if targets is not None:
        ending[residual <= targets] = Ending.RESIDUAL_REACHED
    again = (steps < 0).nonzero().squeeze(-1)
    if again.numel():
        goal = b.new_zeros(again.shape[0]) if targets is None else targets[again]
        exact = omp(A, b[again], k, goal)
        for mine, right in ((x, exact.x), (residual, exact.residual), (steps, exact.steps), (ending, exact.ending)):
            mine[again] = right
    return Recovery(x, ending, residual, steps)


def _native() -> bool:
    return kernels.status().backend == "native"
