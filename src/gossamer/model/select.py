"""Which tensors a step aims at: `targets` and `ignore`, resolved against the names that are there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from ..errors import TargetError, listed
from .inventory import Owner, TensorSite

__all__ = ["Choice", "select"]

Entry = str | type
Matcher = Callable[[TensorSite], bool]


@dataclass(frozen=True, eq=False)
class Choice:
    """One tensor that is aimed at. `named`: the user asked for it, so what does not fit it is an error, not a skip."""

    site: TensorSite
    named: bool


def select(
    sites: Sequence[TensorSite], targets: Iterable[Entry] | None = None, ignore: Iterable[Entry] = ()
) -> list[Choice]:
    """The tensors that `targets` name and `ignore` does not, in the order of `sites`.

    An entry is
        a parameter's name   'blocks.3.fc1.weight'   that tensor, by any of its names
        a module's name      'blocks.3', 'head'      every weight in it, however deep
        're:' + pattern      're:.*\\.fc[12]'         the same for each parameter and module name that matches in full
        a type, or its name  nn.Linear, 'Linear'     every weight in modules of that type; subclasses count

    Args:
        targets: entries; None aims at every weight by default: those with a view, and those skipped for want of one.
        ignore: entries that are taken out again.
    Returns: a choice each. A tensor that is no weight (a bias, a norm's scale) is chosen only by its own full name.
    Raises: TargetError that lists every entry which finds nothing, with the nearest name that exists.
    """
    wanted, unwanted = None if targets is None else _entries("targets", targets), _entries("ignore", ignore)
    wrong = [
        _advice(argument, entry, sites)
        for argument, entries in (("targets", wanted or ()), ("ignore", unwanted))
        for entry in entries
        if not _found(entry, sites, weights_only=argument == "targets")
    ]
    if wrong:
        raise TargetError(listed(wrong, "these entries match nothing:"))
    dropped = {id(site) for entry in unwanted for site in _found(entry, sites, weights_only=False)}
    if wanted is None:
        chosen = {id(site) for site in sites if _is_weight(site)}
    else:
        chosen = {id(site) for entry in wanted for site in _found(entry, sites, weights_only=True)}
    return [Choice(site, wanted is not None) for site in sites if id(site) in chosen - dropped]


def _entries(argument: str, entries: Iterable[Entry]) -> tuple[Entry, ...]:
    if isinstance(entries, str | type):
        raise TargetError(f"{argument} must be a list, given {entries!r}; write {argument}=[{entries!r}]")
    found = tuple(entries)
    wrong = []
    for entry in found:
        if not isinstance(entry, str | type):
            wrong.append(f"{argument}: {entry!r} is a {type(entry).__name__}; give a name, 're:<pattern>' or a type")
        elif isinstance(entry, str) and entry.startswith("re:"):
            try:
                re.compile(entry[3:])
            except re.error as error:
                wrong.append(f"{argument}: {entry!r} is no regular expression: {error}")
    if wrong:
        raise TargetError(listed(wrong, "entries that cannot be read:"))
    return found


def _found(entry: Entry, sites: Sequence[TensorSite], *, weights_only: bool) -> list[TensorSite]:
    by_name = [site for site in sites if entry in site.names]
    if by_name:
        return by_name
    matches = _matcher(entry, sites)
    return [site for site in sites if matches(site) and (_is_weight(site) or not weights_only)]


def _matcher(entry: Entry, sites: Sequence[TensorSite]) -> Matcher:
    if isinstance(entry, type):
        return lambda site: any(isinstance(module, entry) for owner in site.owners for module in owner.path)
    if entry.startswith("re:"):
        pattern = re.compile(entry[3:])
        return lambda site: any(pattern.fullmatch(name) for name in _all_names(site))
    if any(entry in _all_names(site) for site in sites):
        return lambda site: entry in _all_names(site)
    return lambda site: any(entry in _type_names(owner) for owner in site.owners)


def _is_weight(site: TensorSite) -> bool:
    return site.view is not None or (site.status is not None and site.status.kind == "skipped")


def _all_names(site: TensorSite) -> set[str]:
    """The tensor's names, and those of all modules that hold it."""
    return {name[:end] for name in site.names for end in (*_dots(name), len(name))}


def _dots(name: str) -> list[int]:
    return [place for place, character in enumerate(name) if character == "."]


def _type_names(owner: Owner) -> set[str]:
    return {base.__name__ for module in owner.path for base in type(module).__mro__}


def _advice(argument: str, entry: Entry, sites: Sequence[TensorSite]) -> str:
    given = f"{argument}: {entry.__name__ if isinstance(entry, type) else repr(entry)}"
    if _found(entry, sites, weights_only=False):
        return f"{given} holds no weight matrix, only biases, norm scales or buffers"
    names = sorted({name for site in sites for name in _all_names(site)})
    types = sorted({type(owner.module).__name__ for site in sites for owner in site.owners})
    if isinstance(entry, type):
        return f"{given}; the model's layers are {', '.join(types)}"
    nearest = get_close_matches(entry.removeprefix("re:"), [*names, *types], n=1, cutoff=0.0)
    return f"{given}; the nearest name is {nearest[0]!r}" if nearest else f"{given}; the model holds no tensor"
