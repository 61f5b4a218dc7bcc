"""Symbol streams: lossless, deterministic, as small as promised, and decodable without constriction."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import reference_ans
import torch
from hypothesis import given, strategies as st

from gossamer.artifact.coding import CODERS, decode, encode
from gossamer.artifact.coding.base import CHUNK
from gossamer.artifact.coding.levels import count_of, level_of
from gossamer.errors import ArtifactError

GOLDEN = Path(__file__).parents[1] / "golden" / "coding.json"

# Bytes beyond entropy and model: ten bits of header, the start of the stack, the byte that is not full.
OVERHEAD = 4


def stream(name: str, count: int, alphabet: int, seed: int = 0) -> np.ndarray:
    """Symbols of a named distribution."""
    rng = np.random.default_rng(seed)
    half = alphabet // 2
    match name:
        case "uniform":
            return rng.integers(0, alphabet, count)
        case "bell":
            return np.clip(np.rint(rng.standard_normal(count) * alphabet / 6) + half, 0, alphabet - 1).astype(int)
        case "hollow":  # what pruning leaves: no small values
            codes = np.rint(rng.choice([-1, 1], count) * (0.25 + rng.exponential(0.1, count)) * half)
            return np.clip(half + codes, 0, alphabet - 1).astype(int)
        case "rare":  # one symbol dominates
            return np.where(rng.random(count) < 0.001, rng.integers(0, alphabet, count), alphabet - 1)
        case "gap":  # every other symbol absent
            return rng.integers(0, (alphabet + 1) // 2, count) * 2
        case "bernoulli":
            return (rng.random(count) < 0.1).astype(int)
    raise AssertionError(name)


def entropy_bytes(symbols: np.ndarray) -> float:
    counts = np.unique(symbols, return_counts=True)[1]
    return float(-(counts @ np.log2(counts / counts.sum()))) / 8


def varint_bytes(symbols: np.ndarray, alphabet: int) -> int:
    """The plainest stored model: each symbol's count, seven bits a byte."""
    return sum(max(1, -(-int(c).bit_length() // 7)) for c in np.bincount(symbols, minlength=alphabet))


NAMES = ["uniform", "bell", "hollow", "rare", "gap", "bernoulli"]


@given(data=st.data())
def test_every_stream_comes_back(data: st.DataObject) -> None:
    alphabet = data.draw(st.sampled_from([1, 2, 3, 5, 6, 7, 16, 70, 255, 256, 257, 1000, 65535, 65536]))
    used = data.draw(st.lists(st.integers(0, alphabet - 1), min_size=1, max_size=4))
    symbols = data.draw(st.lists(st.sampled_from(used) | st.integers(0, alphabet - 1), max_size=600))
    coder, coded = encode(np.array(symbols, np.int64), alphabet)
    decoded = decode(coder, coded, len(symbols), alphabet)
    assert decoded.dtype == (np.uint8 if alphabet <= 256 else np.uint16)
    assert decoded.tolist() == symbols


@given(data=st.data())
def test_each_coder_alone_is_lossless(data: st.DataObject) -> None:
    alphabet = data.draw(st.integers(2, 300))
    dtype = np.uint8 if alphabet <= 256 else np.uint16
    symbols = np.array(data.draw(st.lists(st.integers(0, alphabet - 1), max_size=300)), dtype)
    for coder in CODERS.values():
        coded = coder.encode(symbols, alphabet)
        if coded is not None:
            np.testing.assert_array_equal(coder.decode(coded, symbols.size, alphabet), symbols)


@pytest.mark.parametrize("count", [255, 256, 257, CHUNK - 1, CHUNK, CHUNK + 256, CHUNK + 257, 2 * CHUNK + 3])
@pytest.mark.parametrize("coder", ["raw", "flat", "ans"])
def test_streams_that_cross_the_bottom_and_the_chunks(coder: str, count: int) -> None:
    symbols = stream("bell", count, 11).astype(np.uint8)
    coded = CODERS[coder].encode(symbols, 11)
    assert coded is not None
    np.testing.assert_array_equal(CODERS[coder].decode(coded, count, 11), symbols)


def test_nothing_costs_nothing() -> None:
    assert encode(np.zeros(0, int), 16) == ("raw", b"")
    assert encode(np.zeros(1000, int), 1) == ("raw", b"")
    assert encode(np.zeros(1000, int), 256) == ("const", b"")
    assert encode(np.full(1000, 7), 256) == ("const", b"\x07")
    assert encode(np.full(1000, 256), 300) == ("const", b"\x00\x01")


def test_torch_and_bool_are_taken() -> None:
    mask = torch.arange(1000) % 20 == 0
    coder, coded = encode(mask, 2)
    assert (decode(coder, coded, 1000, 2) == mask.numpy()).all()
    assert (coder, coded) == encode(mask.numpy().astype(np.int64), 2)


def test_raw_bits_are_lowest_first() -> None:
    assert CODERS["raw"].encode(np.array([1, 2, 3, 4], np.uint8), 8) == bytes([0b11010001, 0b00001000])
    assert CODERS["raw"].encode(np.array([0x1FF, 0], np.uint16), 512) == bytes([0xFF, 0x01, 0x00])


@pytest.mark.parametrize("count", [2, 10, 300, 1000, 4000, 38000])
@pytest.mark.parametrize("alphabet", [2, 3, 6, 16, 64, 256])
@pytest.mark.parametrize("name", NAMES)
def test_size_is_within_two_percent_of_entropy_and_model(name: str, alphabet: int, count: int) -> None:
    symbols = stream(name, count, alphabet)
    size = len(encode(symbols, alphabet)[1])
    assert size <= 1.02 * entropy_bytes(symbols) + varint_bytes(symbols, alphabet) + OVERHEAD
    assert size <= -(-count * (alphabet - 1).bit_length() // 8)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("alphabet", [2, 6, 16, 256])
def test_the_model_costs_what_statistics_demand(name: str, alphabet: int) -> None:
    # ½ log2(count) bits a parameter is what no code undercuts for most probabilities (Rissanen 1984), and a bit
    # tells whether a symbol occurs; a smooth histogram does better, a jagged one is allowed one half more.
    count = 100_000
    symbols = stream(name, count, alphabet)
    allowed = 1.5 * (len(np.unique(symbols)) * np.log2(count) / 2 + alphabet) / 8 + OVERHEAD
    assert len(encode(symbols, alphabet)[1]) <= entropy_bytes(symbols) + allowed


def test_small_streams_have_small_models() -> None:
    for name, alphabet, model in [
        ("bernoulli", 2, 4),
        ("bell", 16, 12),
        ("hollow", 16, 14),
        ("bell", 256, 45),
    ]:
        symbols = stream(name, 1000, alphabet)
        assert len(encode(symbols, alphabet)[1]) <= entropy_bytes(symbols) + model, (name, alphabet)


def test_two_of_four_patterns_take_log2_6_bits() -> None:
    coder, coded = encode(stream("uniform", 10_000, 6), 6)
    assert coder == "flat"
    assert len(coded) <= 10_000 * np.log2(6) / 8 + 2


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("alphabet", "count"), [(2, 700), (7, 300), (16, 255), (100, 400)])
def test_an_independent_decoder_agrees(name: str, alphabet: int, count: int) -> None:
    symbols = stream(name, count, alphabet).astype(np.uint8)
    coded = CODERS["ans"].encode(symbols, alphabet)
    if coded is None:
        assert symbols.min() == symbols.max()
        return
    assert reference_ans.decode(coded, count, alphabet) == symbols.tolist()


def golden_symbols(count: int, alphabet: int, power: int) -> np.ndarray:
    """Symbols from integers alone: a generator of numpy's may change its stream, this cannot."""
    state, symbols = 1, []
    for _ in range(count):
        state = state * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
        symbols.append((state >> 40) ** power * alphabet >> 24 * power)
    return np.array(symbols)


@pytest.mark.parametrize("name", list(json.loads(GOLDEN.read_text())))
def test_golden_streams_stay(name: str) -> None:
    golden = json.loads(GOLDEN.read_text())[name]
    symbols = golden_symbols(golden["count"], golden["alphabet"], golden["power"])
    assert encode(symbols, golden["alphabet"]) == (golden["coder"], bytes.fromhex(golden["hex"]))
    decoded = decode(golden["coder"], bytes.fromhex(golden["hex"]), golden["count"], golden["alphabet"])
    np.testing.assert_array_equal(decoded, symbols)


@given(st.integers(0, 2**52), st.integers(0, 7))
def test_levels_round_to_nearest(count: int, mantissa: int) -> None:
    level = level_of(np.array(count), mantissa)
    nearest = int(count_of(level, mantissa))
    assert abs(nearest - count) << (mantissa + 1) <= count
    assert level_of(np.array(nearest), mantissa) == level
    for neighbour in (level - 1, level + 1):
        assert neighbour < 0 or abs(int(count_of(neighbour, mantissa)) - count) >= abs(nearest - count)


@pytest.mark.parametrize(
    ("symbols", "alphabet", "words"),
    [
        (np.array([3]), 3, "0 to 2; got 3 to 3"),
        (np.array([-1]), 3, "got -1"),
        (np.array([0.5]), 3, "float64"),
        (np.zeros((2, 2), int), 3, r"shape \(2, 2\)"),
        (np.array([0]), 0, "got 0"),
        (np.array([0]), 65537, "got 65537"),
    ],
)
def test_what_cannot_be_coded_is_refused(symbols: np.ndarray, alphabet: int, words: str) -> None:
    with pytest.raises(ArtifactError, match=words):
        encode(symbols, alphabet)
