"""The page as a document: whole, self-contained, escaped, small, legible; what was not measured leaves no trace."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st
from report_strategies import large, reports

from gossamer.errors import ArtifactError
from gossamer.render import html, read_report, write_html
from gossamer.report import HEADER_ROW, Histogram, Measure, Report, Row, StepEffect, Timing, Verdict
from gossamer.status import Status

HOSTILE = "<script>alert('1')</script>\"onload=x&\x1b[2J\u202e"
VOID = {"meta", "link", "br", "wbr"}  # the elements without an end that the page uses


class Page(HTMLParser):
    """Checks that every element is closed where it was opened, and gathers what a test asks for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID or "svg" in self.open, f"<{tag}/> does not close itself in HTML"
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data


def headings(page: str) -> list[str]:
    return re.findall("<h2>(.*?)</h2>", page)


def test_what_a_metric_is_called_may_be_long_and_wraps() -> None:
    """Letters inside a drawing do not wrap: a long name was cut off on a telephone."""
    name = "mean cosine to the dense model's embeddings"
    page = html(replace(large(), metric=name, higher_is_better=False))
    paragraphs = [text for text in re.findall('<p class="say">(.*?)</p>', page) if "cosine" in text]
    assert paragraphs
    assert paragraphs[0].endswith("embeddings, lower is better.")
    assert not any("cosine" in text for text in re.findall("<text.*?</text>", page))


def test_the_page_of_a_large_model_has_every_part_and_stays_small() -> None:
    page = html(large(), title="A large model")
    assert headings(page) == [
        "Before and after",
        "Where the bytes went",
        "Size against metric",
        "The recipe, step by step",
        "Milliseconds of a forward pass",
        "Error of each layer",
        "Weights",
        "All tensors",
        "Verdicts and notes",
        "Measured on",
    ]
    assert len(page.encode()) < 300_000
    text = re.sub(r"\s+", " ", Page(page).text)
    assert "The file is 5.63 times smaller." in text
    assert "The model is faster at batch 1, and as fast, within noise, at batch 32." in text
    assert "1 tensor failed" in text
    assert "88 others compressed" not in text, "90 tensors were compressed, the failed one was not"


def test_nothing_is_fetched_and_no_script_runs() -> None:
    page = Page(html(large()))
    assert {tag for tag, _ in page.tags} & {"script", "iframe", "object", "img", "embed", "base", "form"} == set()
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href", "xlink:href", "srcset", "action"):
            target = attributes.get(name)
            assert target is None or target.startswith("#") or target == "data:,", f"<{tag} {name}={target}>"
    assert "://" not in html(large())
    assert "@import" not in html(large())
    assert "url(" not in html(large())
    policy = dict(page.tags[[tag for tag, _ in page.tags].index("meta") + 3][1])
    assert policy["content"] is not None
    assert policy["content"].startswith("default-src 'none'")


def test_every_text_is_escaped() -> None:
    status = Status.skipped(HOSTILE)
    histogram = Histogram(-1, 1, (1, 2), (1, 1), (1, 1))
    row = Row(
        HOSTILE, (2, 2), HOSTILE, status, HOSTILE, HOSTILE, HOSTILE, 5, 16, 0.5, 0.1, (HOSTILE,), histogram=histogram
    )
    measure = Measure(100, {1: Timing(1, 1, 1, 1, 9)}, 0.5, 7)
    page = html(
        Report(
            rows=(row, *(replace(row, name=f"{HOSTILE}{i}.bias", shape=(2,), status=Status.kept(HOSTILE),
                                 structure="dense") for i in range(4))),
            before=measure,
            after=replace(measure, bytes=50, metric=0.4),
            verdicts=(Verdict(HOSTILE, "better", 1, 2, HOSTILE),),
            steps=(StepEffect(HOSTILE, 50, 0.4, (HOSTILE,), HOSTILE),),
            notes=(HOSTILE,),
            machine={HOSTILE: HOSTILE, "list": [HOSTILE]},
            metric=HOSTILE,
        ),
        title=HOSTILE,
    )  # fmt: skip
    found = Page(page)
    assert "script" not in {tag for tag, _ in found.tags}
    assert not any(name.startswith("on") for _, attributes in found.tags for name in attributes)
    assert "\x1b" not in page
    assert "\u202e" not in found.text
    assert found.text.count("alert('1')") > 10


def test_numbers_and_headings_of_tables_are_marked() -> None:
    page = Page(html(large()))
    heads = [attributes for tag, attributes in page.tags if tag == "th"]
    assert heads
    assert all(attributes.get("scope") in ("col", "row") for attributes in heads)
    pictures = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert all(attributes.get("role") == "img" or attributes.get("aria-hidden") == "true" for attributes in pictures)
    assert sum(attributes.get("role") == "img" for attributes in pictures) > 90


FIVE = large(5)
ALONE = Report((Row("w", (2, 2), "float32", Status.kept("left out"), bytes=16, dense_bytes=16),))
PARTS = {
    "nothing": (Report(()), []),
    "rows alone": (ALONE, ["All tensors"]),
    "no metric": (replace(FIVE, steps=tuple(replace(s, metric=None) for s in FIVE.steps)), ["Size against metric"]),
    "no timing": (replace(FIVE, before=Measure(9), after=Measure(5)), ["Milliseconds of a forward pass"]),
    "no histograms": (replace(FIVE, rows=tuple(replace(row, histogram=None) for row in FIVE.rows)), ["Weights"]),
    "no errors": (replace(FIVE, rows=tuple(replace(row, error=None) for row in FIVE.rows)), ["Error of each layer"]),
    "no steps": (replace(FIVE, steps=()), ["Size against metric", "The recipe, step by step"]),
    "no machine": (replace(FIVE, machine={}), ["Measured on"]),
}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_missing_leaves_no_heading(part: str) -> None:
    report, parts = PARTS[part]
    page = html(report)
    Page(page)
    if part in ("nothing", "rows alone"):
        assert headings(page) == parts
    else:
        assert set(headings(html(FIVE))) - set(headings(page)) == set(parts)


def test_one_step_and_the_dense_model_make_a_course() -> None:
    report = large(5)
    assert "Size against metric" in headings(html(replace(report, steps=report.steps[:1])))
    alone = replace(report.before or Measure(0), metric=None)
    assert "Size against metric" not in headings(html(replace(report, before=alone, steps=report.steps[:1])))


def test_a_model_of_which_nothing_was_compressed_has_no_waterfall() -> None:
    row = Row("w", (2, 2), "float32", Status.skipped("no matrix"), bytes=16, dense_bytes=16)
    header = Row(HEADER_ROW, (), "", Status.kept(), bytes=9)
    page = html(Report((row, header), Measure(20), Measure(25)))
    assert "Where the bytes went" not in headings(page)
    assert "1.25 times larger" in page


@settings(max_examples=60)
@given(reports(st.floats()))
def test_any_report_makes_a_page(report: Report) -> None:
    page = html(report)
    found = Page(page)
    assert "nan" not in " ".join(
        value or "" for _, a in found.tags for key, value in a.items() if key in ("x", "y", "cx")
    )
    for title in headings(page):
        assert title


@settings(max_examples=60)
@given(st.lists(st.floats(0, 1e300) | st.sampled_from([0.0, 5e-324, 1e-310, 1e308]), min_size=1, max_size=40))
def test_any_errors_and_metrics_can_be_drawn(figures: list[float]) -> None:
    rows = tuple(Row(f"{i}", (1, 1), "", Status.done(), bytes=1, dense_bytes=2, error=e) for i, e in enumerate(figures))
    steps = tuple(StepEffect("s", 1 + i, figure, ()) for i, figure in enumerate(figures))
    Page(html(Report(rows, Measure(3, metric=figures[0]), Measure(2, metric=figures[-1]), steps=steps)))


def test_colours_are_legible_in_light_dark_and_print() -> None:
    sheet = html(Report(()))
    schemes = [
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{(.*?)\}", sheet, re.S)
    ]
    assert len(schemes) == 3
    for colours in schemes:
        for ink in ("ink", "soft", "accent", "warn"):
            assert contrast(colours[ink], colours["paper"]) >= 4.5, (ink, colours)
        assert contrast(colours["on-accent"], colours["accent"]) >= 4.5
        for shape in ("mute", "accent", "warn"):
            assert contrast(colours[shape], colours["paper"]) >= 2.7, "shapes need not be read, only seen"


def contrast(first: str, second: str) -> float:
    """The ratio of relative luminances of WCAG 2."""
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_html(large(3), path, title="three")
    assert path.read_text() == html(large(3), title="three")
    with pytest.raises(ArtifactError, match="does not exist"):
        write_html(large(3), tmp_path / "missing" / "report.html")
    assert os.listdir(tmp_path) == ["report.html"]


def test_half_a_surrogate_pair_is_written_as_its_number(tmp_path: Path) -> None:
    write_html(Report((Row("a\ud800b", (2, 2), "", Status.kept()),)), tmp_path / "page.html")
    assert "ud800" in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no valid JSON"),
        (b"{", "no valid JSON"),
        (b"\xff\xfe", "no valid JSON"),
        (b"[]", "must be an object"),
        (b'{"version": 1, "version": 1}', "stands twice"),
        (b'{"version": NaN}', "no JSON number"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_a_file_that_is_no_report_is_refused(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(data)
    with pytest.raises(ArtifactError, match=said) as caught:
        read_report(path)
    assert str(caught.value).startswith("report.json: ")


def test_a_report_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"nothing\.json: cannot be read"):
        read_report(tmp_path / "nothing.json")
