"""Running text out of markup: what a reader sees stays, what a template, table or reference says goes."""

from __future__ import annotations

import bz2

import pytest
from wikitext import articles, prose

LONG = "and this goes on for long enough to count as a paragraph of running text, which it is."


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        pytest.param("[[ant|Ants]] and [[bee]]s, ", "Ants and bees, ", id="links"),
        pytest.param("'''Ants''' ''here'' ", "Ants here ", id="bold and italics"),
        pytest.param("Ants{{one|{{two|[[x]]}}|}} ", "Ants ", id="nested templates"),
        pytest.param("{|\n| a || b\n{| \n| inner\n|}\n|}\nAnts ", "Ants ", id="nested tables"),
        pytest.param("Ants<ref name=a>A {{book}}</ref> and<ref name=a /> ", "Ants and ", id="references"),
        pytest.param("Ants <!-- a [[secret]] --> ", "Ants ", id="comment"),
        pytest.param("[[File:ant.jpg|thumb|an [[ant]] at work]]Ants ", "Ants ", id="picture"),
        pytest.param("Ants [http://a.example/b the page] ", "Ants the page ", id="address"),
        pytest.param("Ants&nbsp;&amp; bees ", "Ants & bees ", id="entities"),
        pytest.param("Ants ({{lang|x}}; ) ", "Ants ", id="hollow parentheses"),
        pytest.param("== Heading ==\n* item\nshort\nAnts ", "Ants ", id="no prose"),
    ],
)
def test_prose(markup, text):
    assert prose(markup + LONG) == text + LONG


def test_articles_of_a_dump(tmp_path):
    def page(title, space, text, extra=""):
        return f"<page><title>{title}</title><ns>{space}</ns>{extra}<revision><text>{text}</text></revision></page>"

    pages = [
        page("Ant", 0, f"'''Ants''' {LONG}"),
        page("Emmet", 0, f"#REDIRECT [[Ant]] {LONG}", '<redirect title="Ant" />'),
        page("Talk:Ant", 1, LONG),
        page("Hollow", 0, "{{stub}}"),
        page("Bee", 0, f"Bees &lt;br /&gt;{LONG}"),
    ]
    path = tmp_path / "dump.xml.bz2"
    path.write_bytes(bz2.compress(f'<mediawiki xmlns="http://x/">{"".join(pages)}</mediawiki>'.encode()))
    assert list(articles(path)) == [("Ant", f"Ants {LONG}"), ("Bee", f"Bees {LONG}")]
