"""The derivative of a solution under any loss, by implicit differentiation on its support."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..errors import DataError
from ..linop import LinearOperator
from ..problem import Loss
from ..problem.least_squares import widened
from .branch import Branch
from .implicit import CARE, DEPENDENT, FLOOR, as_solution
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
    parts = [slice(0, rows)] if together else [slice(row, row + 1) for row in range(rows)]
    constants = found.x.new_zeros(rows) if found.intercept is None else found.intercept
    pieces: list[tuple[Tensor, Tensor, Tensor]] = []
    for part in parts:
        x, c = found.x[part].detach().double(), constants[part].detach().double()
        system = _System.of(A, b[part], weights, loss, branch, x, c, found.intercept is not None)
        start = torch.cat([x.flatten(), c])
        whole = as_solution(system.equation, start, system.turned)
        pieces.append((whole, x, system.settled()))
    moved = [(whole[: x.numel()].view(x.shape), whole[x.numel() :]) for whole, x, _ in pieces]
    return replace(
        found,
        x=torch.cat([x for x, _ in moved]).to(found.x.dtype),
        intercept=None if found.intercept is None else torch.cat([c for _, c in moved]).to(found.intercept.dtype),
        differentiable=torch.stack([sure for _, _, sure in pieces]).reshape(found.ending.shape),
    )


@dataclass(frozen=True, eq=False)
class _System:
    """The stationary equation of one problem on its support and intercepts, and its Jacobian H.

    Args: x (1, unknowns), unknown t·n + j is column j of row t; pull: −A'∇f, all of it; places (k,): where the
        equation's unknowns are in (x, c); equation (k,): in the user's graph, about 0; jacobian (k, k); size: max
        |A'∇f| at x = 0, c held; smooth: whether f's curvature is continuous here.
    """

    x: Tensor
    branch: Branch
    pull: Tensor
    places: Tensor
    equation: Tensor
    jacobian: Tensor
    size: Tensor
    smooth: Tensor

    @classmethod
    def of(
        cls, A: LinearOperator, b: Tensor, w: Tensor, loss: Loss, branch: Branch, x: Tensor, c: Tensor, intercept: bool
    ) -> _System:
        rows, n = x.shape
        flat = x.reshape(1, -1)
        with torch.no_grad():
            active = branch.active(flat)[0].nonzero()[:, 0]
            used = (branch.active(flat).view(rows, n) | (x != 0)).any(0).nonzero()[:, 0]
            ranks = torch.zeros(n, dtype=torch.int64, device=x.device)
            ranks[used] = torch.arange(len(used), device=x.device)
        columns = A.columns(used)
        z = x[:, used] @ columns.mT + c[:, None]
        slopes = loss.gradient(z, b, w)
        if b.requires_grad and not loss.gradient(z.detach(), b, w.detach()).requires_grad:
            raise DataError("the targets take part in autograd, and labels have no derivative; detach them")
        row, column = active // n, ranks[active % n]
        equation = (slopes @ columns)[row, column] + branch.slope(flat)[0, active]
        with torch.no_grad():
            fixed = z.detach()
            spread = torch.zeros(len(active), rows, A.shape[0], dtype=x.dtype, device=x.device)
            spread[torch.arange(len(active), device=x.device), row] = columns.detach().mT[column]
            if intercept:
                ones = torch.eye(rows, dtype=x.dtype, device=x.device)[:, :, None].expand(-1, -1, A.shape[0])
                spread = torch.cat([spread, ones])
            pull = -A.rmv(slopes.detach()).reshape(1, -1)
            start = loss.gradient(c[:, None].expand_as(fixed), b.detach(), w.detach())
            size = A.rmv(start).abs().amax()
            bend = branch.curvature(flat, active[None])[0]
        jacobian = spread.flatten(1) @ _turned(loss, fixed, b, w, spread).flatten(1).mT
        jacobian[: len(active), : len(active)] += bend
        places = active
        if intercept:
            equation = torch.cat([equation, slopes.sum(-1)])
            places = torch.cat([active, flat.shape[-1] + torch.arange(rows, device=x.device)])
        return cls(flat, branch, pull, places, equation, jacobian, size, _continuous(loss, fixed, b, w))

    def solve(self, right: Tensor) -> tuple[Tensor, Tensor]:
        """H⁻¹ right (k,), and whether H is regular; by the pseudoinverse where it is not."""
        factor, info = torch.linalg.cholesky_ex(self.jacobian)
        good = (info == 0) & (factor.diagonal() ** 2 > DEPENDENT * self.jacobian.diagonal()).all()
        if bool(good):
            return torch.cholesky_solve(right[:, None], factor)[:, 0], good
        return torch.linalg.pinv(self.jacobian, rtol=DEPENDENT, hermitian=True) @ right, good

    def turned(self, grad: Tensor) -> Tensor:
        """−H⁻¹ of a gradient in (x, c)."""
        return -self.solve(grad[self.places])[0]

    @torch.no_grad()
    def settled(self) -> Tensor:
        """Whether the support is certain not to change nearby, ()."""
        step, regular = self.solve(self.equation)
        inside = self.places < self.x.shape[-1]
        move = torch.zeros_like(self.x).index_add_(-1, self.places[inside], -step[None, inside])
        error = self.equation.abs().amax() if len(self.equation) else self.equation.sum()
        rests = self.branch.margin(self.x, self.pull)[0] > CARE * error + FLOOR * self.size
        return regular & self.smooth & rests & self.branch.survives(self.x, move)[0]


def _turned(loss: Loss, z: Tensor, b: Tensor, w: Tensor, along: Tensor) -> Tensor:
    """∇²f(z) times each of `along` (k, rows, m): by autograd, for a loss may tell Newton a bound of its curvature."""
    with torch.enable_grad():
        free = z.detach().requires_grad_()
        slopes = loss.gradient(free, b.detach(), w.detach())
    if not len(along):
        return along
    found: Tensor = torch.autograd.grad(slopes, free, along, is_grads_batched=True)[0]
    return found


def _continuous(loss: Loss, z: Tensor, b: Tensor, w: Tensor) -> Tensor:
    nudge = NUDGE * (1 + z.abs())
    one = torch.ones_like(z)[None]
    above, below = (_turned(loss, z + side * nudge, b, w, one) for side in (1, -1))
    return (above - below).abs().amax() <= JUMP * loss.curvature(z, b.detach(), w.detach()).amax()
