"""Room 5: solvers. One algorithm a file."""

from .base import Solution, Solver
from .projection import Projection

__all__ = ["Projection", "Solution", "Solver"]
