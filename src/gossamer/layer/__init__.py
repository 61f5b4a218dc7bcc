"""Room 6: layer compressors. A new method is one new file here, or one line in the table below."""

from __future__ import annotations

from collections.abc import Mapping

from ..structure import NM, Block, Codebook, Grid, LowRank, TopK, Word
from .allocate import Allocator, GlobalMagnitude
from .base import Compressor, LayerResult, LayerTask
from .nearest import Nearest
from .random import RandomSupport

__all__ = [
    "DEFAULT_METHOD",
    "METHODS",
    "Allocator",
    "Compressor",
    "GlobalMagnitude",
    "LayerResult",
    "LayerTask",
]

METHODS: Mapping[str, Compressor] = {
    "magnitude": Nearest((TopK, NM, Block)),
    "wanda": Nearest((TopK, NM), weighted=True, by_row=True),
    "random": RandomSupport(),
    "rtn": Nearest((Grid,)),
    "kmeans": Nearest((Codebook,)),
    "svd": Nearest((LowRank,)),
    "nearest": Nearest((TopK, NM, Block, Grid, Codebook, LowRank)),
    "nearest-energy": Nearest((TopK, NM, Block, Grid, Codebook, LowRank), weighted=True),
}
DEFAULT_METHOD: Mapping[type[Word], str] = {
    TopK: "magnitude",
    NM: "magnitude",
    Block: "magnitude",
    Grid: "rtn",
    Codebook: "kmeans",
    LowRank: "svd",
}
