"""Lists of names, each with a drawing and its figures beside it; all text is real text, so that it can be read aloud,
copied and printed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from .svg import element
from .words import name

__all__ = ["bar_list", "bar_row"]


def bar_row(title: str | Markup, picture: Markup, figures: Sequence[str], *, kind: str | None = None) -> Markup:
    """One line: a name, a drawing, and at most two figures."""
    shown = title if isinstance(title, Markup) else name(title)
    numbers = [element("span", text, class_="n") for text in figures]
    return element("li", element("span", shown, class_="t"), picture, *numbers, class_=kind)


def bar_list(rows: Iterable[Markup], *, kind: str, head: tuple[str, ...] = ()) -> Markup:
    """The lines, below a heading for their columns."""
    titles = [element("span", text, class_="n") for text in head[1:]]
    first = [element("li", element("span", head[0], class_="t"), element("i"), *titles, class_="h")] if head else []
    return element("ol", *first, *rows, class_=f"bars {kind}")
