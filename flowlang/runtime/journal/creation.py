"""New runs that nobody drives yet, written together.

Every database can create them one after the other, inside a transaction. PostgreSQL does it as one statement, which
needs nothing to be read before: it fails as a whole when an id is taken or the code of a run is not stored. Then the
runs are created one after the other, which says what is wrong, or stores the code.

A creation may be sent twice, when the connection was lost and nobody knows what became of the first. The second one
finds the ids taken, and by the checksums of the first records that it was itself who took them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flowlang.runtime.journal.chain import EventRow


class Creation:
    """`runs` are rows of `run` without their numbers, `records` belong to them: a run id and a row each.
    `one_by_one(cursor, is_repeated)` creates them without the statement for all."""

    __slots__ = ("is_joinable", "is_repeated", "one_by_one", "records", "runs")

    announces = True

    def __init__(
        self, runs: Sequence[tuple[Any, ...]], records: Sequence[tuple[str, EventRow]],
        one_by_one: Callable[[Any, bool], None], *, is_joinable: bool,
    ) -> None:  # fmt: skip
        self.runs = runs
        self.records = records
        self.one_by_one = one_by_one
        self.is_joinable = is_joinable
        """Whether one statement may do."""
        self.is_repeated = False
        """Whether the runs may have been created before, over a connection that was lost."""

    def __call__(self, cursor: Any) -> None:
        """Creates the runs in the transaction of the cursor."""
        self.one_by_one(cursor, self.is_repeated)
