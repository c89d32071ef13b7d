"""What every slug means: the text behind `flowlang explain`, and the index of the documentation.

The entries stand in one module for each stage, `catalog_<stage>.py`, as a tuple `ENTRIES`. They are read only when
somebody asks, so that a program without errors does not pay for explanations.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Final

import attrs

_STAGES: Final = ("lexical", "syntax", "habit", "resolve", "runtime", "action")


@attrs.frozen
class Entry:
    """One kind of diagnostic. `title` says what it is in a line, `explanation` what is checked and why the language
    is that way; `wrong` is a small program that gets the diagnostic and `right` one that does not."""

    slug: str
    title: str
    explanation: str
    wrong: str
    right: str


def entry(slug: str) -> Entry | None:
    """The entry of a slug, None when there is no such slug."""
    return _entries().get(slug)


def all_slugs() -> tuple[str, ...]:
    """Every slug, sorted."""
    return tuple(sorted(_entries()))


@cache
def _entries() -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for stage in _STAGES:
        name = f"flowlang.lang.diagnostics.catalog_{stage}"
        if find_spec(name) is None:
            continue
        for known in import_module(name).ENTRIES:
            assert known.slug not in found, f"{known.slug} is explained twice"
            found[known.slug] = known
    return found
