"""Connections to PostgreSQL for the SQL actions, kept between actions.

Each knows whether it leads to the database that holds the journal. It is asked when it is new: a name may lead to
another server the next time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import psycopg

from flowlang.runtime.action import ActionContext
from flowlang.runtime.database import Database
from flowlang.runtime.journal.dialects.postgres_connection import WatchedConnection
from flowlang.runtime.journal.home import Reached, ServerHome

CONNECT_WAIT_S: Final = 10
IDLE_MAX: Final = 8
WHO: Final = "SELECT pg_backend_pid(), backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"

Backend = tuple[Any, ...]
"""Names a server's end of a connection for ever: process ids come again."""


class ActionConnection(WatchedConnection):
    """`reached`: what there is to know of the journal, if it is in this database; `backend` is set then, too."""

    reached: Reached | None = None
    backend: Backend = ()


class PostgresPool:
    """The idle connections to one database."""

    def __init__(self, database: Database) -> None:
        self._url = database.location.replace("postgresql+psycopg://", "postgresql://", 1)
        self._idle: list[ActionConnection] = []
        self._lock = threading.Lock()
        self._closed = False
        self.has_effect_table = False
        self.is_home: bool | None = None
        """Whether the last connection led to the journal's database; None before the first."""

    @contextmanager
    def borrow(self, context: ActionContext) -> Iterator[ActionConnection]:
        """A connection for one action, whose statements end when the attempt is given up."""
        connection = self._take(context)
        take_back = context.on_cancel(lambda: threading.Thread(target=_cancel, args=[connection], daemon=True).start())
        try:
            yield connection
        except BaseException:
            take_back()
            connection.close()  # also ends its transaction
            raise
        take_back()
        with self._lock:
            if not self._closed and not context.cancelled and len(self._idle) < IDLE_MAX:
                self._idle.append(connection)
                return
        connection.close()

    def drop_idle(self) -> None:
        """Closes what is idle: the server went away, and with it all of them."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def close(self) -> None:
        """Closes what is idle now, and what is borrowed when it comes back."""
        self._closed = True
        self.drop_idle()

    def _take(self, context: ActionContext) -> ActionConnection:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        remaining_s = context.remaining_s()
        wait_s = CONNECT_WAIT_S if remaining_s is None else max(1, min(CONNECT_WAIT_S, int(remaining_s)))
        arguments: dict[str, Any] = {
            "conninfo": self._url, "connect_timeout": wait_s, "application_name": "flowlang action",
            "keepalives_idle": 10, "keepalives_interval": 3, "keepalives_count": 3,
        }  # fmt: skip
        connection = ActionConnection.connect(**arguments, autocommit=True)
        connection.asked_with = arguments
        home = context.home
        try:
            if isinstance(home, ServerHome):
                connection.reached = home.reached_by(connection)
                if connection.reached is not None:
                    connection.backend = connection.execute(WHO).fetchone() or ()
        except BaseException:
            connection.close()
            raise
        self.is_home = connection.reached is not None
        return connection


def _cancel(connection: ActionConnection) -> None:
    with suppress(psycopg.Error):
        connection.cancel()
