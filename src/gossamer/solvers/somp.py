"""Simultaneous orthogonal matching pursuit: signals that share one support."""

from __future__ import annotations

import torch
from torch import Tensor

from ..linop import LinearOperator
from .omp import rounding
from .outcome import Ending, Recovery

__all__ = ["simultaneous_omp"]


def simultaneous_omp(A: LinearOperator, b: Tensor, k: int, target: float) -> Recovery:
    """Add the column that correlates most with all residuals together, and fit every signal anew.

        j = argmax_j ‖(a_jᴴr_1, …, a_jᴴr_L)‖₂ / ‖a_j‖

    Args: b (signals, m); target, the norm of all residuals together at which to stop.
    Source: Tropp, Gilbert & Strauss 2006; they sum |a_jᴴr_l|, here its squares.
    """
    (m, n), norms = A.shape, A.column_norms()
    basis, chosen = b.new_zeros(0, m), torch.zeros(0, dtype=torch.long, device=b.device)
    residual, ending = b.clone(), Ending.SPARSITY_REACHED
    goal = max(target, float(torch.linalg.vector_norm(rounding(b))))
    while True:
        if float(torch.linalg.vector_norm(residual)) <= goal:
            ending = Ending.RESIDUAL_REACHED
            break
        if chosen.shape[0] == k:
            break
        score = torch.linalg.vector_norm(A.rmv(residual), dim=0) / norms
        score[chosen] = -1
        j = score.argmax()
        q = A.columns(j[None])[:, 0]
        for _ in range(2):
            q = q - (basis.conj() @ q) @ basis
        p = torch.linalg.vector_norm(q)
        if bool(score[j] <= 0) or bool(p <= 100 * torch.finfo(b.dtype).eps * norms[j]):
            ending = Ending.DEPENDENT_COLUMN
            break
        q = q / p
        residual = residual - (residual @ q.conj())[:, None] * q
        basis, chosen = torch.cat([basis, q[None]]), torch.cat([chosen, j[None]])
    x = b.new_zeros(b.shape[0], n)
    # A_S = Q'R with the basis as rows of Q: R = Q̄ A_S, and R g = Q̄ b.
    triangle = (basis.conj() @ A.columns(chosen)).triu()
    x[:, chosen] = torch.linalg.solve_triangular(triangle, basis.conj() @ b.mT, upper=True).mT
    left = torch.linalg.vector_norm(b - A.mv(x), dim=-1)
    codes = torch.full(left.shape, int(ending), dtype=torch.int8, device=b.device)
    return Recovery(x, codes, left, torch.full(left.shape, chosen.shape[0], device=b.device))
