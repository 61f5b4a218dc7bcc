"""The packed layer classes, and which layer becomes which."""

# A weight that cannot be assigned, where the base class has one that can: this is the point of these classes.
# mypy: disable-error-code="override, misc"

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from torch import nn

from .packed import Packed, PackedAttention, PackedRecurrent, PackedSingle

__all__ = [
    "PACKED",
    "PackedConv1d",
    "PackedConv2d",
    "PackedConv3d",
    "PackedConvTranspose1d",
    "PackedConvTranspose2d",
    "PackedConvTranspose3d",
    "PackedEmbedding",
    "PackedEmbeddingBag",
    "PackedGRU",
    "PackedLSTM",
    "PackedLinear",
    "PackedMultiheadAttention",
    "PackedRNN",
    "packed_class",
]


class PackedLinear(PackedSingle, nn.Linear):
    original = nn.Linear


class PackedConv1d(PackedSingle, nn.Conv1d):
    original = nn.Conv1d


class PackedConv2d(PackedSingle, nn.Conv2d):
    original = nn.Conv2d


class PackedConv3d(PackedSingle, nn.Conv3d):
    original = nn.Conv3d


class PackedConvTranspose1d(PackedSingle, nn.ConvTranspose1d):
    original = nn.ConvTranspose1d


class PackedConvTranspose2d(PackedSingle, nn.ConvTranspose2d):
    original = nn.ConvTranspose2d


class PackedConvTranspose3d(PackedSingle, nn.ConvTranspose3d):
    original = nn.ConvTranspose3d


class PackedEmbedding(PackedSingle, nn.Embedding):
    original = nn.Embedding


class PackedEmbeddingBag(PackedSingle, nn.EmbeddingBag):
    original = nn.EmbeddingBag


class PackedMultiheadAttention(PackedAttention, nn.MultiheadAttention):
    original = nn.MultiheadAttention


class PackedRNN(PackedRecurrent, nn.RNN):
    original = nn.RNN


class PackedLSTM(PackedRecurrent, nn.LSTM):
    original = nn.LSTM


class PackedGRU(PackedRecurrent, nn.GRU):
    original = nn.GRU


PACKED: Mapping[type[nn.Module], type[Packed]] = {
    nn.Linear: PackedLinear,
    nn.Conv1d: PackedConv1d,
    nn.Conv2d: PackedConv2d,
    nn.Conv3d: PackedConv3d,
    nn.ConvTranspose1d: PackedConvTranspose1d,
    nn.ConvTranspose2d: PackedConvTranspose2d,
    nn.ConvTranspose3d: PackedConvTranspose3d,
    nn.Embedding: PackedEmbedding,
    nn.EmbeddingBag: PackedEmbeddingBag,
    nn.MultiheadAttention: PackedMultiheadAttention,
    nn.RNN: PackedRNN,
    nn.LSTM: PackedLSTM,
    nn.GRU: PackedGRU,
}

_FAMILIES: Mapping[type[nn.Module], type[Packed]] = {
    nn.MultiheadAttention: PackedAttention,
    nn.RNNBase: PackedRecurrent,
}


def packed_class(original: type[nn.Module]) -> type[Packed]:
    """The packed class of a layer class.

    A class outside the table (a subclass of one in it, transformers' Conv1D) gets one of its own, so that the layer
    stays an instance of it; it is pickled as "the packed class of `original`".

    >>> packed_class(nn.Linear) is PackedLinear
    True
    """
    return PACKED[original] if original in PACKED else _derived(original)  # type: ignore[arg-type]  # a class is hashable


@cache
def _derived(original: type) -> type[Packed]:
    family = next((mixin for base, mixin in _FAMILIES.items() if issubclass(original, base)), PackedSingle)
    name = f"Packed{original.__name__}"
    body = {"original": original, "__reduce_ex__": _reduce, "__module__": __name__, "__qualname__": name}
    return type(name, (family, original), body)


def _reduce(module: Any, protocol: int) -> tuple[Callable[..., nn.Module], tuple[type], dict[str, Any]]:
    return _blank, (type(module).original,), module.__getstate__()


def _blank(original: type[nn.Module]) -> nn.Module:
    made: Any = packed_class(original)
    return made.__new__(made)
