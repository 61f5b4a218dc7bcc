"""One small layer of every mapped type, with inputs, and how to pack a whole model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from gossamer.formats import PackedWeight, pack
from gossamer.model import inventory, swap_
from gossamer.terms import fit


@dataclass(frozen=True)
class LayerCase:
    make: Callable[[], nn.Module]
    inputs: Callable[[], tuple[Tensor, ...]]
    matrices: dict[str, tuple[int, int, int]]
    compiles: bool = True
    kwargs: dict[str, Any] = field(default_factory=dict)


def _of(*shape: int) -> Callable[[], tuple[Tensor, ...]]:
    return lambda: (torch.randn(*shape),)


def _indices() -> tuple[Tensor, ...]:
    return (torch.randint(0, 12, (3, 5)),)


CASES: dict[str, LayerCase] = {
    "linear": LayerCase(lambda: nn.Linear(8, 6), _of(3, 8), {"weight": (1, 6, 8)}),
    "linear, one element": LayerCase(lambda: nn.Linear(1, 1, bias=False), _of(2, 1), {"weight": (1, 1, 1)}),
    "conv1d": LayerCase(lambda: nn.Conv1d(4, 6, 3, stride=2), _of(2, 4, 11), {"weight": (1, 6, 12)}),
    "conv2d": LayerCase(lambda: nn.Conv2d(3, 4, 3, padding=1), _of(2, 3, 7, 6), {"weight": (1, 4, 27)}),
    "conv2d, grouped": LayerCase(lambda: nn.Conv2d(4, 6, 3, groups=2), _of(2, 4, 7, 6), {"weight": (2, 3, 18)}),
    "conv2d, depthwise": LayerCase(lambda: nn.Conv2d(4, 8, (3, 1), groups=4), _of(2, 4, 7, 6), {"weight": (4, 2, 3)}),
    "conv2d, same": LayerCase(
        lambda: nn.Conv2d(3, 4, (2, 3), padding="same", dilation=(1, 2)), _of(2, 3, 7, 6), {"weight": (1, 4, 18)}
    ),
    "conv2d, reflect": LayerCase(
        lambda: nn.Conv2d(3, 4, 3, stride=2, padding=(2, 1), padding_mode="reflect"),
        _of(2, 3, 7, 6),
        {"weight": (1, 4, 27)},
    ),
    "conv3d": LayerCase(lambda: nn.Conv3d(2, 4, (2, 1, 3)), _of(2, 2, 4, 3, 5), {"weight": (1, 4, 12)}),
    "conv transpose 1d": LayerCase(lambda: nn.ConvTranspose1d(4, 6, 3, stride=2), _of(2, 4, 5), {"weight": (1, 6, 12)}),
    "conv transpose 2d, grouped": LayerCase(
        lambda: nn.ConvTranspose2d(4, 6, (3, 2), stride=2, output_padding=1, groups=2),
        _of(2, 4, 5, 4),
        {"weight": (2, 3, 12)},
    ),
    "conv transpose 3d": LayerCase(lambda: nn.ConvTranspose3d(2, 3, 2), _of(1, 2, 3, 3, 3), {"weight": (1, 3, 16)}),
    "embedding": LayerCase(lambda: nn.Embedding(12, 4), _indices, {"weight": (1, 12, 4)}),
    "embedding bag": LayerCase(lambda: nn.EmbeddingBag(12, 4), _indices, {"weight": (1, 12, 4)}),
    "transformers' Conv1D": LayerCase(lambda: Conv1D(6, 8), _of(3, 8), {"weight": (1, 6, 8)}),
    "attention": LayerCase(
        lambda: nn.MultiheadAttention(8, 2, batch_first=True, add_bias_kv=True),
        lambda: (torch.randn(2, 5, 8),) * 3,
        {"in_proj_weight": (1, 24, 8), "out_proj.weight": (1, 8, 8)},
    ),
    "attention, three projections": LayerCase(
        lambda: nn.MultiheadAttention(8, 2, kdim=4, vdim=6),
        lambda: (torch.randn(5, 2, 8), torch.randn(3, 2, 4), torch.randn(3, 2, 6)),
        {
            "q_proj_weight": (1, 8, 8),
            "k_proj_weight": (1, 8, 4),
            "v_proj_weight": (1, 8, 6),
            "out_proj.weight": (1, 8, 8),
        },
    ),
    "lstm": LayerCase(
        lambda: nn.LSTM(4, 3, num_layers=2, bidirectional=True),
        _of(5, 2, 4),
        {
            f"weight_{part}_l{layer}{way}": (1, 12, 3 if part == "hh" else (6 if layer else 4))
            for layer in (0, 1)
            for way in ("", "_reverse")
            for part in ("ih", "hh")
        },
        compiles=False,
    ),
    "lstm, projected": LayerCase(
        lambda: nn.LSTM(4, 6, proj_size=2, bias=False),
        _of(5, 2, 4),
        {"weight_ih_l0": (1, 24, 4), "weight_hh_l0": (1, 24, 2), "weight_hr_l0": (1, 2, 6)},
        compiles=False,
    ),
    "gru": LayerCase(
        lambda: nn.GRU(4, 3, batch_first=True),
        _of(2, 5, 4),
        {"weight_ih_l0": (1, 9, 4), "weight_hh_l0": (1, 9, 3)},
        compiles=False,
    ),
    "rnn": LayerCase(
        lambda: nn.RNN(4, 3), _of(5, 2, 4), {"weight_ih_l0": (1, 3, 4), "weight_hh_l0": (1, 3, 3)}, compiles=False
    ),
}


def first(result: Any) -> Tensor:
    """The output of a layer that may return more."""
    return result[0] if isinstance(result, tuple) else result


def packed_weights(model: nn.Module, structure: str = "int8") -> dict[str, PackedWeight]:
    """Every mapped weight of a model, projected and packed."""
    found = {}
    for site in inventory(model):
        if site.view is not None:
            matrix = site.view.to_matrix(site.tensor.detach())
            found[site.name] = pack(fit(structure, matrix).project(matrix))
    return found


def pack_model_(model: nn.Module, structure: str = "int8", weights: str = "dense") -> dict[str, Tensor]:
    """Pack a whole model in place; returns the dense weights that it must now compute with, by name."""
    views = {site.name: site.view for site in inventory(model)}
    packed = packed_weights(model, structure)
    expected = {name: views[name].from_matrix(weight.dense()) for name, weight in packed.items()}
    swap_(model, packed, weights=weights)
    return expected
