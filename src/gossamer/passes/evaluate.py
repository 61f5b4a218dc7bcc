"""The user's metric, checked."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import SupportsFloat

import torch
from torch import nn

from ..errors import EvaluateError

__all__ = ["Evaluate", "score"]

Evaluate = Callable[[nn.Module], SupportsFloat]


def score(evaluate: Evaluate, model: nn.Module) -> float:
    """`evaluate(model)` in evaluation mode, without gradients, as a finite float; each submodule's mode is put back.

    Raises: EvaluateError when it raises, or returns None, NaN, infinity or something that is no number.
    """
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            value = evaluate(model)
    except Exception as error:
        raise EvaluateError(f"evaluate raised {type(error).__name__}: {error}; it must return a number for a model") from error
    finally:
        for module, training in modes:
            module.training = training
    try:
        number = float(value)
    except (TypeError, ValueError, RuntimeError):
        raise EvaluateError(
            f"evaluate returned {value!r} of type {type(value).__name__}; it must return one finite number, such as an accuracy"
        ) from None
    if not math.isfinite(number):
        raise EvaluateError(f"evaluate returned {number}; it must return one finite number, such as an accuracy")
    return number
