"""What a layer whose weights are packed has in place of its parameters.

A packed layer *is a* layer of its original class, whose `forward` runs unchanged: it finds its weights, by their own
names, as read-only attributes that come from a child `PackedParameter` called `<name>_packed`. The parameter's slot in
`_parameters` stays, holding None, so that the order of the `state_dict` comes back with the weight.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, NoReturn

from torch import Tensor, nn

from ..errors import ReadOnlyError
from .parameter import PackedParameter

__all__ = ["SUFFIX", "Packed", "PackedAttention", "PackedRecurrent", "PackedSingle", "packed_parameters"]

SUFFIX = "_packed"


class Packed:
    """Mixed in before a layer class; `pack_` turns a layer of that class into a packed one, in place.

    Writing into the tensor itself (`layer.weight.mul_(2)`) is beyond what Python can refuse: it changes the cache until
    the next conversion decodes it again, and never what is saved.
    """

    original: ClassVar[type[nn.Module]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError(f"{type(self).__name__} is made from a model's own layer by gossamer, not by hand")

    @classmethod
    def entered_(cls, module: nn.Module) -> None:
        """Called once before the module takes this class."""

    @classmethod
    def left_(cls, module: nn.Module) -> None:
        """Called once after the module has its original class and parameters back."""

    def reset_parameters(self) -> NoReturn:
        _refuse(self, "its weights")

    def __setattr__(self, name: str, value: Any) -> None:
        if name + SUFFIX in self.__dict__.get("_modules", ()):
            _refuse(self, f"{name!r}")
        super().__setattr__(name, value)


class PackedSingle(Packed):
    """A layer that owns one weight matrix, named `weight`."""

    @property
    def weight(self) -> Tensor:
        # Through the dicts: an nn.Module attribute costs a failed lookup and a Python call, and this is the hot path.
        packed = self.__dict__["_modules"]["weight_packed"]
        dense = packed._buffers["_dense"]
        return packed.decode() if dense is None else dense


class PackedAttention(Packed):
    """nn.MultiheadAttention: one joint input projection, or three; some of them packed."""

    @property
    def in_proj_weight(self) -> Tensor | None:
        return _weight(self, "in_proj_weight")

    @property
    def q_proj_weight(self) -> Tensor | None:
        return _weight(self, "q_proj_weight")

    @property
    def k_proj_weight(self) -> Tensor | None:
        return _weight(self, "k_proj_weight")

    @property
    def v_proj_weight(self) -> Tensor | None:
        return _weight(self, "v_proj_weight")

    def _reset_parameters(self) -> NoReturn:
        _refuse(self, "its weights")


class PackedRecurrent(Packed):
    """nn.RNN, nn.LSTM, nn.GRU: weights whose names depend on the number of layers and directions.

    Their forward reads `_flat_weights`, a list that torch caches; here it is made at each use from what is current.
    """

    def __getattr__(self, name: str) -> Any:
        packed = self.__dict__.get("_modules", {}).get(name + SUFFIX)
        return super().__getattr__(name) if packed is None else packed.dense()  # type: ignore[misc]  # nn.Module's

    @property
    def _flat_weights(self) -> list[Tensor | None]:
        return [getattr(self, name, None) for name in self.__dict__.get("_flat_weights_names", ())]

    @_flat_weights.setter
    def _flat_weights(self, value: list[Tensor | None]) -> None:
        """Nothing to keep: data-parallel replicas assign the list that they have just read."""

    def _init_flat_weights(self) -> None:
        """Nothing to cache."""

    def _update_flat_weights(self) -> None:
        """Never out of date."""

    def flatten_parameters(self) -> None:
        """cuDNN's joint buffer would hold a second copy of every weight, which no decoding updates."""

    @classmethod
    def entered_(cls, module: nn.Module) -> None:
        module.__dict__.pop("_flat_weights", None)
        module.__dict__["_flat_weight_refs"] = []

    @classmethod
    def left_(cls, module: nn.Module) -> None:
        module._init_flat_weights()  # type: ignore[operator]  # of nn.RNNBase


def packed_parameters(module: nn.Module) -> Iterator[tuple[str, PackedParameter]]:
    """The packed weights that a layer owns, under the names of the parameters they replace."""
    if isinstance(module, Packed):
        for name, child in module._modules.items():
            if isinstance(child, PackedParameter):
                yield name.removesuffix(SUFFIX), child


def _weight(module: Any, name: str) -> Tensor | None:
    packed = module.__dict__["_modules"].get(name + SUFFIX)
    return module.__dict__["_parameters"][name] if packed is None else packed.dense()


def _refuse(module: Packed, what: str) -> NoReturn:
    raise ReadOnlyError(
        f"{what} of packed layer {type(module).__name__} is read-only: call gs.to_dense(model) to edit weights"
    )
