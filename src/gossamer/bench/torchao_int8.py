"""torchao: int8 weights of linear layers, float activations."""

from __future__ import annotations

from importlib import import_module

from ..model import copied
from .peer import Peer, Prepared, Scene, saved_bytes, torch_prepared

__all__ = ["PEER"]


def _prepare(scene: Scene) -> Prepared:
    library = import_module("torchao.quantization")
    model = copied(scene.model)
    library.quantize_(model, library.Int8WeightOnlyConfig())
    return torch_prepared(model, scene, saved_bytes(model))


PEER = Peer("int8 weights of linear layers", _prepare, ("torchao",), "pip install torchao")
