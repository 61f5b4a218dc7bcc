"""How far a student's output lies from its teacher's; the pass that calls them leaves padded rows out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch.nn.functional as F
from torch import Tensor

__all__ = ["LOSSES", "hinton", "squared"]


def hinton(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T²·KL(softmax(z_t/T) ‖ softmax(z_s/T)), averaged over all rows of logits.

    Args: student, teacher (*b, classes): the leading axes are flattened, so that a loss over tokens is a mean over
        tokens.
    Source: Hinton et al. 2015, section 2. 'batchmean', since 'mean' would divide by the classes as well.

    >>> import torch
    >>> round(float(hinton(torch.zeros(1, 2), torch.tensor([[2.0, 0.0]]), 1.0)), 4)
    0.3278
    """
    classes = student.shape[-1]
    ours = F.log_softmax(student.reshape(-1, classes).float() / temperature, -1)
    theirs = F.log_softmax(teacher.reshape(-1, classes).float() / temperature, -1)
    return F.kl_div(ours, theirs, reduction="batchmean", log_target=True) * temperature**2


def squared(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Mean (z_t − z_s)²: for outputs that are not logits. The temperature plays no part."""
    return F.mse_loss(student.float(), teacher.float())


LOSSES: Mapping[str, Callable[[Tensor, Tensor, float], Tensor]] = {"kl": hinton, "mse": squared}
