"""Cox's partial likelihood: survival times, some of them censored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...errors import DataError
from ...linop.chosen import Chosen
from .base import Loss

__all__ = ["Cox"]


class _Sorted(NamedTuple):
    """Samples by falling time. `first` and `last` are the ends of each one's run of equal times."""

    z: Tensor
    w: Tensor
    log_w: Tensor
    event: Tensor
    order: Tensor
    first: Tensor
    last: Tensor


@dataclass(frozen=True)
class Cox(Loss):
    """f(z) = Σ_{i: event} w_i [log Σ_{j: t_j ≥ t_i} w_j exp z_j − z_i − log w_i], z the log of the relative risk.

    Ties as Breslow: events of one time share their risk set. Minus the log partial likelihood but for −w_i log w_i,
    which makes f(z) ≥ 0. A constant in z changes nothing, so there is no intercept. Samples couple through the risk
    sets; the conjugate is bounded by that of the events' terms one by one, split as the gradient is:

        f*(u) ≤ Σ_{i: event} w_i [Σ_{j: t_j ≥ t_i} p_ij log(p_ij/w_j) + log w_i]   for u = Σ_i w_i (p_i − e_i)

    with p_i = s·softmax over the risk set + (1 − s)·e_i. At s = 1 the two are equal.

    Source: Cox 1972; Breslow 1974.
    """

    @property
    def event_ndim(self) -> int:
        return 1

    @property
    def shift_invariant(self) -> bool:
        return True

    def targets(self, b: Any, m: int) -> Tensor:
        """From (m, 2), times > 0 and events (1: it happened, 0: censored), to (1, 4, m): order, first, last, event."""
        given = b if isinstance(b, Tensor) else torch.as_tensor(b)
        if tuple(given.shape) != (m, 2):
            raise DataError(f"targets have shape {tuple(given.shape)}; give times and events as ({m}, 2)")
        times, event = given.to(torch.float64).unbind(-1)
        if not bool((torch.isfinite(times) & (times > 0)).all()):
            raise DataError("times must be finite and > 0; drop or correct those samples")
        if not bool(((event == 0) | (event == 1)).all()) or not bool(event.any()):
            raise DataError("events must be 1 (happened) or 0 (censored), with at least one 1")
        order = times.argsort(descending=True, stable=True)
        _, run = torch.unique_consecutive(times[order], return_inverse=True)
        ends = torch.bincount(run).cumsum(0)
        last = ends[run] - 1
        first = torch.cat([ends.new_zeros(1), ends[:-1]])[run]
        return torch.stack([order.double(), first.double(), last.double(), event[order]]).unsqueeze(0)

    def value(self, z: Tensor, b: Tensor, w: Tensor) -> Tensor:
        s = _sorted(z, b, w)
        return (s.w * s.event * (_log_risk(s) - s.z - s.log_w)).sum(-1)

    def gradient(self, z: Tensor, b: Tensor, w: Tensor) -> Tensor:
        s = _sorted(z, b, w)
        return _unsorted(_share(s) - s.w * s.event, s)

    def curvature(self, z: Tensor, b: Tensor, w: Tensor) -> Tensor:
        s = _sorted(z, b, w)
        return _unsorted(_share(s), s)

    def gram(self, chosen: Chosen, z: Tensor, b: Tensor, w: Tensor) -> Tensor:
        """∇² is diag(Σ_i w_i p_i) − Σ_i w_i p_i p_i'; each C'p_i is a running sum over the risk set."""
        s = _sorted(z[0], b[0], w)
        top = (s.z + s.log_w).max()
        running = ((s.z + s.log_w - top).exp()[:, None] * chosen.dense()[s.order]).cumsum(0)
        happened = s.event > 0
        mean = running[s.last[happened]] * (top - _log_risk(s)[happened]).exp()[:, None]
        mean = mean * s.w[happened].sqrt()[:, None]
        return chosen.gram(self.curvature(z, b, w).sqrt()) - mean.mT @ mean

    def conjugate(self, z: Tensor, b: Tensor, w: Tensor, scale: Tensor) -> Tensor:
        s = _sorted(z, b, w)
        scale = scale.unsqueeze(-1)
        risk = _log_risk(s)
        own = (s.z + s.log_w - risk).exp()  # p_ii at scale 1
        top = (s.z + s.log_w).amax(-1, keepdim=True)
        mean = ((s.z + s.log_w - top).exp() * s.z).cumsum(-1).gather(-1, s.last) * (top - risk).exp()
        others = torch.xlogy(scale, scale) * (1 - own) + scale * (mean - own * s.z - (1 - own) * risk)
        drawn = scale * own + 1 - scale
        return (s.w * s.event * (others + torch.xlogy(drawn, drawn) + (1 - drawn) * s.log_w)).sum(-1)


def _sorted(z: Tensor, b: Tensor, w: Tensor) -> _Sorted:
    order, first, last = (b[..., place, :].long().expand(z.shape) for place in range(3))
    weight = w.expand(z.shape).gather(-1, order)
    return _Sorted(z.gather(-1, order), weight, weight.log(), b[..., 3, :], order, first, last)


def _log_risk(s: _Sorted) -> Tensor:
    """log Σ_{j: t_j ≥ t_i} w_j exp z_j."""
    return torch.logcumsumexp(s.z + s.log_w, -1).gather(-1, s.last)


def _share(s: _Sorted) -> Tensor:
    """Σ_{i: event, t_i ≤ t_j} w_i p_ij of each j."""
    terms = torch.where(s.event > 0, s.log_w - _log_risk(s), -torch.inf)
    since = torch.logcumsumexp(terms.flip(-1), -1).flip(-1).gather(-1, s.first)
    return (s.z + s.log_w + since).exp()


def _unsorted(x: Tensor, s: _Sorted) -> Tensor:
    return torch.empty_like(x).scatter(-1, s.order, x)
