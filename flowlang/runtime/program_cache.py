"""Compiled programs on disk, in the user's own cache folder.

Loading a cached program means trusting its bytes as code, so the folder must belong to the user and be writable by
nobody else; otherwise there is no cache. It is never inside a project: a repository must not be able to bring one.
Losing an entry costs a compilation, so errors are ignored and nothing is flushed to the disk.
"""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

VARIABLE = "FLOWLANG_CACHE_DIR"
ENTRIES_MAX = 2000


class DiskCache:
    """One file per program, named by its key."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str) -> bytes | None:
        """The bytes kept under a key."""
        try:
            return (self._folder / key).read_bytes()
        except OSError:
            return None

    def put(self, key: str, data: bytes) -> None:
        """Keeps bytes under a key, in one rename."""
        with suppress(OSError):
            self._prune()
            handle, temporary = tempfile.mkstemp(dir=self._folder, prefix=".")
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.replace(temporary, self._folder / key)

    def _prune(self) -> None:
        entries = list(self._folder.iterdir())
        if len(entries) >= ENTRIES_MAX:
            entries.sort(key=lambda entry: entry.stat().st_mtime)
            for entry in entries[: ENTRIES_MAX // 2]:
                entry.unlink(missing_ok=True)


def open_cache() -> DiskCache | None:
    """The user's cache; None when there is no folder that only the user can write to."""
    folder = _folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
    except (OSError, RuntimeError):
        return None
    is_private = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o022
    return DiskCache(folder) if is_private else None


def _folder() -> Path:
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    home = os.environ.get("XDG_CACHE_HOME")
    return Path(home) / "flowlang" if home else Path("~/.cache/flowlang").expanduser()
