"""The library of csrc/ through its C ABI: loaded at the first use, once, or never and with a reason."""

from __future__ import annotations

import ctypes
import functools
import os
import struct
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from ..errors import KernelError
from . import checks
from .rows import over_rows

__all__ = [
    "KernelStatus",
    "Library",
    "Row",
    "batch_omp",
    "function",
    "gram_descent",
    "l1_sweeps",
    "load",
    "mask_compress",
    "mask_expand",
    "pack_bits",
    "serves",
    "sound",
    "status",
    "unpack_bits",
]

ENVIRONMENT = "GOSSAMER_KERNELS"
ABI_VERSION = 4
# CMake writes this in place of the library when it could not build one.
NOTE = "not_built.txt"
_SUFFIX = {"darwin": ".dylib", "win32": ".dll"}.get(sys.platform, ".so")
LIBRARY = f"libgossamer_kernels{_SUFFIX}"

_OK, _BAD_CODE, _BAD_MASK = 0, -4, -5

_pointer, _int32, _int64, _double = ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64, ctypes.c_double
_csr = (_pointer, _int64, _pointer, _pointer, _int64, _int64)  # starts, rows, places, values, entries, columns
_SIGNATURES: dict[str, Any] = {
    "pack_bits": ctypes.CFUNCTYPE(_int32, _pointer, _int64, _int32, _pointer, _int64),
    "unpack_bits": ctypes.CFUNCTYPE(_int32, _pointer, _int64, _int32, _pointer, _int64),
    "mask_compress": ctypes.CFUNCTYPE(_int32, _pointer, _int64, _pointer, _int64, _pointer, _int64),
    "mask_expand": ctypes.CFUNCTYPE(_int32, _pointer, _int64, _pointer, _int64, _pointer, _int64),
    "batch_omp": ctypes.CFUNCTYPE(
        _int32, *[_pointer] * 3, *[_int64] * 3, *[_pointer] * 2, _int64, _pointer, _int64, *[_pointer] * 3
    ),
    "l1_sweeps": ctypes.CFUNCTYPE(_int32, _pointer, *[_int64] * 2, _pointer, *[_double] * 4, _int32, *[_pointer] * 3),
    "gram_descent": ctypes.CFUNCTYPE(
        _int32,
        _pointer,
        _int64,
        _int64,
        *[_pointer] * 6,
        ctypes.c_double,
        _int32,
        _int64,
        _pointer,
        _int64,
        *[_pointer] * 2,
    ),
    "csr_mv": ctypes.CFUNCTYPE(_int32, *_csr, *[_pointer] * 2),
    "csr_rmv": ctypes.CFUNCTYPE(_int32, *_csr, *[_pointer] * 2),
    "csr_columns": ctypes.CFUNCTYPE(_int32, *_csr, _pointer, _int64, *[_pointer] * 2, _int64, *[_pointer] * 3),
    "csr_gram": ctypes.CFUNCTYPE(_int32, *_csr, _int64, _pointer),
    "csr_l1_sweeps": ctypes.CFUNCTYPE(
        _int32, *_csr, _pointer, *[_double] * 4, _int32, _pointer, _int64, *[_pointer] * 3
    ),
}
# At half a microsecond a signal, fewer cost less than a thread does.
_SIGNALS_A_THREAD = 512
_ISAS = ("scalar", "neon", "avx2", "avx512")


@dataclass(frozen=True)
class KernelStatus:
    """Which implementation serves tensors on the CPU, the widest instruction set it uses, and why."""

    backend: Literal["native", "reference"]
    isa: str
    reason: str


@dataclass(frozen=True)
class Row:
    """One row of the library's kernel table; csrc/gossamer_kernels.h says what each field means."""

    name: str
    op: str
    isa: str
    item_size: int
    width: int
    supported: bool
    function: Any


@dataclass(frozen=True)
class Library:
    """A loaded library: its rows, and for each (op, item size) the last one that this processor runs."""

    rows: tuple[Row, ...]
    best: dict[tuple[str, int], Row]

    @property
    def isa(self) -> str:
        """The instruction set of the fastest rows: the widest that this processor runs."""
        return max((row.isa for row in self.best.values()), key=_ISAS.index)


class _CRow(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("op", ctypes.c_char_p),
        ("isa", ctypes.c_char_p),
        ("item_size", _int32),
        ("width", _int32),
        ("function", _pointer),
    )


def load(path: Path) -> Library:
    """Load the library at `path` and read its table.

    Raises: OSError when it is no library for this machine, KernelError when it is not gossamer's or of
        another version.
    """
    _refuse_truncated(path)
    dll = ctypes.CDLL(str(path))
    if not hasattr(dll, "gs_abi_version"):
        raise KernelError(f"{path.name} is not gossamer's library")
    if (version := int(dll.gs_abi_version())) != ABI_VERSION:
        raise KernelError(f"{path.name} has ABI version {version}, needed is {ABI_VERSION}; install gossamer anew")
    dll.gs_kernel_at.restype = ctypes.POINTER(_CRow)
    rows = tuple(_row(dll, index) for index in range(dll.gs_kernel_count()))
    best = {(row.op, row.item_size): row for row in rows if row.supported}
    return Library(rows, best)


def _refuse_truncated(path: Path) -> None:
    """The loader maps an ELF file without looking at its length, and a short one ends the process (SIGBUS).

    The section headers come last in a file, so they end within it when nothing is missing.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        header = file.read(64)
    if len(header) == 64 and header[:6] == b"\x7fELF\x02\x01":  # 64 bits, little-endian
        offset, entry_size, entries = *struct.unpack_from("<Q", header, 40), *struct.unpack_from("<2H", header, 58)
        if offset + entry_size * entries > size:
            raise KernelError(f"{path.name} is cut off at {size} bytes; install gossamer anew")


def _row(dll: ctypes.CDLL, index: int) -> Row:
    row = dll.gs_kernel_at(index).contents
    op = row.op.decode()
    return Row(
        name=row.name.decode(),
        op=op,
        isa=row.isa.decode(),
        item_size=row.item_size,
        width=row.width,
        supported=bool(dll.gs_isa_supported(row.isa)),
        function=_SIGNATURES[op](row.function),
    )


_lock = threading.Lock()


def _installed() -> tuple[Library | None, str]:
    """The library that was installed with this package, or None and the reason."""
    with _lock:  # lru_cache alone would let two threads load at once
        return _load_installed(tuple(sys.modules[__package__].__path__), os.environ.get(ENVIRONMENT, "auto"))


@functools.lru_cache
def _load_installed(folders: tuple[str, ...], wanted: str) -> tuple[Library | None, str]:
    # An editable install has two folders: the sources, and where the build put the library.
    if wanted not in ("auto", "native", "reference"):
        raise KernelError(f"{ENVIRONMENT} is {wanted!r}; set it to auto, native or reference")
    if wanted == "reference":
        return None, f"{ENVIRONMENT}=reference"
    library, reason = _search(folders)
    if library is None and wanted == "native":
        raise KernelError(f"{ENVIRONMENT}=native, but {reason}; install gossamer where a C++17 compiler is found")
    return library, reason


def _search(folders: Sequence[str]) -> tuple[Library | None, str]:
    for folder in map(Path, folders):
        if (path := folder / LIBRARY).is_file():
            try:
                return load(path), f"{LIBRARY} was built when gossamer was installed"
            except (OSError, KernelError) as error:
                return None, f"{LIBRARY} could not be loaded: {error}"
    for folder in map(Path, folders):
        if (note := folder / NOTE).is_file():
            return None, note.read_text(encoding="utf-8").strip()
    return None, "gossamer runs from its sources and the native part was not built; `pip install .` builds it"


def status() -> KernelStatus:
    """Which implementation is in use here, and why.

    >>> status().backend in ("native", "reference")
    True
    """
    library, reason = _installed()
    if library is None:
        return KernelStatus("reference", "torch", reason)
    return KernelStatus("native", library.isa, reason)


def serves(tensors: Sequence[Tensor]) -> bool:
    """Whether native code is here and may read these."""
    return readable(tensors) and _installed()[0] is not None


def readable(tensors: Sequence[Tensor]) -> bool:
    """Whether code that is not torch's may read these: plain tensors with memory on the CPU, and no gradient wanted."""
    for tensor in tensors:
        if type(tensor) not in (Tensor, torch.nn.Parameter) or tensor.device.type != "cpu":
            return False
        if (tensor.requires_grad and torch.is_grad_enabled()) or tensor.is_neg() or tensor.is_conj():
            return False
    # Under a dispatch mode (fake tensors, a tracer) new tensors have no memory, or must be seen written.
    return not _dispatch_mode_is_active()


def _dispatch_mode_is_active() -> bool:
    return int(torch._C._len_torch_dispatch_stack()) > 0


def pack_bits(codes: Tensor, bits: int) -> Tensor:
    codes = codes.contiguous()
    out = torch.empty((codes.shape[0] * bits + 7) // 8, dtype=torch.uint8, device=codes.device)
    code = function("pack_bits", 1)(codes.data_ptr(), codes.shape[0], bits, out.data_ptr(), out.shape[0])
    if code == _BAD_CODE:
        raise checks.wide_code(bits)
    return sound(code, out)


def unpack_bits(packed: Tensor, bits: int, count: int) -> Tensor:
    packed = packed.contiguous()
    out = packed.new_empty(count)
    code = function("unpack_bits", 1)(packed.data_ptr(), packed.shape[0], bits, out.data_ptr(), count)
    return sound(code, out)


def mask_compress(dense: Tensor, mask: Tensor, kept: int) -> Tensor:
    dense, mask = dense.detach().contiguous(), mask.contiguous()
    out = dense.new_empty(kept)
    code = function("mask_compress", dense.dtype.itemsize)(
        dense.data_ptr(), dense.shape[0], mask.data_ptr(), mask.shape[0], out.data_ptr(), kept
    )
    if code == _BAD_MASK:
        raise checks.wrong_mask(kept, dense.shape[0])
    return sound(code, out)


def mask_expand(values: Tensor, mask: Tensor, count: int) -> Tensor:
    values, mask = values.detach().contiguous(), mask.contiguous()
    out = values.new_empty(count)
    code = function("mask_expand", values.dtype.itemsize)(
        values.data_ptr(), values.shape[0], mask.data_ptr(), mask.shape[0], out.data_ptr(), count
    )
    if code == _BAD_MASK:
        raise checks.wrong_mask(values.shape[0], count)
    return sound(code, out)


def batch_omp(
    atoms: Tensor, gram: Tensor, scales: Tensor, signals: Tensor, targets: Tensor, k: int
) -> tuple[Tensor, Tensor, Tensor]:
    atoms, gram, scales, signals, targets = (
        tensor.detach().contiguous() for tensor in (atoms, gram, scales, signals, targets)
    )
    count = signals.shape[0]
    x, residuals = signals.new_empty(count, atoms.shape[0]), signals.new_empty(count)
    steps = signals.new_empty(count, dtype=torch.int32)
    run = functools.partial(_pursue, atoms, gram, scales, k)
    over_rows(run, (signals, targets, x, residuals, steps), least=_SIGNALS_A_THREAD)
    return x, residuals, steps


def _pursue(
    atoms: Tensor, gram: Tensor, scales: Tensor, k: int,
    signals: Tensor, targets: Tensor, x: Tensor, residuals: Tensor, steps: Tensor,
) -> None:  # fmt: skip
    n, m = atoms.shape
    room = atoms.new_empty(-(n // -16) * 16 * (m + 24) + 2 * (k * n + k * k + 2 * k))
    code = function("batch_omp", atoms.dtype.itemsize)(
        atoms.data_ptr(), gram.data_ptr(), scales.data_ptr(), n, m, k,
        signals.data_ptr(), targets.data_ptr(), signals.shape[0], room.data_ptr(), room.shape[0],
        x.data_ptr(), residuals.data_ptr(), steps.data_ptr(),
    )  # fmt: skip
    sound(code, x)


def l1_sweeps(
    gram: Tensor, levels: Tensor, x: Tensor, h: Tensor,
    low: float, high: float, ridge: float, accuracy: float, sweeps: int,
) -> tuple[Tensor, Tensor, int]:  # fmt: skip
    gram = gram if gram.stride(1) == 1 and gram.stride(0) >= len(x) else gram.contiguous()
    x, h, levels = x.detach().clone(), h.detach().clone(), levels.contiguous()
    x, h, done = x.contiguous(), h.contiguous(), x.new_zeros((), dtype=torch.int32)
    code = function("l1_sweeps", 8)(
        gram.data_ptr(), gram.stride(0), len(x), levels.data_ptr(), low, high, ridge, accuracy, sweeps,
        x.data_ptr(), h.data_ptr(), done.data_ptr(),
    )  # fmt: skip
    sound(code, x)
    return x, h, int(done)


def gram_descent(
    off_diagonal: Tensor, scales: Tensor, thresholds: Tensor, low: Tensor, high: Tensor,
    correlations: Tensor, squares: Tensor, start: Tensor | None, tol: float, rounds: int,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    (n, stride), count = off_diagonal.shape, correlations.shape[0]
    design = [each.detach().contiguous() for each in (off_diagonal, scales, thresholds, low, high)]
    signals = [each.detach().contiguous() for each in (correlations, squares)]
    x = torch.zeros_like(signals[0]) if start is None else start.detach().clone(memory_format=torch.contiguous_format)
    done, room = x.new_empty(count, dtype=torch.int32), x.new_empty(13 * stride + n * (stride + 8))
    code = function("gram_descent", 8)(
        design[0].data_ptr(), n, stride, *(each.data_ptr() for each in (*design[1:], *signals)), tol, rounds, count,
        room.data_ptr(), room.shape[0], x.data_ptr(), done.data_ptr(),
    )  # fmt: skip
    sound(code, x)
    return x, done


def function(op: str, item_size: int) -> Any:
    """The fastest row's function."""
    library, reason = _installed()
    if library is None:
        raise KernelError(f"no native {op}: {reason}")
    return library.best[op, item_size].function


def sound(code: int, out: Tensor) -> Tensor:
    """`out`, which native code filled if its status says so."""
    if code != _OK:
        raise KernelError(f"native code refused arguments that were checked (status {code}); please report this")
    return out
