"""Basis pursuit by alternating directions: many signals at once, any device."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..errors import DataError
from ..problem import Pursuit, pursuit_gap
from .convex import IterativeSolver
from .outcome import Recovery
from .pursuit import PursuitSolver, pursued

__all__ = ["ADMM"]

STRIDE = 25  # iterations between two looks at the certificate
DAMPED = 1e-12  # relative: an AA' whose least eigenvalue is below this share is not invertible
THRESHOLD = 0.3  # 1/ρ as a share of the largest entry of A⁺b


@dataclass(frozen=True, eq=False)
class AdmmState:
    """x, z, u, and what stays: (AA')⁻¹, A⁺b and the threshold 1/ρ of each signal."""

    x: Tensor
    z: Tensor
    u: Tensor
    inverse: Tensor
    least: Tensor
    threshold: Tensor
    steps: Tensor
    reached: Tensor


@dataclass(frozen=True)
class ADMM(IterativeSolver[Pursuit, AdmmState], PursuitSolver):
    """min ‖x‖₁ s.t. Ax = b, vectorised over signals.

        x = (I − A'(AA')⁻¹A)(z − u) + A'(AA')⁻¹b,   z = S_{1/ρ}(x + u),   u ← u + x − z

    x is feasible at every iteration; ρ·(AA')⁻¹Au is the dual witness. A signal that is done is held as it is.

    Args: tol: the relative gap to reach; max_rounds: rounds of 25 iterations at most.
    Raises: DataError when AA' is not invertible, or epsilon is not 0.
    Source: Boyd et al. 2011, section 6.2.
    """

    tol: float = 1e-6
    max_rounds: int = 400

    def solve(self, problem: Pursuit) -> Recovery:
        return self.run(problem)

    def within(self, steps: int) -> ADMM:
        """Rounded up to whole rounds."""
        return replace(self, max_rounds=-(-steps // STRIDE))

    def init(self, problem: Pursuit, x0: Tensor | None) -> AdmmState:
        if problem.epsilon:
            raise DataError(f"ADMM solves Ax = b, epsilon is {problem.epsilon}; use solver='homotopy'")
        A = problem.matrix
        values, vectors = torch.linalg.eigh(A @ A.mT)
        if not float(values[0]) > DAMPED * float(values[-1]):
            raise DataError("AA' is not invertible (dependent or zero rows); drop rows, or use solver='homotopy'")
        inverse = (vectors / values) @ vectors.mT
        least = problem.b.double() @ inverse @ A
        zero = torch.zeros_like(least)
        threshold = (THRESHOLD * least.abs().amax(-1, keepdim=True)).clamp(min=torch.finfo(least.dtype).tiny)
        count = torch.zeros(len(least), dtype=torch.int64, device=least.device)
        return AdmmState(least, zero, zero, inverse, least, threshold, count, count > 0)

    def step(self, problem: Pursuit, state: AdmmState) -> AdmmState:
        A, run = problem.matrix, ~state.reached
        z, u = state.z[run], state.u[run]
        least, threshold = state.least[run], state.threshold[run]
        for _ in range(STRIDE):
            back = z - u
            x = back - back @ A.mT @ state.inverse @ A + least
            z = x + u - (x + u).clamp(-threshold, threshold)
            u = u + x - z
        dual = u @ A.mT @ state.inverse
        gap = pursuit_gap(problem.data.wide, problem.b[run], x, dual, torch.zeros_like(dual[:, 0])).gap
        places = (run.nonzero()[:, 0],)
        return replace(
            state,
            x=state.x.index_put(places, x),
            z=state.z.index_put(places, z),
            u=state.u.index_put(places, u),
            steps=state.steps + STRIDE * run,
            reached=state.reached.index_put(places, gap <= self.tol),
        )

    def finished(self, problem: Pursuit, state: AdmmState) -> bool:
        return bool(state.reached.all()) or int(state.steps.max()) >= STRIDE * self.max_rounds

    def result(self, problem: Pursuit, state: AdmmState) -> Recovery:
        dual = state.u @ problem.matrix.mT @ state.inverse
        return pursued(problem, state.x, dual, state.steps, self.tol)
