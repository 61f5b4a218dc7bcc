"""The wire forms of a support: the shortest canonical symbols, whatever index part holds it in memory.

    ranks    N:M with all runs full and C(of, keep) ≤ 4096: the rank of each run's pattern
    blocks   whole blocks: one bit a block
    bits     otherwise: one bit an entry, row-major

Which one applies follows from the spec alone, since no unit of a feasible support holds more than the
structure allows: a support that holds as many entries as a full one is full everywhere. A new form is one
class and one line in the table.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import lru_cache
from itertools import combinations
from math import comb

import torch
from torch import Tensor

from ..structure import Block
from .expected import full_count
from .index import full_runs
from .spec import PackedSpec

__all__ = ["SUPPORT_STREAMS", "SupportStream", "support_stream"]

MOST_PATTERNS = 4096  # patterns of a run that are worth a symbol of their own


class SupportStream(ABC):
    """Turns a support into symbols, whose alphabet and number follow from the spec, and back."""

    name: str

    @abstractmethod
    def fits(self, spec: PackedSpec) -> bool: ...

    @abstractmethod
    def alphabet(self, spec: PackedSpec) -> int: ...

    @abstractmethod
    def count(self, spec: PackedSpec) -> int: ...

    @abstractmethod
    def symbols(self, spec: PackedSpec, support: Tensor) -> Tensor:
        """int (count,) in [0, alphabet) for a support, bool of `spec.shape`."""

    @abstractmethod
    def support(self, spec: PackedSpec, symbols: Tensor) -> Tensor:
        """The support, bool of `spec.shape`, for any symbols in [0, alphabet)."""


class Ranks(SupportStream):
    """rank = Σ_i C(p_i, i + 1) over a run's positions p_0 < p_1 < …: the combinatorial number system.

    log2 C(of, keep) / of bits an entry when all patterns are alike: 2:4 takes 0.646, not 1.

    Source: Knuth, The Art of Computer Programming 4A, section 7.2.1.3, theorem L.
    """

    name = "ranks"

    def fits(self, spec: PackedSpec) -> bool:
        word = full_runs(spec)
        return word is not None and comb(word.of, word.keep) <= MOST_PATTERNS

    def alphabet(self, spec: PackedSpec) -> int:
        keep, of = self._word(spec)
        return comb(of, keep)

    def count(self, spec: PackedSpec) -> int:
        return spec.numel // self._word(spec)[1]

    def symbols(self, spec: PackedSpec, support: Tensor) -> Tensor:
        keep, of = self._word(spec)
        positions = support.reshape(-1, of).nonzero()[:, 1].reshape(-1, keep)
        terms = torch.tensor([[min(comb(p, i + 1), MOST_PATTERNS) for i in range(keep)] for p in range(of)])
        return terms.to(positions.device)[positions, torch.arange(keep, device=positions.device)].sum(-1)

    def support(self, spec: PackedSpec, symbols: Tensor) -> Tensor:
        return _patterns(*self._word(spec)).to(symbols.device)[symbols.to(torch.int64)].reshape(spec.shape)

    @staticmethod
    def _word(spec: PackedSpec) -> tuple[int, int]:
        word = full_runs(spec)
        assert word is not None, "only called where fits"
        return word.keep, word.of


class Blocks(SupportStream):
    """1 for a block that is held whole, row-major over the grid of blocks."""

    name = "blocks"

    def fits(self, spec: PackedSpec) -> bool:
        word = spec.structure.support
        return isinstance(word, Block) and spec.kept == full_count(spec.structure, spec.shape)

    def alphabet(self, spec: PackedSpec) -> int:
        return 2

    def count(self, spec: PackedSpec) -> int:
        batch, down, _, across, _ = self._tiles(spec)
        return batch * down * across

    def symbols(self, spec: PackedSpec, support: Tensor) -> Tensor:
        return support.reshape(self._tiles(spec))[:, :, 0, :, 0].reshape(-1)

    def support(self, spec: PackedSpec, symbols: Tensor) -> Tensor:
        batch, down, rows, across, columns = self._tiles(spec)
        blocks = symbols.to(torch.bool).reshape(batch, down, 1, across, 1)
        return blocks.expand(-1, -1, rows, -1, columns).reshape(spec.shape)

    @staticmethod
    def _tiles(spec: PackedSpec) -> tuple[int, int, int, int, int]:
        word = spec.structure.support
        assert isinstance(word, Block), "only called where fits"
        height = spec.shape[-2] if len(spec.shape) > 1 else 1
        batch, down, across = spec.rows // height, height // word.rows, spec.width // word.columns
        return batch, down, word.rows, across, word.columns


class Bits(SupportStream):
    """1 for a held entry, row-major."""

    name = "bits"

    def fits(self, spec: PackedSpec) -> bool:
        return True

    def alphabet(self, spec: PackedSpec) -> int:
        return 2

    def count(self, spec: PackedSpec) -> int:
        return spec.numel

    def symbols(self, spec: PackedSpec, support: Tensor) -> Tensor:
        return support.reshape(-1)

    def support(self, spec: PackedSpec, symbols: Tensor) -> Tensor:
        return symbols.to(torch.bool).reshape(spec.shape)


SUPPORT_STREAMS: tuple[SupportStream, ...] = (Ranks(), Blocks(), Bits())


def support_stream(spec: PackedSpec) -> SupportStream:
    """The first form in the table that fits."""
    return next(form for form in SUPPORT_STREAMS if form.fits(spec))


@lru_cache(maxsize=16)
def _patterns(keep: int, of: int) -> Tensor:
    """All runs of `of` entries with `keep` set, bool (C(of, keep), of), in the order of their ranks."""
    ordered = sorted(combinations(range(of), keep), key=lambda positions: positions[::-1])
    table = torch.zeros((len(ordered), of), dtype=torch.bool)
    return table.scatter_(1, torch.tensor(ordered), True)
