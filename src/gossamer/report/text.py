"""Tables as aligned text, of lines that fit a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from .tables import Table

__all__ = ["aligned", "paragraphs", "printable", "shortened", "shortened_alike", "table"]

WIDEST = 140  # letters in a line
NARROWEST = 24  # letters that a shortened name keeps
GAP = "  "
# Shares of a shortened name that its beginning takes, in the order they are tried.
HEADS = (0.5, 0.3, 0.7, 0.4, 0.6, 0.2, 0.8, 0.1, 0.9)


def table(head: Sequence[str], lines: Sequence[Sequence[str]], right: str = "") -> str:
    """Columns of text aligned by spaces; the columns whose letter in `right` is `r` are right-aligned.

    >>> print(table(["name", "bytes"], [["a", "12"]], right="lr"))
    name  bytes
    a        12
    """
    grid = [list(head), *map(list, lines)]
    widths = [max(len(line[i]) for line in grid) for i in range(len(head))]
    sides = (right + "l" * len(head))[: len(head)]
    cells = [
        [text.rjust(w) if side == "r" else text.ljust(w) for text, w, side in zip(line, widths, sides, strict=True)]
        for line in grid
    ]
    return "\n".join(GAP.join(line).rstrip() for line in cells)


def aligned(shown: Table | None) -> str:
    """A table as text, nothing for None. Names that make it wider than a screen lose their middle."""
    if shown is None:
        return ""
    cells = [[printable(text) for text in line] for line in shown.cells]
    if shown.narrow is not None:
        widths = [max(map(len, column)) for column in zip(shown.head, *cells, strict=True)]
        room = WIDEST - sum(widths) + widths[shown.narrow] - len(GAP) * (len(widths) - 1)
        names = shortened_alike([line[shown.narrow] for line in cells], max(NARROWEST, room))
        cells = [
            [*line[: shown.narrow], name, *line[shown.narrow + 1 :]] for line, name in zip(cells, names, strict=True)
        ]
    return table(shown.head, cells, shown.sides)


def paragraphs(sentences: Sequence[str]) -> str:
    """A paragraph for each sentence, wrapped and hanging; lines that a sentence brings stay lines."""
    return "\n".join(_wrapped(printable(line)) for text in sentences for line in text.split("\n"))


def shortened(text: str, room: int, head: float = 0.5) -> str:
    """At most `room` letters; the middle goes, since a name's beginning says where it is and its end what it is.

    >>> shortened("encoder.layer.11.attention.self.query.weight", 30)
    'encoder.layer.…lf.query.weight'
    """
    if len(text) <= room:
        return text
    first = int(head * (room - 1))
    return f"{text[:first]}…{text[len(text) - (room - 1 - first) :]}"


def shortened_alike(texts: Sequence[str], room: int) -> list[str]:
    """All at most `room` letters, by a cut that keeps different names different; whole where no cut does."""
    for head in HEADS:
        short = [shortened(text, room, head) for text in texts]
        if len(set(short)) == len(set(texts)):
            return short
    return list(texts)


def printable(text: str) -> str:
    """What is no visible letter is shown by its number: a name must not move the cursor of a terminal.

    >>> printable("fc1\\x1b[2J")
    'fc1\\\\x1b[2J'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _wrapped(line: str) -> str:
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.fill(
        line, WIDEST - 20, subsequent_indent=indent + "    ", break_long_words=False, break_on_hyphens=False
    )
