"""Reports of every kind: drawn at random, and one of many layers as a recipe would leave it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import get_args

from hypothesis import strategies as st

from gossamer.report import (
    HEADER_ROW,
    Attempt,
    Histogram,
    Measure,
    Outcome,
    Report,
    Row,
    StepEffect,
    Timing,
    Verdict,
)
from gossamer.status import Kind, Status

COUNT = st.integers(0, 2**63 - 1)
FIGURE = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(max_size=12)
STATUS = st.builds(Status, st.sampled_from(get_args(Kind)), TEXT)


@st.composite
def histograms(draw: st.DrawFn, figure: st.SearchStrategy[float] = FIGURE) -> Histogram:
    bins = draw(st.integers(1, 6))
    counts = st.lists(COUNT, min_size=bins, max_size=bins).map(tuple)
    return Histogram(draw(figure), draw(figure), draw(counts), draw(counts), draw(counts))


def rows(figure: st.SearchStrategy[float] = FIGURE) -> st.SearchStrategy[Row]:
    return st.builds(
        Row,
        name=TEXT,
        shape=st.lists(COUNT, max_size=3).map(tuple),
        dtype=TEXT,
        status=STATUS,
        structure=TEXT,
        method=TEXT,
        format=TEXT,
        bytes=COUNT,
        dense_bytes=COUNT,
        density=figure,
        error=st.none() | figure,
        aliases=st.lists(TEXT, max_size=2).map(tuple),
        attempts=st.lists(st.builds(Attempt, TEXT, STATUS), max_size=3).map(tuple),
        histogram=st.none() | histograms(figure),
    )


def measures(figure: st.SearchStrategy[float] = FIGURE) -> st.SearchStrategy[Measure]:
    timing = st.builds(Timing, figure, figure, figure, figure, COUNT)
    return st.builds(
        Measure,
        bytes=COUNT,
        ms=st.dictionaries(st.integers(0, 4), timing, max_size=3),
        metric=st.none() | figure,
        peak_memory=st.none() | COUNT,
    )


def reports(figure: st.SearchStrategy[float] = FIGURE) -> st.SearchStrategy[Report]:
    questions = st.sampled_from(["smaller?", "faster at batch 1?", "as good?"]) | TEXT
    plain = st.none() | st.booleans() | st.integers() | TEXT | st.lists(TEXT, max_size=2)
    return st.builds(
        Report,
        rows=st.lists(rows(figure), max_size=6).map(tuple),
        before=st.none() | measures(figure),
        after=st.none() | measures(figure),
        verdicts=st.lists(
            st.builds(Verdict, questions, st.sampled_from(get_args(Outcome)), figure, figure, TEXT), max_size=3
        ).map(tuple),
        steps=st.lists(
            st.builds(StepEffect, TEXT, COUNT, st.none() | figure, st.lists(TEXT, max_size=2).map(tuple), TEXT),
            max_size=4,
        ).map(tuple),
        notes=st.lists(TEXT, max_size=2).map(tuple),
        output_difference=st.none() | figure,
        machine=st.dictionaries(TEXT, plain, max_size=3),
        metric=TEXT,
        higher_is_better=st.booleans(),
    )


def large(layers: int = 100) -> Report:
    """A model of so many layers with deep names, pruned and quantized; some were skipped by a step, one failed."""
    found = [row for index in range(layers) for row in _layer(index)]
    header = Row(HEADER_ROW, (), "", Status.kept("names, shapes, recipe, checksums"), bytes=20_000)
    dense = sum(row.dense_bytes for row in found) + 9_000
    small = sum(row.bytes for row in found) + header.bytes
    before = Measure(
        dense, {1: Timing(9.1, 9.0, 9.4, 10.2, 120), 32: Timing(88.0, 86.5, 91.0, 97.0, 40)}, 0.8231, 10**8
    )
    after = Measure(small, {1: Timing(6.2, 6.1, 6.5, 7.4, 120), 32: Timing(87.5, 86.0, 90.5, 96.0, 40)}, 0.8215, 10**8)
    return Report(
        rows=(*found, header),
        before=before,
        after=after,
        verdicts=(
            Verdict("smaller?", "better", dense, small),
            Verdict(
                "faster at batch 1?", "better", 9.1, 6.2, "takes 0.68 of the time; 0.67 to 0.69 with 99 % confidence"
            ),
            Verdict("faster at batch 32?", "within noise", 88.0, 87.5),
            Verdict("as good?", "within noise", 0.8231, 0.8215, "-0.0016, tolerance 0.005"),
        ),
        steps=(
            StepEffect("prune 2:4 (wanda)", dense * 6 // 10, 0.7902, ("bytes",), "it cost 0.0329 of the metric"),
            StepEffect("distill 2 epochs", dense * 6 // 10, 0.8226, ("metric",)),
            StepEffect("quantize int8/g64 (gptq)", small, 0.8215, ("bytes",)),
        ),
        notes=("measured on the CPU",),
        output_difference=0.0213,
        metric="accuracy",
        machine={"cpu": "a processor", "cores": 8, "threads": 1, "torch": "2.6"},
    )


def _layer(index: int) -> list[Row]:
    stem = f"model.decoder.blocks.{index}.feed_forward.experts.shared.projection"
    counts = tuple(1 + round(1_000_000 * math.exp(-(((bin - 19.5) / 8) ** 2))) for bin in range(40))
    kept = tuple(0 if 14 <= bin <= 25 else count for bin, count in enumerate(counts))
    after = tuple(reversed(kept))
    weight = Row(
        name=f"{stem}.weight",
        shape=(1024, 1024),
        dtype="float32",
        status=Status.done(),
        structure="2:4 & int8/g64",
        method="wanda + gptq",
        format="nm × grid",
        bytes=700_000 + 137 * index,
        dense_bytes=4 * 2**20,
        density=0.5,
        error=0.002 * (1 + index % 7),
        attempts=(Attempt("prune 2:4 (wanda)", Status.done()), Attempt("quantize int8/g64 (gptq)", Status.done())),
        histogram=Histogram(-0.123456, 0.123456, counts, kept, after),
    )
    if index % 10 == 3:
        reason = "in_features 1022 is not a multiple of 4; choose NM(keep=1, of=2), or leave it out with ignore=[...]"
        skipped = Attempt("prune 2:4 (wanda)", Status.skipped(reason))
        weight = replace(
            weight, attempts=(skipped, weight.attempts[1]), structure="int8/g64", method="gptq", density=1.0
        )
    if index == 42:
        status = Status.failed("the weight holds NaN or infinity; mend the model before compressing it")
        weight = replace(weight, status=status, structure="dense", error=None, histogram=None, bytes=weight.dense_bytes)
        weight = replace(weight, attempts=tuple(replace(attempt, status=status) for attempt in weight.attempts))
    bias = Row(f"{stem}.bias", (1024,), "float32", Status.kept("no step aimed at it"), bytes=4096, dense_bytes=4096)
    return [weight, bias]
