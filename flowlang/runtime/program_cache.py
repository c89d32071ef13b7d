"""Compiled programs on disk, in the user's own cache folder.

Loading a cached program means trusting its bytes as code, so the folder must belong to the user and be writable by
nobody else; otherwise there is no cache. It is never inside a project: a repository must not be able to bring one.
Losing an entry costs a compilation, so errors are ignored and nothing is flushed to the disk.
"""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from contextlib import suppress
from pathlib import Path

VARIABLE = "FLOWLANG_CACHE_DIR"
ENTRIES_MAX = 2000


COMPILER = ("syntax", "resolve", "compile")
"""The folders of `flowlang.lang` that decide what a text compiles to."""


class DiskCache:
    """One file per program, named by its key and by the compiler that made it."""

    def __init__(self, folder: Path, compiler: str) -> None:
        self._folder = folder
        self._compiler = compiler

    def get(self, key: str) -> bytes | None:
        """The bytes kept under a key."""
        try:
            return self._path(key).read_bytes()
        except OSError:
            return None

    def put(self, key: str, data: bytes) -> None:
        """Keeps bytes under a key, in one rename."""
        with suppress(OSError):
            self._prune()
            temporary = self._folder / f".{os.getpid()}-{threading.get_ident()}"
            temporary.write_bytes(data)
            os.replace(temporary, self._path(key))

    def _path(self, key: str) -> Path:
        return self._folder / f"{self._compiler}-{key}"

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
    return DiskCache(folder, compiler_fingerprint()) if is_private else None


def compiler_fingerprint() -> str:
    """Changes whenever a file of the compiler does, so that a checkout never runs code that an older one made."""
    language = Path(__file__).parent.parent / "lang"
    seen = hashlib.sha256()
    for name in COMPILER:
        for entry in sorted(os.scandir(language / name), key=lambda entry: entry.name):
            if entry.is_file():
                status = entry.stat()
                seen.update(f"{entry.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return seen.hexdigest()[:16]


def _folder() -> Path:
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    home = os.environ.get("XDG_CACHE_HOME")
    return Path(home) / "flowlang" if home else Path("~/.cache/flowlang").expanduser()
