"""Figures on disk: one JSON record and one page a script, with the card of the machine that they were taken on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from gossamer.passes.machine import machine

__all__ = ["RESULTS", "card", "in_order", "page", "recorded", "table"]

RESULTS = Path(__file__).parent / "results"


def card(**versions: str) -> dict[str, Any]:
    """The machine, and the versions of what a script uses beside torch."""
    return {**machine(), **versions}


def recorded(path: Path, card: Mapping[str, Any], /, **parts: Mapping[str, Any]) -> dict[str, Any]:
    """Write the record: each part's rows, by name, join those of an earlier run on the same machine.

    A record of another machine or of other versions is begun anew: one card speaks for all rows of a page.
    """
    record = json.loads(path.read_text()) if path.exists() else {}
    if record.get("machine") != dict(card):
        record = {}
    for name, rows in parts.items():
        record[name] = {**record.get(name, {}), **rows}
    record |= {"date": date.today().isoformat(), "machine": dict(card)}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    return record


def in_order(rows: Mapping[str, Any], names: Sequence[str]) -> list[tuple[str, Any]]:
    """A record's rows as the script lists them, whenever each was run; one that it no longer has is left out."""
    return [(name, rows[name]) for name in names if name in rows]


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table, as lines."""
    return ["| " + " | ".join(cells) + " |" for cells in (heads, ["---"] * len(heads), *rows)]


def page(path: Path, title: str, lines: Sequence[str], record: Mapping[str, Any]) -> None:
    """The page beside the record."""
    cards = [f"- {key}: {value}" for key, value in {"date": record["date"], **record["machine"]}.items()]
    path.write_text("\n".join([f"# {title}", "", *lines, "", "Machine:", "", *cards]) + "\n")
