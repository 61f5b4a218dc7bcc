"""Running text out of a Wikipedia dump: prose kept, markup, tables, templates and references dropped."""

from __future__ import annotations

import bz2
import html
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

__all__ = ["articles", "prose"]

SHORTEST = 80  # characters of a paragraph; shorter ones are mostly what is left of a template
LOWEST = " .,;:-()[]'\"0123456789"

# In this order: what holds other markup goes before what it holds.
_DROPPED = tuple(
    re.compile(pattern, re.DOTALL | re.IGNORECASE)
    for pattern in (
        r"<!--.*?-->",
        r"<ref[^>]*/>",
        r"<(ref|math|gallery|timeline|code|source|syntaxhighlight|score)\b[^>]*>.*?</\1\s*>",
    )
)
_TEMPLATE = re.compile(r"\{\{[^{}]*\}\}|\{\|(?:(?!\{\||\|\}).)*\|\}", re.DOTALL)  # an innermost template or table
_NAMED_LINK = re.compile(r"\[\[(?:file|image|category|[a-z-]{2,12}):[^\[\]]*\]\]", re.IGNORECASE)
_LINK = re.compile(r"\[\[(?:[^\[\]|]*\|)?([^\[\]|]*)\]\]")
_ADDRESS = re.compile(r"\[(?:https?|ftp)?:?//\S+\s*([^\]]*)\]")
_TAG = re.compile(r"</?[a-z][^<>]*>", re.IGNORECASE)
_HOLLOW = re.compile(r"\s*\([\s,;:]*\)")  # what a template in parentheses leaves
_QUOTES = re.compile(r"'{2,5}")


def articles(path: Path) -> Iterator[tuple[str, str]]:
    """(title, prose) of every article in a bz2 dump, in its order; redirects and empty ones are left out."""
    with bz2.open(path) as stream:
        for _, element in ElementTree.iterparse(stream):
            if not element.tag.endswith("}page"):
                continue
            space = element.tag.removesuffix("page")
            markup = element.findtext(f"{space}revision/{space}text") or ""
            article = element.findtext(f"{space}ns") == "0" and element.find(f"{space}redirect") is None
            text = prose(markup) if article else ""
            if text:
                yield element.findtext(f"{space}title") or "", text
            element.clear()


def prose(markup: str) -> str:
    """The paragraphs of a page, joined by newlines.

    >>> prose("'''Ants''' are [[insect|insects]]{{citation|needed}} that live in [[colony|colonies]], <ref>A book</ref>"
    ... "and there are more of them on the ground than anyone has counted so far.\\n* a list\\n== Heading ==")
    'Ants are insects that live in colonies, and there are more of them on the ground than anyone has counted so far.'
    """
    text = html.unescape(markup)
    for pattern in _DROPPED:
        text = pattern.sub("", text)
    text = _until_still(_TEMPLATE, "", text)
    for pattern, kept in ((_NAMED_LINK, ""), (_LINK, r"\1"), (_NAMED_LINK, ""), (_ADDRESS, r"\1")):
        text = pattern.sub(kept, text)
    text = _HOLLOW.sub("", _QUOTES.sub("", _TAG.sub("", text)))
    lines = (re.sub(r"\s+", " ", line).strip() for line in text.splitlines())
    return "\n".join(line for line in lines if len(line) >= SHORTEST and line[0] not in "*#:;|!=<{}[" and _worded(line))


def _worded(line: str) -> bool:
    return sum(character in LOWEST for character in line) < len(line) / 2 and not re.search(
        r"\{\{|\}\}|\|\||\[\[", line
    )


def _until_still(pattern: re.Pattern[str], kept: str, text: str) -> str:
    """Substitute until nothing changes: nested markup goes from the inside out."""
    while True:
        text, count = pattern.subn(kept, text)
        if not count:
            return text
