"""A design with its columns centred and scaled, for intercepts and standardisation."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from ..errors import DataError
from .base import LinearOperator
from .products import checked, gram_by_columns, norm2_by_lanczos

__all__ = ["Standardised"]


class Standardised(LinearOperator):
    """(A − 1μᵀ) D⁻¹ by a correction of rank one: a sparse A stays sparse.

    Args:
        within: A.
        mean: μ (n,); None: do not centre.
        scale: the diagonal of D (n,), not zero; None: do not scale.
    Raises: DataError where a vector does not fit, or a scale is zero or not finite.

    >>> from gossamer.linop import Dense
    >>> A = Standardised.of(Dense(torch.tensor([[1.0, 0.0], [3.0, 0.0], [2.0, 3.0]])))
    >>> A.mean, A.scale.round(decimals=3), A.mv(torch.tensor([1.0, 0.0])).round(decimals=3)
    (tensor([2., 1.]), tensor([0.8160, 1.4140]), tensor([-1.2250,  1.2250,  0.0000]))
    """

    def __init__(self, within: LinearOperator, mean: Tensor | None = None, scale: Tensor | None = None) -> None:
        self.within = within
        self.shape, self.dtype, self.device = within.shape, within.dtype, within.device
        n = within.shape[1]
        self.mean = torch.zeros(n, dtype=self.dtype, device=self.device) if mean is None else mean
        self.scale = torch.ones(n, dtype=self.dtype, device=self.device).real if scale is None else scale
        for name, given in (("mean", self.mean), ("scale", self.scale)):
            if tuple(given.shape) != (n,) or not bool(torch.isfinite(given).all()):
                raise DataError(f"Standardised: {name} must be ({n},) and finite, given {tuple(given.shape)}")
        if bool((self.scale == 0).any()):
            raise DataError(f"Standardised: scale is 0 in column {int((self.scale == 0).nonzero()[0])}; give it 1")

    @classmethod
    def of(cls, within: LinearOperator, *, scale: bool = True) -> Standardised:
        """Centre by each column's mean; scale by its standard deviation (with 1/m), as sklearn's StandardScaler.

        Raises: DataError for constant columns, which have no scale.
        """
        m, wide = within.shape[0], within.double()
        # In float64: a mean that is off by m roundings would give a constant column a deviation.
        share = torch.full((m,), 1 / m, dtype=wide.dtype, device=within.device)
        mean = wide.rmv(share).conj().resolve_conj().to(within.dtype)
        if not scale:
            return cls(within, mean)
        deviation = within.column_norms(mean) / m**0.5
        # The mean is rounded to the design's type, after a sum of m terms in float64: a constant column is off by that.
        rounding = 4 * torch.finfo(within.dtype).eps + m * torch.finfo(torch.float64).eps
        constant = deviation <= rounding * mean.abs()
        if bool(constant.any()):
            places = constant.nonzero()[:, 0].tolist()
            raise DataError(
                f"Standardised.of: {len(places)} columns are constant, the first at {places[:5]}; leave them out, or "
                f"give mean and scale yourself with 1 there"
            )
        return cls(within, mean, deviation)

    def mv(self, x: Tensor) -> Tensor:
        z = checked(self, x, 1) / self.scale
        return self.within.mv(z) - (z * self.mean).sum(-1, keepdim=True)

    def rmv(self, y: Tensor) -> Tensor:
        y = checked(self, y, 0)
        return (self.within.rmv(y) - self.mean.conj() * y.sum(-1, keepdim=True)) / self.scale

    def dense(self) -> Tensor:
        return (self.within.dense() - self.mean) / self.scale

    def columns(self, indices: Tensor) -> Tensor:
        return (self.within.columns(indices) - self.mean[indices]) / self.scale[indices]

    def column_norms(self, centre: Tensor | None = None) -> Tensor:
        whole = self.mean if centre is None else self.mean + centre * self.scale
        return self.within.column_norms(whole) / self.scale.abs()

    def gram(self) -> Tensor:
        return gram_by_columns(self)

    def norm2_bound(self) -> float:
        return self._norm2

    def double(self) -> Standardised:
        wide = torch.complex128 if self.dtype.is_complex else torch.float64
        return Standardised(self.within.double(), self.mean.to(wide), self.scale.double())

    @cached_property
    def _norm2(self) -> float:
        return norm2_by_lanczos(self)
