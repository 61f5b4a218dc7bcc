"""One row of the kernel table, and the choice between its two implementations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from . import native

__all__ = ["Kernel"]


@dataclass(frozen=True)
class Kernel:
    """An op's reference, its native form, and what both demand of their arguments (tensors, then ints).

    `check_shapes` looks at what is known while tracing; `check_values` at data, for the reference only:
    native code looks at its data itself.
    """

    reference: Callable[..., Any]
    native: Callable[..., Any]
    check_shapes: Callable[..., None]
    check_values: Callable[..., None] | None

    def __call__(self, *args: Any) -> Any:
        self.check_shapes(*args)
        if torch.compiler.is_compiling():
            return self.reference(*args)
        tensors = [arg for arg in args if isinstance(arg, Tensor)]
        if native.serves(tensors):
            return self.native(*args)
        if self.check_values is not None and all(holds_values(tensor) for tensor in tensors):
            self.check_values(*args)
        return self.reference(*args)


def holds_values(tensor: Tensor) -> bool:
    """Whether a data check is possible: not for meta tensors, nor for the fake ones of a tracer."""
    return type(tensor) in (Tensor, torch.nn.Parameter) and tensor.device.type != "meta"
