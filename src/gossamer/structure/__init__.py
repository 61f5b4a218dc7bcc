"""Room 1: the frozen words that say a structure: a support, values, a low-rank part.

    W = S + L,   S nonzero only on a *support*, its nonzeros drawn from *values*, rank(L) <= r

Each slot of a `Structure` holds one word or nothing. `&` joins a support with values, `+` adds a low-rank part; both
only fill empty slots, so Python's precedence (`+` binds tighter than `&`) cannot change the meaning:

>>> NM(keep=2, of=4) & Grid(bits=4, group=64) + LowRank(8)
Structure(support=NM(keep=2, of=4), values=Grid(bits=4, group=64, ...), lowrank=LowRank(rank=8))
>>> str(NM(2, 4) & Grid(4, group=64) + LowRank(8))
'2:4 & int4/g64 + rank8'
>>> parse("2:4 & int4/g64 + rank8") == NM(2, 4) & Grid(4, group=64) + LowRank(8)
True

The words carry no tensor and no algorithm: `gossamer.terms` turns one into a constraint that can be projected onto.
"""

from .text import as_structure, meant, parse
from .words import NM, Block, Codebook, Grid, LowRank, Scope, Structure, Support, TopK, Values, Word, kept

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
    "as_structure",
    "kept",
    "meant",
    "parse",
]
