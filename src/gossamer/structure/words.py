"""The words and the structure that they fill; no text is read here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any, ClassVar, Literal

from ..errors import StructureError

__all__ = [
    "NM",
    "Block",
    "Codebook",
    "Grid",
    "LowRank",
    "Scope",
    "Structure",
    "Support",
    "TopK",
    "Values",
    "Word",
    "joined",
    "kept",
]

Scope = Literal["row", "block", "layer", "model"]
_SCOPES = ("row", "block", "layer", "model")


class Word(ABC):
    """One slot's content. Words join into a `Structure` by `&` and `+`."""

    slot: ClassVar[Literal["support", "values", "lowrank"]]

    @abstractmethod
    def __str__(self) -> str: ...

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"

    def __and__(self, other: Word | Structure) -> Structure:
        return joined(_whole(self), "&", _whole(other))

    def __add__(self, other: Word | Structure) -> Structure:
        return joined(_whole(self), "+", _whole(other))


class Support(Word):
    """A word that says which entries may be nonzero."""

    slot = "support"


class Values(Word):
    """A word that says which values the entries may take."""

    slot = "values"


@dataclass(frozen=True, repr=False)
class TopK(Support):
    """At most so many nonzeros within each unit of a scope.

    Args:
        density: fraction kept, in (0, 1]. Of n entries n − ⌊(1 − density)·n⌋ are kept, counted exactly.
        k: the number kept in each unit, instead of `density`.
        scope: the unit: `row` (one output), `block` (all rows of `block` consecutive columns), `layer`, or `model`
            (one threshold over all targeted layers; the allocator turns it into a count for each layer).
        block: columns of one block; only with scope "block".

    >>> TopK(0.1).kept(1000), TopK(0.9).kept(10)
    (100, 9)
    """

    density: float | None = None
    k: int | None = None
    scope: Scope = "layer"
    block: int | None = None

    def __post_init__(self) -> None:
        if (self.density is None) == (self.k is None):
            raise StructureError(f"TopK needs either density or k, given density={self.density}, k={self.k}")
        if self.density is not None:
            _check_density("TopK", self.density)
        if self.k is not None:
            _check_int("TopK", "k", self.k, 0)
        if self.scope not in _SCOPES:
            raise StructureError(f"TopK scope must be one of {', '.join(_SCOPES)}, given {self.scope!r}")
        if (self.block is not None) != (self.scope == "block"):
            raise StructureError(
                f"TopK scope 'block' and block=<columns> go together, given scope={self.scope!r}, block={self.block}"
            )
        if self.block is not None:
            _check_int("TopK", "block", self.block, 1)

    def kept(self, n: int) -> int:
        """How many of `n` entries one unit keeps."""
        return min(self.k, n) if self.k is not None else kept(n, self.density or 0.0)

    def __str__(self) -> str:
        amount = str(self.k) if self.k is not None else _percent(self.density or 0.0)
        scope = f"block{self.block}" if self.scope == "block" else self.scope
        return f"top{amount}" + ("" if scope == "layer" else f"/{scope}")


@dataclass(frozen=True, repr=False)
class NM(Support):
    """At most `keep` nonzeros in each run of `of` consecutive columns of a row (`2:4` keeps 2 of 4).

    >>> str(NM(keep=16, of=128))
    '16:128'
    """

    keep: int
    of: int

    def __post_init__(self) -> None:
        _check_int("NM", "keep", self.keep, 1)
        _check_int("NM", "of", self.of, 1)
        if self.keep > self.of:
            raise StructureError(f"NM keeps at most all of a run, given keep={self.keep}, of={self.of}")

    def __str__(self) -> str:
        return f"{self.keep}:{self.of}"


@dataclass(frozen=True, repr=False)
class Block(Support):
    """Whole blocks of `rows × columns` entries, of which a fraction is kept.

    Args:
        rows, columns: the block's size; they must divide the matrix.
        density: fraction of blocks kept, in (0, 1].
        scope: `row` (each row of blocks) or `layer`.

    >>> str(Block(16, 1, density=0.25))
    'block16x1/25%'
    """

    rows: int
    columns: int
    density: float
    scope: Literal["row", "layer"] = "layer"

    def __post_init__(self) -> None:
        _check_int("Block", "rows", self.rows, 1)
        _check_int("Block", "columns", self.columns, 1)
        _check_density("Block", self.density)
        if self.scope not in ("row", "layer"):
            raise StructureError(f"Block scope must be row or layer, given {self.scope!r}")

    def kept(self, n: int) -> int:
        """How many of `n` blocks one unit keeps."""
        return kept(n, self.density)

    def __str__(self) -> str:
        scope = "" if self.scope == "layer" else f"/{self.scope}"
        return f"block{self.rows}x{self.columns}/{_percent(self.density)}{scope}"


@dataclass(frozen=True, repr=False)
class Grid(Values):
    """Integers on an affine grid: x̂ = S·(q − Z) with q of `bits` bits.

    Args:
        bits: 2 to 8.
        group: columns that share one scale; None for one scale a row (or a tensor).
        per: "channel" (one scale a row), "tensor", or "group" (set by `group`).
        symmetric: Z = 0 and q from −2^(bits−1); otherwise q from 0 with an integer zero point, and 0 stays exact.

    >>> str(Grid(bits=4, group=64)), str(Grid(8)), str(Grid(8, per="tensor", symmetric=False))
    ('int4/g64', 'int8', 'int8/tensor/asym')
    """

    bits: int
    group: int | None = None
    per: Literal["tensor", "channel", "group"] | None = None
    symmetric: bool = True

    def __post_init__(self) -> None:
        _check_int("Grid", "bits", self.bits, 2)
        if self.bits > 8:
            raise StructureError(f"Grid holds 2 to 8 bits, given bits={self.bits}")
        if self.group is not None:
            _check_int("Grid", "group", self.group, 1)
        per = self.per or ("group" if self.group else "channel")
        if per not in ("tensor", "channel", "group") or (per == "group") != (self.group is not None):
            raise StructureError(
                f"Grid per must be 'tensor' or 'channel' without a group, or 'group' with one; "
                f"given per={self.per!r}, group={self.group}"
            )
        object.__setattr__(self, "per", per)

    @property
    def qmin(self) -> int:
        """Smallest integer of the grid."""
        return -(1 << (self.bits - 1)) if self.symmetric else 0

    @property
    def qmax(self) -> int:
        """Largest integer of the grid."""
        return self.qmin + (1 << self.bits) - 1

    def __str__(self) -> str:
        where = {"tensor": "/tensor", "channel": "", "group": f"/g{self.group}"}[self.per or "channel"]
        return f"int{self.bits}{where}" + ("" if self.symmetric else "/asym")


@dataclass(frozen=True, repr=False)
class Codebook(Values):
    """Weight sharing: every value is one of `size` learned numbers.

    >>> str(Codebook(16))
    'codebook16'
    """

    size: int

    def __post_init__(self) -> None:
        _check_int("Codebook", "size", self.size, 1)
        if self.size > 256:
            raise StructureError(f"Codebook holds 1 to 256 values, given size={self.size}")

    def __str__(self) -> str:
        return f"codebook{self.size}"


@dataclass(frozen=True, repr=False)
class LowRank(Word):
    """A matrix of rank at most `rank`, added to what the other slots hold.

    >>> str(LowRank(8))
    'rank8'
    """

    slot = "lowrank"
    rank: int

    def __post_init__(self) -> None:
        _check_int("LowRank", "rank", self.rank, 1)

    def __str__(self) -> str:
        return f"rank{self.rank}"


@dataclass(frozen=True)
class Structure:
    """Three slots: `support & values + lowrank`. An empty slot constrains nothing (no low-rank part is added)."""

    support: Support | None = None
    values: Values | None = None
    lowrank: LowRank | None = None

    def __post_init__(self) -> None:
        for slot, kind in (("support", Support), ("values", Values), ("lowrank", LowRank)):
            word = getattr(self, slot)
            if word is not None and not isinstance(word, kind):
                raise StructureError(f"the {slot} slot holds a {kind.__name__} word, given {word!r}")

    @property
    def words(self) -> tuple[Word, ...]:
        """The filled slots, in order."""
        return tuple(word for word in (self.support, self.values, self.lowrank) if word is not None)

    def filled(self, *words: Word) -> Structure:
        """This structure with each word put into its slot, in place of what was there."""
        slots: dict[str, Any] = {word.slot: word for word in words}
        return replace(self, **slots)

    def __and__(self, other: Word | Structure) -> Structure:
        return joined(self, "&", _whole(other))

    def __add__(self, other: Word | Structure) -> Structure:
        return joined(self, "+", _whole(other))

    def __str__(self) -> str:
        held = " & ".join(str(word) for word in (self.support, self.values) if word is not None)
        low = str(self.lowrank) if self.lowrank else ""
        return " + ".join(text for text in (held, low) if text) or "dense"

    def __repr__(self) -> str:
        return f"Structure({', '.join(f'{word.slot}={word!r}' for word in self.words)})"


def kept(n: int, density: float) -> int:
    """n − ⌊(1 − density)·n⌋, exact in the decimal that the user wrote (0.9 of 10 keeps 9, in floating point 10)."""
    return n - int((1 - Fraction(repr(float(density)))) * n)


def _whole(what: Word | Structure) -> Structure:
    if isinstance(what, Structure):
        return what
    if not isinstance(what, Word):
        raise StructureError(f"a word or a Structure is joined, given {what!r}; read a text with parse(...) first")
    return Structure().filled(what)


def joined(left: Structure, operator: str, right: Structure) -> Structure:
    """Both structures' words in one, by & or +. Raises StructureError where a slot is filled twice."""
    clash = [word for word in right.words if getattr(left, word.slot) is not None]
    if clash:
        raise StructureError(
            f"the {clash[0].slot} slot already holds {getattr(left, clash[0].slot)}; {clash[0]} cannot fill it again"
        )
    only_low = any(side.words and set(side.words) == {side.lowrank} for side in (left, right))
    if operator == "&" and only_low:
        raise StructureError("a low-rank part is added: write + before it, not &")
    if operator == "+" and left.lowrank is None and right.lowrank is None:
        raise StructureError("+ adds a low-rank part; a support and values are joined by &")
    return left.filled(*right.words)


def _percent(density: float) -> str:
    digits = Decimal(repr(float(density))).scaleb(2).normalize()
    return f"{digits:f}%"


def _check_int(word: str, field: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise StructureError(f"{word} {field} must be a whole number of at least {least}, given {value!r}")


def _check_density(word: str, density: object) -> None:
    if isinstance(density, bool) or not isinstance(density, int | float) or not 0 < density <= 1:
        raise StructureError(f"{word} density is the fraction kept, in (0, 1], given {density!r}")
