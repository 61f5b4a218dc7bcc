"""Room 7: a recipe is data."""

from .steps import CompressStep, Distill, Factorize, Impose, Prune, Quantize, Step, Targets, as_steps

__all__ = ["CompressStep", "Distill", "Factorize", "Impose", "Prune", "Quantize", "Step", "Targets", "as_steps"]
