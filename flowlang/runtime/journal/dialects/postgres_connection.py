"""Connections to PostgreSQL: their settings, and how a server that does not answer is noticed.

A connection can die without a word: a cable, a firewall or a proxy that swallows what is sent. The kernel notices what
is not acknowledged (`tcp_user_timeout`, keepalives), but a proxy acknowledges and forwards nothing. So whoever has
waited 8 seconds for an answer asks the server over a second connection whether it works for the first one; a silent
server is given up after at most 15 seconds in all, while a statement that simply takes long may go on.
"""

from __future__ import annotations

import contextlib
import logging
import time
from typing import Any, Final, TypeVar

import psycopg
from psycopg import pq, waiting
from psycopg.abc import PQGen
from sqlalchemy import URL

Value = TypeVar("Value")

CONNECT_S: Final = 5
ANSWER_S: Final = 8.0
"""After so long without an answer the server is asked whether it is at work."""

# What psycopg has to say about lost connections goes to whoever asked for logs, and not to the terminal.
logging.getLogger("psycopg").addHandler(logging.NullHandler())

_SETTINGS: Final = {
    # A commit is on the disk when it returns, whatever the server's default is.
    "synchronous_commit": "on",
    "client_encoding": "UTF8",
    "lock_timeout": "10s",
    # What a dead program has begun must not hold others up.
    "idle_in_transaction_session_timeout": "30s",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "4",
    "tcp_user_timeout": "13s",
}

_LIBPQ: Final[dict[str, Any]] = {
    "connect_timeout": CONNECT_S,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 4,
    "tcp_user_timeout": 13_000,
}


class WatchedConnection(psycopg.Connection[Any]):
    """A connection that notices a server that does not answer."""

    asked_with: dict[str, Any]

    def wait(self, gen: PQGen[Value], interval: float = 0.1, timeout: float | None = None) -> Value:
        """Waits for an answer; raises OperationalError when none is to be expected."""
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        while True:
            began = time.monotonic()
            try:
                return super().wait(gen, interval, ANSWER_S)
            except psycopg.OperationalError as error:
                is_late = error.sqlstate is None and time.monotonic() - began >= ANSWER_S
                if not is_late or self.pgconn.status != pq.ConnStatus.OK:
                    raise
            if not self._is_served():
                with contextlib.suppress(psycopg.Error):
                    self.pgconn.finish()
                raise psycopg.OperationalError("the server does not answer")
            gen = _going_on(gen)

    def _is_served(self) -> bool:
        # A server that waits for the rest of a pipeline is `active`, too: then it is we who are not heard.
        try:
            with psycopg.connect(**self.asked_with, autocommit=True) as other:
                found = other.execute(
                    "SELECT state = 'active' AND wait_event_type IS DISTINCT FROM 'Client' "
                    "FROM pg_stat_activity WHERE pid = %s",
                    (self.info.backend_pid,),
                ).fetchone()
        except psycopg.Error:
            return False
        return found is not None and bool(found[0])


def connection_arguments(url: URL, schema: str) -> dict[str, Any]:
    """What libpq needs to know for a URL. Settings in the URL win over those that a journal prefers."""
    given: dict[str, Any] = {name: value for name, value in url.query.items() if name != "schema"}
    settings = dict(_SETTINGS)
    if schema:
        settings["search_path"] = '"' + schema.replace('"', '""') + '"'
    options = " ".join(f"-c {name}={_escaped(value)}" for name, value in settings.items())
    arguments: dict[str, Any] = {
        "host": url.host,
        "port": url.port,
        "user": url.username,
        "password": url.password,
        "dbname": url.database,
        **_LIBPQ,
        **given,
        "options": f"{options} {given['options']}" if "options" in given else options,
    }
    return {name: value for name, value in arguments.items() if value is not None}


def connect(arguments: dict[str, Any], name: str, *, autocommit: bool) -> WatchedConnection:
    """Connects under a name that operators see in `pg_stat_activity`. Raises psycopg's errors."""
    connection = WatchedConnection.connect(**arguments, application_name=name, autocommit=autocommit)
    connection.asked_with = arguments
    return connection


def _going_on(gen: PQGen[Value]) -> PQGen[Value]:
    """A conversation with the server that was begun, for somebody who will begin it: nothing has come so far."""
    try:
        wanted = gen.send(waiting.Ready.NONE)
        while True:
            wanted = gen.send((yield wanted))
    except StopIteration as end:
        found: Value = end.value
        return found


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace(" ", "\\ ")
