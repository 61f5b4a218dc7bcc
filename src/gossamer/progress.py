"""How long work tells whoever listens how far it is. Nothing is printed here; without a listener it costs nothing.

A pass says `for batch in track("calibrating", batches, total): ...`; a face says `with listening(bar): ...` around it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar

__all__ = ["Listener", "listening", "stage", "track"]

Item = TypeVar("Item")


class Listener(Protocol):
    """What is told: a task begins (its total, or None when unknown), it is at `done`, it is over."""

    def began(self, task: str, total: int | None) -> None: ...

    def at(self, task: str, done: int) -> None: ...

    def ended(self, task: str) -> None: ...


_LISTENER: ContextVar[Listener | None] = ContextVar("gossamer_progress", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Everything that the block runs in this thread tells `listener`.

    >>> class Told:
    ...     def began(self, task, total): print("began", task, total)
    ...     def at(self, task, done): print("at", done)
    ...     def ended(self, task): print("ended", task)
    >>> with listening(Told()):
    ...     for _ in track("counting", "ab", 2):
    ...         pass
    began counting 2
    at 1
    at 2
    ended counting
    """
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)


def track(task: str, items: Iterable[Item], total: int | None = None) -> Iterator[Item]:
    """The items, each told to the listener once the loop's body is done with it."""
    listener = _LISTENER.get()
    if listener is None:
        yield from items
        return
    listener.began(task, total)
    try:
        for done, item in enumerate(items, 1):
            yield item
            listener.at(task, done)
    finally:
        listener.ended(task)


@contextmanager
def stage(task: str) -> Iterator[None]:
    """A task whose end is known and its parts are not, such as measuring in another process."""
    listener = _LISTENER.get()
    if listener is None:
        yield
        return
    listener.began(task, None)
    try:
        yield
    finally:
        listener.ended(task)
