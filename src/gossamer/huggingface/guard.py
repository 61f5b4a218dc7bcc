"""Keeping `model.save_pretrained` of transformers from writing packed weights, which nobody could read back."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from torch import nn
from wrapt import wrap_function_wrapper

from ..errors import ModelError
from ..nn import Packed

__all__ = ["guard"]


def guard(modeling: ModuleType) -> None:
    """Have PreTrainedModel.save_pretrained refuse models that hold packed weights. All others are written as before."""
    wrap_function_wrapper(modeling, "PreTrainedModel.save_pretrained", _refused_when_packed)


def _refused_when_packed(
    save: Callable[..., Any], model: nn.Module, args: tuple[Any, ...], options: dict[str, Any]
) -> Any:
    if any(isinstance(module, Packed) for module in model.modules()):
        raise ModelError(
            f"this {type(model).__name__} holds weights packed by gossamer, which transformers cannot write: call "
            f"gs.save_pretrained(model, folder) to keep them small, or "
            f"gs.to_dense(model).save_pretrained(folder) for plain weights"
        )
    return save(*args, **options)
