"""How one weight tensor of a module reads as a matrix, and back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

__all__ = ["Kind", "WeightView"]

Kind = Literal[
    "linear",
    "transposed linear",
    "convolution",
    "transposed convolution",
    "embedding",
    "attention",
    "recurrent",
]


@dataclass(frozen=True)
class WeightView:
    """The matrix (groups, out, in) that a weight parameter stands for: a bijection of entries, no arithmetic.

        y_g = M_g x_g,   M_g (out, in) for each of `groups` independent blocks

    Args:
        kind: the layer's kind, which says how the axes of the parameter lie (K = product of the kernel's axes *k):
            "transposed linear"       (in, out): transformers' Conv1D
            "transposed convolution"  (groups·in, out, *k)
            all others                (groups·out, in, *k), most with neither groups nor kernel
            Kernel axes join `in` as its fast part: column c·K + t is channel c at tap t.
        shape: the parameter's shape.
        groups: blocks of the matrix; 1 except for grouped convolutions.

    >>> WeightView("convolution", (8, 2, 3, 3), groups=4).matrix_shape
    (4, 2, 18)
    """

    kind: Kind
    shape: tuple[int, ...]
    groups: int = 1

    @property
    def calibrates(self) -> bool:
        """Whether the layer's inputs give the columns that the matrix multiplies."""
        return self.kind in ("linear", "transposed linear", "convolution", "transposed convolution")

    @property
    def matrix_shape(self) -> tuple[int, int, int]:
        """(groups, out, in)."""
        first, second, *kernel = self.shape
        taps = math.prod(kernel)
        if self.kind == "transposed linear":
            return 1, second, first
        if self.kind == "transposed convolution":
            return self.groups, second, first // self.groups * taps
        return self.groups, first // self.groups, second * taps

    def same_matrix(self, other: WeightView) -> bool:
        """Whether both read one parameter as the same matrix, so that layers of two kinds can share it."""
        ways = [view.kind if view.kind.startswith("transposed") else "" for view in (self, other)]
        return (self.shape, self.groups, ways[0]) == (other.shape, other.groups, ways[1])

    def to_matrix(self, weight: Tensor) -> Tensor:
        """weight of `shape` ↦ (groups, out, in); shares memory with `weight` where strides allow."""
        if self.kind == "transposed linear":
            return weight.T.unsqueeze(0)
        if self.kind == "transposed convolution":
            blocks = weight.reshape(self.groups, self.shape[0] // self.groups, self.shape[1], -1)
            return blocks.transpose(1, 2).reshape(self.matrix_shape)
        return weight.reshape(self.matrix_shape)

    def from_matrix(self, matrix: Tensor) -> Tensor:
        """The inverse: (groups, out, in) ↦ a contiguous tensor of `shape`."""
        if self.kind == "transposed linear":
            return matrix[0].T.contiguous()
        if self.kind == "transposed convolution":
            blocks = matrix.reshape(self.groups, self.shape[1], self.shape[0] // self.groups, -1)
            return blocks.transpose(1, 2).reshape(self.shape).contiguous()
        return matrix.reshape(self.shape).contiguous()
