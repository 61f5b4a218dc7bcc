"""Maps one above the other."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import DataError
from .base import LinearOperator
from .products import checked, dense_by_columns, gram_by_columns, norm2_by_lanczos

__all__ = ["Stacked"]


class Stacked(LinearOperator):
    """A₁ above A₂ above …: the same unknowns, all measurements one after another.

    A ridge is one row block: `Stacked([A, Scaled(μ ** 0.5, identity)])`.

    Raises: DataError unless all take as many unknowns in one type on one device.

    >>> from gossamer.linop import Dense
    >>> Stacked([Dense(torch.eye(2)), Dense(torch.ones(1, 2))]).mv(torch.tensor([1.0, 2.0]))
    tensor([1., 2., 3.])
    """

    def __init__(self, parts: Sequence[LinearOperator]) -> None:
        kinds = {(part.shape[1], part.dtype, part.device) for part in parts}
        if len(kinds) != 1:
            given = ", ".join(f"{part.shape} {part.dtype} on {part.device}" for part in parts) or "nothing"
            raise DataError(f"Stacked needs maps of the same unknowns, type and device, given {given}")
        self.parts = tuple(parts)
        ((n, self.dtype, self.device),) = kinds
        self._heights = [part.shape[0] for part in parts]
        self.shape = (sum(self._heights), n)

    def mv(self, x: Tensor) -> Tensor:
        checked(self, x, 1)
        return torch.cat([part.mv(x) for part in self.parts], -1)

    def rmv(self, y: Tensor) -> Tensor:
        pieces = checked(self, y, 0).split(self._heights, -1)
        found = self.parts[0].rmv(pieces[0])
        for part, piece in zip(self.parts[1:], pieces[1:], strict=True):
            found = found + part.rmv(piece)
        return found

    def dense(self) -> Tensor:
        return dense_by_columns(self)

    def columns(self, indices: Tensor) -> Tensor:
        return torch.cat([part.columns(indices) for part in self.parts])

    def column_norms(self, centre: Tensor | None = None) -> Tensor:
        norms: Tensor = torch.linalg.vector_norm(torch.stack([part.column_norms(centre) for part in self.parts]), dim=0)
        return norms

    def gram(self) -> Tensor:
        return gram_by_columns(self)

    def norm2_bound(self) -> float:
        return norm2_by_lanczos(self)

    def double(self) -> Stacked:
        return Stacked([part.double() for part in self.parts])
