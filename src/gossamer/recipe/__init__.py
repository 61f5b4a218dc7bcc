"""Room 7: a recipe is data."""

from .steps import (
    CompressStep,
    CorrectBias,
    Distill,
    Factorize,
    Impose,
    Prune,
    Quantize,
    ReestimateBatchNorm,
    Step,
    Targets,
    as_steps,
)

__all__ = [
    "CompressStep",
    "CorrectBias",
    "Distill",
    "Factorize",
    "Impose",
    "Prune",
    "Quantize",
    "ReestimateBatchNorm",
    "Step",
    "Targets",
    "as_steps",
]
