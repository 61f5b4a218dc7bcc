"""Tables as plain HTML for notebooks. Colours are the notebook's own, so that light and dark both read well."""

from __future__ import annotations

import html
from collections.abc import Sequence

from .tables import Table

__all__ = ["notebook"]

_TABLE = "border-collapse:collapse;margin:0 0 1em;font-variant-numeric:tabular-nums"
_CELL = "padding:.2em .7em;border-bottom:1px solid rgba(128,128,128,.35);background:none;color:inherit"


def notebook(
    first: Sequence[Table | None], reasons: Sequence[str], then: Sequence[Table | None], ending: Sequence[str]
) -> str:
    """All of it in one box that scrolls by itself where the notebook is narrow."""
    parts = [*map(_table, first), _sentences(reasons), *map(_table, then), _sentences(ending)]
    return f'<div style="overflow-x:auto">{"".join(parts)}</div>'


def _table(shown: Table | None) -> str:
    if shown is None:
        return ""
    head = "".join(_cell("th", text, side, ' scope="col"') for text, side in zip(shown.head, shown.sides, strict=True))
    lines = []
    for line in shown.cells:
        first, *rest = line
        cells = [_cell("th", first, "l", ' scope="row"', ";font-weight:normal")]
        cells += [_cell("td", text, side) for text, side in zip(rest, shown.sides[1:], strict=True)]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f'<table style="{_TABLE}"><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table>'


def _cell(tag: str, text: str, side: str, attributes: str = "", style: str = "") -> str:
    where = "right;white-space:nowrap" if side == "r" else "left"
    return f'<{tag}{attributes} style="{_CELL};text-align:{where}{style}">{html.escape(text)}</{tag}>'


def _sentences(texts: Sequence[str]) -> str:
    if not texts:
        return ""
    return '<p style="white-space:pre-line">' + "<br>".join(map(html.escape, texts)) + "</p>"
