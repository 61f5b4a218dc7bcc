"""The inverse Gram matrix of a changing support, by bordering."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["SupportInverse"]

Array = NDArray[np.float64]
DEPENDENT = 1e-10  # of ‖a‖²: what is left of a column after projection on the others
FRESH = 50  # changes after which the inverse is computed anew


class SupportInverse:
    """(A_S'A_S)⁻¹ as columns enter and leave S; k² operations each, and a fresh inverse now and then.

    Args: rows (n, m): the columns of A as contiguous rows, float64.
    """

    def __init__(self, rows: Array) -> None:
        self.rows = rows
        self.support: NDArray[np.intp] = np.empty(0, np.intp)
        self.inverse: Array = np.empty((0, 0))
        self._changes = 0

    def add(self, j: int) -> bool:
        """Take column j in; False, and nothing done, when it depends on the others."""
        column = self.rows[j]
        across = self.rows[self.support] @ column
        weights = self.inverse @ across
        whole = float(column @ column)
        left = whole - float(across @ weights)
        if not left > DEPENDENT * whole:
            return False
        k = len(self.support)
        grown = np.empty((k + 1, k + 1))
        grown[:k, :k] = self.inverse + np.outer(weights, weights) / left
        grown[k, :k] = grown[:k, k] = -weights / left
        grown[k, k] = 1 / left
        self.support, self.inverse = np.append(self.support, j), grown
        self._renew()
        return True

    def drop(self, j: int) -> None:
        """Let column j go."""
        at = int(np.flatnonzero(self.support == j)[0])
        rest = np.delete(np.arange(len(self.support)), at)
        edge = self.inverse[rest, at]
        self.inverse = self.inverse[np.ix_(rest, rest)] - np.outer(edge, edge) / self.inverse[at, at]
        self.support = self.support[rest]
        self._renew()

    def _renew(self) -> None:
        self._changes += 1
        if self._changes % FRESH == 0:
            chosen = self.rows[self.support]
            self.inverse = np.linalg.inv(chosen @ chosen.T).astype(np.float64)
