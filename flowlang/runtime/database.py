"""The databases that actions may use, by name.

A script names a database (`database = "main"`); where it is, the project says (`[tool.flowlang.databases]`). Files
that end like SQLite databases may be named by their path and are confined to the file roots. This module only
decides *which* database is meant; the drivers (`flowlang.actions`) open it, and leave what they opened with
`Databases.resource`, so that one `close` ends it all and no driver needs globals.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import attrs

from flowlang.lang.diagnostics.suggest import nearest
from flowlang.lang.values.fault import Fault
from flowlang.runtime.file_access import FileAccess

SQLITE_SCHEME: Final = "sqlite:///"
SQLITE_SUFFIXES: Final = (".db", ".sqlite", ".sqlite3")
DEFAULT_NAME: Final = "main"
DEFAULT_FILE: Final = "data.db"


class Closeable(Protocol):
    """What a driver leaves with `Databases`."""

    def close(self) -> None: ...


ResourceType = TypeVar("ResourceType", bound=Closeable)


@attrs.frozen
class Database:
    """Where one database is. `scheme` names the driver; for `sqlite`, `location` is an absolute path.
    `exactly_once`: whether writes record their idempotency keys in the database itself."""

    name: str
    scheme: str
    location: str
    exactly_once: bool = True


@attrs.define(eq=False)
class Databases:
    """Names to databases, for one project. `declared` are those of the project's configuration; `main` is always
    there, as `data.db` in the project folder unless declared otherwise."""

    files: FileAccess
    declared: Mapping[str, Database] = attrs.field(factory=dict)
    _resources: dict[tuple[int, str, str], Closeable] = attrs.field(factory=dict, init=False, repr=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False, repr=False)

    def resolve(self, name: str) -> Database:
        """The database that a script means by `name`: a declared name, or a path below the file roots. Raises
        Fault `unknown-database`, or those of `FileAccess`."""
        found = self.declared.get(name)
        if found is not None:
            return found
        if name == DEFAULT_NAME:
            return Database(name, "sqlite", str(self.files.real_path(DEFAULT_FILE)))
        path = name.removeprefix(SQLITE_SCHEME)
        if path.endswith(SQLITE_SUFFIXES):
            return Database(name, "sqlite", str(self.files.real_path(path)))
        known = sorted({DEFAULT_NAME, *self.declared})
        close = nearest(name, known)
        listed = ", ".join(f"`{each}`" for each in known)
        declare = "declare others under [tool.flowlang.databases], or give the path of a file ending in .db"
        raise Fault(
            "unknown-database",
            f"there is no database `{name[:80]}`",
            hint=f"did you mean `{close}`?" if close else f"known are {listed}; {declare}",
            data={"database": name[:80]},
        )

    def resource(self, kind: str, database: Database, make: Callable[[], ResourceType]) -> ResourceType:
        """What a driver opened for a database, made at the first use. Never shared with a forked child: connections
        do not survive a fork."""
        key = (os.getpid(), kind, database.location)
        with self._lock:
            found: Any = self._resources.get(key)
            if found is None:
                found = self._resources[key] = make()
            return found  # type: ignore[no-any-return]

    def close(self) -> None:
        """Closes what drivers opened in this process."""
        with self._lock:
            mine = [key for key in self._resources if key[0] == os.getpid()]
            for key in mine:
                self._resources.pop(key).close()


def declared_databases(table: Mapping[str, Any], root: Path) -> dict[str, Database]:
    """Reads `[tool.flowlang.databases]`: a name is given a path, a URL, or a table with `url` and `exactly_once`.
    Relative paths start at the project folder `root`; they are the project's own word, so they may lead anywhere.
    Raises ValueError with a message for the user."""
    found = {}
    for name, entry in table.items():
        settings = {"url": entry} if isinstance(entry, str) else entry
        if not isinstance(settings, Mapping) or not isinstance(settings.get("url"), str):
            raise ValueError(f'database `{name}` needs a path or URL, like `{name} = "data/{name}.db"`')
        unknown = set(settings) - {"url", "exactly_once"}
        if unknown:
            raise ValueError(f"database `{name}` has the unknown setting `{min(unknown)}`")
        exactly_once = settings.get("exactly_once", True)
        if not isinstance(exactly_once, bool):
            raise ValueError(f"`exactly_once` of database `{name}` must be true or false")
        url: str = settings["url"]
        scheme, separator, _rest = url.partition("://")
        if separator and not url.startswith(SQLITE_SCHEME):
            found[name] = Database(name, scheme, url, exactly_once)
        else:
            path = os.path.normpath(root / url.removeprefix(SQLITE_SCHEME))
            found[name] = Database(name, "sqlite", path, exactly_once)
    return found
