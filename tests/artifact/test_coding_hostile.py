"""Streams that are damaged, or lie: one error or harmless symbols, in bounded memory, and never an abort."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from gossamer.artifact.coding import CODERS, decode, encode
from gossamer.artifact.coding.ans import Ans, Model
from gossamer.artifact.coding.levels import level_of
from gossamer.errors import ArtifactError

CASES = {
    "raw": (np.arange(37) * 7 % 32, 32),
    "const": (np.full(50, 300), 512),
    "flat": (np.arange(90) * 5 % 6, 6),
    "ans": (np.arange(400) ** 2 % 17 % 16, 16),
}


def decodes_to_symbols_or_error(coder: str, data: bytes, count: int, alphabet: int) -> bool:
    """Whether decoding was refused; symbols that are returned lie within the alphabet."""
    try:
        symbols = decode(coder, data, count, alphabet)
    except ArtifactError:
        return True
    assert symbols.shape == (count,)
    assert count == 0 or int(symbols.max()) < alphabet
    return False


@pytest.mark.parametrize("coder", CASES)
def test_truncated_at_every_length(coder: str) -> None:
    symbols, alphabet = CASES[coder]
    data = CODERS[coder].encode(symbols.astype(np.uint8 if alphabet <= 256 else np.uint16), alphabet)
    assert data
    refused = [decodes_to_symbols_or_error(coder, data[:n], symbols.size, alphabet) for n in range(len(data))]
    # One symbol has no redundancy, and no bytes are a flat stream of zeros: that is for the checksum to see.
    assert all(refused[1:]) or coder == "const"


@pytest.mark.parametrize("coder", CASES)
def test_every_flipped_bit(coder: str) -> None:
    symbols, alphabet = CASES[coder]
    data = CODERS[coder].encode(symbols.astype(np.uint8 if alphabet <= 256 else np.uint16), alphabet)
    assert data
    refused = 0
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        refused += decodes_to_symbols_or_error(coder, bytes(flipped), symbols.size, alphabet)
    if coder == "ans":  # the end of the stack and the histogram see nearly all of them
        assert refused >= 0.99 * 8 * len(data)


@pytest.mark.parametrize("coder", CASES)
@pytest.mark.parametrize("garbage", [b"\0", b"\x01", b"\0" * 9, b"\xff" * 9, bytes(range(200))])
def test_trailing_garbage(coder: str, garbage: bytes) -> None:
    symbols, alphabet = CASES[coder]
    data = CODERS[coder].encode(symbols.astype(np.uint8 if alphabet <= 256 else np.uint16), alphabet)
    assert data
    with pytest.raises(ArtifactError):
        decode(coder, data + garbage, symbols.size, alphabet)


@pytest.mark.parametrize("coder", ["raw", "flat", "ans"])
@pytest.mark.parametrize("off", [-400, -300, -80, -9, -2, 2, 9, 80, 300, 10_000])
def test_another_count(coder: str, off: int) -> None:
    symbols, alphabet = CASES[coder]
    data = CODERS[coder].encode(symbols.astype(np.uint8), alphabet)
    assert data
    count = max(0, symbols.size + off)
    if coder == "flat":  # the first symbol is free at the bottom, and no histogram is stored
        decodes_to_symbols_or_error(coder, data, count, alphabet)
    else:
        with pytest.raises(ArtifactError):
            decode(coder, data, count, alphabet)


@given(data=st.binary(max_size=80), count=st.integers(0, 700), alphabet=st.integers(1, 600))
def test_any_bytes(data: bytes, count: int, alphabet: int) -> None:
    for coder in CODERS:
        decodes_to_symbols_or_error(coder, data, count, alphabet)


def lying(levels: list[int], symbols: list[int], count: int) -> bytes:
    """An `ans` stream, whole and to its very end, whose stored levels (m = 7) are as given."""
    mantissa = 7
    share, top = (int(level_of(np.array(n), mantissa)) for n in (count // len(levels), count))
    steps = np.diff(np.array(levels), prepend=share)
    folded = np.where(steps >= 0, 2 * steps, -2 * steps - 1)
    decay = 15  # the law of `categorical`, half-life 4096
    z = np.arange(2 * top + 1)
    law = np.maximum((8192 - z % 4096) << 19 >> z // 4096, (1 << 27) // z.size)
    ans = Ans()
    if symbols:
        ans.push_bottom(np.array(symbols, np.uint8), Model(np.maximum(levels, 0)))  # below 2^8 a level is its count
    ans.push(folded, Model(law))
    for field, size in ((0, 8), (mantissa, 8), (decay, 16)):
        ans.push(np.array([field]), Model(np.ones(size, np.int64)))
    return ans.bytes()


def test_the_liar_can_tell_the_truth() -> None:
    symbols = [0, 1, 1, 2, 1, 0]
    assert decode("ans", lying([2, 3, 1], symbols, 6), 6, 3).tolist() == symbols


@pytest.mark.parametrize(
    ("levels", "symbols", "words"),
    [
        ([2, 3, 2], [0, 1, 1, 2, 1, 0], "sums to 7, too far from the 6 symbols"),
        ([2, 2, 1], [0, 1, 1, 2, 1, 0], "sums to 5"),
        ([0, 0, 0], [], "sums to 0"),
        ([6, 6, 6], [0, 1, 1, 2, 1, 0], "sums to 18"),
        ([0, 6, 0], [], "allows 1 symbols"),
        ([-1, 4, 3], [], "levels from -1 to 4; 6 symbols allow 0 to 6"),
        ([7, 1, 0], [], "levels from 0 to 7; 6 symbols allow 0 to 6"),
        ([3, 2, 1], [0, 1, 1, 2, 1, 0], "do not have the histogram"),
    ],
)
def test_lies_in_the_histogram(levels: list[int], symbols: list[int], words: str) -> None:
    with pytest.raises(ArtifactError, match=words):
        decode("ans", lying(levels, symbols, 6), 6, 3)


def test_something_below_the_bottom() -> None:
    ans = Ans(b"\x01")
    ans.push(np.arange(90) % 6, Model(np.ones(6, np.int64)))
    with pytest.raises(ArtifactError, match="goes on after its last symbol"):
        decode("flat", ans.bytes(), 90, 6)


@pytest.mark.parametrize(
    ("coder", "data", "count", "alphabet", "words"),
    [
        ("zip", b"", 1, 2, "unknown coder 'zip'; this version knows raw, const, flat, ans"),
        ("raw", b"", -1, 2, "0 to 274877906944 symbols; got -1"),
        ("raw", b"", 1 << 60, 2, "got 1152921504606846976"),
        ("raw", b"", 1, 0, "an alphabet has 1 to 65536 symbols; got 0"),
        ("raw", b"\0", 9, 2, "9 symbols of 1 bits take 2 bytes; the stream has 1"),
        ("raw", b"\xf0", 4, 2, "unused high bits"),
        ("raw", b"\x07", 1, 6, "holds symbol 7, not below the alphabet of 6"),
        ("raw", b"\x01", 9, 1, "take 0 bytes"),
        ("const", b"\x02", 9, 2, "holds symbol 2, not below the alphabet of 2"),
        ("const", b"\x01\x00", 9, 2, "without high zeros"),
        ("const", b"\x01\x01\x01", 9, 65536, "0 to 2 bytes"),
        ("const", b"", 0, 2, "at least one symbol"),
        ("flat", b"", 8, 4, "such streams are raw"),
        ("flat", b"", 8, 1, "such streams are raw"),
        ("flat", b"\x01\x00", 8, 6, "ends in a zero byte"),
        ("flat", b"\x01" * 4000, 8, 6, "goes on after its last symbol"),
        ("ans", b"", 0, 6, "at least 2 symbols"),
        ("ans", b"\x01", 8, 1, "at least 2 symbols"),
    ],
)
def test_what_is_wrong_is_named(coder: str, data: bytes, count: int, alphabet: int, words: str) -> None:
    with pytest.raises(ArtifactError, match=words):
        decode(coder, data, count, alphabet)


# Within 1 GiB beyond what the imports take: each is refused, and quickly.
CHILD = """
import resource, sys
import numpy as np
from gossamer.artifact.coding import decode, encode
from gossamer.errors import ArtifactError

with open("/proc/self/statm") as statm:
    used = int(statm.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 30), used + (1 << 30)))

mask = np.arange(5000) % 10 == 0
patterns = np.arange(5000) % 6
honest = {"ans": encode(mask, 2)[1], "flat": encode(patterns, 6)[1], "const": b"\\x01", "raw": bytes(9)}
alphabets = {"ans": (2, 3, 256, 65536), "flat": (3, 6, 65535), "const": (2, 65536), "raw": (2, 65536)}
refused = 0
for coder, data in honest.items():
    for alphabet in alphabets[coder]:
        for count in (1 << 36, 1 << 38, 1 << 62):
            for stream in (data, data + b"\\x01", b"\\xff" * 1_000_000):
                try:
                    decode(coder, stream, count, alphabet)
                except ArtifactError:
                    refused += 1
                else:
                    sys.exit(f"{coder} gave {count} symbols")
print(refused)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the limit on memory is set by way of /proc")
def test_huge_counts_are_refused_in_a_small_process() -> None:
    child = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, timeout=120, check=False)
    assert child.returncode == 0, child.stderr[-2000:]
    assert int(child.stdout) == (4 + 3 + 2 + 2) * 3 * 3


def test_memory_stays_a_few_bytes_a_symbol() -> None:
    import tracemalloc

    symbols = np.tile(np.array([0, 1, 0, 3, 0, 0, 0, 0], np.uint8), 1_000_000)
    tracemalloc.start()
    try:
        coder, data = encode(symbols, 6)
        decoded = decode(coder, data, symbols.size, 6)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert coder == "ans"
    np.testing.assert_array_equal(decoded, symbols)
    assert peak < 4 * symbols.size + (64 << 20)
