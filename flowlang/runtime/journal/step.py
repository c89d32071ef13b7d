"""The change that a running script makes again and again: its run's row moves on and a few records follow it.

Every database can perform it as an UPDATE and an INSERT. PostgreSQL performs it as one statement (`joined`), in which
the INSERT takes its rows only if the UPDATE found the run as its owner believes it to be: one round trip and one
commit, and a refused step leaves nothing.

A step may be sent twice, when the connection was lost and nobody knows what became of the first. The second one is
refused if the first was written, because the run has moved on; the checksum of the last record tells this from a run
that somebody else took over.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final, NoReturn

from flowlang.errors import InternalError
from flowlang.runtime.journal.chain import EventRow

ROWS_MAX: Final = 8
"""A step of more records is performed as two statements everywhere. Each number of rows makes a statement of its own,
which the database keeps prepared, and many rows go faster in bulk."""

_TYPES: Final = {
    "sequence": "BIGINT",
    "recorded_at_ms": "BIGINT",
    "token": "BIGINT",
    "payload": "BYTEA",
    "steps": "BIGINT",
    "memory": "BIGINT",
    "actions_completed": "BIGINT",
    "checksum": "BYTEA",
}


class Step:
    """`advance` with its `values` is the UPDATE of one row of `run`, which changes none when the lease is lost or the
    run has moved on. `rows` become records of the run `number`, through `insert(cursor, rows)` where one statement does
    not do.
    `refuse(cursor)` reads why the UPDATE changed nothing and raises it. `settled(cursor)`: whether these very records
    are in the journal. `announces`: whether the step makes the run due for others. `wake` is set when the run is put
    down: a statement that makes it due if a message came that its owner has not seen, and its values. It follows the
    UPDATE, which waits for whoever is putting a message into the inbox."""

    __slots__ = (
        "advance", "announces", "insert", "is_repeated", "number", "refuse", "rows", "settled", "values", "wake",
    )  # fmt: skip

    def __init__(
        self, advance: str, values: tuple[Any, ...], insert: Callable[[Any, Sequence[Sequence[Any]]], None],
        number: int, rows: Sequence[EventRow], *,
        refuse: Callable[[Any], NoReturn], settled: Callable[[Any], bool], announces: bool = False,
        wake: tuple[str, tuple[Any, ...]] | None = None,
    ) -> None:  # fmt: skip
        self.advance = advance
        self.values = values
        self.insert = insert
        self.number = number
        self.rows = rows
        self.refuse = refuse
        self.settled = settled
        self.announces = announces
        self.wake = wake
        self.is_repeated = False
        """Whether it may have been written before, over a connection that was lost."""

    @property
    def is_joinable(self) -> bool:
        """Whether it can be performed as one statement."""
        return 0 < len(self.rows) <= ROWS_MAX

    def joined(self) -> tuple[str, tuple[Any, ...]]:
        """The step as one statement of PostgreSQL with its values, numbered as the server wants them: for so many
        values the driver would need longer to do that than the server for the statement. It inserts all rows, or none
        when it is refused."""
        values = self.values
        for row in self.rows:
            values += row
        return _joined(self.advance, len(self.rows)), values

    def __call__(self, cursor: Any) -> None:
        """Performs the step in the transaction of the cursor, as two statements."""
        if cursor.execute(self.advance, self.values).rowcount != 1:
            self.refused(cursor)
            return
        if self.rows:
            self.insert(cursor, [(self.number, *row) for row in self.rows])
        if self.wake is not None:
            cursor.execute(*self.wake)

    def refused(self, cursor: Any) -> None:
        """Called when the UPDATE changed nothing: returns if that is because the step had been written before, else
        raises the reason."""
        if self.is_repeated and self.settled(cursor):
            return
        self.refuse(cursor)
        raise InternalError("a refused step gave no reason")


@lru_cache(maxsize=256)
def _joined(advance: str, count: int) -> str:
    columns = EventRow._fields
    numbers = itertools.count(1)
    advance = re.sub("%s", lambda _: f"${next(numbers)}", advance)
    row = [f"::{_TYPES.get(name, 'TEXT')}" for name in columns]
    rows = ", ".join("(" + ", ".join(f"${next(numbers)}{cast}" for cast in row) + ")" for _ in range(count))
    names = ", ".join(columns)
    taken = ", ".join(f"fresh.{name}" for name in columns)
    return (
        f"WITH held AS ({advance} RETURNING number) INSERT INTO event (run, {names}) "
        f"SELECT held.number, {taken} FROM held, (VALUES {rows}) AS fresh ({names})"
    )
