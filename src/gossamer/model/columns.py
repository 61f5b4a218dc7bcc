"""What a layer's inputs are in the view's terms: the rows of X, which the matrix multiplies."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ModelError
from ..nn import Kind, WeightView

__all__ = ["column_energy", "column_sum", "columns"]


def columns(
    view: WeightView, module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any] | None = None
) -> Tensor | None:
    """X (groups, samples, in), such that the layer's output rows are X_g M_gᵀ + bias.

    Linear: a sample is one input vector. Convolution: one window, with the layer's stride, padding and dilation.
    Transposed convolution: one input position, its channels repeated for every tap of the kernel: M_g x_g then holds
    what the position adds to the outputs around it, summed over taps, so XᵀX is exact for each tap alone.

    Args:
        view, module: a weight and its layer.
        args, kwargs: what the layer's forward was called with.
    Returns: None when the view does not calibrate: embeddings (an index has no energy), attention (its three inputs
        meet one matrix) and recurrent layers (the hidden state never leaves them). None for inputs that are indices.
    Raises: ModelError when the call holds no input tensor.
    """
    x = _input(view, module, args, kwargs)
    if x is None:
        return None
    windows, sample_axes = _WINDOWS[view.kind](module, x)
    return windows.flatten(1 + sample_axes).flatten(1, sample_axes)


def column_energy(
    view: WeightView,
    module: nn.Module,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any] | None = None,
    kept: Tensor | None = None,
) -> tuple[Tensor, int] | None:
    """diag(X_gᵀX_g) (groups, in) in float64, and the number of samples.

    X itself, which repeats each input entry once a tap, is never written out: the windows are a strided view of x².

    Args: kept, bool (batch, positions): which positions of a linear layer's input count; None is all. Padding would
        weigh as much as text.
    """
    x = _kept(view, _input(view, module, args, kwargs), kept)
    return None if x is None else _summed(view, module, x.double().square())


def column_sum(
    view: WeightView,
    module: nn.Module,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any] | None = None,
    kept: Tensor | None = None,
) -> tuple[Tensor, int] | None:
    """The sum of the rows of X_g (groups, in) in float64, and the number of samples; as `column_energy`."""
    x = _kept(view, _input(view, module, args, kwargs), kept)
    return None if x is None else _summed(view, module, x.double())


def _kept(view: WeightView, x: Tensor | None, kept: Tensor | None) -> Tensor | None:
    """The input without its padding, where it has a position for each of the mask's."""
    if x is None or kept is None or not view.kind.endswith("linear") or x.ndim <= kept.ndim:
        return x
    return x[kept.to(x.device)] if x.shape[: kept.ndim] == kept.shape else x


def _summed(view: WeightView, module: nn.Module, x: Tensor) -> tuple[Tensor, int]:
    windows, sample_axes = _WINDOWS[view.kind](module, x)
    axes = tuple(range(1, 1 + sample_axes))
    return windows.sum(axes).flatten(1), math.prod(windows.shape[axis] for axis in axes)


def _linear(module: Any, x: Tensor) -> tuple[Tensor, int]:
    return x.reshape(1, -1, x.shape[-1]), 1


def _convolution(module: Any, x: Tensor) -> tuple[Tensor, int]:
    """(groups, N, *positions, channels, *taps)."""
    axes = len(module.kernel_size)
    x = x if x.ndim == axes + 2 else x.unsqueeze(0)
    mode = "constant" if module.padding_mode == "zeros" else module.padding_mode
    x = F.pad(x, module._reversed_padding_repeated_twice, mode=mode)
    for axis, kernel, dilation, stride in zip(
        range(2, 2 + axes), module.kernel_size, module.dilation, module.stride, strict=True
    ):
        x = x.unfold(axis, dilation * (kernel - 1) + 1, stride)[..., ::dilation]
    return x.unflatten(1, (module.groups, -1)).movedim(1, 0).movedim(2, 2 + axes), 1 + axes


def _transposed_convolution(module: Any, x: Tensor) -> tuple[Tensor, int]:
    """(groups, N, *positions, channels, taps)."""
    axes = len(module.kernel_size)
    x = x if x.ndim == axes + 2 else x.unsqueeze(0)
    x = x.unflatten(1, (module.groups, -1)).movedim(1, 0).movedim(2, 2 + axes)
    return x.unsqueeze(-1).expand(*x.shape, math.prod(module.kernel_size)), 1 + axes


# Each gives (groups, *sample axes, *column axes) and the number of sample axes.
_WINDOWS: Mapping[Kind, Callable[[Any, Tensor], tuple[Tensor, int]]] = {
    "linear": _linear,
    "transposed linear": _linear,
    "convolution": _convolution,
    "transposed convolution": _transposed_convolution,
}


def _input(
    view: WeightView, module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any] | None
) -> Tensor | None:
    if not view.calibrates:
        return None
    x = next((value for value in (*args, *(kwargs or {}).values()) if isinstance(value, Tensor)), None)
    if x is None:
        raise ModelError(f"a {type(module).__name__} was called without an input tensor; it cannot be calibrated")
    # Indices reach a weight that an embedding shares with a linear layer.
    return x.detach() if x.is_floating_point() else None
