"""The Lasso and the elastic net at many penalties, each begun where the last one ended."""

from __future__ import annotations

from typing import Any

from ..errors import DataError
from .families import l1_family, net_family
from .path import Path
from .penalised import Penalised

__all__ = ["elastic_net_path", "lasso_path"]


def lasso_path(
    A: Any,
    b: Any,
    penalties: Any = None,
    *,
    count: int = 100,
    ratio: float = 1e-2,
    tol: float = 1e-6,
    weights: Any = None,
    nonnegative: bool = False,
    intercept: bool = False,
    standardise: bool = False,
    sample_weights: Any = None,
    max_steps: int | None = None,
) -> Path:
    """The Lasso of one signal at falling penalties, with warm starts and one growing Gram matrix.

    Args:
        A, b, tol, weights, nonnegative, intercept, standardise, sample_weights: as for `lasso`; b (m,). max_steps: of
            each penalty.
        penalties: to solve at, ≥ 0, largest first; default `count` of them, evenly spaced in their logarithm from
            where x leaves zero, max_j |a_j'b|/w_j over penalised columns, down to `ratio` times that.
    Returns: a Path; every point has its own certificate.
    Raises: DataError on shapes, types, NaN, penalties that rise, or data that ask autograd for derivatives.

    >>> import torch
    >>> path = lasso_path(torch.eye(2), torch.tensor([4.0, 2.0]), [4.0, 3.0, 1.0])
    >>> path.x + 0.0
    tensor([[0., 0.],
            [1., 0.],
            [3., 1.]])
    """
    model = Penalised(l1_family(weights, nonnegative), tol, intercept, standardise, max_steps)
    return model.path_of(A, b, penalties, count, ratio, sample_weights)


def elastic_net_path(
    A: Any,
    b: Any,
    penalties: Any = None,
    *,
    l1_ratio: float = 0.5,
    count: int = 100,
    ratio: float = 1e-2,
    tol: float = 1e-6,
    weights: Any = None,
    nonnegative: bool = False,
    intercept: bool = False,
    standardise: bool = False,
    sample_weights: Any = None,
    max_steps: int | None = None,
) -> Path:
    """The elastic net of one signal at falling penalties λ, with warm starts and one growing Gram matrix.

        min_x ½ Σ_i s_i (a_i'x + c − b_i)² + λ·(ρ·Σ_j w_j|x_j| + (1 − ρ)/2·‖x‖²),   ρ = l1_ratio

    scikit-learn's enet_path(alphas, l1_ratio) is penalties = m·alphas.

    Args:
        A, b, penalties, count, ratio, tol, weights, nonnegative, intercept, standardise, sample_weights, max_steps: as
            for `lasso_path`.
        l1_ratio: ρ from 0 to 1, which is the Lasso; at 0 no penalty makes x zero, so give the penalties.
    Returns: a Path; every point has its own certificate.
    Raises: as `lasso_path`.

    >>> import torch
    >>> elastic_net_path(torch.eye(2), torch.tensor([4.0, 2.0]), [4.0, 2.0]).x + 0.0
    tensor([[0.6667, 0.0000],
            [1.5000, 0.5000]])
    """
    if l1_ratio == 0 and penalties is None:
        raise DataError("l1_ratio is 0, so x is zero at no penalty and there is no first one to take; give penalties")
    model = Penalised(net_family(l1_ratio, weights, nonnegative), tol, intercept, standardise, max_steps)
    return model.path_of(A, b, penalties, count, ratio, sample_weights)
