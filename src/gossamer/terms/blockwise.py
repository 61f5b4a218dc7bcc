"""What penalties share whose entries enter and leave in blocks: how working sets of blocks see them."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from .base import Penalty

__all__ = ["BlockPenalty"]


class BlockPenalty(Penalty):
    """A sum over disjoint blocks of columns."""

    @abstractmethod
    def blocks(self, n: int) -> Tensor:
        """The block of each of the n columns: 0 to B − 1, none empty."""

    @abstractmethod
    def outside(self, v: Tensor) -> Tensor:
        """How far v is outside each block's dual ball, (*b, B): where this is ≤ 0, v = A'r lets the block stay zero.

        v is (*b, n), or (*b, tasks, n) with `event_ndim` 2.
        """

    @abstractmethod
    def restricted(self, columns: Tensor) -> Penalty:
        """The penalty of x[..., columns]: whole blocks, in any order."""
