"""Peak memory of a call."""

from __future__ import annotations

from collections.abc import Callable

from torch.autograd.profiler import profile
from torch.profiler import kineto_available

__all__ = ["peak_memory"]


def peak_memory(call: Callable[[], object]) -> int | None:
    """Bytes that torch's CPU allocator handed out above the start of the call, at their peak.

    Measured by the allocator's own events, so an operator's inner buffers (an im2col, a dequantized weight)
    count as well as its result. What a library allocates for itself (a BLAS packing buffer) and the weights,
    which are there before the call, do not. None when torch was built without its profiler.

    The call runs once before, so that what is made once and kept (caches) does not count.
    """
    if not kineto_available():
        return None
    call()
    # torch.profiler.profile would import the compiler: a second, and a folder of its own in the temporary directory
    with profile(use_kineto=True, profile_memory=True) as profiler:
        call()
    recorded = profiler.kineto_results.events()
    changes = sorted((e.start_ns(), i, e.nbytes()) for i, e in enumerate(recorded) if e.name() == "[memory]")
    held = peak = 0
    for _, _, change in changes:
        held += change
        peak = max(peak, held)
    return peak
