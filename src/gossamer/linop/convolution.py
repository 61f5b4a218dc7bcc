"""Convolution with a fixed kernel, of signals and of images."""

from __future__ import annotations

from functools import cached_property
from math import prod
from typing import Literal

import torch
from torch import Tensor

from ..errors import DataError
from .base import LinearOperator
from .products import (
    checked,
    columns_by_products,
    dense_by_columns,
    gram_by_columns,
    norm2_by_lanczos,
    norms_by_columns,
)

__all__ = ["Convolution"]


class Convolution(LinearOperator):
    """y_i = Σ_k h_k x_{i + c − k} with the kernel's middle c = ⌊(K − 1)/2⌋ on each axis; y has the size of x.

    Beyond its ends x is 0 (`zero`, numpy's `convolve(x, h, "same")`) or goes round (`circular`). Images lie row by row
    on the last axis. Both products are by FFT, O(n log n); the kernel may require gradients.

    Args:
        kernel: (K,) or (K₁, K₂), floating or complex; it gives dtype and device.
        size: n, or (height, width) for a kernel of two axes.
        boundary: "zero" or "circular".
    Raises: DataError where these do not fit together.

    >>> A = Convolution(torch.tensor([1.0, 2.0, 3.0]), size=4)
    >>> A.mv(torch.tensor([1.0, 0.0, 0.0, 0.0])).round(decimals=4)
    tensor([2., 3., 0., 0.])
    """

    def __init__(
        self, kernel: Tensor, size: int | tuple[int, int], boundary: Literal["zero", "circular"] = "zero"
    ) -> None:
        self.size = (size,) if isinstance(size, int) else tuple(size)
        if boundary not in ("zero", "circular"):
            raise DataError(f"Convolution: boundary must be 'zero' or 'circular', given {boundary!r}")
        if kernel.ndim != len(self.size) or len(self.size) not in (1, 2) or not kernel.numel() or min(self.size) < 1:
            raise DataError(
                f"Convolution: kernel and size need the same 1 or 2 axes and at least one entry, "
                f"given {tuple(kernel.shape)} and {size}"
            )
        if not (kernel.is_floating_point() or kernel.is_complex()) or not bool(torch.isfinite(kernel).all()):
            raise DataError(f"Convolution: the kernel must be floating or complex and finite, given {kernel.dtype}")
        self.kernel, self.boundary = kernel, boundary
        self.shape = (prod(self.size), prod(self.size))
        self.dtype, self.device = kernel.dtype, kernel.device
        self._axes = tuple(range(-len(self.size), 0))
        self._first = tuple((k - 1) // 2 for k in kernel.shape)
        # Padded by K − 1, a circular convolution reaches beyond an end only into zeros.
        padded = zip(self.size, kernel.shape, strict=True)
        self._work = self.size if boundary == "circular" else tuple(n + k - 1 for n, k in padded)

    def mv(self, x: Tensor) -> Tensor:
        return self._filtered(checked(self, x, 1), self._response)

    def rmv(self, y: Tensor) -> Tensor:
        return self._filtered(checked(self, y, 0), self._response.conj())

    def dense(self) -> Tensor:
        return dense_by_columns(self)

    def columns(self, indices: Tensor) -> Tensor:
        return columns_by_products(self, indices)

    def column_norms(self, centre: Tensor | None = None) -> Tensor:
        """Circular: all alike. Zero: the kernel's energy that stays inside, as sums of squares and so never below 0."""
        if centre is not None:
            return norms_by_columns(self, centre)
        energy = self.kernel.abs() ** 2
        if self.boundary == "circular":
            first = columns_by_products(self, torch.zeros(1, dtype=torch.int64, device=self.device))
            return (first.abs() ** 2).sum().sqrt().expand(self.shape[1]).clone()
        for axis, (n, k, c) in enumerate(zip(self.size, self.kernel.shape, self._first, strict=True)):
            place = torch.arange(n, device=self.device)[:, None] + torch.arange(k, device=self.device) - c
            inside = ((place >= 0) & (place < n)).to(energy.dtype)
            energy = torch.tensordot(inside, energy.movedim(axis, 0), dims=1).movedim(0, axis)
        norms: Tensor = energy.sqrt().flatten()
        return norms

    def gram(self) -> Tensor:
        return gram_by_columns(self)

    def norm2_bound(self) -> float:
        """Circular: the largest |ĥ|², exact but for rounding. Zero: by Lanczos, or max |ĥ|² of the padded kernel's
        circulant, of which A is a part, where that is smaller.
        """
        peak = float((self._response.abs() ** 2).max()) * (1 + 32 * torch.finfo(self.dtype).eps)
        return peak if self.boundary == "circular" else min(peak, norm2_by_lanczos(self))

    def double(self) -> Convolution:
        wide = torch.complex128 if self.dtype.is_complex else torch.float64
        return Convolution(self.kernel.to(wide), self.size if len(self.size) == 2 else self.size[0], self.boundary)

    @property
    def _response(self) -> Tensor:
        """The transfer function ĥ, of the working size, with the kernel's middle at the origin."""
        return self._transfer() if self.kernel.requires_grad else self._kept

    @cached_property
    def _kept(self) -> Tensor:
        return self._transfer()

    def _transfer(self) -> Tensor:
        """A kernel longer than a circular signal goes round it, so entries are added at their place."""
        here = self.kernel
        for axis, (n, c) in enumerate(zip(self._work, self._first, strict=True)):
            place = (torch.arange(here.shape[axis], device=self.device) - c) % n
            shape = [n if a == axis else side for a, side in enumerate(here.shape)]
            here = here.new_zeros(shape).index_add(axis, place, here)
        response: Tensor = torch.fft.fftn(here)
        return response

    def _filtered(self, x: Tensor, response: Tensor) -> Tensor:
        if not x.numel():
            return x  # MKL transforms no empty batch
        spread = torch.fft.fftn(x.unflatten(-1, self.size), s=self._work, dim=self._axes)
        found: Tensor = torch.fft.ifftn(spread * response, dim=self._axes)
        for axis, n in zip(self._axes, self.size, strict=True):
            found = found.narrow(axis, 0, n)
        found = found.flatten(-len(self.size))
        return found if self.dtype.is_complex else found.real
