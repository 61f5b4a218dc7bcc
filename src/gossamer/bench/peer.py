"""What a peer is: another way to make the same dense model small or fast, used as its own documentation says."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_unflatten

from ..passes.data import call_whole, output_of

__all__ = ["Peer", "Positional", "Prepared", "Scene", "files_bytes", "saved_bytes", "torch_prepared"]


@dataclass(frozen=True, eq=False)
class Scene:
    """What a peer is made from.

    Args:
        model: the dense model in evaluation mode on the CPU; a peer leaves it as it is.
        inputs: what the model takes at the batch size in question, a tuple or a mapping of keywords.
        threads: how many the peer may use.
    """

    model: nn.Module
    inputs: Any
    threads: int


@dataclass(frozen=True, eq=False)
class Prepared:
    """A peer's model, ready to run.

    Args:
        call: runs it on the scene's inputs; converting them has been done before.
        output: the output tensor in what `call` returned.
        bytes: of the file that one would ship.
        module: where it is one, so that its weights can be moved in memory as the dense model's are.
    """

    call: Callable[[], Any]
    output: Callable[[Any], Tensor]
    bytes: int
    module: nn.Module | None = None


@dataclass(frozen=True)
class Peer:
    """One peer.

    Args:
        does: what is done to the model, in a few words.
        prepare: makes it; what the peer's packages raise is passed on.
        packages: modules that must be importable. install: the command that brings them.
        unavailable: any other reason why it cannot be tried here, or "".
    """

    does: str
    prepare: Callable[[Scene], Prepared]
    packages: tuple[str, ...] = ()
    install: str = ""
    unavailable: Callable[[], str] = str

    def missing(self) -> str:
        """Why it cannot be tried here and what to do; "" when it can."""
        absent = [name for name in self.packages if find_spec(name) is None]
        return f"not installed: {self.install}" if absent else self.unavailable()


def torch_prepared(model: nn.Module, scene: Scene, size: int) -> Prepared:
    """A peer that is a torch module like the dense one."""
    return Prepared(lambda: call_whole(model, scene.inputs), output_of, size, model)


def saved_bytes(model: nn.Module) -> int:
    """Bytes of the model's state as torch saves it: the packed formats of others know no safetensors."""
    held = io.BytesIO()
    torch.save(model.state_dict(), held)
    return held.tell()


def files_bytes(folder: Path) -> int:
    """Bytes of all files in a folder; weights may lie beside the graph."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


class Positional(nn.Module):
    """A model that takes its tensors one by one and returns one tensor, as exporters want it."""

    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self.model = scene.model
        self.leaves, self.nest = tree_flatten(scene.inputs)
        self.places = [place for place, leaf in enumerate(self.leaves) if isinstance(leaf, Tensor)]

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        return tuple(self.leaves[place] for place in self.places)

    def forward(self, *tensors: Tensor) -> Tensor:
        leaves = list(self.leaves)
        for place, tensor in zip(self.places, tensors, strict=True):
            leaves[place] = tensor
        return output_of(call_whole(self.model, tree_unflatten(leaves, self.nest)))
