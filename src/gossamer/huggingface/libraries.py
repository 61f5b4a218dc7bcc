"""The optional packages, loaded when a folder needs them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from ..errors import MissingDependencyError

__all__ = ["quiet", "sentence_transformers", "transformers"]


def transformers() -> Any:
    """The package. Raises: MissingDependencyError."""
    return _imported("transformers", "this is a folder of transformers")


def sentence_transformers() -> Any:
    """The package. Raises: MissingDependencyError."""
    return _imported("sentence_transformers", "this is a folder of sentence-transformers")


@contextmanager
def quiet() -> Iterator[None]:
    """Without transformers' progress bars: a library does not draw on the user's screen."""
    logging = transformers().utils.logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _imported(name: str, reason: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        package = name.replace("_", "-")
        raise MissingDependencyError(
            f"{reason}, and {package} cannot be imported ({error}): pip install {package}"
        ) from error
