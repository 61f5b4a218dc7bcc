"""The plain form of `gram_descent`: greedy coordinates and Newton steps, all signals at once in torch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["gram_descent"]

_TOGETHER = 512  # signals at once: their correlations stay in the cache
_GREEDY = 15  # coordinate steps between two Newton steps
_IDLE = 3  # rounds that may bring nothing ...
_NOTHING = 1e-15  # ... of the objective at zero


@dataclass(frozen=True, eq=False)
class _Quadratic:
    """½u'Gu − c'u + Σ t_j|u_j| on low ≤ u ≤ high, diag G = 1; all (n,) but G (n, n)."""

    gram: Tensor
    threshold: Tensor
    low: Tensor
    high: Tensor


@dataclass(eq=False)
class _Batch:
    """Signals that still run: u, h = c − Gu, and what each is made of."""

    u: Tensor
    h: Tensor
    c: Tensor
    square: Tensor
    last: Tensor
    idle: Tensor
    rows: Tensor

    def keep(self, which: Tensor) -> _Batch:
        return _Batch(**{name: value[which] for name, value in vars(self).items()})


def gram_descent(
    off_diagonal: Tensor, scales: Tensor, thresholds: Tensor, low: Tensor, high: Tensor,
    correlations: Tensor, squares: Tensor, start: Tensor | None, tol: float, rounds: int,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    gram = off_diagonal[:, : len(scales)] + torch.eye(len(scales), dtype=scales.dtype, device=scales.device)
    problem = _Quadratic(gram, thresholds, low, high)
    x = torch.zeros_like(correlations) if start is None else start.clone()
    done = torch.zeros(len(x), dtype=torch.int32, device=x.device)
    for rows in torch.arange(len(x), device=x.device).split(_TOGETHER):
        c = correlations[rows] * scales
        u = torch.minimum(torch.maximum(x[rows] / scales, low), high)
        last, idle = squares.new_full((len(rows),), torch.inf), torch.zeros_like(rows)
        batch = _Batch(u, c - u @ gram, c, squares[rows], last, idle, rows)
        _run(problem, scales, batch, tol, rounds, x, done)
    return x, done


def _run(q: _Quadratic, scales: Tensor, batch: _Batch, tol: float, rounds: int, x: Tensor, done: Tensor) -> None:
    """One batch to its end; results go to x and done."""
    for count in range(rounds + 1):
        gap, objective = _judged(q, batch)
        reached = gap <= 0.5 * tol * batch.square
        gaining = objective < batch.last - 0.5 * _NOTHING * batch.square
        batch.idle = torch.where(gaining, 0, batch.idle + 1)
        running = ~reached & (batch.idle < _IDLE) & (count < rounds)
        x[batch.rows] = batch.u * scales
        done[batch.rows] = torch.where(reached, count, -1 - count).to(torch.int32)
        batch.last = objective
        batch = batch.keep(running)
        if not len(batch.rows):
            return
        _descend(q, batch)
        _newton(q, batch)
        batch.h = batch.c - batch.u @ q.gram


def _judged(q: _Quadratic, batch: _Batch) -> tuple[Tensor, Tensor]:
    """An estimate of the gap, and the objective.

    An entry without threshold and with an open side has no dual bound; what it could gain stands in for one.
    """
    u, h = batch.u, batch.h
    over = torch.where(q.threshold > 0, 1 / q.threshold, 0.0)
    above, below = torch.where(q.high == torch.inf, over, 0.0), torch.where(q.low == -torch.inf, over, 0.0)
    scale = 1 / torch.maximum(h * above, -h * below).amax(-1).clamp(min=1)
    fitted, slack, level = (batch.c * u).sum(-1), (h * u).sum(-1), (q.threshold * u.abs()).sum(-1)
    residual = batch.square - fitted - slack
    gap = 0.5 * residual + level - scale * (batch.square - fitted) + 0.5 * scale * scale * residual
    bound = torch.where(h > 0, q.high, -q.low)
    beyond = (scale[:, None] * h.abs() - q.threshold).clamp(min=0)
    gap = gap + torch.where(torch.isfinite(bound), beyond * torch.where(torch.isfinite(bound), bound, 0.0), 0.0).sum(-1)
    loose = (q.threshold == 0) & ~torch.isfinite(bound)
    most = u.abs().amax(-1, keepdim=True)
    return gap + torch.where(loose, h.abs() * (most + 0.5 * h.abs()), 0.0).sum(-1), 0.5 * residual + level


def _descend(q: _Quadratic, batch: _Batch) -> None:
    """Some times: the coordinate that has farthest to go."""
    u, h = batch.u, batch.h
    every = torch.arange(len(u), device=u.device)
    for _ in range(_GREEDY):
        z = u + h
        move = torch.minimum(torch.maximum(z - z.clamp(-q.threshold, q.threshold), q.low), q.high) - u
        best = move.abs().argmax(-1)
        size = move[every, best]
        u[every, best] += size
        h -= size[:, None] * q.gram[best]


def _newton(q: _Quadratic, batch: _Batch) -> None:
    """Minimise over the orthant of the present signs, up to where the first entry would leave it.

    Where clipping all entries that would leave lowers the objective more, that is done instead.
    """
    u, h = batch.u, batch.h
    inside = (u != 0) & (u > q.low) & (u < q.high)
    widest = int(inside.sum(-1).max())
    if not widest:
        return
    held, places = inside.to(torch.int8).topk(widest, dim=-1)
    held = held.bool()
    values, level = u.gather(-1, places), q.threshold[places]
    sign = torch.where(level > 0, values.sign(), 0.0)
    slope = torch.where(held, h.gather(-1, places) - level * sign, 0.0)
    block = q.gram[places[:, :, None], places[:, None, :]] * (held[:, :, None] & held[:, None, :])
    block = block + torch.diag_embed((~held).to(block.dtype))
    factor, info = torch.linalg.cholesky_ex(block)
    move = torch.where((info == 0)[:, None], torch.cholesky_solve(slope[..., None], factor)[..., 0], 0.0)
    move = torch.where(torch.isfinite(move), move, 0.0)
    floor = torch.where(sign > 0, q.low[places].clamp(min=0), q.low[places])
    roof = torch.where(sign < 0, q.high[places].clamp(max=0), q.high[places])
    landed = torch.minimum(torch.maximum(values + move, floor), roof)
    crossing = landed != values + move
    reach = torch.where(crossing, (landed - values) / torch.where(crossing, move, 1.0), 1.0)
    least = reach.amin(-1, keepdim=True)
    short = torch.where(crossing & (reach == least), landed - values, least * move)
    clipped = landed - values

    def gain(step: Tensor) -> Tensor:
        curved = (block @ step[..., None])[..., 0]
        return ((slope - 0.5 * curved) * step).sum(-1, keepdim=True)  # signs hold, so |u| is linear here

    step = torch.where(gain(clipped) >= gain(short), clipped, short)
    step = torch.where(held & (gain(step) > 0), step, 0.0)
    u.scatter_add_(-1, places, step)
