"""Turning layers into packed ones and back, in place: identity, hooks, flags and other members stay.

Only `gossamer.model.swap` calls `pack_` and `unpack_`.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from torch import nn

from .layers import packed_class
from .packed import SUFFIX, Packed, packed_parameters
from .parameter import PackedParameter, Weights

__all__ = ["pack_", "set_weights_", "unpack_"]


def pack_(module: Any, name: str, packed: PackedParameter) -> None:
    """Replace the parameter `name` of a layer by `packed`. The layer may hold other packed weights already."""
    if not issubclass(type(module), Packed):
        packed_type = packed_class(type(module))
        packed_type.entered_(module)
        module.__class__ = packed_type
    before = module._modules.get(name + SUFFIX)
    if isinstance(before, PackedParameter):
        packed.trainable = before.trainable
    packed.train(module.training)
    module._parameters[name] = None
    module._modules[name + SUFFIX] = packed


def unpack_(module: Any, made: MutableMapping[PackedParameter, nn.Parameter]) -> None:
    """Give a packed layer its class and plain parameters back; `made` keeps what tied layers share."""
    packed_type: Any = type(module)
    if not issubclass(packed_type, Packed):
        return
    found = dict(packed_parameters(module))
    for packed in found.values():
        if packed not in made:
            made[packed] = nn.Parameter(packed.dense().detach().clone(), requires_grad=packed.trainable)
    for name, packed in found.items():
        del module._modules[name + SUFFIX]
        module._parameters[name] = made[packed]
    module.__class__ = packed_type.original
    packed_type.left_(module)


def set_weights_(model: nn.Module, weights: Weights) -> None:
    """Hold every packed weight of a model "dense" (fast, more memory) or "packed" (decoded at each use)."""
    for module in model.modules():
        if isinstance(module, PackedParameter):
            module.set_weights_(weights)
