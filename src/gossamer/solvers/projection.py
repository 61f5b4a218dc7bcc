"""The solver of problems whose fit is separable: one projection."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..problem import Problem
from .base import Solution, Solver

__all__ = ["Projection"]


@dataclass(frozen=True)
class Projection(Solver):
    """argmin_z ½ Σ_j metric_j (w_j − z_j)² over the set, in one step; exact where the set's projection is."""

    def solve(self, problem: Problem) -> Solution:
        member = problem.term.project(problem.fit.weight, problem.fit.metric)
        return Solution(member, problem.fit.value(member.dense(torch.float32)), problem.term.exact)
