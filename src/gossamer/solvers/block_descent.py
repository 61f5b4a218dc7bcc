"""Penalties of blocks on a growing working set of blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..errors import StructureError
from ..linop import Dense
from ..problem import LeastSquares, duality_gap
from ..terms.blockwise import BlockPenalty
from .convex import ConvexSolver, certified, warm
from .fista import FISTA
from .outcome import Recovery

__all__ = ["BlockDescent"]

FIRST = 100  # columns by which a working set grows at least
LOOSE = 0.1  # of the whole's gap: how well a working set is solved before the next is chosen
TIGHT = 0.3  # of the tolerance: how well the last one is, lowered when the whole does not meet its own
FINEST = 1e-14  # a relative gap that float64 resolves
TRIES = 3  # rounds that bring no new block and only lower the inner tolerance


@dataclass(frozen=True)
class BlockDescent(ConvexSolver):
    """Group, sparse-group and multi-task penalties with many columns, where few blocks are not zero.

    A round adds the blocks whose slope lies furthest outside their dual ball (as many as are not zero, and at least
    100 columns), solves the problem of these blocks alone by FISTA, and looks at all columns again by the certificate.
    So the design is read twice a round, of which there are a handful, and not twice a step.

    Args: tol: the relative duality gap to reach; max_rounds: rounds at most.
    Source: working sets as in Massias, Gramfort and Salmon 2018 (multi-task), here with FISTA inside.
    """

    tol: float = 1e-6
    max_rounds: int = 100

    def solve(self, problem: LeastSquares, x0: Tensor | None = None) -> Recovery:
        if not isinstance(problem.penalty, BlockPenalty):
            raise StructureError(f"block descent solves penalties of blocks, not {problem.penalty}; use FISTA")
        x = warm(problem, x0).double()
        together = problem.penalty.event_ndim == 2
        rows = [slice(None)] if together else [slice(row, row + 1) for row in range(len(x))]
        ways = [_Blocks(problem, problem.penalty, some, x[some], self.tol) for some in rows]
        steps = torch.tensor([way.run(self.max_rounds) for way in ways], device=x.device)
        found = torch.cat([way.x for way in ways])
        return certified(problem, found, steps.squeeze(0) if together else steps, self.tol)

    def within(self, steps: int) -> BlockDescent:
        return replace(self, max_rounds=steps)


class _Blocks:
    """One problem's way to its solution: one signal, or all tasks. x and b are (rows, ·)."""

    def __init__(self, problem: LeastSquares, penalty: BlockPenalty, rows: slice, x: Tensor, tol: float) -> None:
        self.problem, self.penalty, self.x, self.tol, self.share = problem, penalty, x, tol, TIGHT
        self.b = problem.b[rows]
        self.slope = problem.correlation[rows]
        self.blocks = penalty.blocks(x.shape[-1]).to(x.device)
        self.held = torch.zeros(int(self.blocks.max()) + 1, dtype=torch.bool, device=x.device)
        self.chosen = torch.empty(0, dtype=torch.int64, device=x.device)
        self.columns = torch.empty(len(problem.b[0]), 0, dtype=torch.float64, device=x.device)

    def run(self, max_rounds: int) -> int:
        """Rounds until the certificate is below the tolerance, or nothing helps; how many."""
        gap, tries = self._judge(), 0
        for done in range(max_rounds):
            if gap <= self.tol or tries > TRIES:
                return done
            added = self._grow()
            tries = 0 if added else tries + 1
            self.share *= 1.0 if added else 0.1
            self._inner(max(self.share * self.tol, LOOSE * gap if added else 0.0))
            gap = self._judge()
        return max_rounds

    def _judge(self) -> float:
        """The gap of x as it is handed out, and A'r at x."""
        self.x = self.x.to(self.problem.b.dtype).double()
        b = self.b if self.penalty.event_ndim == 2 else self.b[0]
        x = self.x if self.penalty.event_ndim == 2 else self.x[0]
        judged = duality_gap(self.problem.wide, b, self.penalty, x)
        if judged.slope is None:
            wide = self.problem.wide
            self.slope = wide.rmv(self.b.double() - wide.mv(self.x))
        else:
            self.slope = judged.slope.reshape(self.x.shape)
        return float(judged.gap)

    def _grow(self) -> bool:
        """Take in the nonzero blocks and the worst of the others; whether there was any to take."""
        slope = self.slope if self.penalty.event_ndim == 2 else self.slope[0]
        wrong = self.penalty.outside(slope)
        nonzero = torch.zeros_like(self.held)
        nonzero[self.blocks[(self.x != 0).any(0)]] = True
        size = max(1, len(self.blocks) // len(self.held))
        wrong = torch.where(self.held | nonzero, 0.0, wrong)
        most = wrong.topk(min(max(-(-FIRST // size), int(nonzero.sum())), len(wrong)))
        fresh = torch.zeros_like(self.held)
        fresh[most.indices[most.values > 0]] = True
        fresh |= nonzero & ~self.held
        self.held |= fresh
        new = fresh[self.blocks].nonzero()[:, 0]
        self.chosen = torch.cat([self.chosen, new])
        self.columns = torch.cat([self.columns, self.problem.wide.columns(new)], 1)
        return len(new) > 0

    def _inner(self, tol: float) -> None:
        small = LeastSquares(Dense(self.columns), self.b.double(), self.penalty.restricted(self.chosen))
        found = FISTA(tol=max(tol, FINEST)).solve(small, self.x[:, self.chosen])
        self.x = torch.zeros_like(self.x)
        self.x[:, self.chosen] = found.x
