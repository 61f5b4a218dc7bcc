"""The derivative of a solution under any loss, by implicit differentiation on its support."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..errors import DataError
from ..linop import LinearOperator
from ..problem import Loss
from ..problem.least_squares import widened
from .active import Active, slack_of, solved
from .branch import Branch
from .implicit import TOGETHER, as_solution
from .outcome import Recovery

__all__ = ["attach_loss"]

NUDGE = 1e-6  # of a predictor of size 1, to either side: where f's curvature jumps, as Huber's does at delta
JUMP = 1e-4  # of the largest curvature: far above what a smooth one changes by in two nudges


def attach_loss(
    A: LinearOperator, b: Tensor, weights: Tensor, loss: Loss, branch: Branch, found: Recovery, *, together: bool
) -> Recovery:
    """The same x and intercept c, to autograd functions of A, b, the sample weights and the strengths of Ω.

        A_S'∇f(z) + ∇Ω(x)_S = 0,  1'∇f(z) = 0,  z = Ax + c   ⟹   d(x_S, c) = −H⁻¹ ∂(both)
        H = [A_S 1]'∇²f(z)[A_S 1] + ∇²Ω(x)_SS

    with ∂, S and `differentiable` as for least squares (`solvers.implicit.attach`). `differentiable` is also False
    where f's curvature jumps, and where H is singular: the classes' intercepts can all move by one number.

    Args: A, b, weights: in the user's graph, b (rows, m) as `loss.targets` returns it; found: the solution, outside of
        it, x (rows, n); together: all rows are one problem.
    Raises: DataError where b takes part in autograd and ∇f does not depend on it, as labels.
    """
    A, rows = widened(A), len(found.x)
    constants = found.x.new_zeros(rows) if found.intercept is None else found.intercept
    x, c = found.x.detach().double(), constants.detach().double()
    intercept = found.intercept is not None
    system = _System.of(A, b, weights, loss, branch, x, c, intercept=intercept, together=together)
    whole = as_solution(system.equation, torch.cat([system.x, c.view(len(system.x), -1)], -1), system.turned)
    x, c = whole.split([system.x.shape[-1], rows // len(system.x)], dim=-1)
    return replace(
        found,
        x=x.reshape(found.x.shape).to(found.x.dtype),
        intercept=None if found.intercept is None else c.flatten().to(found.intercept.dtype),
        differentiable=system.settled().reshape(found.ending.shape),
    )


@dataclass(frozen=True, eq=False)
class _System:
    """The stationary equation of each problem on its support and intercepts, and its Jacobian H.

    Args: x (problems, unknowns), unknown t·n + j is column j of row t; pull: −A'∇f, all of it; active: the unknowns of
        x that move; equation (problems, k) or, with the intercepts' behind, (problems, k + rows): in the user's graph,
        about 0; jacobian likewise, the identity where there is padding; size: max |A'∇f| at x = 0, c held; smooth:
        whether f's curvature is continuous here.
    """

    x: Tensor
    branch: Branch
    pull: Tensor
    active: Active
    equation: Tensor
    jacobian: Tensor
    size: Tensor
    smooth: Tensor

    @classmethod
    def of(
        cls,
        A: LinearOperator,
        b: Tensor,
        w: Tensor,
        loss: Loss,
        branch: Branch,
        x: Tensor,
        c: Tensor,
        *,
        intercept: bool,
        together: bool,
    ) -> _System:
        """Args: x (rows, n), c (rows,): one problem where `together`, else one for each row."""
        n, count = x.shape[-1], 1 if together else len(x)
        flat = x.reshape(count, -1)
        active = Active.of(branch, flat, n)
        columns = A.columns(active.used)
        z = x[:, active.used] @ columns.mT + c[:, None]
        slopes = loss.gradient(z, b, w)
        if b.requires_grad and not loss.gradient(z.detach(), b, w.detach()).requires_grad:
            raise DataError("the targets take part in autograd, and labels have no derivative; detach them")
        across = active.among_used((slopes @ columns).reshape(count, len(x) // count, len(active.used)))
        equation = (across + branch.slope(flat).gather(-1, active.places)) * active.held
        if intercept:
            equation = torch.cat([equation, slopes.sum(-1).reshape(count, -1)], -1)
        with torch.no_grad():
            pull = -A.rmv(slopes.detach()).reshape(count, -1)
            start = loss.gradient(c[:, None].expand_as(z), b, w)
            size = A.rmv(start).reshape(count, -1).abs().amax(-1)
        held = z.detach(), b.detach(), w.detach()
        jacobian = _curvature(loss, *held, active, columns.detach(), intercept)
        k = active.places.shape[-1]
        bend = branch.curvature(flat, active.places) * (active.held[:, :, None] & active.held[:, None, :])
        jacobian[:, :k, :k] += bend + torch.diag_embed((~active.held).to(x.dtype))
        return cls(flat, branch, pull, active, equation, jacobian, size, _continuous(loss, *held, count))

    def turned(self, grad: Tensor) -> Tensor:
        """−H⁻¹ of a gradient in (x, c)."""
        unknowns, k = self.x.shape[-1], self.active.places.shape[-1]
        inside = grad[:, :unknowns].gather(-1, self.active.places) * self.active.held
        constants = grad[:, unknowns:] if self.equation.shape[-1] > k else grad[:, :0]
        return -solved(self.jacobian, torch.cat([inside, constants], -1))[0]

    @torch.no_grad()
    def settled(self) -> Tensor:
        """Whether the support is certain not to change nearby, (problems,)."""
        step, regular = solved(self.jacobian, self.equation)
        move = self.active.spread(-step[:, : self.active.places.shape[-1]], self.x)
        rests = self.branch.margin(self.x, self.pull) > slack_of(self.equation, self.size)
        return regular & self.smooth & rests & self.branch.survives(self.x, move)


def _curvature(loss: Loss, z: Tensor, b: Tensor, w: Tensor, active: Active, columns: Tensor, intercept: bool) -> Tensor:
    """[A_S 1]'∇²f(z)[A_S 1] of each problem, zero where there is padding; a part of the problems at a time."""
    (count, k), m = active.places.shape, z.shape[-1]
    rows = len(z) // count
    width = k + rows if intercept else k
    ones = torch.eye(rows, dtype=z.dtype, device=z.device)[None, :, :, None].expand(-1, -1, -1, m)
    blocks = []
    for some in torch.arange(count, device=z.device).split(max(1, TOGETHER // max(1, width * rows * m))):
        along, here = torch.zeros(len(some), k, rows, m, dtype=z.dtype, device=z.device), active.part(some)
        entries = columns.mT[here.rank] * here.held[:, :, None]
        along.scatter_(2, here.row[:, :, None, None].expand(-1, -1, 1, m), entries[:, :, None])
        along = torch.cat([along, ones.expand(len(some), -1, -1, -1)], 1) if intercept else along
        where = (some[:, None] * rows + torch.arange(rows, device=z.device)).flatten()
        turned = _turned(loss, z[where], b[where], w, along.movedim(1, 0).reshape(width, len(where), m))
        turned = turned.reshape(width, len(some), rows * m).movedim(0, 1)
        blocks.append(along.flatten(2) @ turned.mT)
    return torch.cat(blocks)


def _turned(loss: Loss, z: Tensor, b: Tensor, w: Tensor, along: Tensor) -> Tensor:
    """∇²f(z) times each of `along` (k, rows, m): by autograd, for a loss may tell Newton a bound of its curvature."""
    with torch.enable_grad():
        free = z.detach().requires_grad_()
        slopes = loss.gradient(free, b, w)
    if not len(along):
        return along
    found: Tensor = torch.autograd.grad(slopes, free, along, is_grads_batched=True)[0]
    return found


def _continuous(loss: Loss, z: Tensor, b: Tensor, w: Tensor, count: int) -> Tensor:
    """Whether f's curvature is the same on both sides of z, for each of `count` problems."""
    nudge = NUDGE * (1 + z.abs())
    one = torch.ones_like(z)[None]
    above, below = (_turned(loss, z + side * nudge, b, w, one) for side in (1, -1))
    jump = (above - below).reshape(count, -1).abs().amax(-1)
    return jump <= JUMP * loss.curvature(z, b, w).reshape(count, -1).amax(-1)
