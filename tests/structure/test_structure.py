"""The words: slots, precedence, the text form, errors that point at the wrong word."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, strategies as st

from gossamer.errors import StructureError
from gossamer.structure import NM, Block, Codebook, Grid, LowRank, Structure, TopK, as_structure, kept, parse

EXAMPLES = [
    TopK(0.1),
    TopK(0.1, scope="row"),
    TopK(k=7, scope="row"),
    TopK(0.25, scope="block", block=16),
    TopK(0.05, scope="model"),
    NM(2, 4),
    NM(16, 128),
    Block(4, 2, density=0.25),
    Block(16, 1, density=0.5, scope="row"),
    Grid(4),
    Grid(4, group=64),
    Grid(8, per="tensor", symmetric=False),
    Codebook(16),
    LowRank(8),
]

densities = st.floats(min_value=1e-6, max_value=1.0, exclude_min=False)
supports = st.one_of(
    st.builds(lambda d, s: TopK(d, scope=s), densities, st.sampled_from(["row", "layer", "model"])),
    st.builds(lambda d, b: TopK(d, scope="block", block=b), densities, st.integers(1, 512)),
    st.builds(lambda a, b: NM(min(a, b), max(a, b)), st.integers(1, 128), st.integers(1, 128)),
    st.builds(Block, st.integers(1, 64), st.integers(1, 64), densities, st.sampled_from(["row", "layer"])),
)
values = st.one_of(
    st.builds(
        lambda b, g, s: Grid(b, group=g, symmetric=s),
        st.integers(2, 8),
        st.none() | st.integers(1, 512),
        st.booleans(),
    ),
    st.builds(Codebook, st.integers(1, 256)),
)
structures = st.builds(
    Structure, st.none() | supports, st.none() | values, st.none() | st.builds(LowRank, st.integers(1, 99))
)


@given(structures)
def test_text_form_round_trips(structure: Structure) -> None:
    assert parse(str(structure)) == structure


@pytest.mark.parametrize("word", EXAMPLES, ids=str)
def test_each_word_round_trips(word) -> None:
    assert parse(str(word)) == as_structure(word)
    assert eval(repr(word)) == word


def test_operators_fill_slots_whatever_their_precedence() -> None:
    a, b, c = NM(2, 4), Grid(4, group=64), LowRank(8)
    expected = Structure(a, b, c)
    assert a & b + c == (a & b) + c == a & (b + c) == c + a & b == b & a + c == expected
    assert parse("2:4 & int4/g64 + rank8") == parse("rank8 + int4/g64 & 2:4") == expected


@pytest.mark.parametrize(("left", "right"), list(itertools.product(EXAMPLES, repeat=2)), ids=str)
def test_pairs_join_or_raise(left, right) -> None:
    low = {left.slot, right.slot} & {"lowrank"}
    same = left.slot == right.slot
    if low or same:
        with pytest.raises(StructureError):
            left & right
    else:
        assert set((left & right).words) == {left, right}
    if same or not low:
        with pytest.raises(StructureError):
            left + right
    else:
        assert set((left + right).words) == {left, right}


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("2:4 & int99", "int99"),
        ("5:4", "5:4"),
        ("2:4 & quux + rank8", "quux"),
        ("2:4 int4", "int4"),
        ("2:4 + int4", "int4"),
        ("2:4 & rank8", "rank8"),
        ("2:4 & 1:4", "1:4"),
        ("top0%", "top0%"),
        ("top10%/column", "top10%/column"),
        ("int4/g0", "int4/g0"),
        ("codebook9999", "codebook9999"),
        ("rank0", "rank0"),
        ("٢:٤", "٢:٤"),
        ("top1e999999999%", "top1e999999999%"),
        ("top1e999%", "top1e999%"),
        ("99999999999999999999:4", "99999999999999999999:4"),
    ],
)
def test_errors_point_at_the_wrong_word(text: str, word: str) -> None:
    with pytest.raises(StructureError) as caught:
        parse(text)
    _, shown, marks, _ = str(caught.value).split("\n", 3)
    start = marks.index("^")
    assert shown[start : start + marks.count("^")] == word


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("INT4", "int4"),
        ("int 4", "int4"),
        ("int4 / g64", "int4/g64"),
        ("int4/64", "int4/g64"),
        ("int4_g128", "int4/g128"),
        ("4-bit", "int4"),
        ("4:2", "2:4"),
        ("2 : 4", "2:4"),
        ("2of4", "2:4"),
        ("TOP10%/ROW", "top10%/row"),
        ("top 10%", "top10%"),
        ("top0.1", "top10%"),
        ("top0.05", "top5%"),
        ("top12.5", "top12.5%"),
        ("block4x1/25", "block4x1/25%"),
        ("codebook_16", "codebook16"),
        ("W8A8", "int8' (activations stay float)"),
        ("W4A16", "int4/g128"),
        ("nf4", "codebook16"),
        ("2:4 & INT4/G64 + RANK8", "int4/g64"),
    ],
)
def test_how_others_write_it_is_refused_with_the_form_here(text: str, word: str) -> None:
    with pytest.raises(StructureError) as caught:
        parse(text)
    assert f"; did you mean '{word}" in str(caught.value).replace("'?", "'")


@pytest.mark.parametrize("text", ["quux", "int16", "fp8", "2:4 int4", "2:4 & imt4"])
def test_what_has_no_form_here_gets_none(text: str) -> None:
    with pytest.raises(StructureError) as caught:
        parse(text)
    assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize("text", ["", " ", "&", "2:4 &", "& 2:4", "2:4 & & int4", "+ rank8"])
def test_a_missing_word_is_said(text: str) -> None:
    with pytest.raises(StructureError, match=r"missing|alternate"):
        parse(text)


@pytest.mark.parametrize(
    "make",
    [
        lambda: TopK(),
        lambda: TopK(0.1, k=3),
        lambda: TopK(1.5),
        lambda: TopK(0.1, scope="column"),
        lambda: TopK(0.1, scope="block"),
        lambda: TopK(0.1, block=4),
        lambda: NM(0, 4),
        lambda: NM(True, 4),
        lambda: Block(0, 1, 0.5),
        lambda: Grid(1),
        lambda: Grid(9),
        lambda: Grid(4, group=64, per="tensor"),
        lambda: Grid(4, per="group"),
        lambda: Codebook(0),
        lambda: LowRank(-1),
        lambda: as_structure(3),
        lambda: parse("2:4") & 3,
    ],
)
def test_impossible_words_are_refused(make) -> None:
    with pytest.raises(StructureError):
        make()


@pytest.mark.parametrize(
    ("n", "density", "expected"),
    [(10, 0.9, 9), (10, 0.1, 1), (1000, 0.1, 100), (3, 0.5, 2), (7, 1.0, 7), (9, 0.3, 3), (0, 0.5, 0)],
)
def test_pruning_a_fraction_removes_the_floor(n: int, density: float, expected: int) -> None:
    assert kept(n, density) == expected


def test_words_are_hashable_values() -> None:
    assert len({*EXAMPLES, *EXAMPLES}) == len(EXAMPLES)
    assert Grid(4, group=64).per == "group"
    assert (Grid(4).qmin, Grid(4).qmax, Grid(4, symmetric=False).qmin, Grid(4, symmetric=False).qmax) == (
        -8,
        7,
        0,
        15,
    )
