"""Waking workers of other processes on the same host, for journals in a file.

Each listener has a named pipe beside the owners' lock files. Whoever commits something that concerns others writes a
byte into each pipe; a pipe that nobody reads belongs to a dead process and is removed. A process may die between its
commit and the byte, and some file systems know no named pipes. So a listener also asks the database once a second
whether anybody has committed, which is one cheap statement that reads no page of it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from flowlang.runtime.journal.wakeup import TOLD, PipeWakeup, await_byte

_SUFFIX: Final = ".wake"
_ASK_EVERY_S: Final = 1.0


class ChangeNumber(Protocol):
    """A number that changes when another connection has committed to the database."""

    def __call__(self) -> int: ...

    def close(self) -> None: ...


class FifoBell:
    """Tells the listeners whose pipes are in one directory."""

    def __init__(self, directory: Path, change_number: Callable[[], ChangeNumber]) -> None:
        self._directory = directory
        self._change_number = change_number

    def ring(self) -> None:
        """Writes a byte into each pipe, and removes those that nobody reads."""
        try:
            entries = os.scandir(self._directory)
        except OSError:
            return
        with entries:
            for entry in entries:
                if entry.name.endswith(_SUFFIX):
                    _tell(entry.path)

    def listen(self, owner: str) -> PipeWakeup:
        """A listener with a pipe of its own, as far as the file system has such."""
        try:
            return FifoWakeup(self._directory, owner, self._change_number())
        except OSError:
            return AskingWakeup(self._change_number())

    def close(self) -> None:
        """Nothing is held here."""


class AskingWakeup(PipeWakeup):
    """Asks the database for changes; poked through a pipe that has no name."""

    def __init__(self, change_number: ChangeNumber) -> None:
        super().__init__()
        self._change_number = change_number
        self._last = change_number()

    def wait(self, timeout_s: float) -> bool:
        """Waits until told, poked, or until another connection has committed, or until the time is over."""
        deadline = time.monotonic() + timeout_s
        while True:
            slice_s = max(0.0, min(deadline - time.monotonic(), _ASK_EVERY_S))
            found = await_byte(self._read, slice_s)
            if found is not None:
                return found
            if slice_s == _ASK_EVERY_S and self._has_changed():
                return True
            if time.monotonic() >= deadline:
                return False

    def close(self) -> None:
        """Gives the pipe and the connection back."""
        super().close()
        self._change_number.close()

    def _has_changed(self) -> bool:
        try:
            found = self._change_number()
        except Exception:
            return True  # Whoever is woken finds out what is the matter.
        changed = found != self._last
        self._last = found
        return changed


class FifoWakeup(AskingWakeup):
    """Waits on a named pipe."""

    def __init__(self, directory: Path, owner: str, change_number: ChangeNumber) -> None:
        super().__init__(change_number)
        self._path = directory / f"{owner}-{secrets.token_hex(4)}{_SUFFIX}"
        fresh = self._path.with_suffix(".new")
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.mkfifo(fresh, 0o600)
            # Opened for both directions, so that it never ends; under its name only then, so that nobody takes it for
            # a dead one.
            descriptor = os.open(fresh, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
            os.rename(fresh, self._path)
        except OSError:
            self.close()
            raise
        os.close(self._read)
        os.close(self._write)
        self._read, self._write = descriptor, os.dup(descriptor)

    def close(self) -> None:
        """Removes the pipe."""
        with contextlib.suppress(OSError):
            self._path.unlink()
        super().close()


def _tell(path: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno == errno.ENXIO:
            with contextlib.suppress(OSError):
                os.unlink(path)
        return
    try:
        with contextlib.suppress(OSError):
            os.write(descriptor, TOLD)
    finally:
        os.close(descriptor)
