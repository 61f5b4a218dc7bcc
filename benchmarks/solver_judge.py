"""How good an answer is: computed in float64 from the data and the answer, by nobody's own word."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from solver_work import Work
from torch import Tensor

from gossamer.linop import as_operator
from gossamer.problem import duality_gap
from gossamer.terms import ElasticNet

__all__ = ["GAP", "MORE_RESIDUAL", "error", "limit"]

GAP = 1e-6  # relative to the objective at zero, of the worst signal or point of a path
# A greedy answer's mean squared residual may be this much above the best contender's. SPAMS chooses columns by how much
# the residual falls, the others by correlation: on normal data the two differ by about a thousandth.
MORE_RESIDUAL = 1e-2


def error(work: Work, x: Any) -> float:
    """The worst relative duality gap; for OMP the mean of ‖b − Ax‖²/‖b‖², infinite where a row has more than k."""
    answer = _dense(x)
    b = torch.from_numpy(np.atleast_2d(work.b)[: len(answer)]).double()
    if work.k:
        if int((answer != 0).sum(1).max()) > work.k:
            return float("inf")
        left = b - answer @ torch.from_numpy(work.A).double().T
        return float((left.square().sum(1) / b.square().sum(1)).mean())
    A = as_operator(work.A).double()
    levels = np.broadcast_to(work.l1, len(answer)).tolist() if np.ndim(work.l1) else [work.l1]
    if len(levels) == 1:
        return float(duality_gap(A, b, ElasticNet(levels[0], work.l2), answer).gap.max())
    each = (duality_gap(A, b[0], ElasticNet(l1, work.l2), row).gap for l1, row in zip(levels, answer, strict=True))
    return max(float(gap) for gap in each)


def limit(work: Work, errors: list[float]) -> float:
    """What an error may be at most."""
    return min(errors) * (1 + MORE_RESIDUAL) if work.k else GAP


def _dense(x: Any) -> Tensor:
    """(rows, n), float64."""
    array = x.toarray() if hasattr(x, "toarray") else np.asarray(x)
    return torch.from_numpy(np.atleast_2d(array)).double()
