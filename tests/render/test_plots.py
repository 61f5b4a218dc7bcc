"""What the plots show: bars that add up, every step on the way, spreads in order."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, strategies as st
from report_strategies import large

from gossamer.render.course import course, stops
from gossamer.render.errors import error_plot
from gossamer.render.latency import latency
from gossamer.render.spreads import spreads
from gossamer.render.svg import linear, logarithmic
from gossamer.render.waterfall import SHOWN, falls, waterfall
from gossamer.render.words import figure, name, size
from gossamer.report import HEADER_ROW, Histogram, Measure, Report, Row, StepEffect, Timing
from gossamer.status import Status


def tensor(name: str, before: int, after: int, **rest: object) -> Row:
    return Row(name, (before // 4,), "float32", Status.done(), bytes=after, dense_bytes=before, **rest)  # type: ignore[arg-type]


def shares(text: str, attribute: str) -> list[float]:
    return [float(found) for found in re.findall(rf'{attribute}="([\d.]+)%"', text)]


def test_the_falls_add_up_to_both_files() -> None:
    report = large()
    steps = falls(report)
    assert report.before is not None
    assert sum(step.before for step in steps) == report.before.bytes
    assert sum(step.after for step in steps) == report.bytes
    assert [step.name for step in steps[SHOWN:]] == ["87 others compressed", "101 tensors as they were", HEADER_ROW]
    saved = [step.before - step.after for step in steps[:SHOWN]]
    assert saved == sorted(saved, reverse=True)


def test_the_falls_bars_meet() -> None:
    rows = (tensor("a", 600, 100), tensor("b", 300, 50), tensor("grown", 100, 150))
    picture = str(waterfall(Report(rows)))
    assert shares(picture, "width") == [100, 50, 25, 5, 30]
    assert shares(picture, " x") == [50, 25, 25]
    assert picture.count('class="less"') == 2
    assert picture.count('class="more"') == 1


def test_thirteen_tensors_are_all_named() -> None:
    rows = tuple(tensor(f"t{i}", 100, 10) for i in range(SHOWN + 1))
    assert len(falls(Report(rows))) == SHOWN + 1


def test_the_course_passes_the_dense_model_and_every_step_with_a_metric() -> None:
    steps = (StepEffect("a", 50, 0.5, ()), StepEffect("b", 40, None, ()), StepEffect("c", 30, 0.8, ()))
    report = Report((), Measure(100, metric=0.9), Measure(30, metric=0.8), steps=steps)
    assert [(stop.number, stop.bytes, stop.metric) for stop in stops(report)] == [
        (0, 100, 0.9),
        (1, 50, 0.5),
        (3, 30, 0.8),
    ]
    picture = str(course(report))
    assert picture.count('class="way"') == 2
    across = shares(picture, "cx")
    assert across[0] > across[1] > across[2], "smaller files lie further left"


def test_steps_at_one_place_share_a_mark() -> None:
    steps = (StepEffect("a", 50, 0.5, ()), StepEffect("b", 50, 0.5, ()))
    picture = str(course(Report((), Measure(100, metric=0.9), None, steps=steps)))
    assert ">1, 2</text>" in picture


def test_a_few_errors_are_all_named_and_many_become_a_strip() -> None:
    rows = tuple(tensor(f"layer{i}", 8, 4, error=0.01 * (i + 1)) for i in range(30))
    few, many = str(error_plot(Report(rows[:5]))), str(error_plot(Report(rows)))
    assert all(f"layer{i}</bdi>" in few for i in range(5))
    assert "layer29</bdi>" in many
    assert "layer0</bdi>" not in many
    assert many.count("<circle") == 30 + 10


def test_errors_of_zero_are_drawn_at_the_end_of_the_axis() -> None:
    rows = (tensor("a", 8, 4, error=0.0), tensor("b", 8, 4, error=1e-6), tensor("c", 8, 4, error=1.0))
    places = shares(str(error_plot(Report(rows))), "cx")
    assert places[0] == 0
    assert places == sorted(places)


def test_the_box_goes_from_quartile_to_quartile() -> None:
    before, after = Timing(10.0, 8.0, 12.0, 20.0, 30), Timing(5.0, 4.0, 6.0, 10.0, 30)
    picture = str(latency(Report((), Measure(1, {1: before}), Measure(1, {1: after}))))
    scale = 100 / (1.04 * 20)
    # Each line holds the bar up to the median and the box over it.
    assert shares(picture, "width") == pytest.approx([10 * scale, 4 * scale, 5 * scale, 2 * scale], abs=0.01)
    assert shares(picture, " x") == pytest.approx([8 * scale, 4 * scale], abs=0.01)
    assert "95th percentile 20.0" in picture


def test_a_stall_does_not_squeeze_the_boxes() -> None:
    before = Timing(10.0, 9.0, 11.0, 5000.0, 30)
    picture = str(latency(Report((), Measure(1, {1: before}), Measure(1, {1: before}))))
    assert max(shares(picture, "width")) > 40


def test_batches_that_were_timed_on_one_side_alone_are_left_out() -> None:
    timing = Timing(1.0, 1.0, 1.0, 1.0, 3)
    assert latency(Report((), Measure(1, {1: timing}), Measure(1, {2: timing}))) is None
    assert latency(Report((), Measure(1, {1: replace(timing, p95=float("nan"))}), Measure(1, {1: timing}))) is None


def test_histograms_of_the_worst_layers_come_first_and_all_are_there() -> None:
    found = spreads(large(40))
    assert found is not None
    shown, folded, count = found
    assert shown.count("<figure>") == 12
    assert folded.count("<figure>") == count == 40 - 12


def test_the_kept_part_lies_inside_and_bars_are_as_high_as_their_counts() -> None:
    row = tensor("w", 8, 4, histogram=Histogram(-1.0, 1.0, (100, 25, 0, 100), (100, 0, 0, 25), (4, 0, 1, 0)))
    found = spreads(Report((row,)))
    assert found is not None
    paths = re.findall(r'd="(.*?)"', found[0])
    assert paths[0] == "M0 48v-48h1v24h1v24h1v-48h1v48z", "square roots: a quarter of the count is half as high"
    assert paths[1] == "M0 48v-48h1v48h2v-24h1v24z"
    assert paths[2] == "M0 48v28h1v-28h1v14h1v-14h1v0z"


def test_figures_in_words() -> None:
    assert [size(n) for n in (0, 1, 999, 1000, 999_499, 999_950, 10**9)] == [
        "0 bytes", "1 byte", "999 bytes", "1.00 kB", "999 kB", "1.00 MB", "1.00 GB",
    ]  # fmt: skip
    assert [figure(x) for x in (0.0, 1234567.0, -0.5, 9.99999, 1e-9, 1e9, float("nan"))] == [
        "0", "1,235,000", "−0.5000", "10.00", "1.000e-09", "1.000e+09", "–",
    ]  # fmt: skip
    assert name("a.b<c") == "<bdi>a.<wbr>b&lt;c</bdi>"


@given(st.lists(st.floats(-1e99, 1e99), min_size=1, max_size=5))
def test_linear_ticks_are_few_inside_and_told_apart(values: list[float]) -> None:
    scale = linear(values, margin=0.05)
    ticks = scale.ticks()
    assert len(ticks) <= 6
    assert all(0 <= scale.at(value) <= 1 for value in values)
    assert len({figure(tick, min(scale.digits, 17)) for tick in ticks}) == len(ticks)


@given(st.lists(st.floats(1e-99, 1e99), min_size=1, max_size=5))
def test_logarithmic_ticks_are_few_and_inside(values: list[float]) -> None:
    scale = logarithmic(values)
    ticks = scale.ticks()
    assert 1 <= len(ticks) <= 6
    assert all(scale.low * 0.99 <= tick <= scale.high * 1.01 for tick in ticks)
    assert all(0 <= scale.at(value) <= 1 for value in values)
