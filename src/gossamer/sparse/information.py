"""Information criteria: which of several sparse models explains the data without explaining the noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log, pi
from typing import Any

import torch
from torch import Tensor

from ..errors import DataError, did_you_mean
from ..linop import LinearOperator, as_operator, as_signals

__all__ = ["CRITERIA", "Information", "degrees_of_freedom", "information_criterion"]

# criterion: (degrees of freedom, samples m, columns n, estimated parameters in all, γ) ↦ what is added to −2 log L
CRITERIA: Mapping[str, Callable[[Tensor, int, int, Tensor, float], Tensor]] = {
    "aic": lambda df, m, n, every, gamma: 2 * df,
    "aicc": lambda df, m, n, every, gamma: 2 * df + _second_order(every, m),
    "bic": lambda df, m, n, every, gamma: log(m) * df,
    "ebic": lambda df, m, n, every, gamma: log(m) * df + 2 * gamma * _log_choices(n, df),
}

INDEPENDENT = 1e-5  # of a column's norm, outside the span of those before it: then the rank is full beyond doubt


@dataclass(frozen=True, eq=False)
class Information:
    """A criterion of several models. values, degrees (of freedom): (models,), float64."""

    values: Tensor
    degrees: Tensor

    @property
    def best(self) -> int:
        """The model with the least value; the first of equals."""
        return int(self.values.argmin())


def information_criterion(
    A: Any,
    b: Any,
    x: Tensor,
    intercept: Tensor | None = None,
    *,
    criterion: str = "ebic",
    gamma: float = 0.5,
    variance: float | None = None,
    ridge: Any = 0.0,
) -> Information:
    """How well models explain b for the freedom that they take, Gaussian noise supposed.

        −2 log L + penalty,   −2 log L = m log(2πσ²) + ‖b − Ax − c‖²/σ²
        aic: 2·df     aicc: 2·df + 2K(K + 1)/(m − K − 1)     bic: log(m)·df     ebic: log(m)·df + 2γ·log C(n, df)

    where K counts all that is estimated: df, the intercept, and σ² when it is.

    Args:
        A, b: as for `lasso`; b (m,). x (models, n), such as `lasso_path(A, b).x`; intercept (models,) when fitted.
        criterion: "aic" and "aicc" for prediction (aicc when m is not many times df), "bic" for the true support among
            few columns, "ebic" among many (n as large as m or larger).
        gamma: γ in [0, 1] of ebic; 0 is bic, 1 the strictest.
        variance: σ², when it is known; None takes ‖b − Ax − c‖²/m of each model. That rewards models that fit the noise
            to nothing, so keep the path's end clear of df = m (aicc does), or give the variance.
        ridge: the l2 of an elastic net, one number or (models,); it shrinks degrees of freedom.
    Returns: an Information; `best` is the model to take. Intercept and variance are the same in all models and counted
        in K alone, as in scikit-learn's LassoLarsIC.
    Raises: DataError on shapes, an unknown criterion, gamma or variance out of range.
    Source: Akaike 1973; Hurvich and Tsai 1989 (aicc); Schwarz 1978; Chen and Chen 2008 (ebic). Degrees of freedom as in
        `degrees_of_freedom`. After a greedy search (OMP) the support size understates them, for the search itself fits.

    >>> A, b = torch.eye(4), torch.tensor([3.0, 0.1, -0.1, 0.1])
    >>> models = torch.tensor([[0.0, 0, 0, 0], [3.0, 0, 0, 0], [3.0, 0.1, 0, 0]])
    >>> information_criterion(A, b, models, criterion="bic", variance=0.01).best
    1
    """
    operator, target = as_operator(A), as_signals(b).double()
    m, n = operator.shape
    if criterion not in CRITERIA:
        raise DataError(f"no criterion {criterion!r}; known: {', '.join(CRITERIA)}{did_you_mean(criterion, CRITERIA)}")
    if not 0 <= gamma <= 1 or not (variance is None or variance > 0):
        raise DataError(f"gamma is {gamma}, variance is {variance}; give gamma from 0 to 1, and a variance above 0")
    if x.ndim != 2 or x.shape[1] != n or tuple(target.shape) != (m,):
        raise DataError(f"x has shape {tuple(x.shape)}, b {tuple(target.shape)}; give (models, {n}) and ({m},)")
    fitted = operator.mv(x.to(operator.dtype)).double()
    fitted = fitted if intercept is None else fitted + intercept.double()[:, None]
    squares = ((target - fitted) ** 2).sum(-1)
    degrees = degrees_of_freedom(operator, x, ridge, centred=intercept is not None)
    sigma = squares / m if variance is None else torch.full_like(squares, variance)
    likelihood = m * (2 * pi * sigma).log() + torch.where(sigma > 0, squares / sigma, m)
    every = degrees + float(intercept is not None) + float(variance is None)
    return Information(likelihood + CRITERIA[criterion](degrees, m, n, every, gamma), degrees)


def degrees_of_freedom(A: Any, x: Tensor, ridge: Any = 0.0, *, centred: bool = False) -> Tensor:
    """The degrees of freedom of Lasso or elastic-net solutions, without the intercept.

        trace(A_S (A_S'A_S + ridge·I)⁻¹ A_S'),   S the support;   ridge 0: the rank of A_S

    Args: A as for `lasso`; x (models, n); ridge ≥ 0, one number or (models,); centred: an intercept was fitted too.
    Returns: (models,), float64.
    Source: Zou, Hastie and Tibshirani 2007 (support size); Tibshirani and Taylor 2012 (rank, and elastic net).

    >>> degrees_of_freedom(torch.ones(3, 2), torch.tensor([[0.0, 0.0], [1.0, 1.0]]))
    tensor([0., 1.], dtype=torch.float64)
    """
    operator = as_operator(A)
    shrinking = torch.as_tensor(ridge, dtype=torch.float64).expand(len(x)).tolist()
    return torch.tensor([_trace(operator, row, l2, centred) for row, l2 in zip(x, shrinking, strict=True)]).double()


def _trace(A: LinearOperator, x: Tensor, ridge: float, centred: bool) -> float:
    support = x.nonzero()[:, 0]
    if not len(support):
        return 0.0
    columns = A.columns(support).double()
    if centred:
        columns = columns - columns.mean(0)
    gram = columns.mT @ columns
    if ridge:
        squares = torch.linalg.eigvalsh(gram).clamp(min=0)
        return float((squares / (squares + ridge)).sum())
    unit = gram.diagonal().sqrt()
    factor, failed = torch.linalg.cholesky_ex(gram / unit / unit[:, None])
    if not int(failed) and float(factor.diagonal().min()) > INDEPENDENT:
        return float(len(support))
    values = torch.linalg.svdvals(columns)
    return float((values > max(columns.shape) * torch.finfo(A.dtype).eps * values[0]).sum())


def _second_order(every: Tensor, m: int) -> Tensor:
    """Infinite from as many parameters as samples on: no sample is left to tell."""
    left = m - every - 1
    return torch.where(left > 0, 2 * every * (every + 1) / left.clamp(min=1e-300), torch.inf)


def _log_choices(n: int, df: Tensor) -> Tensor:
    """log C(n, df), for degrees that need not be whole."""
    return torch.lgamma(torch.tensor(n + 1.0, dtype=torch.float64)) - torch.lgamma(df + 1) - torch.lgamma(n - df + 1)
