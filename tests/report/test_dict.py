"""A report goes to plain values and comes back; whatever else is given is refused by one clear error."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from report_strategies import large, reports

from gossamer.errors import ArtifactError
from gossamer.report import Report

ANY_FLOAT = st.floats(allow_nan=True, allow_infinity=True)
PLAIN: dict[str, Any] = json.loads(json.dumps(large(2).to_dict()))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=50)
@given(reports())
def test_from_dict_is_the_inverse_of_to_dict(report: Report) -> None:
    assert Report.from_dict(json.loads(json.dumps(report.to_dict(), allow_nan=False))) == report


@settings(max_examples=50)
@given(reports(ANY_FLOAT))
def test_figures_that_are_not_finite_come_back_as_missing(report: Report) -> None:
    plain = report.to_dict()
    assert Report.from_dict(json.loads(json.dumps(plain, allow_nan=False))).to_dict() == plain


@given(JSON)
def test_other_json_is_refused(value: Any) -> None:
    with pytest.raises(ArtifactError) as caught:
        Report.from_dict(value)
    assert len(str(caught.value)) < 300


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, entry in inside for found in places(entry, (*path, key)))]


@given(st.sampled_from(places(PLAIN)[1:]), JSON)
def test_a_report_edited_by_hand_is_read_or_refused_and_never_crashes(path: tuple[Any, ...], value: Any) -> None:
    plain = copy.deepcopy(PLAIN)
    holder = plain
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    with suppress(ArtifactError):  # and nothing else
        report = Report.from_dict(plain)
        assert str(report)
        assert report._repr_html_()
        json.dumps(report.to_dict(), allow_nan=False)


@pytest.mark.parametrize("path", [path for path in places(PLAIN) if path and isinstance(path[-1], str)], ids=str)
def test_a_missing_key_is_named(path: tuple[Any, ...]) -> None:
    if path[0] == "machine" and len(path) > 1:
        return  # its keys are free
    plain = copy.deepcopy(PLAIN)
    holder = plain
    for key in path[:-1]:
        holder = holder[key]
    del holder[path[-1]]
    with pytest.raises(ArtifactError, match=r"is missing|differ"):
        Report.from_dict(plain)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("version",), 2, "version 2, and this gossamer reads version 1"),
        (("version",), True, "version True"),
        (("layers", 0, "shape", 1), -3, r"layers\[0\].shape\[1\] is -3, and must be a whole number"),
        (("layers", 0, "bytes"), 2**63, "must be a whole number"),
        (("layers", 0, "status"), "fine", "one of done, kept, skipped, failed"),
        (("layers", 0, "histogram", "kept"), "1 2", "different numbers of bins"),
        (("layers", 0, "histogram", "kept"), "1 -2", "counts, separated by a space"),
        (("layers", 0, "error"), float("nan"), "a finite number or null"),
        (("verdicts", 0, "outcome"), "great", "better, worse, within noise"),
        (("before", "ms", "1"), 3.0, "differ; the report was edited by hand"),
        (("before", "timing"), {"one": {}}, "a batch size for a key"),
        (("machine",), {"a": float("inf")}, "a JSON value"),
        (("notes",), "text", "must be a list"),
    ],
)
def test_what_is_wrong_is_named(path: tuple[Any, ...], value: Any, said: str) -> None:
    plain = copy.deepcopy(PLAIN)
    holder = plain
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    with pytest.raises(ArtifactError, match=said):
        Report.from_dict(plain)


def test_a_card_nested_without_end_is_refused() -> None:
    card: dict[str, Any] = {}
    for _ in range(900):
        card = {"a": card}
    with pytest.raises(ArtifactError, match="nested deeper"):
        Report.from_dict(PLAIN | {"machine": card})


def test_keys_of_others_are_passed_over() -> None:
    assert Report.from_dict(PLAIN | {"seconds": 3}) == Report.from_dict(PLAIN)


@pytest.mark.parametrize("indent", [None, 1, 2])
def test_a_hundred_layers_stay_small(indent: int | None) -> None:
    assert len(json.dumps(large().to_dict(), indent=indent)) < 250_000
