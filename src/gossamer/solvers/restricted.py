"""Least squares on a support of its own for each signal, of minimum norm where the support does not decide it."""

from __future__ import annotations

import torch
from torch import Tensor

from ..linop import Dense, LinearOperator
from ..problem.least_squares import widened

__all__ = ["RestrictedFit", "keep_largest"]

# A Cholesky factor whose diagonal spans more than this has lost half of its digits: then a slower solver is asked.
_SPREAD = 1e-6
# Columns up to which a dense design's whole Gram matrix is kept: 128 MB.
_GRAM_COLUMNS = 4096
_ITEMS_AT_ONCE = 1 << 24
# Conjugate gradients end here, relative to ‖A_Tᴴb‖: in float64, or when a support is too ill-conditioned for them.
_SMALL_SLOPE, _MOST_STEPS = 1e-13, 1000


def keep_largest(x: Tensor, k: int) -> Tensor:
    """H_k: the k entries of largest modulus of each row, the rest zero."""
    kept = torch.zeros(x.shape, dtype=torch.bool, device=x.device)
    return torch.where(kept.scatter(-1, x.abs().topk(k, dim=-1).indices, True), x, 0)


class RestrictedFit:
    """min ‖A_T z − b‖ over z for each signal's T; worked in float64, whatever the design's dtype.

    A small dense design is asked for its Gram matrix once, and each fit picks from that. Any other is asked for the
    columns of T; where even those are too many to hold, conjugate gradients need only products with A.

    Args: once: no other fits will follow, so that the whole Gram matrix is not worth its cost.
    """

    def __init__(self, A: LinearOperator, *, once: bool = False) -> None:
        self.A, self.dtype = widened(A), A.dtype
        small = isinstance(A, Dense) and A.shape[1] <= _GRAM_COLUMNS
        self.gram = self.A.gram() if small and not once else None

    def __call__(self, b: Tensor, support: Tensor) -> Tensor:
        """b (signals, m), support (signals, n) bool -> x (signals, n), zero outside of the support."""
        sizes, m = support.sum(-1), self.A.shape[0]
        wide = b.to(self.A.dtype)
        x = wide.new_zeros(support.shape)
        for rows in (sizes <= m, sizes > m):
            if not bool(rows.any()):
                continue
            width = max(1, int(sizes[rows].max()))
            if m * width > _ITEMS_AT_ONCE:
                x[rows] = self._by_products(wide[rows], support[rows])
                continue
            part = max(1, _ITEMS_AT_ONCE // (max(m, width) * width))
            solved = [
                self._by_columns(right, where, width)
                for right, where in zip(wide[rows].split(part), support[rows].split(part), strict=True)
            ]
            x[rows] = torch.cat(solved)
        return x.to(self.dtype)

    def _by_columns(self, b: Tensor, support: Tensor, width: int) -> Tensor:
        used, places = support.to(torch.uint8).topk(width, dim=-1)
        used = used.bool()
        if width > self.A.shape[0]:
            columns = self._columns(used, places)
            y, sound = _positive_definite(columns @ columns.mH, b)
            z = (columns.mH @ y.unsqueeze(-1)).squeeze(-1)
        else:
            gram, right = self._normal(b, used, places)
            z, sound = _positive_definite(gram + torch.diag_embed((~used).to(gram.dtype)), right)
        if not bool(sound.all()):
            odd = ~sound
            columns = self._columns(used[odd], places[odd])
            z[odd] = (torch.linalg.pinv(columns) @ b[odd].unsqueeze(-1)).squeeze(-1)
        x = torch.zeros(support.shape, dtype=b.dtype, device=b.device)
        return x.scatter_add(1, places, torch.where(used, z, 0))

    def _normal(self, b: Tensor, used: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        """A_TᴴA_T and A_Tᴴb, zero where T is shorter than the longest."""
        if self.gram is None:
            columns = self._columns(used, places)
            return columns.mH @ columns, (columns.mH @ b.unsqueeze(-1)).squeeze(-1)
        both = used[:, :, None] & used[:, None, :]
        gram = torch.where(both, self.gram[places[:, :, None], places[:, None, :]], 0)
        return gram, torch.where(used, self.A.rmv(b).gather(1, places), 0)

    def _columns(self, used: Tensor, places: Tensor) -> Tensor:
        """A_T (signals, m, width)."""
        columns = self.A.columns(places.reshape(-1)).reshape(-1, *places.shape)
        return columns.movedim(0, 1) * used[:, None]

    def _by_products(self, b: Tensor, support: Tensor) -> Tensor:
        """Conjugate gradients on the normal equations from 0, which stay in the range of A_Tᴴ: of minimum norm."""
        x, residual = b.new_zeros(support.shape), b
        slope = torch.where(support, self.A.rmv(residual), 0)
        direction, energy = slope, _squares(slope)
        enough = _SMALL_SLOPE**2 * energy
        for _ in range(_MOST_STEPS):
            going = energy > enough
            if not bool(going.any()):
                break
            image = self.A.mv(direction)
            step = torch.where(going, energy / torch.where(going, _squares(image), 1.0), 0.0)
            x, residual = x + step * direction, residual - step * image
            slope = torch.where(support, self.A.rmv(residual), 0)
            before, energy = energy, torch.where(going, _squares(slope), energy)
            direction = slope + torch.where(going, energy / torch.where(going, before, 1.0), 0.0) * direction
        return x


def _squares(x: Tensor) -> Tensor:
    return x.abs().square().sum(-1, keepdim=True)


def _positive_definite(gram: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    factor, info = torch.linalg.cholesky_ex(gram)
    diagonal = factor.diagonal(dim1=-2, dim2=-1).real
    sound = (info == 0) & (diagonal.amin(-1) > _SPREAD * diagonal.amax(-1))
    eye = torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device)
    safe = torch.where(sound[:, None, None], factor, eye)
    return torch.cholesky_solve(right.unsqueeze(-1), safe).squeeze(-1), sound
