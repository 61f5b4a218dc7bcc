"""One buffer of a packed weight: its exact type, shape and range, declared once.

Packing, validation, byte counts and wire streams all read this declaration; nothing else states a length.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from ..errors import ArtifactError
from ..kernels import pack_bits, unpack_bits

__all__ = ["Field", "smallest_unsigned"]


@dataclass(frozen=True)
class Field:
    """What a buffer must be, known before it is seen.

    Args:
        dtype, shape: exactly these.
        alphabet: integers must lie in [0, alphabet); 0 for a floating buffer.
        count: for symbols packed at ⌈log2 alphabet⌉ bits each, how many there are; None for a plain buffer.
        finite: a floating buffer may hold no NaN and no infinity.

    >>> Field.packed(alphabet=16, count=5).shape
    (3,)
    """

    dtype: torch.dtype
    shape: tuple[int, ...]
    alphabet: int = 0
    count: int | None = None
    finite: bool = True

    @classmethod
    def floats(cls, dtype: torch.dtype, shape: tuple[int, ...], *, finite: bool = True) -> Field:
        return cls(dtype, shape, finite=finite)

    @classmethod
    def integers(cls, alphabet: int, shape: tuple[int, ...]) -> Field:
        """Plain integers in the smallest type that holds alphabet − 1."""
        return cls(smallest_unsigned(alphabet - 1), shape, alphabet)

    @classmethod
    def packed(cls, alphabet: int, count: int) -> Field:
        """Symbols of at most 8 bits, lowest bit first, without gaps; an alphabet of 1 takes no bits."""
        bits = (alphabet - 1).bit_length()
        return cls(torch.uint8, ((count * bits + 7) // 8,), alphabet, count)

    @property
    def bits(self) -> int:
        """Bits of one packed symbol."""
        return (self.alphabet - 1).bit_length()

    @property
    def nbytes(self) -> int:
        return prod(self.shape) * self.dtype.itemsize

    @property
    def symbols(self) -> int:
        """How many numbers the buffer holds."""
        return prod(self.shape) if self.count is None else self.count

    def pack(self, symbols: Tensor) -> Tensor:
        """The buffer that holds these numbers, given flat or in `shape`; never a view of them."""
        symbols = symbols.detach()
        if self.count is None:
            return symbols.to(self.dtype).reshape(self.shape).clone(memory_format=torch.contiguous_format)
        if self.bits == 0:
            return torch.zeros(0, dtype=torch.uint8, device=symbols.device)
        return pack_bits(symbols.reshape(-1).contiguous(), self.bits)

    def unpack(self, tensor: Tensor) -> Tensor:
        """The numbers of the buffer: `shape` when plain, (count,) uint8 when packed."""
        if self.count is None:
            return tensor
        if self.bits == 0:
            return torch.zeros(self.count, dtype=torch.uint8, device=tensor.device)
        return unpack_bits(tensor, self.bits, self.count)

    def check(self, name: str, tensor: Tensor) -> None:
        """Raises ArtifactError unless the tensor is what was declared: its length first, then its content."""
        if tensor.dtype != self.dtype or tuple(tensor.shape) != self.shape:
            given = f"{_short(tensor.dtype)} {tuple(tensor.shape)}"
            raise ArtifactError(f"{name}: given {given}, needs {_short(self.dtype)} {self.shape}")
        if tensor.layout != torch.strided:
            raise ArtifactError(f"{name}: given a {tensor.layout} tensor, needs a plain (strided) one")
        if not self.alphabet:
            if self.finite and not bool(torch.isfinite(tensor).all()):
                raise ArtifactError(f"{name}: holds NaN or infinity; every entry must be finite")
            return
        if self.count is not None:
            self._check_padding(name, tensor)
        if self.count is None or self.alphabet != 1 << self.bits:
            check_range(name, self.unpack(tensor), self.alphabet)

    def _check_padding(self, name: str, tensor: Tensor) -> None:
        used = (self.count or 0) * self.bits % 8
        if used and int(tensor[-1]) >> used:
            raise ArtifactError(
                f"{name}: padding bits after the last of {self.count} symbols are set; they must be zero"
            )


def check_range(name: str, symbols: Tensor, alphabet: int) -> None:
    """Raises ArtifactError unless every symbol lies in [0, alphabet)."""
    if not symbols.numel():
        return
    wide = symbols if symbols.dtype == torch.uint8 else symbols.to(torch.int64)
    low, high = int(wide.min()), int(wide.max())
    if low < 0 or high >= alphabet:
        raise ArtifactError(f"{name}: holds {low if low < 0 else high}, needs 0 to {alphabet - 1}")


def smallest_unsigned(largest: int) -> torch.dtype:
    """uint8, uint16 or int32 (torch computes little in uint32): the first that holds `largest`."""
    return torch.uint8 if largest < 1 << 8 else torch.uint16 if largest < 1 << 16 else torch.int32


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
