"""The rooms below, each imported when a command first uses it: `--help` and completion never wait for torch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from safetensors import torch as weights

    from .. import artifact, bench, demo, huggingface, kernels, passes, recipe, render
    from ..artifact import container, saving, staging
    from ..passes import machine
    from ..render import progress

__all__ = [
    "artifact",
    "bench",
    "container",
    "demo",
    "huggingface",
    "kernels",
    "machine",
    "passes",
    "progress",
    "recipe",
    "render",
    "saving",
    "staging",
    "torch",
    "weights",
]

_ELSEWHERE = {
    "container": "gossamer.artifact.container",
    "machine": "gossamer.passes.machine",
    "progress": "gossamer.render.progress",
    "saving": "gossamer.artifact.saving",
    "staging": "gossamer.artifact.staging",
    "torch": "torch",
    "weights": "safetensors.torch",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"the command line knows no room {name!r}")
    return import_module(_ELSEWHERE.get(name, f"gossamer.{name}"))
