"""The threads that torch computes with, for work that is not torch's.

Between two operations torch's OpenMP threads do not sleep: for some milliseconds each spins on a core of its own, and
other threads, woken then, share those cores with them: ten thousand signals took twice as long on two threads as on
one. So work goes to those very threads, through the function that compilers call for `#pragma omp parallel`.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch

__all__ = ["on_threads", "shared"]

_Work = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
# A forked child has none of its parent's threads, and a runtime that still counts on them waits for ever.
_HOME = os.getpid()


def on_threads(work: Callable[[], None], threads: int) -> None:
    """Call `work` on up to `threads` threads at once, torch's where `shared()`, and return when all calls have.

    On threads that are shared, torch's own operations inside `work` take one thread each.

    Raises: what the first call that failed raised.
    """
    failed: list[BaseException] = []
    inference, grad = torch.is_inference_mode_enabled(), torch.is_grad_enabled()  # torch keeps both by thread

    def guarded(_: object) -> None:
        try:
            with torch.inference_mode(inference), torch.set_grad_enabled(grad):
                work()
        except BaseException as error:
            failed.append(error)

    parallel = _parallel() if shared() else None
    if parallel is not None:
        parallel(_Work(guarded), None, threads, 0)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(guarded, range(threads)))
    if failed:
        raise failed[0]


def shared() -> bool:
    """Whether work goes to torch's own threads: on Linux, where torch was built with OpenMP, and not after a fork."""
    return _parallel() is not None and os.getpid() == _HOME


@functools.cache
def _parallel() -> Any:
    """GOMP_parallel of the runtime that torch uses; GNU's, LLVM's and Intel's have it. None where there is none."""
    if sys.platform != "linux" or not torch.backends.openmp.is_available():
        return None
    # As the linker binds torch's own calls: to a library that is global, a preloaded one say, before its own.
    for path in (None, torch._C.__file__):
        found = getattr(ctypes.CDLL(path), "GOMP_parallel", None)
        if found is not None:
            found.argtypes, found.restype = (_Work, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint), None
            return found
    return None
