"""Newton's method for penalised losses, on a growing working set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor

from ..errors import DataError, StructureError
from ..linop.bounded_inverse import bounded_inverse
from ..linop.chosen import Chosen, chosen_columns
from ..problem import PenalisedLoss, loss_gap
from ..terms import SeparablePenalty
from .gram_quadratic import GramQuadratic
from .losses import LossSolver, loss_recovery, starting_point
from .outcome import Recovery

__all__ = ["ProxNewton"]

FIRST = 100  # entries of the first working set
INNER = 30  # Newton steps on one working set at most
LOOSE = 0.1  # how far a working set lowers the violation of the whole before the next is chosen
TIGHT = 0.1  # its share of what the tolerance needs, lowered when a round adds nothing and leaves the gap too wide
MODEL = 0.01  # the quadratic model's accuracy as a share of the violation before it: steps stay superlinear
ARMIJO = 1e-4
HALVINGS = 40
FINEST = 1e-14  # of the largest slope at zero: rounding of the gradient in float64


@dataclass(frozen=True)
class ProxNewton(LossSolver):
    """Penalties of the L1 family with any loss, one problem after another, on the CPU.

    A round adds the entries that violate optimality most (as many as there are nonzeros, at least 100). On those,
    steps minimise the loss's quadratic model with its exact Hessian, the penalty and the bounds kept as they are:

        d = argmin ½ d'C'∇²f(z)C d + ∇f(z)'C d + Ω(x + d),   x ← x + t·d, t halved until P falls enough

    The intercept is eliminated from the model exactly, so that it has neither penalty nor bounds. A is only multiplied
    and asked for columns of the working set: a sparse design is never made dense as a whole.

    Args: tol: the gap to reach, relative to the objective at zero; max_rounds: working sets at most.
    Source: Friedman, Hastie and Tibshirani 2010 (glmnet); line search, Lee, Sun and Saunders 2014; the quadratic models
        are solved as the Lasso's are, `gram_quadratic`.
    """

    tol: float = 1e-6
    max_rounds: int = 100

    def solve(self, problem: PenalisedLoss, x0: Tensor | None = None, intercept0: Tensor | None = None) -> Recovery:
        if not isinstance(problem.penalty, SeparablePenalty):
            raise StructureError(f"prox-Newton solves the L1 family, not {type(problem.penalty).__name__}; use 'fista'")
        if problem.A.device.type != "cpu":
            raise DataError(f"prox-Newton works on the CPU, A is on {problem.A.device}; use 'fista' there")
        x, c = starting_point(problem, x0, intercept0)
        rounds = []
        for some in [slice(None)] if problem.event_ndim == 2 else [slice(row, row + 1) for row in range(len(x))]:
            part = _Part(problem, some, x[some], c[some])
            part.solve(self.tol, self.max_rounds)
            x[some], c[some] = part.x, part.c
            rounds.append(part.rounds)
        steps = torch.tensor(rounds[0] if problem.event_ndim == 2 else rounds)
        return loss_recovery(problem, x, c, steps, self.tol)

    def within(self, steps: int) -> ProxNewton:
        return replace(self, max_rounds=steps)


class _Part:
    """One problem's way to its solution; entries are numbered row·n + column."""

    def __init__(self, problem: PenalisedLoss, some: slice, x: Tensor, c: Tensor) -> None:
        self.problem = problem.only(some)
        self.penalty = cast(SeparablePenalty, problem.penalty)
        self.x, self.c, self.rounds = x, c, 0
        self.n = problem.A.shape[1]
        self.levels = self.penalty.levels(x).expand_as(x).reshape(-1)
        self.working = torch.empty(0, dtype=torch.int64)
        self.z = self.problem.predictor(x, c)

    def solve(self, tol: float, max_rounds: int) -> None:
        positive = self.levels[self.levels > 0]
        most = float(self.problem.slope_at_zero.abs().max())
        unit = float(positive.min()) if len(positive) else most
        tight = TIGHT
        while self.rounds < max_rounds:
            slope = -self.problem.wide.rmv(self._gradient()) - self.penalty.ridge * self.x
            wrong = self.penalty.outside(self.x.reshape(-1), slope.reshape(-1), self.levels)
            if float(wrong.max()) <= unit * tol**0.5 and self._reached(tol):
                return
            before = len(self.working)
            self._grow(wrong)
            goal = max(tight * tol * unit, LOOSE * float(wrong.max()) if len(self.working) > before else 0.0)
            moved = self._inner(max(goal, FINEST * most))
            self.rounds += 1
            if len(self.working) == before:
                if not moved and goal <= FINEST * most:
                    return
                tight *= 0.1

    def _reached(self, tol: float) -> bool:
        """The gap itself is asked for only once the violation is small."""
        return bool((loss_gap(self.problem, self.x, self.c).gap <= tol).all())

    def _gradient(self) -> Tensor:
        return self.problem.loss.gradient(self.z, self.problem.b, self.problem.weights)

    def _grow(self, wrong: Tensor) -> None:
        nonzero = self.x.reshape(-1) != 0
        room = min(max(FIRST, int(nonzero.sum())), len(wrong))
        outside = wrong.clone()
        outside[self.working] = 0.0
        outside[nonzero] = 0.0
        most = outside.topk(room)
        fresh = most.indices[most.values > 0]
        self.working = torch.cat([self.working, nonzero.nonzero()[:, 0], fresh]).unique()

    def _inner(self, accuracy: float) -> bool:
        """Newton steps on the working set until its violation is `accuracy`; whether any was taken."""
        height, free = len(self.x), int(self.problem.intercept) * len(self.x)
        rows = torch.cat([self.working // self.n, torch.arange(free)])
        columns = torch.cat([self.working % self.n, torch.full((free,), self.n)])
        chosen = chosen_columns(self.problem.wide, columns, rows, height)
        k, values = len(self.working), self.x.reshape(-1)[self.working]
        levels = self.levels[self.working]
        constants = torch.arange(k, k + free)
        moved = False
        for _ in range(INNER):
            slope = -chosen.rmv(self._gradient())
            slope[:k] -= self.penalty.ridge * values
            wrong = self.penalty.outside(values, slope[:k], levels)
            worst = max(float(wrong.max()) if k else 0.0, float(slope[k:].abs().max()) if free else 0.0)
            if worst <= accuracy:
                break
            # An entry that is zero and content stays out of the model; if the step upsets it, the next has it.
            some = ((values != 0) | (wrong > 0)).nonzero()[:, 0]
            part, now, level = chosen.take(torch.cat([some, constants])), values[some], levels[some]
            pull = torch.cat([slope[some], slope[k:]])
            step = self._model(part, now, pull, level, max(MODEL * worst, 0.1 * accuracy))
            length = self._search(part, now, pull, level, step)
            if length == 0:
                break
            moved = True
            values = values.index_add(0, some, length * step[: len(some)])
            self.c = self.c + length * step[len(some) :] if free else self.c
        self.x.view(-1)[self.working] = values
        self.z = self.problem.predictor(self.x, self.c)
        return moved

    def _model(self, chosen: Chosen, values: Tensor, slope: Tensor, levels: Tensor, accuracy: float) -> Tensor:
        """The minimiser of the quadratic model, as a step; the intercept, which comes last, is eliminated."""
        k = len(values)
        whole = self.problem.loss.gram(chosen, self.z, self.problem.b, self.problem.weights)
        gram, h = whole[:k, :k], slope[:k]
        inverse = bounded_inverse(whole[k:, k:])
        across = whole[:k, k:] @ inverse
        gram = gram - across @ whole[k:, :k] if len(across.mT) else gram
        h = h - across @ slope[k:]
        low, high = self.penalty.bounds
        model = GramQuadratic(gram.numpy(), None, levels.numpy(), low, high, self.penalty.ridge)
        step = torch.from_numpy(model.solve(values.numpy(), h.numpy(), accuracy)) - values
        return torch.cat([step, inverse @ slope[k:] - across.mT @ step])

    def _search(self, chosen: Chosen, values: Tensor, slope: Tensor, levels: Tensor, step: Tensor) -> float:
        """The length by which z has moved along the step: 1, or halved until the objective falls enough; 0 for none."""
        k = len(values)
        loss, b, w, ridge = self.problem.loss, self.problem.b, self.problem.weights, self.penalty.ridge
        shift = chosen.mv(step)
        before = float(loss.value(self.z, b, w).sum())

        def penalty(length: float) -> float:
            """Ω after the step less Ω before it; a ridge's part is in no difference of large numbers."""
            moved = values + length * step[:k]
            grown = levels @ (moved.abs() - values.abs())
            return float(grown + ridge * length * (values @ step[:k]) + 0.5 * ridge * length**2 * (step[:k] @ step[:k]))

        linear = float(-(slope @ step) + levels @ ((values + step[:k]).abs() - values.abs()))
        length, rounding = 1.0, 8 * torch.finfo(torch.float64).eps * before
        for _ in range(HALVINGS):
            after = float(loss.value(self.z + length * shift, b, w).sum())
            if after - before + penalty(length) <= ARMIJO * length * linear + rounding:
                self.z = self.z + length * shift
                return length
            length /= 2
        return 0.0
