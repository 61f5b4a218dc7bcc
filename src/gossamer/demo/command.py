"""The demo as one call: a real model goes in, a proven smaller one comes out."""

from __future__ import annotations

import torch

from ..passes import Proof, Result, compress
from ..recipe import Distill, Prune, Quantize, Step
from ..structure import Grid, TopK
from .digits import ShiftedBatches, accuracy, network, split, train

__all__ = ["RECIPE", "compressed"]

TRAINING_EPOCHS = 50
RECIPE: tuple[Step, ...] = (
    Prune(TopK(0.1, scope="model")),
    Distill(epochs=30, lr=3e-3, alpha=0.7),
    Quantize(Grid(4, per="tensor")),
    Distill(epochs=15, lr=1e-3, alpha=0.7),
)


def compressed(seed: int = 0) -> Result:
    """Train the dense network, compress it, measure both. Everything is fitted on the training images."""
    torch.manual_seed(seed)
    model = network()
    batches = ShiftedBatches(*split("train"))
    train(model, batches, TRAINING_EPOCHS)
    return compress(
        model,
        RECIPE,
        data=batches,
        evaluate=accuracy,
        example_inputs=(split("test")[0][:64],),
        tolerance=1.0,
        proof=Proof(
            factory=f"{network.__module__}:{network.__name__}", metric=f"{accuracy.__module__}:{accuracy.__name__}"
        ),
        seed=seed,
    )
