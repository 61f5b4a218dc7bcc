"""The loop that methods with k nonzeros share: a step gives the next x; how each signal ended is decided here."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from ..linop import LinearOperator
from .omp import rounding
from .outcome import Ending, Recovery

__all__ = ["SupportSearch", "search"]

_RUNNING = -1
# An iterate whose residual is this many times ‖b‖ does not come back.
_DIVERGED = 1e3


class SupportSearch(ABC):
    """One method. `patience`: how many steps in a row may leave the best residual where it is."""

    patience: int

    @abstractmethod
    def step(self, b: Tensor, x: Tensor, residual: Tensor) -> Tensor:
        """The next x, at most k nonzeros a row, from x (signals, n) and the residual b − Ax (signals, m)."""


def search(A: LinearOperator, b: Tensor, method: SupportSearch, targets: Tensor, max_steps: int) -> Recovery:
    """Step from x = 0 until each signal's residual is at its target, x rests, or nothing improves; gives the best x.

    Signals that have ended leave the batch, so the slow ones do not make the others pay.
    """
    count, n = b.shape[0], A.shape[1]
    best_x, best = b.new_zeros(count, n), torch.linalg.vector_norm(b, dim=-1)
    goal, scale = torch.maximum(targets, rounding(b)), best.clone()
    ending = torch.full((count,), int(Ending.STEPS_EXHAUSTED), dtype=torch.int8, device=b.device)
    steps, idle = torch.zeros(count, dtype=torch.long, device=b.device), torch.zeros_like(best, dtype=torch.long)
    ending[best <= goal] = Ending.RESIDUAL_REACHED
    active = (best > goal).nonzero().squeeze(-1)
    x, residual = best_x[active], b[active]
    for _ in range(max_steps):
        if not active.numel():
            break
        new = method.step(b[active], x, residual)
        residual = b[active] - A.mv(new)
        norm = torch.linalg.vector_norm(residual, dim=-1)
        better = norm < best[active]
        steps[active] += 1
        idle[active] = torch.where(better, 0, idle[active] + 1)
        best_x[active[better]], best[active[better]] = new[better], norm[better]
        codes = _codes(x, new, norm, goal[active], scale[active], idle[active] >= method.patience)
        going = codes == _RUNNING
        ending[active[~going]] = codes[~going]
        active, x, residual = active[going], new[going], residual[going]
    return Recovery(best_x, ending, torch.linalg.vector_norm(b - A.mv(best_x), dim=-1), steps)


def _codes(x: Tensor, new: Tensor, norm: Tensor, goal: Tensor, scale: Tensor, tired: Tensor) -> Tensor:
    codes = torch.full(norm.shape, _RUNNING, dtype=torch.int8, device=norm.device)
    moved, size = torch.linalg.vector_norm(new - x, dim=-1), torch.linalg.vector_norm(new, dim=-1)
    codes[tired] = Ending.STALLED
    codes[moved <= 8 * torch.finfo(x.dtype).eps * size] = Ending.CONVERGED
    codes[norm <= goal] = Ending.RESIDUAL_REACHED
    codes[~(norm <= _DIVERGED * scale)] = Ending.DIVERGED
    return codes
