"""torch's dynamic quantization: int8 weights of linear layers, activations quantized as they come."""

from __future__ import annotations

import torch
from torch import nn

from ..model import copied
from .peer import Peer, Prepared, Scene, saved_bytes, torch_prepared

__all__ = ["PEER"]

LAYERS = {nn.Linear, nn.LSTM, nn.GRU}


def _prepare(scene: Scene) -> Prepared:
    small = torch.ao.quantization.quantize_dynamic(copied(scene.model), LAYERS, dtype=torch.qint8)
    return torch_prepared(small, scene, saved_bytes(small))


def _unavailable() -> str:
    ao = getattr(torch, "ao", None)
    found = getattr(getattr(ao, "quantization", None), "quantize_dynamic", None)
    return "" if found else f"torch {torch.__version__} has no quantize_dynamic any more"


PEER = Peer("int8 weights and activations of linear layers", _prepare, unavailable=_unavailable)
