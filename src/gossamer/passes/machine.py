"""The machine on which figures were taken, as a card that goes beside them."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import torch

from .. import kernels

__all__ = ["machine"]


def machine() -> dict[str, Any]:
    """Processor, cores, threads, versions and kernels: what a figure depends on. No host, user or path.

    >>> sorted(machine())
    ['cores', 'cpu', 'instructions', 'kernels', 'python', 'system', 'threads', 'torch']
    """
    return {
        "cpu": _cpu(),
        "cores": _cores(),
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "kernels": _kernels(),
    }


def _cpu() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # a container or taskset may leave the process fewer than the machine has
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _kernels() -> str:
    status = kernels.status()
    return f"{status.backend} ({status.isa})"
