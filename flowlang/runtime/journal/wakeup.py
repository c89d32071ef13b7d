"""Waking workers within one process.

A listener waits on a pipe of its own, and a byte in the pipe ends the wait. That can be done from any thread and from
signal handlers, where a lock could be held by the very thread that was interrupted; and a byte that comes while nobody
waits is there when somebody does. A pipe that is full has told already.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
import threading
import weakref
from typing import Final

TOLD: Final = b"t"
POKED: Final = b"p"

_READ_BYTES: Final = 4096


class PipeWakeup:
    """A wait that ends when somebody tells or pokes."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def wait(self, timeout_s: float) -> bool:
        """Waits until told or poked, or until the time is over. Whether it was told."""
        return await_byte(self._read, timeout_s) is True

    def tell(self) -> None:
        """Something became due or got a message."""
        self._put(TOLD)

    def poke(self) -> None:
        """Ends a wait, from any thread or signal handler."""
        self._put(POKED)

    def close(self) -> None:
        """Gives the pipe back. Nobody may wait any more."""
        read, write, self._read, self._write = self._read, self._write, -1, -1
        for descriptor in (read, write):
            if descriptor >= 0:
                os.close(descriptor)

    def _put(self, what: bytes) -> None:
        # Full, or closed in the meantime: nobody has to be woken.
        with contextlib.suppress(OSError):
            os.write(self._write, what)


class LocalBell:
    """Tells the listeners of this process."""

    def __init__(self) -> None:
        self._listeners: weakref.WeakSet[PipeWakeup] = weakref.WeakSet()
        self._guard = threading.Lock()

    def ring(self) -> None:
        """Tells every listener."""
        if not self._listeners:
            return
        with self._guard:
            listeners = list(self._listeners)
        for listener in listeners:
            listener.tell()

    def listen(self, owner: str) -> PipeWakeup:
        """A new listener, until it is closed or forgotten."""
        listener = PipeWakeup()
        with self._guard:
            self._listeners.add(listener)
        return listener

    def close(self) -> None:
        """Ends the waits of all listeners; they close themselves."""
        with self._guard:
            listeners = list(self._listeners)
            self._listeners.clear()
        for listener in listeners:
            listener.poke()


def await_byte(descriptor: int, timeout_s: float) -> bool | None:
    """Waits for bytes in a pipe and takes them: whether one of them tells, or None when none came in time."""
    if descriptor < 0:
        return False
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    if not poll.poll(max(0, math.ceil(timeout_s * 1000))):
        return None
    told = False
    with contextlib.suppress(BlockingIOError):
        while found := os.read(descriptor, _READ_BYTES):
            told = told or TOLD in found
            if len(found) < _READ_BYTES:
                break
    return told
