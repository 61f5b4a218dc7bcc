"""N:M: the N largest gains in each run of M consecutive columns."""

from __future__ import annotations

from torch import Tensor

from ..errors import StructureError
from ..structure import NM
from .base import SupportSet
from .topk import largest

__all__ = ["NMSupport"]


class NMSupport(SupportSet):
    """At most `keep` nonzeros in each run of `of` columns of a row.

        max_z Σ_{j in supp} gain_j   s.t. |supp ∩ run| ≤ keep for each run

    Exact for any gain.

    Raises: StructureError when `of` does not divide the width.
    Source: Mishra et al. 2021 for 2:4; with metric = diag(H) it is Wanda's N:M mask (Sun et al. 2023).
    """

    def __init__(self, word: NM, shape: tuple[int, ...]) -> None:
        if shape[-1] % word.of:
            fitting = [m for m in (4, 8, 16, 32, 64, 128, 2) if shape[-1] % m == 0]
            advice = f"choose a run of {' or '.join(map(str, fitting[:2]))}" if fitting else "leave it out with ignore"
            raise StructureError(f"width {shape[-1]} is not a multiple of {word.of} ({word}); {advice}")
        self.word, self.shape = word, shape

    @property
    def event_ndim(self) -> int:
        return 1

    def select(self, gain: Tensor, tie: Tensor) -> Tensor:
        runs = gain.reshape(-1, self.word.of)
        chosen = largest(runs, tie.reshape(-1, self.word.of), self.word.keep)
        return (chosen & (runs >= 0)).reshape(self.shape)

    def excess(self, nonzero: Tensor) -> int:
        return int((nonzero.reshape(-1, self.word.of).sum(-1) - self.word.keep).clamp(min=0).sum())
