"""JSON with one way to write a value and no surprise in reading one."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any, NoReturn

from ..errors import ArtifactError

__all__ = ["canonical", "parse"]

LONGEST_NUMBER = 24  # digits; beyond any count, and Python's own limit may be switched off


def canonical(value: Any) -> bytes:
    """UTF-8 text with sorted keys and no spaces: equal values give equal bytes.

    Raises: ArtifactError for what JSON cannot hold (NaN and infinity, keys that are no text, other types).

    >>> canonical({"b": [1, 2.5], "a": "é"}).decode()
    '{"a":"é","b":[1,2.5]}'
    """
    try:
        _check_keys(value)
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ArtifactError(f"cannot be written as JSON: {error}") from error


def parse(data: bytes, what: str) -> Any:
    """The value of a JSON text that may be hostile; its length must have been bounded by the caller.

    Refused beside broken JSON: a key twice in one object, NaN, infinity, numbers of more than 24 characters,
    nesting beyond Python's depth of recursion.

    Raises: ArtifactError that begins with `what`.
    """
    try:
        return json.loads(
            data.decode(),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_floating,
            parse_constant=_refused,
        )
    except ArtifactError as error:
        raise ArtifactError(f"{what}: {error}") from None
    except RecursionError:
        raise ArtifactError(f"{what}: nested too deeply") from None
    except ValueError as error:
        raise ArtifactError(f"{what}: no valid JSON ({error})") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ArtifactError(f"key {twice!r:.80} stands twice in one object")
    return found


def _integer(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise ArtifactError(f"a number of {len(digits)} digits")
    return int(digits)


def _floating(digits: str) -> float:
    value = float(digits) if len(digits) <= LONGEST_NUMBER else float("inf")
    if not isfinite(value):
        raise ArtifactError(f"number {digits:.40} is too large or too long")
    return value


def _refused(name: str) -> NoReturn:
    raise ArtifactError(f"{name} is no JSON number")


def _check_keys(value: Any) -> None:
    """json.dumps would turn the keys 1, True and None into text, and two of them into one."""
    if isinstance(value, dict):
        wrong = [key for key in value if not isinstance(key, str)]
        if wrong:
            raise TypeError(f"key {wrong[0]!r} is no text")
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            _check_keys(item)
