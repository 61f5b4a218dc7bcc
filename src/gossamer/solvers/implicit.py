"""The derivative of a solution in its data and penalty, by implicit differentiation on its support."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from typing import Any

import torch
from torch import Tensor

from ..errors import DataError
from ..linop import LinearOperator
from ..problem.least_squares import widened
from .active import DEPENDENT, Active, slack_of, solved
from .branch import Branch, EntryBranch, SupportBranch
from .outcome import Recovery

__all__ = [
    "as_solution",
    "attach",
    "attach_ball",
    "attach_budget",
    "attach_fit",
    "attach_pursuit",
    "attach_square_root",
]

TOGETHER = 1 << 22  # entries of the blocks that are factorised at one time: 32 MB
NEAR = 1e-6  # of a budget or a radius: where sums in float32 may leave one that is just spent
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
        weights, _ = system.solve(x.sign().gather(-1, system.active.places))
        dual = A.rmv(A.mv(torch.zeros_like(x).scatter_add(-1, system.active.places, weights * system.active.held)))
        strict = torch.where(x == 0, dual.abs(), 0.0).amax(-1) < 1 - STRICT
        whole = (x != 0).sum(-1) == A.shape[0]
    assert attached.differentiable is not None, "filled by attach"
    return replace(attached, differentiable=attached.differentiable & strict & whole)


def attach_ball(A: LinearOperator, b: Tensor, epsilon: Tensor, found: Recovery) -> Recovery:
    """min ‖x‖₁ s.t. ‖Ax − b‖ ≤ ε: the Lasso whose penalty λ moves so that the residual stays ε.

    Where 0 is inside of the ball x rests at it, as under any large λ.
    """
    A, b, x = widened(A), b.double(), found.x.detach().double()
    inside = torch.linalg.vector_norm(b.detach(), dim=-1) < (1 - NEAR) * epsilon.detach()
    with torch.no_grad():
        level = torch.where(inside, 1 + 2 * A.rmv(b).abs().amax(-1), _multiplier(A, b, x))

    def miss(x: Tensor, level: Tensor) -> Tensor:
        return 0.5 * ((A.mv(x) - b) ** 2).sum(-1) - 0.5 * epsilon.double() ** 2

    def rate(bend: Tensor) -> Tensor:
        return torch.where(inside, inf, level * bend)

    return _attach_moving(A, b, level, None, found, miss, rate)


def attach_budget(A: LinearOperator, b: Tensor, radius: Tensor, found: Recovery) -> Recovery:
    """min ½‖Ax − b‖² s.t. ‖x‖₁ ≤ radius: the Lasso whose penalty λ, the multiplier, moves so that ‖x‖₁ stays radius.

    Where the budget is not spent λ is 0 and stays it: x is least squares on all columns.
    """
    A, b, x = widened(A), b.double(), found.x.detach().double()
    spent = x.abs().sum(-1) >= (1 - NEAR) * radius.detach()
    level = torch.where(spent, _multiplier(A, b, x), 0.0)

    def miss(x: Tensor, level: Tensor) -> Tensor:
        return x.abs().sum(-1) - radius.double()

    def rate(bend: Tensor) -> Tensor:
        return torch.where(spent, -bend, inf)

    return _attach_moving(A, b, level, None, found, miss, rate)


def attach_square_root(
    A: LinearOperator, b: Tensor, penalty: Tensor, weights: Tensor | None, found: Recovery
) -> Recovery:
    """min ‖Ax − b‖ + penalty·Σ_j w_j|x_j|: the Lasso whose penalty λ moves with the residual, λ = penalty·‖Ax − b‖.

    Where b is explained exactly the residual stays 0 and λ with it: there it is held, and `differentiable` is False.
    """
    A, b, price = widened(A), b.double(), penalty.detach().double()
    with torch.no_grad():
        level = price * torch.linalg.vector_norm(A.mv(found.x.detach().double()) - b, dim=-1)

    def miss(x: Tensor, level: Tensor) -> Tensor:
        size: Tensor = torch.linalg.vector_norm(A.mv(x) - b, dim=-1)
        return penalty.double() * size - level

    def rate(bend: Tensor) -> Tensor:
        slope = price**2 * bend - 1
        return torch.where(slope < -DEPENDENT, slope, 0.0)

    return _attach_moving(A, b, level, weights, found, miss, rate)


def _attach_moving(
    A: LinearOperator,
    b: Tensor,
    level: Tensor,
    weights: Tensor | None,
    found: Recovery,
    miss: Callable[[Tensor, Tensor], Tensor],
    rate: Callable[[Tensor], Tensor],
) -> Recovery:
    """The Lasso ½‖Ax − b‖² + λ Σ_j w_j|x_j| whose penalty λ moves with the data, so that miss(x(λ), λ) stays 0.

    With v = w_S·sign(x_S), dx_S/dλ = −H⁻¹v; so d(½‖Ax − b‖²)/dλ = λ·bend and d(Σ_j w_j|x_j|)/dλ = −bend where
    bend = v'H⁻¹v. What data do to `miss` at a λ that is held, over `rate`, is what they do to λ.

    Args: level (signals,): λ; weights (n,), in the user's graph; rate: of bend, d miss/dλ: ∞ where λ stands still, and
        0 where it cannot follow. There, and where λ is not told from 0, `differentiable` is False.
    """
    none = torch.zeros((), dtype=b.dtype, device=b.device)
    factors = torch.ones_like(none) if weights is None else weights.to(b)
    with torch.no_grad():
        system = _System.of(A, b, EntryBranch(level[:, None] * factors, none), found.x.detach(), False)
        signs = (factors * found.x.sign()).double().gather(-1, system.active.places) * system.active.held
        speed = rate((signs * system.solve(signs)[0]).sum(-1))
        follows = (speed != 0) & ((level > system.slack) | (speed == inf))
    held = attach(A, b, EntryBranch(level[:, None] * factors, none), found).x.double()
    off = miss(held, level)
    level = level - (off - off.detach()) / torch.where(speed == 0, inf, speed)
    attached = attach(A, b, EntryBranch(level[:, None] * factors, none), found)
    assert attached.differentiable is not None, "filled by attach"
    return replace(attached, differentiable=attached.differentiable & follows)


@torch.no_grad()
def _multiplier(A: LinearOperator, b: Tensor, x: Tensor) -> Tensor:
    """λ of A_S'(b − Ax) = λ·sign(x_S), the mean over S of each row; 0 where S is empty."""
    sign = x.sign()
    level: Tensor = (A.rmv(b - A.mv(x)) * sign).sum(-1) / sign.abs().sum(-1).clamp(min=1)
    return level.clamp(min=0)


@dataclass(frozen=True, eq=False)
class _System:
    """The stationary equation of each problem on its support, and its Jacobian H.

    Args:
        x: (problems, unknowns); branch; pull: A'(b − Ax), all of it; active: the unknowns that move.
        gram: of the used columns; equation: (problems, k) in the user's graph, about 0; size: max |A'b| of each.
    """

    x: Tensor
    branch: Branch
    pull: Tensor
    active: Active
    gram: Tensor
    equation: Tensor
    size: Tensor

    @classmethod
    def of(cls, A: LinearOperator, b: Tensor, branch: Branch, x: Tensor, together: bool) -> _System:
        rows = x.double()[None] if together else x.double()[:, None]
        b, x = b.reshape(*rows.shape[:2], -1), rows.flatten(1)
        active = Active.of(branch, x, rows.shape[-1])
        with torch.no_grad():
            pull = A.rmv(b - A.mv(rows)).flatten(1)
            size = A.rmv(b).flatten(1).abs().amax(-1)
        columns = A.columns(active.used)
        across = active.among_used((b - rows[..., active.used] @ columns.mT) @ columns)
        equation = (branch.slope(x).gather(-1, active.places) - across) * active.held
        return cls(x, branch, pull, active, (columns.mT @ columns).detach(), equation, size)

    def solve(self, right: Tensor) -> tuple[Tensor, Tensor]:
        """H⁻¹ right (problems, k), and which H are regular."""
        some = max(1, TOGETHER // max(1, right.shape[-1]) ** 2)
        each = torch.arange(len(right), device=right.device).split(some)
        parts = [solved(self._jacobian(at), right[at]) for at in each]
        return torch.cat([found for found, _ in parts]), torch.cat([regular for _, regular in parts])

    def _jacobian(self, some: Tensor) -> Tensor:
        """H of some problems; padding is the identity."""
        active = self.active.part(some)
        held, row, rank = active.held, active.row, active.rank
        block = self.gram[rank[:, :, None], rank[:, None, :]] * (row[:, :, None] == row[:, None, :])
        block = block + self.branch.curvature(self.x[some], active.places)
        block = block * (held[:, :, None] & held[:, None, :])
        return block + torch.diag_embed((~held).to(block.dtype))

    def turned(self, grad: Tensor) -> Tensor:
        """−H⁻¹ of a gradient in x."""
        wide = grad.double().reshape(self.x.shape).gather(-1, self.active.places) * self.active.held
        return -self.solve(wide)[0]

    @property
    def slack(self) -> Tensor:
        """What a level or a margin must exceed to be told from zero, (problems,)."""
        return slack_of(self.equation, self.size)

    @torch.no_grad()
    def settled(self) -> Tensor:
        """Whether the support is certain not to change nearby, for each problem.

        H⁻¹ times the equation's error is the Newton step from x: it must not leave the branch.
        """
        step, regular = self.solve(self.equation)
        move = self.active.spread(-step, self.x)
        return regular & (self.branch.margin(self.x, self.pull) > self.slack) & self.branch.survives(self.x, move)


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
