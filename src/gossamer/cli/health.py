"""What `gossamer doctor` finds out: versions against what the package's own metadata ask for, and what is there."""

from __future__ import annotations

import operator
import platform
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from .. import __version__
from . import rooms

__all__ = ["Finding", "findings", "meets", "resources"]

State = Literal["ok", "missing", "old", "broken", "optional"]
REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*\(?([^;)]*)\)?\s*(?:;(.*))?$")
COMPARED = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
ROOM_TO_MEASURE = 100_000_000  # bytes of the temporary folder below which measuring fails for most models


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `optional` is missing and not needed; any state but that and `ok` is a problem."""

    name: str
    found: str
    state: State = "ok"
    advice: str = ""

    @property
    def is_problem(self) -> bool:
        return self.state not in ("ok", "optional")


def findings() -> list[Finding]:
    """Everything in the order in which one would look."""
    found = [Finding("gossamer", __version__), _python()]
    found += [_package(name, wanted) for name, wanted, marker in _requirements() if not marker]
    found += [_torch(), _kernels(), _temporary()]
    extras = [
        _optional(name, wanted, f"pip install 'gossamer[{extra}]'")
        for name, wanted, marker in _requirements()
        if (extra := _extra(marker)) and extra != "dev"
    ]
    return [*found, *extras, *_peers(), _compiler()]


def resources() -> dict[str, Any]:
    """The machine card, and what is free; None where the system does not say."""
    try:
        card = rooms.machine.machine()
    except Exception:  # a broken torch, which is a finding of its own
        card = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    return card | {
        "memory free": _free_memory(),
        "disk free here": shutil.disk_usage(Path.cwd()).free,
        "disk free for temporary files": shutil.disk_usage(tempfile.gettempdir()).free,
    }


def meets(version: str, wanted: str) -> bool:
    """Whether a version is within bounds; pre-releases and local parts are not looked at.

    >>> meets("2.13.0+cpu", ">=2.6"), meets("0.6.1", "<0.6,>=0.5")
    (True, False)
    """
    bounds = [re.match(r"\s*([<>=!]+)\s*(\S+)", part) for part in wanted.split(",") if part.strip()]
    return all(COMPARED[bound[1]](*_padded(version, bound[2])) for bound in bounds if bound)


def _padded(*versions: str) -> list[tuple[int, ...]]:
    """Release numbers of equal length: 2.6 is 2.6.0."""
    releases = [tuple(map(int, re.findall(r"\d+", re.split(r"[^\d.]", text)[0]))) for text in versions]
    longest = max(map(len, releases))
    return [release + (0,) * (longest - len(release)) for release in releases]


def _requirements() -> list[tuple[str, str, str]]:
    """(package, bounds, marker) as the installed package declares them; nothing when it runs from its sources."""
    try:
        declared = metadata.requires("gossamer") or []
    except metadata.PackageNotFoundError:
        return []
    parts = [REQUIREMENT.match(line) for line in declared]
    return [(m[1], m[2].strip(), (m[3] or "").strip()) for m in parts if m and m[1] != "gossamer"]


def _extra(marker: str) -> str:
    found = re.search(r"extra\s*==\s*['\"]([^'\"]+)", marker)
    return found[1] if found else ""


def _python() -> Finding:
    try:
        wanted = metadata.metadata("gossamer")["Requires-Python"] or ""
    except metadata.PackageNotFoundError:
        return Finding("python", platform.python_version(), advice="gossamer runs from its sources, not installed")
    good = meets(platform.python_version(), wanted)
    return Finding("python", platform.python_version(), *(() if good else ("old", f"needed is {wanted}")))


def _package(name: str, wanted: str) -> Finding:
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Finding(name, "not installed", "missing", f"pip install '{name}{wanted}'")
    if not meets(version, wanted):
        return Finding(name, version, "old", f"needed is {wanted}: pip install '{name}{wanted}'")
    return Finding(name, version)


def _optional(name: str, wanted: str, install: str) -> Finding:
    found = _package(name, wanted)
    if found.state == "missing":
        return Finding(name, found.found, "optional", install)
    return found


def _torch() -> Finding:
    """Installed is not working: a CPU that lacks an instruction, a library that does not fit."""
    try:
        torch = rooms.torch
        right = bool((torch.ones(4, 4) @ torch.ones(4, 4) == 4).all())
    except Exception as error:
        return Finding("torch computes", f"{type(error).__name__}: {error}", "broken", "install torch anew")
    advice = "" if right else "4×4 ones multiplied do not give 4: install torch anew"
    return Finding("torch computes", "yes" if right else "wrongly", "ok" if right else "broken", advice)


def _kernels() -> Finding:
    try:
        status = rooms.kernels.status()
    except Exception as error:
        return Finding("kernels", str(error), "broken", "unset GOSSAMER_KERNELS, or install gossamer anew")
    return Finding("kernels", f"{status.backend} ({status.isa})", advice=status.reason)


def _temporary() -> Finding:
    folder = tempfile.gettempdir()
    try:
        with tempfile.TemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free
    except OSError as error:
        return Finding(
            "temporary folder", f"{folder}: {error.strerror}", "broken", "set TMPDIR to a folder one may write to"
        )
    if free < ROOM_TO_MEASURE:
        return Finding("temporary folder", f"{folder}: {free:,} bytes free", "broken", "make room, or set TMPDIR")
    return Finding("temporary folder", folder)


def _peers() -> list[Finding]:
    try:
        peers = rooms.bench.PEERS
    except Exception:  # without torch there is nothing to compare
        return []
    packages = {name: peer.install for peer in peers.values() for name in peer.packages}
    return [_optional(name, "", install) for name, install in packages.items()]


def _compiler() -> Finding:
    found = next(filter(None, map(shutil.which, ("c++", "g++", "clang++"))), None)
    if found or sys.platform == "win32":
        return Finding("C++ compiler", found or "not looked for on Windows")
    return Finding("C++ compiler", "not found", "optional", "torch.compile and native kernels are built with one")


def _free_memory() -> int | None:
    """Bytes that may still be taken: what the system has free, or what is left of a container's share."""
    found = []
    meminfo = Path("/proc/meminfo")
    if meminfo.is_file() and (line := re.search(r"MemAvailable:\s+(\d+) kB", meminfo.read_text())):
        found.append(1024 * int(line[1]))
    limit, used = (Path(f"/sys/fs/cgroup/memory.{name}") for name in ("max", "current"))
    if limit.is_file() and used.is_file() and (most := limit.read_text().strip()).isdigit():
        found.append(int(most) - int(used.read_text()))
    return min(found) if found else None
