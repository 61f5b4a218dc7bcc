"""The demo: scikit-learn's digits from training to a measured small file."""

from .command import RECIPE, compressed, run

__all__ = ["RECIPE", "compressed", "run"]
