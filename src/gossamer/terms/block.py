"""Whole blocks of entries, kept or dropped together."""

from __future__ import annotations

from torch import Tensor

from ..errors import StructureError
from ..structure import Block
from .base import SupportSet
from .topk import largest

__all__ = ["BlockSupport"]


class BlockSupport(SupportSet):
    """The blocks with the largest total gain; a kept block is held whole.

        max Σ_{blocks kept} Σ_{j in block} gain_j   s.t. a number of blocks, in each row of blocks or in the layer

    Exact for any gain: blocks do not overlap, so their gains add.

    Raises: StructureError when the block's sides do not divide the matrix (*b, out, in).
    """

    def __init__(self, word: Block, shape: tuple[int, ...]) -> None:
        height = shape[-2] if len(shape) > 1 else 1
        if height % word.rows or shape[-1] % word.columns:
            raise StructureError(
                f"a matrix of {height}×{shape[-1]} does not divide into blocks of {word.rows}×{word.columns}; "
                f"choose divisors of both"
            )
        self.word, self.shape = word, shape
        self.tiles = (-1, height // word.rows, word.rows, shape[-1] // word.columns, word.columns)

    @property
    def event_ndim(self) -> int:
        return 2 if self.word.scope == "row" else len(self.shape)

    def _per_block(self, x: Tensor) -> Tensor:
        total = x.reshape(self.tiles).sum((2, 4))  # (batch, block rows, block columns)
        return total.flatten(0, 1) if self.word.scope == "row" else total.reshape(1, -1)

    def select(self, gain: Tensor, tie: Tensor) -> Tensor:
        blocks = self._per_block(gain)
        chosen = largest(blocks, self._per_block(tie), self.word.kept(blocks.shape[1])) & (blocks >= 0)
        tiled = chosen.reshape(-1, self.tiles[1], 1, self.tiles[3], 1)
        return tiled.expand(-1, -1, self.word.rows, -1, self.word.columns).reshape(self.shape)

    def excess(self, nonzero: Tensor) -> int:
        used = self._per_block(nonzero.int()) > 0
        area = self.word.rows * self.word.columns
        return int((used.sum(-1) - self.word.kept(used.shape[1])).clamp(min=0).sum()) * area
