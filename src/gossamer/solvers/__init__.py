"""Room 5: solvers. One algorithm a file."""

from collections.abc import Mapping

from .admm import ADMM
from .base import Solution, Solver
from .block_descent import BlockDescent
from .convex import ConvexSolver, IterativeSolver
from .coordinate_descent import CoordinateDescent
from .fista import FISTA
from .gram_descent import GramDescent
from .gram_pool import GramPool
from .homotopy import Homotopy
from .loss_fista import LossFISTA
from .losses import LossSolver
from .outcome import ADVICE, Ending, Recovery
from .primal_dual import PrimalDual
from .projection import Projection
from .prox_newton import ProxNewton
from .pursuit import HomotopyPursuit, PursuitSolver
from .square_root import SquareRoot

__all__ = [
    "ADMM",
    "ADVICE",
    "CONVEX",
    "FISTA",
    "LOSS_SOLVERS",
    "PURSUIT",
    "BlockDescent",
    "ConvexSolver",
    "CoordinateDescent",
    "Ending",
    "GramDescent",
    "GramPool",
    "Homotopy",
    "HomotopyPursuit",
    "IterativeSolver",
    "LossFISTA",
    "LossSolver",
    "PrimalDual",
    "Projection",
    "ProxNewton",
    "PursuitSolver",
    "Recovery",
    "Solution",
    "Solver",
    "SquareRoot",
]

CONVEX: Mapping[str, type[CoordinateDescent | GramDescent | BlockDescent | FISTA | Homotopy]] = {
    "coordinate_descent": CoordinateDescent,
    "gram_descent": GramDescent,
    "block_descent": BlockDescent,
    "fista": FISTA,
    "homotopy": Homotopy,
}
PURSUIT: Mapping[str, type[HomotopyPursuit | ADMM | PrimalDual]] = {
    "homotopy": HomotopyPursuit,
    "admm": ADMM,
    "primal_dual": PrimalDual,
}
LOSS_SOLVERS: Mapping[str, type[ProxNewton | LossFISTA]] = {"prox_newton": ProxNewton, "fista": LossFISTA}
