"""Room 7: a recipe is data. It is a tuple of frozen steps, a YAML or JSON text, or the name of a ready recipe."""

from .given import Recipe, as_steps
from .ready import READY, Ready
from .steps import (
    STEPS,
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
)
from .text import parse, read, to_json, to_yaml

__all__ = [
    "READY",
    "STEPS",
    "CompressStep",
    "CorrectBias",
    "Distill",
    "Factorize",
    "Impose",
    "Prune",
    "Quantize",
    "Ready",
    "Recipe",
    "ReestimateBatchNorm",
    "Step",
    "Targets",
    "as_steps",
    "parse",
    "read",
    "to_json",
    "to_yaml",
]
