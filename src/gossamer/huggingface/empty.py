"""Models without their weights, made quickly and in any process."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ModelError
from .libraries import transformers

__all__ = ["EmptyModel", "Skeleton", "model_class"]


@dataclass(frozen=True)
class EmptyModel:
    """Makes a transformers model of this architecture; its weights are whatever lies in memory.

    Args: architecture, the class's name in transformers; config, what config.json says.
    """

    architecture: str
    config: Mapping[str, Any]

    def __call__(self) -> nn.Module:
        library, cls = transformers(), model_class(self.architecture)
        plain = {key: value for key, value in self.config.items() if key != "quantization_config"}
        config = (
            library.AutoConfig.for_model(**plain) if cls.config_class is None else cls.config_class.from_dict(plain)
        )
        try:
            with _without_filling():
                made: Any = cls._from_config(config)
        except (RuntimeError, MemoryError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ModelError(
                f"config.json: {self.architecture} cannot be made from it ({type(error).__name__}: {error})"
            ) from error
        made.tie_weights()  # part of what is left out above
        model: nn.Module = made.eval()
        return model


@dataclass(frozen=True, eq=False)
class Skeleton:
    """Makes a model like the one it was taken from; its parameters are whatever lies in memory, its buffers are copies.

    Args: hollow, the model with its parameters on the meta device, which takes no memory.
    """

    hollow: nn.Module

    @classmethod
    def of(cls, model: nn.Module) -> Skeleton:
        """The skeleton of a model."""
        return cls(_remade(model, lambda tensor: torch.empty_like(tensor, device="meta")))

    def __call__(self) -> nn.Module:
        return _remade(self.hollow, lambda tensor: torch.empty_like(tensor, device="cpu")).eval()


def model_class(architecture: str) -> Any:
    """The class of this name in transformers. Raises: ModelError when there is none."""
    library = transformers()
    found = getattr(library, architecture, None)
    if not isinstance(found, type) or not issubclass(found, library.PreTrainedModel):
        raise ModelError(
            f"config.json: architecture {architecture!r:.80} is no model class of transformers "
            f"{library.__version__}; install the version that has it. Code that comes with a folder is never run"
        )
    return found


def _remade(model: nn.Module, change: Callable[[Tensor], Tensor]) -> nn.Module:
    """A deep copy whose parameters are `change`d, each once: what was tied stays tied."""
    memo: dict[int, Any] = {
        id(parameter): nn.Parameter(change(parameter.detach()), parameter.requires_grad)
        for parameter in model.parameters()
    }
    return copy.deepcopy(model, memo)


def _without_filling() -> Any:
    """Where random numbers for weights are not drawn: for a large model they take minutes."""
    try:
        place: Any = import_module("transformers.initialization")
    except ImportError:  # before 5.0
        place = import_module("transformers.modeling_utils")
    return place.no_init_weights()
