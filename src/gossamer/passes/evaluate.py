"""The user's metric, checked; and the mode in which models are looked at."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import SupportsFloat

import torch
from torch import nn

from ..errors import EvaluateError

__all__ = ["Evaluate", "evaluating", "score"]

Evaluate = Callable[[nn.Module], SupportsFloat]


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; every submodule's own mode is put back."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training


def score(evaluate: Evaluate, model: nn.Module) -> float:
    """`evaluate(model)` as a finite float.

    Raises: EvaluateError when it raises, or returns None, NaN, infinity or something that is no number.
    """
    try:
        with evaluating(model):
            value = evaluate(model)
    except Exception as error:
        raise EvaluateError(
            f"evaluate raised {type(error).__name__}: {error}; it must return a number for a model"
        ) from error
    try:
        number = float(value)
    except (TypeError, ValueError, RuntimeError):
        raise EvaluateError(
            f"evaluate returned {value!r} of type {type(value).__name__}; "
            f"it must return one finite number, such as an accuracy"
        ) from None
    if not math.isfinite(number):
        raise EvaluateError(f"evaluate returned {number}; it must return one finite number, such as an accuracy")
    return number
