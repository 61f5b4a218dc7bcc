"""A record: rows of one machine join, rows of two never do."""

from __future__ import annotations

import json

from record import card, in_order, page, recorded, table


def test_rows_join_those_of_an_earlier_run(tmp_path):
    path = tmp_path / "results" / "x.json"
    recorded(path, card(), rows={"a": 1, "b": 2}, others={"c": 3})
    record = recorded(path, card(), rows={"b": 5})
    assert record["rows"] == {"a": 1, "b": 5}
    assert record["others"] == {"c": 3}
    assert json.loads(path.read_text()) == record


def test_a_part_may_be_called_as_an_argument_is(tmp_path):
    assert recorded(tmp_path / "x.json", card(), path={"a": 1}, card={"b": 2})["path"] == {"a": 1}


def test_another_machine_or_version_begins_anew(tmp_path):
    path = tmp_path / "x.json"
    recorded(path, card(transformers="4"), rows={"a": 1})
    assert recorded(path, card(transformers="5"), rows={"b": 2})["rows"] == {"b": 2}


def test_a_page_has_its_table_and_its_machine(tmp_path):
    record = recorded(tmp_path / "x.json", card(transformers="5"), rows={})
    page(tmp_path / "x.md", "Title", table(["", "bytes"], [["a", "1"]]), record)
    shown = (tmp_path / "x.md").read_text().splitlines()
    assert shown[:5] == ["# Title", "", "|  | bytes |", "| --- | --- |", "| a | 1 |"]
    assert "- transformers: 5" in shown
    assert f"- cpu: {record['machine']['cpu']}" in shown


def test_rows_stand_in_the_scripts_order():
    assert in_order({"b": 2, "gone": 9, "a": 1}, ["a", "never", "b"]) == [("a", 1), ("b", 2)]
