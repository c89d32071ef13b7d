"""Finds the `.flow` files that come with flowlang: the prelude and the standard library; hands in the time zones.

An installed wheel carries them inside the package, in `bundled/`. In a checkout they lie beside the package, also when
the checkout is installed as editable, so `bundled/` is looked for first and the sibling folders then.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

from flowlang.lang.resolve.load_source import LoadProblem, check_canonical, library_of
from flowlang.lang.values.zone import install_zones
from flowlang.zones import read_zone, zone_names

FOLDERS: Final = {"@prelude": "prelude", "@std": "stdlib"}
_TEST_SUFFIX: Final = "_test.flow"

install_zones(read_zone, zone_names)


def prelude_modules() -> list[str]:
    """The canonical names of the prelude's modules, sorted. Tests beside them do not belong to it."""
    return [name for name in bundled_modules("@prelude") if not name.endswith(_TEST_SUFFIX)]


def bundled_modules(library: str) -> list[str]:
    """The canonical names of all modules of `@prelude` or `@std`, sorted."""
    folder = library_folder(library)
    return sorted(f"{library}//{path.relative_to(folder).as_posix()}" for path in _flow_files(folder))


def read_bundled(name: str) -> str:
    """The text of the bundled module `name` (`@std//tables.flow`). Raises LoadProblem."""
    check_canonical(name)
    library = library_of(name)
    if not library:
        raise LoadProblem("load-not-found", f"`{name}` does not come with flowlang")
    path = library_folder(library) / name.removeprefix(f"{library}//")
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise LoadProblem("load-not-found", f"there is no module `{name}`") from None


@cache
def library_folder(library: str) -> Path:
    """The folder that holds the files of `@prelude` or `@std`."""
    package = Path(__file__).resolve().parent
    for parent in (package / "bundled", package.parent):
        folder = parent / FOLDERS[library]
        if folder.is_dir():
            return folder
    return package / "bundled" / FOLDERS[library]


def _flow_files(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*.flow") if path.is_file())
