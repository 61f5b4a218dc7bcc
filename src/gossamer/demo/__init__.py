"""The demo: scikit-learn's digits from training to a measured small file."""

from .command import RECIPE, compressed
from .digits import network

__all__ = ["RECIPE", "compressed", "network"]
