"""A sparse matrix by its rows, and what can be asked of it that way."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..errors import DataError
from ..kernels import csr_columns, csr_gram, csr_mv, csr_rmv
from ..kernels.csr import owners

__all__ = ["Compressed"]

LARGEST = (1 << 31) - 2  # what int32 indices reach, one past the last included


@dataclass(frozen=True, eq=False)
class Compressed:
    """Row i holds entries [starts_i, starts_{i+1}), each at its place, no place twice, in any order.

    Args: starts (rows + 1,), places (entries,), int32 where that suffices; values (entries,); width: columns.

    >>> A = Compressed.of(torch.tensor([0, 2, 3]), torch.tensor([0, 2, 2]), torch.tensor([1.0, 2.0, 3.0]), 3)
    >>> A.mv(torch.ones(3)), A.rmv(torch.ones(2)), A.turned().starts.tolist()
    (tensor([3., 3.]), tensor([1., 0., 5.]), [0, 1, 1, 3])
    """

    starts: Tensor
    places: Tensor
    values: Tensor
    width: int

    @classmethod
    def of(cls, starts: Tensor, places: Tensor, values: Tensor, width: int) -> Compressed:
        """Indices as anyone gives them, once it is known that they stay within the matrix.

        Raises: DataError where they do not.
        """
        rows, count = len(starts) - 1, int(starts[-1])
        falls = bool((starts.diff() < 0).any())
        if falls or int(starts[0]) or count > min(len(places), len(values)):
            raise DataError(
                f"A: is broken: its {rows + 1} starts must rise from 0 to at most its {len(places)} entries; "
                f"build it anew"
            )
        places, values = places[:count], values[:count]
        low, high = (int(end) for end in torch.aminmax(places)) if count else (0, 0)
        if low < 0 or (count and high >= width):
            raise DataError(
                f"A: is broken: holds index {low if low < 0 else high}, needs 0 to {width - 1}; build it anew"
            )
        index = torch.int32 if max(rows, width, count) <= LARGEST else torch.int64
        return cls(starts.to(index), places.to(index), values, width)

    @classmethod
    def empty(cls, width: int) -> Compressed:
        """No row, float64, on the CPU."""
        starts = torch.zeros(1, dtype=torch.int32)
        return cls(starts, starts[:0], torch.empty(0, dtype=torch.float64), width)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.starts) - 1, self.width

    @property
    def counts(self) -> Tensor:
        """Entries of each row."""
        return self.starts.diff()

    @property
    def owners(self) -> Tensor:
        """The row of each entry."""
        return owners(self.starts, len(self.places))

    def ascends(self) -> bool:
        """Whether places rise within every row, so that none stands there twice."""
        begins = torch.zeros(len(self.places) + 1, dtype=torch.bool, device=self.places.device)
        begins[self.starts.long()] = True
        return bool((begins[1:-1] | (self.places.diff() > 0)).all())

    def mv(self, x: Tensor) -> Tensor:
        """A x, real, for one x (columns,)."""
        return csr_mv(self.starts, self.places, self.values, x)

    def rmv(self, y: Tensor) -> Tensor:
        """A'y, real, for one y (rows,)."""
        return csr_rmv(self.starts, self.places, self.values, y, self.width)

    def with_values(self, values: Tensor) -> Compressed:
        """Other values at the same places."""
        return replace(self, values=values)

    def above(self, other: Compressed) -> Compressed:
        """The rows of both, one matrix over the other."""
        starts = torch.cat([self.starts, self.starts[-1] + other.starts[1:]])
        places, values = torch.cat([self.places, other.places]), torch.cat([self.values, other.values])
        return replace(self, starts=starts, places=places, values=values)

    def rows_at(self, rows: Tensor) -> Compressed:
        """Some rows, (k, columns)."""
        counts = self.counts[rows]
        starts = torch.zeros(len(rows) + 1, dtype=self.starts.dtype, device=self.starts.device)
        starts[1:] = counts.cumsum(0)
        ahead = torch.repeat_interleave(self.starts[rows] - starts[:-1], counts)
        entries = ahead + _count(ahead)
        return Compressed(starts, self.places[entries], self.values[entries], self.width)

    def columns_at(self, columns: Tensor) -> Compressed:
        """Some columns, each as a row: (k, rows)."""
        slots = torch.full((self.width,), -1, dtype=self.starts.dtype, device=self.starts.device)
        slots[columns] = wanted = _count(columns).to(slots)
        found = csr_columns(self.starts, self.places, self.values, self.width, slots, len(columns))
        chosen = Compressed(*found, len(self.starts) - 1)
        from_slot = slots[columns]
        return chosen if torch.equal(from_slot, wanted) else chosen.rows_at(from_slot)

    def turned(self) -> Compressed:
        """A', by its rows, places in order."""
        found = csr_columns(self.starts, self.places, self.values, self.width, None, self.width)
        return Compressed(*found, len(self.starts) - 1)

    def gram(self, first: int = 0) -> Tensor:
        """Products of the columns from `first` on with all, for places in order."""
        return csr_gram(self.starts, self.places, self.values, self.width, first)

    def tensor(self) -> Tensor:
        """As a torch CSR tensor."""
        with warnings.catch_warnings():  # torch says once a process that its CSR is young; we use two operations of it
            warnings.filterwarnings("ignore", "Sparse CSR tensor support", UserWarning)
            return torch.sparse_csr_tensor(self.starts, self.places, self.values, self.shape, check_invariants=False)


def _count(like: Tensor) -> Tensor:
    """0, 1, .. for each number of `like`."""
    return torch.arange(len(like), dtype=like.dtype, device=like.device)
