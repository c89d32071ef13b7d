"""The rules of time zones, from the package `tzdata` and never from the machine.

Machines differ in the edition of the tz database that they carry, and a run must mean the same on each of them; so
the rules come from a dependency whose version can be pinned. Names are looked up in the package's own list before a
file is opened: a name that a script gives is no path.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

PACKAGE: Final = "tzdata"


@cache
def zone_names() -> frozenset[str]:
    """All names of zones."""
    return frozenset(_folder().joinpath("zones").read_text(encoding="utf-8").split())


def read_zone(name: str) -> bytes | None:
    """The TZif bytes of a zone; None when the tz database has no such name."""
    if name not in zone_names():
        return None
    return _folder().joinpath("zoneinfo", *name.split("/")).read_bytes()


def _folder() -> Traversable:
    # Imported here: it takes longer to load than a short script to run, and few scripts ask for a zone.
    from importlib.resources import files

    return files(PACKAGE)


@cache
def zones_version() -> str:
    """The edition of the tz database, such as `2026a`."""
    from importlib import import_module

    return str(import_module(PACKAGE).IANA_VERSION)
