"""`python -m gossamer demo`: a real model goes in, a proven smaller one comes out."""

from __future__ import annotations

import json
import time
from pathlib import Path

import torch

from ..passes import Proof, Result, compress
from ..recipe import Distill, Prune, Quantize, Step
from ..structure import Grid, TopK
from .digits import ShiftedBatches, accuracy, network, split, train

__all__ = ["RECIPE", "compressed", "run"]

TRAINING_EPOCHS = 50
RECIPE: tuple[Step, ...] = (
    Prune(TopK(0.1, scope="model")),
    Distill(epochs=30, lr=3e-3, alpha=0.7),
    Quantize(Grid(4, per="tensor")),
    Distill(epochs=15, lr=1e-3, alpha=0.7),
)


def compressed(seed: int) -> Result:
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


def run(folder: Path, seed: int = 0) -> None:
    """Run the demo, print its tables, write `small.safetensors` and `report.json` into `folder`."""
    started = time.perf_counter()
    print(f"{network()}\n{sum(p.numel() for p in network().parameters()):,} parameters\n")
    for step in RECIPE:
        print(f"  {step}")
    print("\ntraining and compressing ...\n", flush=True)
    result = compressed(seed)
    folder.mkdir(parents=True, exist_ok=True)
    result.save(folder / "small.safetensors")
    (folder / "report.json").write_text(json.dumps(result.report.to_dict(), indent=1) + "\n")
    print(result.report)
    print(
        f"\nwrote {folder / 'small.safetensors'} and {folder / 'report.json'} in {time.perf_counter() - started:.0f} s"
    )
