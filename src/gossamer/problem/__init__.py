"""Room 4: problems. A fit and a term; and the certificates, which judge any x from the data alone."""

from .gap import Certificate, duality_gap, pursuit_gap
from .layer import LayerQuadratic, Problem
from .least_squares import LeastSquares
from .loss_gap import loss_gap
from .losses import LOSSES, Loss
from .penalised_loss import PenalisedLoss
from .pursuit import Pursuit
from .square_root import square_root_gap
from .support import SupportCertificate, mutual_coherence, support_certificate

__all__ = [
    "LOSSES",
    "Certificate",
    "LayerQuadratic",
    "LeastSquares",
    "Loss",
    "PenalisedLoss",
    "Problem",
    "Pursuit",
    "SupportCertificate",
    "duality_gap",
    "loss_gap",
    "mutual_coherence",
    "pursuit_gap",
    "square_root_gap",
    "support_certificate",
]
