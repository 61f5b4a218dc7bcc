"""The inverse of a curvature that may lack a direction."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["bounded_inverse"]

SINGULAR = 1e-10  # of the largest curvature, entries at one scale: what is less is rounding of none


def bounded_inverse(hessian: Tensor) -> Tensor:
    """The pseudo-inverse of a symmetric matrix (k, k) ⪰ 0, without directions that have curvature by rounding alone.

    Classes leave one direction free (a constant common to all intercepts). Its curvature comes out as 1e-17 or so, and
    the usual cut, at one rounding of the largest, lets it through now and then: a step along it is endless. Entries are
    brought to one scale first, so that a small column is not taken for rounding.

    >>> bounded_inverse(torch.tensor([[2.0, -2.0], [-2.0, 2.0 + 1e-15]], dtype=torch.float64))
    tensor([[ 0.1250, -0.1250],
            [-0.1250,  0.1250]], dtype=torch.float64)
    """
    if not len(hessian):
        return hessian
    unit = hessian.diagonal().clamp(min=torch.finfo(torch.float64).tiny).sqrt()
    inverse: Tensor = torch.linalg.pinv(hessian / unit / unit[:, None], rtol=SINGULAR, hermitian=True)
    return inverse / unit / unit[:, None]
