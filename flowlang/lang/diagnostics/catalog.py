"""What every slug means: the text behind `flowlang explain`, and the index of the documentation.

The entries stand in modules by subject, `catalog_<subject>.py` in this package, each with a tuple `ENTRIES`; a new
module is found by its name. They are read only when somebody asks, so that a program without errors does not pay for
explanations.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

import attrs

import flowlang.lang.diagnostics as package


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
    for module in iter_modules(package.__path__):
        if not module.name.startswith("catalog_"):
            continue
        for known in import_module(f"{package.__name__}.{module.name}").ENTRIES:
            assert found.setdefault(known.slug, known) is known, f"{known.slug} is explained twice"
    return found
