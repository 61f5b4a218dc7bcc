"""Ready recipes: one table, by the names that `compress(model, "small")` and the command line take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .steps import Distill, Prune, Quantize, Step

__all__ = ["READY", "Ready"]

# Looked up, not multiplied by, and often the largest and most delicate weight. Most models have none: hence "maybe:".
EMBEDDINGS = ("maybe:Embedding", "maybe:EmbeddingBag")


@dataclass(frozen=True)
class Ready:
    """A recipe with a name.

    Args:
        steps: what it does.
        about: for whom it is, what it needs, and what it costs.
    """

    steps: tuple[Step, ...]
    about: str


READY: Mapping[str, Ready] = {
    "small": Ready(
        (Quantize("int5/g64"), Quantize("int5", targets=["maybe:re:.*"])),
        "About a seventh of the bytes of float32, for any model and without data: 5 bits a weight, embeddings too, "
        "with a scale for each 64 of them, or one a row where 64 does not divide it. It costs some accuracy: look at "
        "your metric.",
    ),
    "fast": Ready(
        (Quantize("int8", ignore=EMBEDDINGS),),
        "8 bits with one scale a row in every layer that multiplies, the structure that CPU kernels for packed weights "
        "read; needs no data. In this version a reloaded model computes with dense weights: the file is smaller, the "
        "milliseconds stay.",
    ),
    "small-and-fast": Ready(
        (
            Prune("2:4", "wanda", ignore=EMBEDDINGS),
            Quantize("int8"),
            Distill(lr=1e-4, loss="mse"),
        ),
        "Half of the weights zero in the pattern 2:4, the others in 8 bits, then one epoch of training towards the "
        "dense model; needs batches of data, no labels. It halves the work of kernels that skip the zeros; in this "
        "version a reloaded model computes with dense weights: the file is smaller, the milliseconds stay.",
    ),
    "weight-only-int8": Ready(
        (Quantize("int8"),),
        "A quarter of the bytes of float32 at nearly the same accuracy, for any model and without data: every weight "
        "matrix, embeddings too, in 8 bits with one scale a row. Activations stay float.",
    ),
    "2:4": Ready(
        (Prune("2:4", ignore=EMBEDDINGS),),
        "The two largest of each four weights of a row, the others zero, except in embeddings; needs no data. Without "
        "training afterwards most models lose much accuracy: with data, put Distill after it, or take small-and-fast.",
    ),
}
