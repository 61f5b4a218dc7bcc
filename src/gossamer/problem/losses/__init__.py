"""Losses of a linear predictor. A new one is one new file and one line in LOSSES."""

from __future__ import annotations

from collections.abc import Mapping

from .base import Loss
from .cox import Cox
from .huber import Huber
from .logistic import Logistic
from .multinomial import Multinomial
from .poisson import Poisson
from .sample import SampleLoss
from .squares import Squares

__all__ = ["LOSSES", "Cox", "Huber", "Logistic", "Loss", "Multinomial", "Poisson", "SampleLoss", "Squares"]

LOSSES: Mapping[str, type[Loss]] = {
    "squares": Squares,
    "logistic": Logistic,
    "multinomial": Multinomial,
    "huber": Huber,
    "poisson": Poisson,
    "cox": Cox,
}
