"""Where the journal of a project is, and opening it.

The project's root is the nearest ancestor of the current directory that is marked as one; it also rules which files
scripts may load and read. The database comes from, in this order: a command's option, the environment variable
`FLOWLANG_DATABASE`, `database` in `[tool.flowlang]` of the root's `pyproject.toml`, and `.flowlang/flowlang.db` below
the root. Each may be a path, or the URL of a database of PostgreSQL. Relative paths are relative to where they are
written: the current directory for options and variables, the root for the file.

Nothing here imports the database libraries before a database is opened: they take longer to load than a short script
to run.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flowlang.errors import UsageError
from flowlang.runtime.clock import Clock
from flowlang.runtime.journal.journal import Journal

DATABASE_VARIABLE = "FLOWLANG_DATABASE"
DATABASE_DEFAULT = Path(".flowlang") / "flowlang.db"
MEMORY = "memory:"
"""The location of a journal that ends with the process."""


def project_root(start: Path) -> Path:
    """The nearest directory, from `start` upwards, with a `pyproject.toml` that has `[tool.flowlang]`, a directory
    `.flowlang`, or `.git`; else `start`. Raises UsageError for a `pyproject.toml` that cannot be read."""
    start = Path(os.path.abspath(start))
    for directory in (start, *start.parents):
        if (directory / ".flowlang").is_dir() or (directory / ".git").exists() or _settings(directory) is not None:
            return directory
    return start


def journal_url(root: Path, option: str | None, environment: Mapping[str, str]) -> str:
    """The location of the project's journal: a URL, an absolute path or `memory:`."""
    for named in (option, environment.get(DATABASE_VARIABLE)):
        if named:
            return _absolute(Path.cwd(), named)
    settings = _settings(root) or {}
    database = settings.get("database")
    if database is None:
        return str(root / DATABASE_DEFAULT)
    if not isinstance(database, str) or not database:
        raise UsageError(
            f"`database` in `[tool.flowlang]` of `{root / 'pyproject.toml'}` must be a text",
            hint='write `database = "path/to/file.db"`',
        )
    return _absolute(root, database)


def open_journal(url: str, clock: Clock, *, create: bool = True) -> Journal:
    """Opens the journal at a location that `journal_url` gave. Without `create`, a journal that does not exist raises
    JournalUnavailable and nothing is made."""
    if url == MEMORY:
        from flowlang.runtime.journal.memory import MemoryJournal

        return MemoryJournal(clock)
    from flowlang.runtime.journal.sql import SqlJournal

    return SqlJournal(url, clock=clock, create=create)


def project_settings(root: Path) -> Mapping[str, Any]:
    """The table `[tool.flowlang]` of the project, empty when there is none."""
    return _settings(root) or {}


def _absolute(directory: Path, location: str) -> str:
    if location == MEMORY or "://" in location:
        return location
    return str(directory / Path(location).expanduser())


def _settings(directory: Path) -> Mapping[str, Any] | None:
    """The table `[tool.flowlang]` of the directory's `pyproject.toml`, or None when there is none."""
    path = directory / "pyproject.toml"
    try:
        data = path.read_bytes()
    except OSError:
        return None
    if b"flowlang" not in data:
        return None
    import tomllib

    try:
        settings = tomllib.loads(data.decode()).get("tool", {}).get("flowlang")
    except (ValueError, AttributeError) as error:
        raise UsageError(f"`{path}` cannot be read: {error}", hint="correct the file") from error
    return settings if isinstance(settings, dict) else None
