"""Room 4: problems. A fit and a term; and the duality gap, which judges any x from the data alone."""

from .gap import Certificate, duality_gap, pursuit_gap
from .layer import LayerQuadratic, Problem
from .least_squares import LeastSquares
from .pursuit import Pursuit

__all__ = ["Certificate", "LayerQuadratic", "LeastSquares", "Problem", "Pursuit", "duality_gap", "pursuit_gap"]
