"""How many entries a structure's support holds when it is full: what a header need not say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..structure import NM, Block, Structure, Support, TopK

__all__ = ["full_count"]


def full_count(structure: Structure, shape: tuple[int, ...]) -> int | None:
    """Held entries of a full support; None where the structure alone does not say (scope "model").

    >>> full_count(Structure(support=NM(2, 4)), (1, 3, 8)), full_count(Structure(), (5,))
    (12, 5)
    """
    rows, width = _matrix(shape)
    if structure.support is None:
        return rows * width
    return _COUNTS[type(structure.support)](structure.support, shape)


def _topk(word: TopK, shape: tuple[int, ...]) -> int | None:
    rows, width = _matrix(shape)
    if word.scope == "model":
        return None
    if word.scope == "row":
        return rows * word.kept(width)
    if word.block is not None:
        return width // word.block * word.kept(rows * word.block)
    return word.kept(rows * width)


def _nm(word: NM, shape: tuple[int, ...]) -> int | None:
    rows, width = _matrix(shape)
    return rows * (width // word.of) * word.keep


def _block(word: Block, shape: tuple[int, ...]) -> int | None:
    rows, width = _matrix(shape)
    down, across = rows // word.rows, width // word.columns
    blocks = down * word.kept(across) if word.scope == "row" else word.kept(down * across)
    return blocks * word.rows * word.columns


_COUNTS: Mapping[type[Support], Callable[[Any, tuple[int, ...]], int | None]] = {
    TopK: _topk,
    NM: _nm,
    Block: _block,
}


def _matrix(shape: tuple[int, ...]) -> tuple[int, int]:
    rows = 1
    for side in shape[:-1]:
        rows *= side
    return rows, shape[-1] if shape else 1
