"""What a loss is: a convex, smooth function of the linear predictor z = Ax + c, summed over samples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor

from ...errors import DataError
from ...linop.chosen import Chosen

__all__ = ["Loss", "finite_targets"]


class Loss(ABC):
    """f(z) = Σ_i w_i f_i(z_i), convex and twice differentiable nearly everywhere, f ≥ 0; there is no 1/m.

    z is (*b, m); with `event_ndim` 2 it is (*b, classes, m) and the classes are one problem. Results have shape *b.
    b is what `targets` returns, and w (m,) > 0 the sample weights.
    """

    @property
    @abstractmethod
    def event_ndim(self) -> int:
        """1: each row of z is a problem of its own. 2: the classes are one."""

    @property
    @abstractmethod
    def shift_invariant(self) -> bool:
        """Whether f(z + c) = f(z) for every constant c, so that no intercept can be fitted."""

    @abstractmethod
    def targets(self, b: Any, m: int) -> Tensor:
        """What a user gave for m samples, checked, in float64 and in the form that the other functions take.

        The first axis is signals, or classes. Raises: DataError that says what b must look like.
        """

    @abstractmethod
    def value(self, z: Tensor, b: Tensor, w: Tensor) -> Tensor:
        """f(z)."""

    @abstractmethod
    def gradient(self, z: Tensor, b: Tensor, w: Tensor) -> Tensor:
        """∇f(z), like z."""

    @abstractmethod
    def curvature(self, z: Tensor, b: Tensor, w: Tensor) -> Tensor:
        """h ≥ 0 like z with ∇²f(z) ⪯ diag(h): the second derivative itself where samples and classes do not couple."""

    @abstractmethod
    def gram(self, chosen: Chosen, z: Tensor, b: Tensor, w: Tensor) -> Tensor:
        """C'∇²f(z)C (k, k) for k chosen columns, each on its own row of z (rows, m): the Hessian that Newton needs."""

    @abstractmethod
    def conjugate(self, z: Tensor, b: Tensor, w: Tensor, scale: Tensor) -> Tensor:
        """f*(u) at u = scale·∇f(z), or a bound from above that is tight at scale 1; 0 ≤ scale ≤ 1 has shape *b.

        Every such u lies in the domain: ∇f(z) and 0 do. By weak duality −f*(u) − Ω*(−A'u) is below every objective.
        """


def finite_targets(b: Any, m: int, wanted: str) -> Tensor:
    """b (m,) or (signals, m) as (signals, m) in float64, finite."""
    given = b if isinstance(b, Tensor) else torch.as_tensor(b)
    if given.ndim not in (1, 2) or given.shape[-1] != m or given.is_complex():
        raise DataError(
            f"targets have shape {tuple(given.shape)}; A has {m} rows, so give {wanted}, (m,) or (signals, m)"
        )
    found = given.to(torch.float64).reshape(-1, m)
    if not bool(torch.isfinite(found).all()):
        raise DataError(f"targets hold NaN or infinity; give {wanted}")
    return found
