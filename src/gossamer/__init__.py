"""gossamer: sparse learning and model compression as one thing.

    fit something, inside a structure: support & values + low rank

`compress` takes a model, a recipe, some batches and a metric, and gives back a smaller model, a small safe file and a
proof. Faces that need more than torch are loaded when they are first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import GossamerError
from .huggingface.registration import announce
from .structure import NM, Block, Codebook, Grid, LowRank, Structure, TopK, parse

if TYPE_CHECKING:
    from . import linop, recipe, render, sparse
    from .artifact import inspect, load, to_dense
    from .huggingface import from_pretrained, save_pretrained
    from .passes import Effort, Metric, Proof, Result, compress, compress_, verify  # type: ignore[no-redef]
    from .recipe import CorrectBias, Distill, Factorize, Impose, Prune, Quantize, ReestimateBatchNorm
    from .render import show_progress

__version__ = "0.1.0"

_LAZY = {
    "compress": "passes",
    "compress_": "passes",
    "verify": "passes",
    "Effort": "passes",
    "Metric": "passes",
    "Proof": "passes",
    "Result": "passes",
    "Prune": "recipe",
    "Quantize": "recipe",
    "Factorize": "recipe",
    "Impose": "recipe",
    "Distill": "recipe",
    "CorrectBias": "recipe",
    "ReestimateBatchNorm": "recipe",
    "from_pretrained": "huggingface",
    "save_pretrained": "huggingface",
    "show_progress": "render",
    "load": "artifact",
    "inspect": "artifact",
    "to_dense": "artifact",
}
_ROOMS = ("linop", "recipe", "render", "sparse")  # whole rooms: gossamer.recipe.read, gossamer.sparse.omp

__all__ = [
    "NM",
    "Block",
    "Codebook",
    "CorrectBias",
    "Distill",
    "Effort",
    "Factorize",
    "GossamerError",
    "Grid",
    "Impose",
    "LowRank",
    "Metric",
    "Proof",
    "Prune",
    "Quantize",
    "ReestimateBatchNorm",
    "Result",
    "Structure",
    "TopK",
    "__version__",
    "compress",
    "compress_",
    "from_pretrained",
    "inspect",
    "linop",
    "load",
    "parse",
    "recipe",
    "render",
    "save_pretrained",
    "show_progress",
    "sparse",
    "to_dense",
    "verify",
]


announce()  # to transformers, when and if that is imported


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f".{name}", __name__)
    if name in _LAZY:
        value = getattr(import_module(f".{_LAZY[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'gossamer' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
