"""The derivative of a solution in its data and penalty, by implicit differentiation on its support."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..errors import DataError
from ..linop import LinearOperator
from ..problem.least_squares import widened
from .branch import Branch, EntryBranch, SupportBranch
from .outcome import Recovery

__all__ = ["as_solution", "attach", "attach_ball", "attach_fit", "attach_pursuit"]

DEPENDENT = 1e-10  # of a diagonal entry: what Cholesky leaves of it where its column depends on those before
TOGETHER = 1 << 22  # entries of the blocks that are factorised at one time: 32 MB
CARE = 10.0  # times the error of the stationary equation: what a margin must exceed to be told from zero
FLOOR = 1e-10  # of max |A'b|: rounding of that error in float64
STRICT = 1e-8  # below 1: how far a resting column's dual must stay for a vertex of basis pursuit to be alone


def attach(A: LinearOperator, b: Tensor, branch: Branch, found: Recovery, *, together: bool = False) -> Recovery:
    """The same x, to autograd a function of A, b and the strengths of Ω.

        A_S'(Ax − b) + ∇Ω(x)_S = 0   ⟹   dx_S = −H⁻¹ ∂(A_S'(Ax − b) + ∇Ω(x)_S),   H = A_S'A_S + ∇²Ω(x)_SS

    where ∂ moves the data and holds x. S is held too: the other entries have derivative 0. This is the derivative
    wherever S is locally stable. `differentiable` is False where it is not known to be: a resting entry stands at the
    level at which it would move (x bends there, and this is the derivative on the side where it rests), the columns in
    S depend on each other (H⁻¹ is then the pseudoinverse, and dx that of minimum norm), or x is not solved well enough
    to tell.

    Args:
        A, b: in the user's graph; b (signals, m). branch: Ω, in the user's graph.
        found: the solution, outside of it.
        together: all rows are one problem of tasks · n unknowns, as for a multi-task penalty.
    Returns: `found` with x in the graph, which can be differentiated once, and `differentiable` filled.
    Source: Bertrand, Klopfenstein, Massias, Blondel, Vaiter, Gramfort and Salmon 2022, theorem 9, for separable
        penalties; Vaiter, Deledalle, Fadili, Peyré and Dossal 2017 for the curvature of groups.
    """
    system = _System.of(widened(A), b.double(), branch, found.x.detach(), together)
    x = as_solution(system.equation, found.x, system.turned)
    return replace(found, x=x, differentiable=system.settled().reshape(found.ending.shape))


def attach_fit(A: LinearOperator, b: Tensor, found: Recovery) -> Recovery:
    """x_S = A_S⁺b, to autograd a function of A and b. That S itself would not change is not examined."""
    return attach(A, b, SupportBranch(), found)


def attach_pursuit(A: LinearOperator, b: Tensor, found: Recovery) -> Recovery:
    """min ‖x‖₁ s.t. Ax = b: a vertex x_S = A_S⁻¹b moves with its support where m columns are in use.

    With fewer, most changes of b leave their span and take new columns in: the derivative of A_S⁺b is attached, which
    holds for the changes that do not, and `differentiable` is False. So it is where another column could be exchanged.
    """
    A, x = widened(A), found.x.detach().double()
    system = _System.of(A, b.double(), SupportBranch(), found.x.detach(), False)
    attached = attach_fit(A, b, found)
    with torch.no_grad():
        weights, _ = system.solve(x.sign().gather(-1, system.places))
        dual = A.rmv(A.mv(torch.zeros_like(x).scatter_add(-1, system.places, weights * system.held)))
        strict = torch.where(x == 0, dual.abs(), 0.0).amax(-1) < 1 - STRICT
        whole = (x != 0).sum(-1) == A.shape[0]
    assert attached.differentiable is not None, "filled by attach"
    return replace(attached, differentiable=attached.differentiable & strict & whole)


def attach_ball(A: LinearOperator, b: Tensor, epsilon: Tensor, found: Recovery) -> Recovery:
    """min ‖x‖₁ s.t. ‖Ax − b‖ ≤ ε: the Lasso whose penalty λ moves so that the residual stays ε.

    On the support s = sign(x): ½‖Ax(λ) − b‖² = ½ε² and d(½‖Ax − b‖²)/dλ = λ s'H⁻¹s give dλ.
    """
    A, b, x = widened(A), b.double(), found.x.detach().double()
    none = torch.zeros((), dtype=x.dtype, device=x.device)
    with torch.no_grad():
        sign = x.sign()
        pull = A.rmv(b - A.mv(x))
        level = (pull * sign).sum(-1, keepdim=True) / sign.abs().sum(-1, keepdim=True).clamp(min=1)
        system = _System.of(A, b, EntryBranch(level, none), found.x.detach(), False)
        signs = sign.gather(-1, system.places) * system.held
        rate = level[:, 0] * (signs * system.solve(signs)[0]).sum(-1)
    held = attach(A, b, EntryBranch(level, none), found).x.double()
    miss = 0.5 * ((A.mv(held) - b) ** 2).sum(-1) - 0.5 * epsilon.double() ** 2
    level = level - ((miss - miss.detach()) / torch.where(rate > 0, rate, 1.0))[:, None]
    attached = attach(A, b, EntryBranch(level, none), found)
    assert attached.differentiable is not None, "filled by attach"
    return replace(attached, differentiable=attached.differentiable & ((rate > 0) | ~sign.any(-1)))


@dataclass(frozen=True, eq=False)
class _System:
    """The stationary equation of each problem on its support, and its Jacobian H.

    Args:
        x: (problems, unknowns), unknown t·n + j is column j of task t; branch; pull: A'(b − Ax), all of it.
        gram: of the columns that some problem uses; ranks: the place of each column among them.
        places: (problems, k) the active unknowns, the rest padding; held: which are not padding.
        equation: (problems, k) in the user's graph, about 0; size: max |A'b| of each problem.
    """

    x: Tensor
    branch: Branch
    pull: Tensor
    gram: Tensor
    ranks: Tensor
    places: Tensor
    held: Tensor
    equation: Tensor
    size: Tensor

    @classmethod
    def of(cls, A: LinearOperator, b: Tensor, branch: Branch, x: Tensor, together: bool) -> _System:
        shape = (1, len(x), x.shape[-1]) if together else (len(x), 1, x.shape[-1])
        x = x.double().reshape(shape)
        n = shape[-1]
        with torch.no_grad():
            flat = x.flatten(1)
            active = branch.active(flat)
            held, places = active.to(torch.int8).topk(int(active.sum(-1).max()), dim=-1)
            moved = active | (flat != 0)  # an entry at a bound rests, but counts in Ax
            used = moved.reshape(-1, n).any(0).nonzero()[:, 0]
            ranks = torch.zeros(n, dtype=torch.int64, device=x.device)
            ranks[used] = torch.arange(len(used), device=x.device)
            pull = A.rmv(b.reshape(*shape[:2], -1) - A.mv(x)).flatten(1)
            size = A.rmv(b).reshape(len(flat), -1).abs().amax(-1)
        columns = A.columns(used)
        residual = b.reshape(*shape[:2], -1) - x[..., used] @ columns.mT
        across = (residual @ columns).flatten(1)
        at = places // n * len(used) + ranks[places % n]
        equation = (branch.slope(flat).gather(-1, places) - across.gather(-1, at)) * held
        gram = (columns.mT @ columns).detach()
        return cls(flat, branch, pull, gram, ranks, places, held.bool(), equation, size)

    def solve(self, right: Tensor) -> tuple[Tensor, Tensor]:
        """H⁻¹ right (problems, k), and which H are regular; by the pseudoinverse where one is not."""
        solved, regular = torch.empty_like(right), torch.ones_like(right[:, 0:1].sum(-1), dtype=torch.bool)
        for some, block in self._blocks():
            factor, info = torch.linalg.cholesky_ex(block)
            left = factor.diagonal(dim1=-2, dim2=-1) ** 2
            good = (info == 0) & (left > DEPENDENT * block.diagonal(dim1=-2, dim2=-1)).all(-1)
            solved[some] = torch.cholesky_solve(right[some, :, None], factor)[..., 0]
            if not bool(good.all()):
                bad = (~good).nonzero()[:, 0]
                inverse = torch.linalg.pinv(block[bad], rtol=DEPENDENT, hermitian=True)
                solved[some[bad]] = (inverse @ right[some[bad], :, None])[..., 0]
            regular[some] = good
        return solved, regular

    def _blocks(self) -> Iterator[tuple[Tensor, Tensor]]:
        """H of some problems at a time; padding is the identity."""
        n, count = len(self.ranks), self.places.shape[-1]
        for some in torch.arange(len(self.x), device=self.x.device).split(max(1, TOGETHER // max(1, count) ** 2)):
            places, held = self.places[some], self.held[some]
            rank, task = self.ranks[places % n], places // n
            block = self.gram[rank[:, :, None], rank[:, None, :]] * (task[:, :, None] == task[:, None, :])
            block = block + self.branch.curvature(self.x[some], places)
            block = block * (held[:, :, None] & held[:, None, :])
            yield some, block + torch.diag_embed((~held).to(block.dtype))

    def turned(self, grad: Tensor) -> Tensor:
        """−H⁻¹ of a gradient in x."""
        wide = grad.double().reshape(self.x.shape).gather(-1, self.places) * self.held
        return -self.solve(wide)[0]

    @torch.no_grad()
    def settled(self) -> Tensor:
        """Whether the support is certain not to change nearby, for each problem.

        H⁻¹ times the equation's error is the Newton step from x: it must not leave the branch.
        """
        error = self.equation.abs().sum(-1) if not self.places.shape[-1] else self.equation.abs().amax(-1)
        step, regular = self.solve(self.equation)
        move = torch.zeros_like(self.x).scatter_add(-1, self.places, -step * self.held)
        slack = CARE * error + FLOOR * self.size
        return regular & (self.branch.margin(self.x, self.pull) > slack) & self.branch.survives(self.x, move)


def as_solution(equation: Tensor, point: Tensor, turned: Callable[[Tensor], Tensor]) -> Tensor:
    """The point as a function of the equation that it solves; `turned` makes of a gradient in the point −H⁻¹ of it."""
    solution: Tensor = _Implicit.apply(equation, point, turned)  # type: ignore[no-untyped-call]
    return solution


class _Implicit(torch.autograd.Function):
    """Of an equation that holds at a point: d(point) = −H⁻¹ d(equation)."""

    @staticmethod
    def forward(ctx: Any, equation: Tensor, point: Tensor, turned: Callable[[Tensor], Tensor]) -> Tensor:
        ctx.turned = turned
        return point.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        if torch.is_grad_enabled():
            raise DataError("x can be differentiated once, create_graph=True asks for more; call backward without it")
        return ctx.turned(grads[0]), None, None
