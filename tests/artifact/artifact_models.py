"""A small model that holds a weight of every wire form, and how to pack it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gossamer.formats import PackedWeight, pack
from gossamer.model import inventory, swap_
from gossamer.terms import fit

__all__ = ["RECIPE", "STRUCTURES", "Mixed", "bits_of", "packed_mixed", "packed_weights"]

# Every wire form of a support, every kind of values, factors; groups and both transposed layouts.
STRUCTURES = {
    "runs.weight": "2:4 & int4",
    "rows.weight": "top25%/row & int3/g8/asym",
    "book.weight": "codebook3",
    "low.weight": "rank2",
    "conv.weight": "block2x3/50%",
    "up.weight": "int8/tensor",
    "embedding.weight": "top30% & int2",
}
RECIPE = [{"step": "prune", "structure": "2:4"}, {"step": "distill", "epochs": 2, "lr": 0.001}]


class Mixed(nn.Module):
    """Packed weights, plain ones, buffers, a tie, half precision."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(12, 8)
        self.runs = nn.Linear(16, 8)
        self.rows = nn.Linear(16, 8)
        self.book = nn.Linear(16, 8, bias=False)
        self.low = nn.Linear(16, 8, bias=False)
        self.conv = nn.Conv2d(4, 8, 3, groups=2, bias=False)
        self.up = nn.ConvTranspose2d(4, 6, 2, groups=2, bias=False)
        self.norm = nn.BatchNorm1d(8)
        self.half = nn.Linear(4, 2).half()
        self.head = nn.Linear(8, 12, bias=False)
        self.head.weight = self.embedding.weight


def packed_weights(model: nn.Module, structures: Mapping[str, str]) -> dict[str, PackedWeight]:
    """The named weights, projected and packed."""
    found = {}
    for site in inventory(model):
        if site.name in structures:
            matrix = site.view.to_matrix(site.tensor.detach())
            found[site.name] = pack(fit(structures[site.name], matrix).project(matrix))
    return found


def packed_mixed(seed: int = 0) -> Mixed:
    """`Mixed` with random weights, packed as `STRUCTURES` says."""
    torch.manual_seed(seed)
    model = Mixed()
    swap_(model, packed_weights(model, STRUCTURES))
    return model


def bits_of(model: nn.Module) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """Every tensor of a model by every name, as bytes: two models are the same when these are."""

    def raw(tensor: Tensor) -> bytes:
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        return flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""

    return {
        name: (str(site.tensor.dtype), tuple(site.tensor.shape), raw(site.tensor))
        for site in inventory(model)
        for name in site.names
    }
