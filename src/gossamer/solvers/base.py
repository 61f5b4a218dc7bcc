"""What a solver is: a problem goes in, a solution comes out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from ..problem import Problem
from ..terms import Member

__all__ = ["Solution", "Solver"]


@dataclass(frozen=True, eq=False)
class Solution:
    """A feasible member, its objective, and whether it is a minimiser or a good point."""

    member: Member
    objective: float
    exact: bool


class Solver(ABC):
    """`solve` is the one abstract method."""

    @abstractmethod
    def solve(self, problem: Problem) -> Solution: ...
