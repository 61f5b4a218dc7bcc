"""Least squares on a support of its own for each signal, of minimum norm where the support does not decide it."""

from __future__ import annotations

import torch
from torch import Tensor

from ..linop import LinearOperator

__all__ = ["RestrictedFit", "keep_largest"]

# A Cholesky factor whose diagonal spans more than this has lost half of its digits: then a slower solver is asked.
_SPREAD = 1e-6


def keep_largest(x: Tensor, k: int) -> Tensor:
    """H_k: the k entries of largest modulus of each row, the rest zero."""
    kept = torch.zeros(x.shape, dtype=torch.bool, device=x.device)
    return torch.where(kept.scatter(-1, x.abs().topk(k, dim=-1).indices, True), x, 0)


class RestrictedFit:
    """min ‖A_T z − b‖ over z for each signal's T; worked in float64, whatever the design's dtype."""

    def __init__(self, A: LinearOperator) -> None:
        matrix = A.dense()
        self.dtype = matrix.dtype
        self.matrix = matrix.to(torch.complex128 if matrix.is_complex() else torch.float64)
        self.gram = self.matrix.mH @ self.matrix

    def __call__(self, b: Tensor, support: Tensor) -> Tensor:
        """b (signals, m), support (signals, n) bool -> x (signals, n), zero outside of the support."""
        sizes, m = support.sum(-1), self.matrix.shape[0]
        wide = b.to(self.matrix.dtype)
        x = wide.new_zeros(support.shape)
        for rows, solve in ((sizes <= m, self._primal), (sizes > m, self._dual)):
            if bool(rows.any()):
                x[rows] = solve(wide[rows], support[rows])
        return x.to(self.dtype)

    def _primal(self, b: Tensor, support: Tensor) -> Tensor:
        width = max(1, int(support.sum(-1).max()))
        used, places = support.to(torch.uint8).topk(width, dim=-1)
        used = used.bool()
        both = used[:, :, None] & used[:, None, :]
        gram = torch.where(both, self.gram[places[:, :, None], places[:, None, :]], 0)
        gram = gram + torch.diag_embed((~used).to(gram.dtype))
        right = torch.where(used, (b @ self.matrix.conj()).gather(1, places), 0)
        z, sound = _positive_definite(gram, right)
        x = torch.zeros(support.shape, dtype=b.dtype, device=b.device).scatter_add(1, places, torch.where(used, z, 0))
        return self._repaired(x, b, support, sound)

    def _dual(self, b: Tensor, support: Tensor) -> Tensor:
        columns = self.matrix * support[:, None, :]
        y, sound = _positive_definite(columns @ columns.mH, b)
        x = (columns.mH @ y.unsqueeze(-1)).squeeze(-1)
        return self._repaired(x, b, support, sound)

    def _repaired(self, x: Tensor, b: Tensor, support: Tensor, sound: Tensor) -> Tensor:
        odd = ~sound
        if bool(odd.any()):
            columns = self.matrix * support[odd][:, None, :]
            x[odd] = (torch.linalg.pinv(columns) @ b[odd].unsqueeze(-1)).squeeze(-1) * support[odd]
        return x


def _positive_definite(gram: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    factor, info = torch.linalg.cholesky_ex(gram)
    diagonal = factor.diagonal(dim1=-2, dim2=-1).real
    sound = (info == 0) & (diagonal.amin(-1) > _SPREAD * diagonal.amax(-1))
    eye = torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device)
    safe = torch.where(sound[:, None, None], factor, eye)
    return torch.cholesky_solve(right.unsqueeze(-1), safe).squeeze(-1), sound
