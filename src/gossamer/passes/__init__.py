"""Room 10: the passes over a model: calibrate, compress, distil, verify. Result lives here."""

from .calibrate import calibrate
from .compress import compress, compress_
from .data import Batches, call, output_of, target_of
from .evaluate import score
from .result import Result
from .settings import Proof
from .verify import Effort, Metric, verify

__all__ = [
    "Batches",
    "Effort",
    "Metric",
    "Proof",
    "Result",
    "calibrate",
    "call",
    "compress",
    "compress_",
    "output_of",
    "score",
    "target_of",
    "verify",
]
