"""The module that owns one packed weight."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from ..errors import ModelError, RecipeError
from ..formats import PackedWeight, restore
from .view import WeightView

__all__ = ["PackedParameter", "Weights"]

Weights = Literal["dense", "packed"]


class PackedParameter(nn.Module):
    """One packed weight, in the place where a layer had an `nn.Parameter`.

    Its parts (codes, scales, …) are persistent buffers: they make up the `state_dict`, and alone define the weight.
    With weights "dense" it also holds the dense tensor, a cache that is in no `state_dict` and in no pickle; with
    "packed" it decodes at each use. Two layers that share a weight share one PackedParameter.

    A conversion (`.half()`, `.to(dtype)`) changes the dtype of the weight that layers see, never the parts': the dense
    tensor is decoded again, so `.half().float()` gives back the first weight to the bit.

    Args:
        packed: the weight, of the view's matrix shape.
        view: the matrix's way back to the parameter's shape.
        like: the tensor that it stands for, which gives dtype, device, memory layout and `requires_grad`.
        weights: "dense" or "packed".
    Raises: ModelError when the shapes of `packed`, `view` and `like` disagree.
    """

    def __init__(self, packed: PackedWeight, view: WeightView, like: Tensor, weights: Weights = "dense") -> None:
        super().__init__()
        if tuple(packed.spec.shape) != view.matrix_shape or tuple(like.shape) != view.shape:
            raise ModelError(
                f"a packed weight of shape {tuple(packed.spec.shape)} was given for a parameter of shape "
                f"{tuple(like.shape)}, whose matrix is {view.matrix_shape}; pack the layer's own weight"
            )
        self.spec = packed.spec
        self.view = view
        self.dtype = like.dtype
        self.trainable = like.requires_grad
        for name, part in packed.buffers().items():
            self.register_buffer(name, part.detach().to(like.device, copy=True))
        self.register_buffer("_dense", None, persistent=False)
        if _checked(weights) == "dense":
            self._decode_into(like.detach())

    def parts(self) -> dict[str, Tensor]:
        """The buffers that define the weight, by name."""
        return {name: part for name, part in self._buffers.items() if name != "_dense" and part is not None}

    def packed(self) -> PackedWeight:
        """The packed weight, sharing memory with the buffers."""
        return restore(self.spec, self.parts())

    def decode(self) -> Tensor:
        """The weight, in the parameter's shape, decoded from the parts."""
        return self.view.from_matrix(self.packed().dense(self.dtype))

    def dense(self) -> Tensor:
        """The weight as layers use it: the cache, or decoded now."""
        dense = self._buffers["_dense"]
        return self.decode() if dense is None else dense

    @property
    def weights(self) -> Weights:
        """Whether the dense tensor is held or decoded at each use."""
        return "packed" if self._buffers["_dense"] is None else "dense"

    def set_weights_(self, weights: Weights) -> None:
        """Hold the dense tensor, or drop it and decode at each use."""
        if _checked(weights) == "packed":
            self._buffers["_dense"] = None
        elif self._buffers["_dense"] is None:
            self._decode_into(torch.empty(self.view.shape, dtype=self.dtype, device="meta"))

    @property
    def nbytes(self) -> int:
        """Bytes of the parts."""
        return sum(part.numel() * part.element_size() for part in self.parts().values())

    def extra_repr(self) -> str:
        return f"{self.spec.structure}, {self.nbytes} bytes, weights={self.weights!r}"

    @torch.no_grad()
    def _decode_into(self, like: Tensor) -> None:
        """Fill the cache, in the dtype and memory layout of `like`, on the device of the parts."""
        weight = self.decode()
        mine = like is self._buffers["_dense"] and like.device == weight.device
        self._buffers["_dense"] = (like if mine else torch.empty_like(like, device=weight.device)).copy_(weight)

    @torch.no_grad()
    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> PackedParameter:
        for name, part in self.parts().items():
            moved = fn(part)
            # A scale in half precision is another scale: parts take the device that fn asks for, never its dtype.
            self._buffers[name] = moved if moved.dtype == part.dtype else part.to(moved.device)
        dense = self._buffers["_dense"]
        device = next((part.device for part in self.parts().values()), None)
        asked = fn(torch.empty(0, dtype=self.dtype, device=device) if dense is None else dense)
        self.dtype = asked.dtype if asked.dtype.is_floating_point else self.dtype
        if dense is not None:
            # `asked` is kept as the storage, for what else fn may have done to it: shared memory, channels last.
            held = self._buffers["_dense"] = asked if asked.dtype == self.dtype else dense
            self._decode_into(held)
        return self

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        metadata: Any,
        strict: bool,
        missing: list[str],
        unexpected: list[str],
        errors: list[str],
    ) -> None:
        for name, part in self.parts().items():
            given = state_dict.get(prefix + name, part)
            if given.dtype != part.dtype:
                # torch would cast without a word, and a rounded scale is another weight.
                errors.append(f"dtype mismatch for {prefix}{name}: given {given.dtype}, held as {part.dtype}")
                return
        super()._load_from_state_dict(state_dict, prefix, metadata, strict, missing, unexpected, errors)
        if self._buffers["_dense"] is not None:
            self._decode_into(self._buffers["_dense"])

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        dense = self._buffers["_dense"]
        # A meta tensor has a shape, a dtype and strides but no data: what __setstate__ needs to decode the cache again.
        state["_buffers"] = {
            **self._buffers,
            "_dense": None if dense is None else torch.empty_like(dense, device="meta"),
        }
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if self._buffers["_dense"] is not None:
            self._decode_into(self._buffers["_dense"])


def _checked(weights: str) -> str:
    if weights not in get_args(Weights):
        raise RecipeError(
            f"weights must be 'dense' (held decoded) or 'packed' (decoded at each use), given {weights!r}"
        )
    return weights
