"""Text in parts that share nothing, from files that are put into the cache folder by hand."""

from __future__ import annotations

import bz2
import hashlib

import pytest
import text
from sources import DataUnavailable

SENTENCE = "The {} of them number {} was seen by all who had come to look at it on that day."


@pytest.fixture
def kept_text(kept, monkeypatch):
    pages = [
        "<page><title>A</title><ns>0</ns><revision><text>"
        + " ".join(SENTENCE.format(f"article {a}", n) for n in range(12))
        + "</text></revision></page>"
        for a in range(6)
    ]
    files = {
        text.DUMP: bz2.compress(f"<m>{''.join(pages)}</m>".replace("<m>", '<m xmlns="http://x/">').encode()),
        "lee.cor": "Prices rose by £3.\nA second document.\n".encode("latin-1"),
        "similarities0-1.txt": b"1 0.5\n0 1\n",
        "simlex999.txt": b"# a comment\nold\tnew\t1.58\n",
        "wordsim353.tsv": b"# a comment\nlove\tsex\t6.77\ntiger\tcat\t7.35\n",
    }
    folder = kept / "gensim-text"
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    monkeypatch.setattr(text, "TEXT", {name: hashlib.sha256(data).hexdigest() for name, data in files.items()})
    cached = (text.articles, text.documents, text.similarities, text.pairs)
    for function in cached:
        function.cache_clear()
    yield folder
    for function in cached:
        function.cache_clear()


def test_no_article_is_in_both_parts(kept_text):
    train, test = text.articles("train"), text.articles("test")
    assert [said.split()[2] for said in (*train, *test)] == ["0", "2", "4", "1", "3", "5"]
    assert not set(train) & set(test)
    assert not set(text.sentences("train", 30)) & set(text.sentences("test", 30))


def test_sentences_are_spread_over_articles_and_whole(kept_text):
    found = text.sentences("test", 7)
    assert len(set(found)) == 7
    assert all(said.startswith("The article") and said.endswith("day.") for said in found)
    assert {said.split()[2] for said in found} == {"1", "3", "5"}


def test_another_part_is_an_error(kept_text):
    with pytest.raises(ValueError, match="choose one of train, test"):
        text.articles("validation")


def test_judgements_of_people(kept_text):
    assert text.pairs("WordSim-353") == (("love", "sex", 6.77), ("tiger", "cat", 7.35))
    assert text.pairs("SimLex-999") == (("old", "new", 1.58),)
    assert text.documents() == ("Prices rose by £3.", "A second document.")
    assert text.similarities()[0, 1] == 0.5


def test_an_altered_file_is_not_believed(kept_text, monkeypatch):
    (kept_text / "lee.cor").write_bytes(b"something else")
    monkeypatch.setattr(text, "TEXT_SOURCES", ())
    with pytest.raises(DataUnavailable, match="gensim-text"):
        text.documents()
