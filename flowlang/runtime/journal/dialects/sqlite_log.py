"""Room in the write-ahead log of SQLite before it is needed.

To flush a file that has grown, a file system writes the new size as well, which takes as long again as the commit
itself. SQLite lets its log grow commit by commit until the first checkpoint, some five hundred steps later, and from
then on writes over it from the beginning. So the writer puts zeros behind the end of a log that grows, several times
as many as there are frames, and the next commits are written over them.

It is safe because SQLite expects anything behind the last frame: after a checkpoint the frames of before are there. A
frame counts only with the salt of the log's header and a checksum over all frames before it. Zeros are written while
the caller holds the write lock, so nobody appends to the log, cuts or removes it meanwhile; only behind the end of the
file, so that nothing is ever overwritten; and they are flushed by the commit that follows. If anything is in the way,
the log grows as it always did. SQLite puts its locks on other files, so that closing this one gives none of them back.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

FRAME_BYTES: Final = 4096 + 24
LOG_BYTES: Final = 1064 * FRAME_BYTES
"""After 1,000 frames SQLite writes the log back and begins it anew; a last transaction may pass that a little."""

COMMITS: Final = 16
"""The log is looked at after so many commits."""

FACTOR: Final = 4
"""A log that grew becomes so many times as long, so that a program that writes little pays little."""

FREE_BYTES_MIN: Final = 64 << 20
"""On a disk with less the space is left to those who need it."""


class LogRoom:
    """Makes room in the log of the database `path`, whose links are resolved."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f"{path.name}-wal")
        self._commits = 0
        self._size = 0

    def before_commit(self) -> None:
        """Called with the write lock held, before each commit."""
        self._commits += 1
        if self._commits % COMMITS == 0:
            with contextlib.suppress(OSError):
                self._look()

    def _look(self) -> None:
        size = self._path.stat().st_size
        has_grown, self._size = size > self._size, size
        if has_grown and 0 < size < LOG_BYTES:
            self._size = _extend(self._path, min(size * FACTOR, LOG_BYTES))


def _extend(path: Path, end: int) -> int:
    """Writes zeros from the end of the file up to `end`. Gives its size."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        size = os.fstat(descriptor).st_size
        disk = os.fstatvfs(descriptor)
        if size >= end or disk.f_bavail * disk.f_frsize < FREE_BYTES_MIN:
            return size
        written = 0
        try:
            # Real zeros: space that is only reserved costs as much at its first flush as space that is not.
            written = os.pwrite(descriptor, bytes(end - size), size)
        finally:
            if written < end - size:  # the disk is full
                os.ftruncate(descriptor, size)
        return os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)
