"""The rows of a query as dicts, measured as they come: a statement can make endlessly many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from flowlang.runtime.action import ActionError

ROWS_BYTES_MAX: Final = 16 << 20
ROWS_MAX: Final = 250_000
CELL_BYTES: Final = 8
"""What a number counts for when rows are measured."""


def collect_rows(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """All rows as dicts. Raises ActionError for names that would fall together, and for too much."""
    for index, name in enumerate(names):
        if name in names[:index]:
            raise ActionError(
                "sql-error", f"two columns of the result are called `{name[:80]}`", hint="name them: `a.id AS a_id`"
            )
    found: list[dict[str, Any]] = []
    left = ROWS_BYTES_MAX
    for row in rows:
        left -= CELL_BYTES * len(row) + sum([len(cell) for cell in row if type(cell) is str or type(cell) is bytes])
        if left < 0 or len(found) == ROWS_MAX:
            raise ActionError(
                "result-too-large",
                f"the result is more than {ROWS_BYTES_MAX >> 20} MiB or {ROWS_MAX} rows",
                hint="fetch them in parts (`WHERE id > ? ORDER BY id LIMIT 5000`), or reckon in the database",
            )
        found.append(dict(zip(names, row, strict=True)))
    return found
