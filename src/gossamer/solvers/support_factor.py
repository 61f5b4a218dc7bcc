"""Newton systems on a support that changes little from one to the next, by one Cholesky factor."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Indices", "SupportFactor"]

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
BLOCK = 64  # columns that are factored at a time: the rest is matrix products
CHANGES = 0.1  # of the support: with more of them a fresh factor costs less than bordering the old one
DAMPING = 1e-9  # of the largest diagonal entry, added where columns of the support depend on each other


class SupportFactor:
    """Solves (G_SS + ridge) y = r for one support S after another.

    A factor LL' = G_BB + ridge of an earlier support B serves S as well. With N = S \\ B and D = B \\ S,

        [ G_BB + ridge   G_BN           E_D ] [ y_B ]   [ r_B ]
        [ G_NB           G_NN + ridge   0   ] [ y_N ] = [ r_N ]
        [ E_D'           0              0   ] [ μ   ]   [ 0   ]

    holds y at zero on D; its Schur complement has as many rows as S has changed. The Gram matrix may gain rows and
    columns between two calls, but keeps those that it had.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin with a fresh factor at the next call."""
        self.base: Indices = np.empty(0, np.intp)
        self.triangle: _Triangle | None = None
        self.ridge = self.added = 0.0

    def solve(self, gram: Array, support: Indices, ridge: float, r: Array) -> Array | None:
        """y (k,) for r (k,) and k distinct indices of gram; None where even the damped matrix has no factor."""
        place = np.full(len(gram), -1)
        place[self.base] = np.arange(len(self.base))
        found = place[support]
        changes = np.count_nonzero(found < 0) + len(self.base) - np.count_nonzero(found >= 0)
        triangle = self.triangle
        if triangle is None or ridge != self.ridge or changes > CHANGES * len(support):
            triangle, found = self._anew(gram, support, ridge), np.arange(len(support))
        if triangle is None:
            return None
        try:
            y = self._bordered(triangle, gram, support, found, r)
        except np.linalg.LinAlgError:
            y = np.full(len(r), np.nan)
        if np.isfinite(y).all():
            return y
        self.forget()
        return None

    def _anew(self, gram: Array, support: Indices, ridge: float) -> _Triangle | None:
        diagonal = gram[support, support]
        for added in (ridge, ridge + DAMPING * float(diagonal.max())):
            try:
                self.triangle = _Triangle(gram, support, added)
            except np.linalg.LinAlgError:
                continue
            self.base, self.ridge, self.added = support, ridge, added
            return self.triangle
        self.forget()
        return None

    def _bordered(self, triangle: _Triangle, gram: Array, support: Indices, found: Indices, r: Array) -> Array:
        known = found >= 0
        new, size = support[~known], len(self.base)
        dropped = np.ones(size, bool)
        dropped[found[known]] = False
        out = np.flatnonzero(dropped)
        k = len(new)
        sides = np.zeros((size, k + len(out) + 1))
        sides[:, :k] = gram[np.ix_(self.base, new)]
        sides[out, k + np.arange(len(out))] = 1.0
        sides[found[known], -1] = r[known]
        sides = triangle.forward(sides)
        across, along = sides[:, :-1], sides[:, -1]
        schur, right = -across.T @ across, -across.T @ along
        schur[:k, :k] += gram[np.ix_(new, new)]
        schur[np.arange(k), np.arange(k)] += self.added
        right[:k] += r[~known]
        border = np.linalg.solve(schur, right)
        inner = triangle.backward(along - across @ border)
        y = np.empty(len(support))
        y[known], y[~known] = inner[found[known]], border[:k]
        return y


class _Triangle:
    """L with LL' = G_SS + added, and the inverses of its diagonal blocks, which make a solution matrix products.

    By numpy throughout: its threads and torch's, where both are awake, wait for each other.

    Raises: LinAlgError where that matrix is not positive definite.
    """

    def __init__(self, gram: Array, support: Indices, added: float) -> None:
        k = len(support)
        self.lower = lower = np.zeros((k, k))
        self.blocks: list[tuple[int, int, Array]] = []
        for start in range(0, k, BLOCK):
            stop = min(start + BLOCK, k)
            block = gram[np.ix_(support[start:], support[start:stop])]  # gathered when its turn comes
            block[np.arange(stop - start), np.arange(stop - start)] += added
            block -= lower[start:, :start] @ lower[start:stop, :start].T
            corner = np.linalg.cholesky(block[: stop - start])
            inverse = np.linalg.inv(corner)
            lower[start:stop, start:stop] = corner
            lower[stop:, start:stop] = block[stop - start :] @ inverse.T
            self.blocks.append((start, stop, inverse))

    def forward(self, right: Array) -> Array:
        """L⁻¹ right, (k, c). In place."""
        for start, stop, inverse in self.blocks:
            right[start:stop] = inverse @ (right[start:stop] - self.lower[start:stop, :start] @ right[:start])
        return right

    def backward(self, right: Array) -> Array:
        """L⁻ᵀ right, (k,). In place."""
        for start, stop, inverse in reversed(self.blocks):
            right[start:stop] = inverse.T @ (right[start:stop] - self.lower[stop:, start:stop].T @ right[stop:])
        return right
