"""Room 5: solvers. One algorithm a file."""

from collections.abc import Mapping

from .admm import ADMM
from .base import Solution, Solver
from .convex import ConvexSolver, IterativeSolver
from .coordinate_descent import CoordinateDescent, GramPool
from .fista import FISTA
from .gram_descent import GramDescent
from .homotopy import Homotopy
from .outcome import ADVICE, Ending, Recovery
from .projection import Projection
from .pursuit import HomotopyPursuit, PursuitSolver

__all__ = [
    "ADMM",
    "ADVICE",
    "CONVEX",
    "FISTA",
    "PURSUIT",
    "ConvexSolver",
    "CoordinateDescent",
    "Ending",
    "GramDescent",
    "GramPool",
    "Homotopy",
    "HomotopyPursuit",
    "IterativeSolver",
    "Projection",
    "PursuitSolver",
    "Recovery",
    "Solution",
    "Solver",
]

CONVEX: Mapping[str, type[CoordinateDescent | GramDescent | FISTA | Homotopy]] = {
    "coordinate_descent": CoordinateDescent,
    "gram_descent": GramDescent,
    "fista": FISTA,
    "homotopy": Homotopy,
}
PURSUIT: Mapping[str, type[HomotopyPursuit | ADMM]] = {"homotopy": HomotopyPursuit, "admm": ADMM}
