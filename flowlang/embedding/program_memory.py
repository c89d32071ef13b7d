"""Compiled programs of this process, found by what they were compiled from.

Programs are immutable and hold no values, so interpreters can share them. Those that were not used for the longest time
are forgotten first.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

BYTES_MAX: Final = 32 << 20


class ProgramMemory:
    """A program cache in memory. Safe to use from any thread."""

    def __init__(self, bytes_max: int = BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._lock = threading.Lock()
        self._found: OrderedDict[str, bytes] = OrderedDict()

    def get(self, key: str) -> bytes | None:
        """The program of that key."""
        with self._lock:
            data = self._found.get(key)
            if data is not None:
                self._found.move_to_end(key)
            return data

    def put(self, key: str, data: bytes) -> None:
        """Keeps a program."""
        with self._lock:
            self._bytes += len(data) - len(self._found.pop(key, b""))
            self._found[key] = data
            while self._bytes > self._bytes_max:
                _, dropped = self._found.popitem(last=False)
                self._bytes -= len(dropped)


PROGRAMS: Final = ProgramMemory()
