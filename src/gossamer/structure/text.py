"""The text form of a structure, and what others call the same thing."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal

from ..errors import StructureError
from .words import NM, Block, Codebook, Grid, LowRank, Scope, Structure, TopK, Word, joined

__all__ = ["as_structure", "meant", "parse"]


def as_structure(what: Word | Structure | str) -> Structure:
    """A structure from a word, a text or a structure."""
    if isinstance(what, Structure):
        return what
    if isinstance(what, str):
        return parse(what)
    if isinstance(what, Word):
        return Structure().filled(what)
    raise StructureError(f"a structure is a word such as NM(2, 4), a Structure or a text, given {type(what).__name__}")


def parse(text: str) -> Structure:
    """Read the text form, for example `"2:4 & int4/g64 + rank8"`.

    Raises: StructureError that points at the wrong word.
    """
    tokens = [(match.group(), match.start()) for match in re.finditer(r"[&+]|[^\s&+]+", text)]
    if [token for token, _ in tokens] == ["dense"]:
        return Structure()
    result: Structure | None = None
    operator, after = "", 0
    for position, (token, start) in enumerate(tokens):
        if (token in "&+") != (position % 2 == 1):
            raise _pointed(text, start, token, "a word and an operator (& or +) must alternate" + meant(text, start))
        if token in "&+":
            operator, after = token, start + 1
            continue
        try:
            word = as_structure(_word(token))
            result = word if result is None else joined(result, operator, word)
        except StructureError as error:
            raise _pointed(text, start, token, str(error) + meant(text, start)) from None
    if result is None or len(tokens) % 2 == 0:
        raise _pointed(text, after, " ", "a word is missing here; write for example '2:4 & int4/g64 + rank8'")
    return result


# A word's text form: a pattern over the whole word, and how to make the word from its groups.
_WORDS: tuple[tuple[str, Callable[[dict[str, str | None]], Word]], ...] = (
    (r"(?P<keep>\d+):(?P<of>\d+)", lambda g: NM(_int(g["keep"]), _int(g["of"]))),
    (
        r"top((?P<percent>\d+(\.\d+)?(e-?\d{1,3})?)%|(?P<k>\d+))(/(?P<scope>row|layer|model|block(?P<block>\d+)))?",
        lambda g: TopK(
            _density(g["percent"]) if g["percent"] else None,
            _int(g["k"]) if g["k"] else None,
            scope="block" if g["block"] else _scope(g["scope"]),
            block=_int(g["block"]) if g["block"] else None,
        ),
    ),
    (
        r"block(?P<rows>\d+)x(?P<columns>\d+)/(?P<percent>\d+(\.\d+)?(e-?\d{1,3})?)%(/(?P<scope>row|layer))?",
        lambda g: Block(
            _int(g["rows"]), _int(g["columns"]), _density(g["percent"]), "row" if g["scope"] == "row" else "layer"
        ),
    ),
    (
        r"int(?P<bits>\d+)(/(g(?P<group>\d+)|(?P<per>tensor|channel)))?(?P<asym>/asym)?",
        lambda g: Grid(
            _int(g["bits"]),
            _int(g["group"]) if g["group"] else None,
            "tensor" if g["per"] == "tensor" else None,
            g["asym"] is None,
        ),
    ),
    (r"codebook(?P<size>\d+)", lambda g: Codebook(_int(g["size"]))),
    (r"rank(?P<rank>\d+)", lambda g: LowRank(_int(g["rank"]))),
)
# How others write what has a form here: a pattern over a word without its case, spaces, - and _; the form; a remark.
_ELSEWHERE = (
    ("", "", ""),
    (r"w8a\d+", "int8", " (activations stay float)"),
    (r"w([2-7])a\d+", r"int\1/g128", " (activations stay float)"),
    (r"int(\d)(?:/g?|g|gs|group)(\d+)", r"int\1/g\2", ""),
    (r"([2-8])bits?", r"int\1", ""),
    (r"(?:nf|fp|mxfp|nvfp)4", "codebook16", " (16 learned values; int4/g64 is a grid)"),
    (r"top0?\.(\d)", r"top\g<1>0%", ""),
    (r"top0?\.(\d\d)|top(\d+\.\d+)", r"top\1\2%", ""),
    (r"(block\d+x\d+/|top)(\d+)(?:percent)?", r"\1\2%", ""),
    (r"(\d+)(?:of|/)(\d+)", r"\1:\2", ""),
    (r"(\d+):(\d+)", r"\2:\1", ""),
)
_GRAMMAR = "2:4, top10%, top10%/row, block4x1/25%, int4, int4/g64, int8/tensor/asym, codebook16, rank8"


def _word(token: str) -> Word:
    for pattern, make in _WORDS:
        if match := re.fullmatch(pattern, token, flags=re.ASCII):
            return make(match.groupdict())
    raise StructureError(f"is not a structure word; words look like {_GRAMMAR}")


def meant(text: str, start: int = 0) -> str:
    """The end of a message about the word at `start`: what it, or all between the operators around it, may mean."""
    run = re.split("[&+]", text[:start])[-1] + re.split("[&+]", text[start:])[0]
    for token in (run.strip(), text[start:].split(" ")[0]):
        clean = re.sub(r"[\s,=_-]", "", token.lower())
        for pattern, form, said in _ELSEWHERE:
            with suppress(StructureError):
                if (word := str(_word(re.sub(rf"^(?:{pattern})$", form, clean)))) != token:
                    return f"; did you mean {word!r}?{said}"
    return ""


def _pointed(text: str, start: int, token: str, why: str) -> StructureError:
    marks = " " * start + "^" * max(len(token), 1)
    return StructureError(f"cannot read the structure\n  {text}\n  {marks}\n{token.strip()!r}: {why}")


def _int(digits: str | None) -> int:
    if digits is None or len(digits) > 12:
        raise StructureError(f"number {digits} is too long")
    return int(digits)


def _scope(text: str | None) -> Scope:
    return "row" if text == "row" else "model" if text == "model" else "layer"


def _density(percent: str | None) -> float:
    return float(Decimal(percent or "0").scaleb(-2))
