"""Which tensors of a layer are weight matrices: one table, from layer types to what they own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..nn import Kind, Packed, WeightView, packed_parameters
from ..status import Status

__all__ = ["VIEWS", "views"]

# A layer type by its qualified name, so that one of an optional package needs no import: the kind of its matrices, and
# a pattern for the parameters that are one.
VIEWS: Mapping[str, tuple[Kind, str]] = {
    "torch.nn.modules.linear.Linear": ("linear", "weight"),
    "torch.nn.modules.conv.Conv1d": ("convolution", "weight"),
    "torch.nn.modules.conv.Conv2d": ("convolution", "weight"),
    "torch.nn.modules.conv.Conv3d": ("convolution", "weight"),
    "torch.nn.modules.conv.ConvTranspose1d": ("transposed convolution", "weight"),
    "torch.nn.modules.conv.ConvTranspose2d": ("transposed convolution", "weight"),
    "torch.nn.modules.conv.ConvTranspose3d": ("transposed convolution", "weight"),
    "torch.nn.modules.sparse.Embedding": ("embedding", "weight"),
    "torch.nn.modules.sparse.EmbeddingBag": ("embedding", "weight"),
    # Attention's output projection: its forward is never called, so that no hook sees its inputs.
    "torch.nn.modules.linear.NonDynamicallyQuantizableLinear": ("attention", "weight"),
    "torch.nn.modules.activation.MultiheadAttention": ("attention", "(in|q|k|v)_proj_weight"),
    "torch.nn.modules.rnn.RNN": ("recurrent", r"weight_(ih|hh)_l\d+(_reverse)?"),
    "torch.nn.modules.rnn.LSTM": ("recurrent", r"weight_(ih|hh|hr)_l\d+(_reverse)?"),
    "torch.nn.modules.rnn.GRU": ("recurrent", r"weight_(ih|hh)_l\d+(_reverse)?"),
    "transformers.pytorch_utils.Conv1D": ("transposed linear", "weight"),
}

# Parameters with several axes that are no matrix: a scale for each feature, and attention's two bias rows (1, 1, E).
_KEPT: tuple[tuple[type[nn.Module], str], ...] = (
    (nn.LayerNorm, "weight|bias"),
    (nn.RMSNorm, "weight"),
    (nn.MultiheadAttention, "bias_k|bias_v"),
)


def views(module: nn.Module) -> dict[str, WeightView | Status]:
    """What a layer owns: for each of its parameters a view, or the outcome that it has without one.

    Outcomes: `kept` for what is no matrix (biases, norm scales), `skipped` with a reason for a weight that has no view.
    A subclass counts as its base when it leaves `forward` alone.

    >>> views(nn.Linear(3, 2))
    {'weight': WeightView(kind='linear', shape=(2, 3), groups=1),
     'bias': Status(kind='kept', reason='not a weight matrix')}
    """
    known = next((base for base in type(module).__mro__ if _qualified(base) in VIEWS), None)
    packed = dict(packed_parameters(module))
    slots = {name: packed[name].dense() if name in packed else value for name, value in module._parameters.items()}
    return {name: _outcome(module, name, tensor, known) for name, tensor in slots.items() if tensor is not None}


def _outcome(module: Any, name: str, tensor: Tensor, known: type | None) -> WeightView | Status:
    kept = any(isinstance(module, base) and re.fullmatch(pattern, name) for base, pattern in _KEPT)
    if tensor.ndim < 2 or kept:
        return Status.kept("not a weight matrix")
    if known is None:
        return Status.skipped(_unmapped(type(module)))
    kind, pattern = VIEWS[_qualified(known)]
    if not re.fullmatch(pattern, name):
        return Status.skipped(f"{name!r} is no weight of {known.__name__}; what it does there is unknown")
    reason = _changed(module, known) or _unusable(tensor)
    groups = module.groups if kind in ("convolution", "transposed convolution") else 1
    return Status.skipped(reason) if reason else WeightView(kind, tuple(tensor.shape), groups)


def _unmapped(cls: type) -> str:
    if cls.__module__.startswith("torch.nn."):
        return f"{cls.__name__} is not mapped yet; its weight stays dense"
    return (
        f"{cls.__name__} holds this parameter itself, and how it is used is unknown; "
        f"hold it in a layer of torch.nn (Linear, Conv2d, ...) to have it compressed"
    )


def _changed(module: Any, known: type) -> str:
    """What makes this layer use its weight in another way than its base class, or nothing."""
    cls = type(module).original if isinstance(module, Packed) else type(module)
    for method in ("forward", "_conv_forward"):
        if getattr(cls, method, None) is not getattr(known, method, None):
            return f"{cls.__name__} overrides {method} of {known.__name__}, so how its weight is used is unknown"
        if method in module.__dict__:
            return f"{method} of this {cls.__name__} was replaced, so how its weight is used is unknown"
    if getattr(module, "max_norm", None) is not None:
        return f"max_norm={module.max_norm} rewrites the weight at every forward; build the layer with max_norm=None"
    return ""


def _unusable(tensor: Tensor) -> str:
    """Why a tensor cannot be packed, whatever its layer, or nothing."""
    if not tensor.dtype.is_floating_point:
        return f"its dtype is {str(tensor.dtype).removeprefix('torch.')}; only floating-point weights are compressed"
    if tensor.layout != torch.strided:
        return f"its layout is {str(tensor.layout).removeprefix('torch.')}; call .to_dense() on it first"
    return "" if tensor.numel() else "it holds no element"


def _qualified(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
