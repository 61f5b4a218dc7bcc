"""Sparse classification, robust, count and survival regression, each answer with its duality gap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

import torch
from torch import Tensor

from ..errors import DataError, StructureError
from ..linop import as_signals
from ..problem import Loss
from ..problem.losses import Cox, Huber, Logistic, Multinomial, Poisson
from ..solvers import Recovery
from ..terms import Penalty
from .loss_data import LossData, solved
from .loss_derivatives import asking, differentiated
from .loss_options import LossOptions, PenaltyOptions, penalty_maker
from .path import Path, levels_of
from .strengths import as_strength, held, in_graph, refuse

__all__ = ["cox", "huber", "logistic", "loss_max_penalty", "loss_path", "multinomial", "penalised_loss", "poisson"]

HALVINGS = 100  # of an interval that holds the largest penalty: to the last bit of float64
PENALTY = frozenset(PenaltyOptions.__dataclass_fields__)
STRENGTHS = frozenset({"l1", "l2"})
DATA = frozenset({"intercept", "sample_weights", "standardise"})


def penalised_loss(
    A: Any, b: Any, loss: str | Loss, penalty: float | Tensor | Penalty, **options: Unpack[LossOptions]
) -> Recovery:
    """Fit b by few columns of A under any loss.

        min_{x, c} f(Ax + c; b) + Ω(x),  f a sum over samples without 1/m

    Args:
        A: (m, n): a tensor, numpy array, torch or scipy sparse matrix, or LinearOperator; float32 or float64.
        b: what the loss asks for; (signals, m) is a problem for each row, where the loss has one predictor a sample.
        loss: a name of `problem.LOSSES` ("logistic", "multinomial", "huber", "poisson", "cox", "squares"), or a Loss.
        penalty: ≥ 0, the strength of Σ_j w_j|x_j|, or of what the options make of it; or a Penalty of `terms`, which
            takes the place of the options that describe one.
        options: those of `LossOptions`.
    Returns: a Recovery: x (n,), (signals, n) or (classes, n); `gap` is what the certificate found for x and the
        intercept, relative to the objective at x = 0; `residual` is ‖∇f(z)‖₂, for least squares ‖Ax − b‖₂. x and
        `intercept` take part in autograd where A as a dense tensor, the penalty, l1, l2, weights, sample_weights or
        targets that are numbers (not labels) do: by implicit differentiation, once.
    Raises: DataError on shapes, types, NaN, targets the loss does not know; StructureError on what is no penalty,
            and on a Penalty where a derivative is asked for.

    >>> A = torch.tensor([[1.0, 0.0], [1.0, 0.2], [-1.0, 0.1], [-1.0, 0.0]])
    >>> penalised_loss(A, [1, 1, 0, 0], "logistic", 0.4).x
    tensor([2.1972, 0.0000])
    """
    shape = {name: value for name, value in options.items() if name in PENALTY}
    if isinstance(penalty, Penalty):
        if shape:
            raise StructureError(f"{', '.join(shape)} beside a Penalty; say it in the penalty")
        term = penalty
    else:
        term = _maker(options)(held(as_strength("penalty", penalty)))
    wanted = in_graph(penalty, *asking(A, b, options))
    data = _data(held(A) if wanted else A, b, loss, options)
    found = solved(data, term, options)
    return differentiated(data, found, A, b, penalty, options) if wanted else data.answer(found)


def logistic(A: Any, labels: Any, penalty: float | Tensor | Penalty, **options: Unpack[LossOptions]) -> Recovery:
    """Tell two classes apart by few columns.

        min_{x, c} Σ_i s_i [log(1 + exp z_i) − b_i z_i] + penalty·Σ_j w_j|x_j|,  z = Ax + c

    P(1) is 1/(1 + exp −z). scikit-learn's LogisticRegression(C, l1_ratio=1) is penalty = 1/C.

    Args: as for `penalised_loss`; labels 0 and 1, (m,) or (signals, m).

    >>> A = torch.tensor([[1.0, 0.0], [1.0, 0.2], [-1.0, 0.1], [-1.0, 0.0]])
    >>> logistic(A, [1, 1, 0, 0], 0.4).x
    tensor([2.1972, 0.0000])
    """
    return penalised_loss(A, labels, Logistic(), penalty, **options)


def multinomial(A: Any, labels: Any, penalty: float | Tensor | Penalty, **options: Unpack[LossOptions]) -> Recovery:
    """Tell several classes apart by few columns of each, or, with shared=True, by the same few of all.

        min_{x, c} Σ_i s_i [log Σ_k exp z_ki − z_{b_i,i}] + penalty·Σ_kj w_j|x_kj|,  z_k = A x_k + c_k

    P(k) is softmax(z)_k. scikit-learn's LogisticRegression(C, l1_ratio=1, solver="saga") is penalty = 1/C.

    Args: as for `penalised_loss`; labels (m,): 0 to K − 1, each of them at least once.
    Returns: a Recovery with x (K, n), intercept (K,), one gap, ending and objective.

    >>> A = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])
    >>> multinomial(A, [0, 1, 2], 0.5).x.round(decimals=3) + 0.0
    tensor([[1.3860, 0.0000],
            [0.0000, 1.3860],
            [0.0000, 0.0000]])
    """
    return penalised_loss(A, labels, Multinomial(), penalty, **options)


def huber(
    A: Any, b: Any, penalty: float | Tensor | Penalty, *, delta: float = 1.345, **options: Unpack[LossOptions]
) -> Recovery:
    """Fit b by few columns, whatever a few wild samples say.

        min_{x, c} Σ_i s_i H(a_i'x + c − b_i) + penalty·Σ_j w_j|x_j|,  H(r) = ½r² to |r| = delta, straight beyond

    Args: as for `penalised_loss`; b (m,) or (signals, m); delta > 0 in the units of b: a residual beyond it pulls no
        harder. The default suits noise of deviation 1.

    >>> A = torch.eye(3)
    >>> huber(A, torch.tensor([1.5, 0.2, 100.0]), 0.5, delta=1.0).x
    tensor([ 1.0000,  0.0000, 99.5000])
    """
    return penalised_loss(A, b, Huber(delta), penalty, **options)


def poisson(A: Any, counts: Any, penalty: float | Tensor | Penalty, **options: Unpack[LossOptions]) -> Recovery:
    """Explain counts by few columns that multiply the rate.

        min_{x, c} Σ_i s_i [exp z_i − b_i z_i] + penalty·Σ_j w_j|x_j|,  z = Ax + c

    scikit-learn's PoissonRegressor(alpha) is penalty = 0, l2 = m·alpha, intercept=True.

    Args: as for `penalised_loss`; counts ≥ 0, (m,) or (signals, m). The objective is given with b_i log b_i − b_i
        added: half the deviance.

    >>> poisson(torch.eye(2), [8, 1], 1.0).x.exp().round(decimals=3)
    tensor([7., 1.])
    """
    return penalised_loss(A, counts, Poisson(), penalty, **options)


def cox(A: Any, times: Any, events: Any, penalty: float | Tensor | Penalty, **options: Unpack[LossOptions]) -> Recovery:
    """Find the few columns that drive the risk in survival data, some of them censored.

        min_x Σ_{i: event} s_i [log Σ_{j: t_j ≥ t_i} s_j exp z_j − z_i] + penalty·Σ_j w_j|x_j|,  z = Ax

    Ties as Breslow. glmnet's family "cox" is penalty = m·lambda. The objective is given with −Σ s_i log s_i added.

    Args: as for `penalised_loss`; times (m,) > 0; events (m,): 1 where it happened then, 0 where it had not until then.
        There is no intercept: the baseline risk takes it up.

    >>> A = torch.tensor([[1.0], [0.5], [0.0], [-1.0]])
    >>> found = cox(A, [1.0, 2.0, 3.0, 4.0], [1, 1, 0, 1], 0.2)
    >>> float(found.x) > 0, found.status
    (True, 'converged: the certificate is below the tolerance')
    """
    t, e = as_signals(times), as_signals(events)
    if t.ndim != 1 or t.shape != e.shape:
        raise DataError(
            f"times have shape {tuple(t.shape)}, events {tuple(e.shape)}; give one of each for every sample"
        )
    return penalised_loss(A, torch.stack([t.double(), e.double()], -1), Cox(), penalty, **options)


def loss_max_penalty(A: Any, b: Any, loss: str | Loss, **options: Unpack[LossOptions]) -> Tensor:
    """The least penalty at which x is zero under a loss, () or (signals,), float64.

    Args: as for `penalised_loss`; with groups and l1, the least penalty of the groups at that l1.
    Raises: DataError where an unpenalised column would move at any penalty.

    >>> loss_max_penalty(torch.eye(2), [1, 0], "logistic")
    tensor(0.5000, dtype=torch.float64)
    """
    refuse("loss_max_penalty", *asking(A, b, options))
    data, make = _data(A, b, loss, options), _maker(options)
    most = _least_zero(data, make)
    return most[0] if data.single and most.ndim else most


def loss_path(
    A: Any,
    b: Any,
    loss: str | Loss,
    penalties: Any = None,
    *,
    count: int = 100,
    ratio: float = 1e-2,
    **options: Unpack[LossOptions],
) -> Path:
    """One problem at falling penalties, each begun where the last one ended.

    Args:
        A, b, loss, options: as for `penalised_loss`; one signal (or its classes).
        penalties: to solve at, ≥ 0, largest first; default `count` of them, evenly spaced in their logarithm from
            `loss_max_penalty` down to `ratio` times that.
    Returns: a Path; x is (penalties, n) or (penalties, classes, n), and every point has its own certificate.
    Raises: DataError as `penalised_loss`, or on penalties that rise.

    >>> loss_path(torch.eye(2), [8, 1], "poisson", [7.0, 1.0]).x.exp().round(decimals=3)
    tensor([[1., 1.],
            [7., 1.]])
    """
    refuse("loss_path", *asking(A, b, options))
    data, make = _data(A, b, loss, options), _maker(options)
    if data.problem.with_penalty(make(1.0)).event_ndim == 1 and not data.single:
        raise DataError(f"b has {len(data.problem.b)} rows; a path is of one signal, so call it for each row")
    grid = levels_of(penalties, lambda: float(_least_zero(data, make)), count, ratio)
    found: list[Recovery] = []
    for level in grid.tolist():
        found.append(solved(data, make(level), options, found[-1] if found else None))
    return Path(grid, Recovery.stacked([data.answer(at) for at in found]))


def _least_zero(data: LossData, make: Callable[[float], Penalty]) -> Tensor:
    """The least strength whose subdifferential at zero holds the slope there, by halving; for each problem."""
    problem = data.problem.with_penalty(make(1.0))
    slope = problem.slope_at_zero
    free = make(1.0).without_ridge().free
    if free is not None:
        if bool((slope[:, free.expand(slope.shape[1])].abs() > 1e-9 * slope.abs().max()).any()):
            raise DataError("an unpenalised column moves at every penalty, so x is never zero; give it a small weight")
        slope = torch.where(free, 0.0, slope)
    parts = [slope] if problem.event_ndim == 2 else list(slope.split(1))
    most = [_least_strength(make, part) for part in parts]
    return torch.tensor(most[0] if problem.event_ndim == 2 else most, dtype=torch.float64)


def _least_strength(make: Callable[[float], Penalty], slope: Tensor) -> float:
    def holds(strength: float) -> bool:
        return bool(torch.isfinite(make(strength).without_ridge().conjugate(slope)).all())

    low, high = 0.0, float(slope.abs().max())
    while not holds(high) and high < 1e300:
        low, high = high, 2 * high
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _maker(options: LossOptions) -> Callable[[float], Penalty]:
    chosen: dict[str, Any] = {name: held(value) for name, value in options.items() if name in PENALTY}
    for name in STRENGTHS & set(chosen):
        chosen[name] = held(as_strength(name, chosen[name]))
    return penalty_maker(PenaltyOptions(**chosen))


def _data(A: Any, b: Any, loss: str | Loss, options: LossOptions) -> LossData:
    unknown = sorted(set(options) - set(LossOptions.__annotations__))
    if unknown:
        raise StructureError(f"no option {', '.join(unknown)}; known: {', '.join(LossOptions.__annotations__)}")
    chosen: dict[str, Any] = {name: held(value) for name, value in options.items() if name in DATA}
    return LossData.of(A, b, loss, **chosen)
