"""Which tensors a step aims at: `targets` and `ignore`, resolved against the names that are there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from ..errors import TargetError, listed
from .inventory import Owner, TensorSite

__all__ = ["MAYBE", "Choice", "select"]

MAYBE = "maybe:"

Entry = str | type
Matcher = Callable[[TensorSite], bool]


@dataclass(frozen=True, eq=False)
class Choice:
    """One tensor that is aimed at.

    Args:
        named: the user asked for it, so what does not fit it is an error, not a skip.
        wished: only entries with 'maybe:' name it, so what another step has done to it is left as it is.
    """

    site: TensorSite
    named: bool
    wished: bool = False


def select(
    sites: Sequence[TensorSite], targets: Iterable[Entry] | None = None, ignore: Iterable[Entry] = ()
) -> list[Choice]:
    """The tensors that `targets` name and `ignore` does not, in the order of `sites`.

    An entry is
        a parameter's name   'blocks.3.fc1.weight'   that tensor, by any of its names
        a module's name      'blocks.3', 'head'      every weight in it, however deep
        're:' + pattern      're:.*\\.fc[12]'         the same for each parameter and module name that matches in full
        a type, or its name  nn.Linear, 'Linear'     every weight in modules of that type; subclasses count
        'maybe:' + a text    'maybe:Embedding'       what the text after it names, if there is any

    Args:
        targets: entries; None aims at every weight by default: those with a view, and those skipped for want of one.
        ignore: entries that are taken out again.
    Returns: a choice each. A tensor that is no weight (a bias, a norm's scale) is chosen only by its own full name.
    Raises: TargetError that lists every entry which finds nothing, with the nearest name that exists.
    """
    wanted = None if targets is None else _entries("targets", targets)
    unwanted = _entries("ignore", ignore)
    wrong = [
        _advice(argument, entry, sites)
        for argument, entries in (("targets", wanted or ()), ("ignore", unwanted))
        for entry in entries
        if not _optional(entry) and not _found(entry, sites, weights_only=argument == "targets")
    ]
    if wrong:
        raise TargetError(listed(wrong, "these entries match nothing:"))
    dropped = {id(site) for entry in unwanted for site in _found(entry, sites, weights_only=False)}
    if wanted is None:
        return [Choice(site, False) for site in sites if _is_weight(site) and id(site) not in dropped]
    named = {id(s) for entry in wanted if not _optional(entry) for s in _found(entry, sites, weights_only=True)}
    wished = {id(s) for entry in wanted if _optional(entry) for s in _found(entry, sites, weights_only=True)} - named
    return [
        Choice(site, id(site) in named, id(site) in wished) for site in sites if id(site) in (named | wished) - dropped
    ]


def _entries(argument: str, entries: Iterable[Entry]) -> tuple[Entry, ...]:
    if isinstance(entries, str | type):
        raise TargetError(f"{argument} must be a list, given {entries!r}; write {argument}=[{entries!r}]")
    found = tuple(entries)
    wrong = []
    for entry in found:
        if not isinstance(entry, str | type):
            wrong.append(f"{argument}: {entry!r} is a {type(entry).__name__}; give a name, 're:<pattern>' or a type")
        elif isinstance(entry, str) and _bare(entry).startswith("re:"):
            try:
                re.compile(_bare(entry)[3:])
            except re.error as error:
                wrong.append(f"{argument}: {entry!r} is no regular expression: {error}")
    if wrong:
        raise TargetError(listed(wrong, "entries that cannot be read:"))
    return found


def _optional(entry: Entry) -> bool:
    return isinstance(entry, str) and entry.startswith(MAYBE)


def _bare(entry: str) -> str:
    return entry.removeprefix(MAYBE)


def _found(entry: Entry, sites: Sequence[TensorSite], *, weights_only: bool) -> list[TensorSite]:
    entry = _bare(entry) if isinstance(entry, str) else entry
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
    types = sorted({type(owner.module).__name__ for site in sites for owner in site.owners})
    if isinstance(entry, type):
        return f"{given}; the model's layers are {', '.join(types)}"
    for form, why in _forms(entry):
        if _found(form, sites, weights_only=argument == "targets"):
            return f"{given}; {why}did you mean {form!r}?"
    names = sorted({name for site in sites for name in _all_names(site)})
    nearest = get_close_matches(entry.removeprefix("re:"), [*names, *types], n=1, cutoff=0.0)
    return f"{given}; the nearest name is {nearest[0]!r}" if nearest else f"{given}; the model holds no tensor"


def _forms(entry: str) -> Iterator[tuple[str, str]]:
    """What an entry that matches nothing may have been meant as, each with why it is written otherwise."""
    if entry.startswith("re:"):
        body = entry[3:]
        # A flag such as (?i) stands at a pattern's beginning or nowhere.
        wider = f".*{body}.*" if re.fullmatch(r"[^|(?]*", body) else f".*(?:{body}).*"
        if not body.startswith("(?"):
            yield f"re:{wider}", "a pattern must match the whole name; "
        return
    if "*" in entry or "?" in entry:
        # [.] and not a backslash, for it can be pasted into Python and YAML alike.
        pattern = re.sub(r"(\\\*)+", ".*", re.escape(entry)).replace(r"\?", ".").replace(r"\.", "[.]")
        yield f"re:{pattern}", "a name is taken to the letter, a pattern begins with 're:'; "
    if "." in entry:
        yield entry.rpartition(".")[2], ""
