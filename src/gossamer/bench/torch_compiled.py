"""torch.compile: the dense model's operations fused into code for this processor."""

from __future__ import annotations

import shutil

import torch

from ..artifact import dense_bytes
from ..model import copied
from .peer import Peer, Prepared, Scene, torch_prepared

__all__ = ["PEER"]

COMPILERS = ("c++", "g++", "clang++")


def _prepare(scene: Scene) -> Prepared:
    torch.compiler.reset()  # another batch size would otherwise make the next one slow and general
    model = copied(scene.model)
    model.compile()  # in place, unlike torch.compile, so that it stays a module
    return torch_prepared(model, scene, dense_bytes(model))


def _unavailable() -> str:
    return "" if any(map(shutil.which, COMPILERS)) else "no C++ compiler was found, which torch.compile needs"


PEER = Peer("the same float weights, fused operations", _prepare, unavailable=_unavailable)
