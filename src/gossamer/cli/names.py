"""Objects that a user names as `package.module:name`."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import reduce
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from ..errors import DataError, EvaluateError, GossamerError, ModelError
from . import rooms

if TYPE_CHECKING:
    from torch import nn

__all__ = ["batches", "example_inputs", "imported", "is_name", "made_model", "metric", "name_meant"]

LISTED = 12  # names of a module that an error shows


def is_name(text: str) -> bool:
    """Whether a text has the form of `package.module:name`.

    >>> is_name("my.models:network"), is_name("./model"), is_name("C:\\\\model")
    (True, False, False)
    """
    module, colon, attribute = text.partition(":")
    return bool(colon) and all(part.isidentifier() for part in (*module.split("."), *attribute.split(".")))


def name_meant(text: str) -> str:
    """The name that a file and a function in it have, where a text looks like these, or "".

    >>> name_meant("my/models.py:network"), name_meant("./models.py:network"), name_meant("models")
    ('my.models:network', 'models:network', '')
    """
    path, _, attribute = text.rpartition(":")
    dotted = ".".join(PurePath(path).with_suffix("").parts) if path.endswith(".py") else ""
    return f"{dotted}:{attribute}" if is_name(f"{dotted}:{attribute}") else ""


def imported(name: str, option: str) -> Any:
    """The object of that name; the working directory is importable, as with `python -m`.

    Raises: GossamerError that says which option it was, and what went wrong.
    """
    if not is_name(name):
        raise GossamerError(f"{option} {name!r} is not of the form package.module:name{_meaning(name)}")
    module, _, attribute = name.partition(":")
    if (here := os.getcwd()) not in sys.path:
        sys.path.insert(0, here)
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and (module == error.name or module.startswith(f"{error.name}.")):
            raise GossamerError(
                f"{option} {name!r}: no module {error.name!r} in {here} or among the installed packages{_meaning(name)}"
            ) from error
        raise GossamerError(f"{option} {name!r}: importing {module} raised {_told(error)}") from error
    except Exception as error:
        raise GossamerError(f"{option} {name!r}: importing {module} raised {_told(error)}") from error
    try:
        return reduce(getattr, attribute.split("."), found)
    except AttributeError as error:
        public = sorted(key for key in vars(found) if not key.startswith("_"))
        near = get_close_matches(attribute, public, n=1)
        more = f", and {len(public) - LISTED} more" if len(public) > LISTED else ""
        advice = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(public[:LISTED]) or 'nothing'}{more}"
        raise GossamerError(f"{option} {name!r}: {module} has no {attribute!r}; {advice}") from error


def made_model(name: str, option: str) -> nn.Module:
    """The model that a factory makes, or the model itself."""
    found = _called(imported(name, option), name, option)
    if not isinstance(found, rooms.torch.nn.Module):
        raise ModelError(f"{option} {name!r} gives {_kind(found)}; it must make a torch.nn.Module")
    return found


def batches(name: str) -> Iterable[Any]:
    """An iterable of batches: the object of that name, or what it returns when called."""
    found = imported(name, "--data")
    found = found if isinstance(found, Iterable) and not isinstance(found, type) else _called(found, name, "--data")
    if not isinstance(found, Iterable):
        raise DataError(f"--data {name!r} gives {_kind(found)}; it must be an iterable of batches")
    return found


def metric(name: str) -> Callable[..., float]:
    """A function from a model to a number."""
    found = imported(name, "--metric")
    if not callable(found):
        raise EvaluateError(f"--metric {name!r} is {_kind(found)}; it must be a function metric(model)")
    function: Callable[..., float] = found
    return function


def example_inputs(name: str) -> tuple[Any, ...] | Mapping[str, Any]:
    """What the model takes: a tuple or a mapping of keywords; a tensor alone is a tuple of one."""
    found = imported(name, "--example-inputs")
    found = _called(found, name, "--example-inputs") if callable(found) else found
    if isinstance(found, rooms.torch.Tensor):
        return (found,)
    if not isinstance(found, tuple | Mapping):
        raise DataError(f"--example-inputs {name!r} gives {_kind(found)}; it must be a tensor, a tuple or a mapping")
    return found


def _called(found: Any, name: str, option: str) -> Any:
    if callable(found) and not _is_model(found):
        try:
            return found()
        except Exception as error:
            raise GossamerError(
                f"{option} {name!r} raised {_told(error)}; it must work when called without arguments"
            ) from error
    return found


def _is_model(found: Any) -> bool:
    return isinstance(found, rooms.torch.nn.Module)


def _meaning(text: str) -> str:
    return f"; did you mean {meant!r}?" if (meant := name_meant(text)) else ""


def _kind(found: Any) -> str:
    return f"an object of type {type(found).__name__}"


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}; GOSSAMER_DEBUG=1 shows where"
