"""What a reader sees: folded lines whose bytes add up, footnotes, names that fit, no control characters."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st
from report_strategies import large, reports

from gossamer.report import Attempt, Report, Row, lines, reasons
from gossamer.report.text import WIDEST, printable, shortened_alike
from gossamer.status import Status

few = settings(max_examples=30)
KEPT = Status.kept("no step aimed at it")


def small(name: str, status: Status = KEPT, shape: tuple[int, ...] = (8,)) -> Row:
    return Row(name, shape, "float32", status, bytes=32, dense_bytes=32)


@few
@given(reports())
def test_every_row_is_in_one_line_and_bytes_add_up(report: Report) -> None:
    shown = lines(report.rows)
    assert sorted(id(row) for line in shown for row in line.rows) == sorted(map(id, report.rows))
    assert sum(line.bytes for line in shown) == report.bytes
    assert f"{report.bytes:,}" in str(report)


@few
@given(reports())
def test_every_note_has_its_reason(report: Report) -> None:
    notes = {line.note for line in lines(report.rows)} - {0}
    assert notes == set(range(1, len(reasons(report.rows)) + 1))


def test_small_kept_tensors_share_a_line_by_reason() -> None:
    rows = [small(f"{i}.bias") for i in range(4)] + [small("norm.weight"), small("norm.running_mean")]
    rows += [small(f"{i}.scale", Status.kept("left out by ignore")) for i in range(3)]
    shown = lines([*rows, small("embedding", shape=(4, 2)), small("fc.bias", Status.failed("NaN"))])
    assert [(line.name, len(line.rows)) for line in shown] == [
        ("embedding", 1),
        ("fc.bias", 1),
        ("4 biases, 1 norm scale, 1 other", 6),
        ("3 norm scales", 3),
    ]


def test_two_rows_are_not_worth_a_fold() -> None:
    assert [line.name for line in lines([small("a.bias"), small("b.bias")])] == ["a.bias", "b.bias"]


def test_a_layer_that_one_step_skipped_and_another_shaped_says_so() -> None:
    attempts = (Attempt("prune 2:4", Status.skipped("30 is odd")), Attempt("quantize int8", Status.done()))
    text = str(Report((replace(small("fc", Status.done("prune 2:4: 30 is odd")), attempts=attempts),)))
    assert "done by 1 of 2 steps [1]" in text
    assert "[1] prune 2:4 skipped it: 30 is odd" in text


def test_a_reason_that_all_steps_share_is_told_once() -> None:
    status = Status.skipped("no matrix")
    row = replace(small("fc", status), attempts=(Attempt("prune", status), Attempt("quantize", status)))
    text = str(Report((row, replace(row, name="fd"))))
    assert text.count("no matrix") == 1
    assert text.count("skipped [1]") == 2


def test_a_hundred_deep_layers_fit_the_screen() -> None:
    text = str(large())
    assert max(map(len, text.splitlines())) <= WIDEST
    assert "100 biases" in text
    assert "…" in text


def test_shortened_names_stay_different() -> None:
    stem = "attention.heads.output.projection"
    for pattern in (
        f"model.layers.{{}}.{stem}.weight",
        f"{{}}.model.layers.{stem}.weight",
        f"model.layers.{stem}.{{}}",
    ):
        names = [pattern.format(i) for i in range(10)]
        short = shortened_alike(names, 30)
        assert len(set(short)) == len(names)
        assert set(map(len, short)) == {30}
    alike = ["a" * 40 + middle + "b" * 40 for middle in "xyz"]
    assert shortened_alike(alike, 24) == alike


@given(st.text())
def test_what_is_printed_moves_no_cursor(text: str) -> None:
    assert printable(text).isprintable()


@few
@given(reports())
def test_the_text_holds_no_control_character(report: Report) -> None:
    assert all(line.isprintable() for line in str(report).split("\n"))


def test_a_long_note_is_wrapped_and_its_lines_stay() -> None:
    text = str(Report((), notes=("word " * 60 + "\n  - one\n  - two",)))
    assert max(map(len, text.splitlines())) <= WIDEST
    assert "\n  - one\n  - two" in text


@few
@given(reports())
def test_a_notebook_gets_well_formed_tables_and_no_colour(report: Report) -> None:
    page = report._repr_html_()
    for tag in ("table", "tr", "th", "td", "p", "div"):
        assert len(re.findall(rf"<{tag}[ >]", page)) == page.count(f"</{tag}>")
    assert not re.search(r"#[0-9a-f]{3,6}\b(?=[^<>]*>)", page)


def test_a_notebook_escapes_names() -> None:
    page = Report((small("<script>alert(1)</script>"),))._repr_html_()
    assert "<script" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("error", [0.25, 0.0000531])
def test_small_errors_keep_their_digits(error: float) -> None:
    assert {0.25: "0.2500", 0.0000531: "5.3e-05"}[error] in str(Report((replace(small("fc"), error=error),)))
