"""Waking workers through PostgreSQL: LISTEN on one channel per schema, by one thread per journal.

Who makes something due sends NOTIFY in the transaction that does so, and the server tells every listener when it is
committed. A listener that lost its connection may have missed something; so after connecting anew it tells its workers
in any case. They also look by themselves now and then, should the server be away for long.
"""

from __future__ import annotations

import contextlib
import os
import random
import select
import threading
from typing import Any, Final

import psycopg

from flowlang.runtime.journal.dialects.postgres_connection import WatchedConnection, connect
from flowlang.runtime.journal.wakeup import LocalBell, PipeWakeup

_DELAY_FIRST_S: Final = 0.05
_DELAY_MAX_S: Final = 2.0
_ALIVE_EVERY_S: Final = 60.0
"""A silent connection is asked this often whether it is still there; keepalives find most dead ones earlier."""


class PostgresBell:
    """Tells the listeners of this process what the server says. Its thread begins with the first listener."""

    def __init__(self, arguments: dict[str, Any], channel: str) -> None:
        self._arguments = arguments
        self._channel = channel
        self._local = LocalBell()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._stop_read, self._stop_write = -1, -1

    def ring(self) -> None:
        """The server tells everybody, this process included; its own workers are told at once."""
        self._local.ring()

    def listen(self, owner: str) -> PipeWakeup:
        """A new listener. Returns when the server is listened to, so that nothing from now on is missed."""
        listener = self._local.listen(owner)
        with self._guard:
            if self._thread is None and not self._stop.is_set():
                self._stop_read, self._stop_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
                listens = threading.Event()
                self._thread = threading.Thread(
                    target=self._hear, args=(listens,), name="flowlang-listener", daemon=True
                )
                self._thread.start()
                listens.wait(10.0)
        return listener

    def close(self) -> None:
        """Ends the thread."""
        with self._guard:
            thread, self._thread = self._thread, None
            self._stop.set()
            if self._stop_write >= 0:
                os.write(self._stop_write, b".")
        if thread is not None:
            thread.join(10.0)
            os.close(self._stop_read)
            os.close(self._stop_write)
        self._local.close()

    def _hear(self, listens: threading.Event) -> None:
        delay_s = _DELAY_FIRST_S
        while not self._stop.is_set():
            try:
                connection = connect(self._arguments, "flowlang-listener", autocommit=True)
            except psycopg.Error:
                listens.set()
                self._stop.wait(delay_s * random.uniform(0.5, 1.0))
                delay_s = min(delay_s * 2, _DELAY_MAX_S)
                continue
            with contextlib.suppress(psycopg.Error, OSError):
                connection.execute(f"LISTEN {self._channel}".encode())
                delay_s = _DELAY_FIRST_S
                listens.set()
                self._local.ring()
                self._pass_on(connection)
            with contextlib.suppress(psycopg.Error):
                connection.pgconn.finish()

    def _pass_on(self, connection: WatchedConnection) -> None:
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        poll.register(self._stop_read, select.POLLIN)
        while not self._stop.is_set():
            if not poll.poll(_ALIVE_EVERY_S * 1000):
                connection.execute(b"SELECT 1")
            connection.pgconn.consume_input()
            told = False
            while connection.pgconn.notifies() is not None:
                told = True
            if told:
                self._local.ring()
