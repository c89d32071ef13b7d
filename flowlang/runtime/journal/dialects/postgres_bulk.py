"""Statements of PostgreSQL that do for many runs what others do for one.

The rows travel as one JSON text: the driver then has two values to pass on instead of some thousand, and there is one
text of the statement for any number of rows, which the server keeps prepared. Bytes are in hexadecimal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, LargeBinary

from flowlang.runtime.journal.chain import EventRow
from flowlang.runtime.journal.creation import Creation
from flowlang.runtime.journal.statement import NEW_RUN
from flowlang.runtime.journal.step import Step
from flowlang.runtime.journal.tables import event

_RECORD = ", ".join(EventRow._fields)
_FRESH = ", ".join(f"fresh.{name}" for name in EventRow._fields)
_TYPED = ", ".join(
    f"{name} " + ("BIGINT" if isinstance(kind, BigInteger) else "BYTEA" if isinstance(kind, LargeBinary) else "TEXT")
    for name, kind in ((name, event.c[name].type) for name in EventRow._fields)
)


def advance_all(steps: Sequence[Step]) -> tuple[str, tuple[str, str]]:
    """Steps of different runs with the same UPDATE. The statement gives the numbers of the runs that it found as their
    owners believe them to be; it inserts the records of those."""
    given = _text([{f"c{at}": value for at, value in enumerate(step.values)} for step in steps])
    records = [{"run": step.number, **row._asdict()} for step in steps for row in step.rows]
    return _advance_statement(steps[0].advance), (given, _text(records))


def create_all(creation: Creation, channel: str) -> tuple[str, tuple[str, str]]:
    """New runs with their first records; listeners are told."""
    runs = [dict(zip(NEW_RUN, row, strict=True)) for row in creation.runs]
    records = [{"run_id": run_id, **row._asdict()} for run_id, row in creation.records]
    return _creation_statement(channel), (_text(runs), _text(records))


def wake_all(wakes: Sequence[tuple[str, tuple[Any, ...]]]) -> tuple[str, tuple[str]]:
    """Makes runs due that were just put down, where a message came that their owners have not seen."""
    given = [{f"c{at}": value for at, value in enumerate(values)} for _, values in wakes]
    return _wake_statement(wakes[0][0]), (_text(given),)


@lru_cache(maxsize=4)
def _wake_statement(wake: str) -> str:
    change, columns, condition = _with_given(wake)
    return f"{change} FROM json_to_recordset($1::json) AS given ({columns}) WHERE {condition}"


@lru_cache(maxsize=16)
def _advance_statement(advance: str) -> str:
    change, columns, condition = _with_given(advance)
    return (
        f"WITH held AS ({change} FROM json_to_recordset($1::json) AS given ({columns}) WHERE {condition} "
        f"RETURNING run.number), written AS (INSERT INTO event (run, {_RECORD}) SELECT held.number, {_FRESH} "
        f"FROM held JOIN json_to_recordset($2::json) AS fresh (run BIGINT, {_TYPED}) ON fresh.run = held.number) "
        "SELECT number FROM held"
    )


@lru_cache(maxsize=4)
def _creation_statement(channel: str) -> str:
    columns = ", ".join(NEW_RUN)
    return (
        f"WITH made AS (INSERT INTO run ({columns}) SELECT {columns} "
        "FROM json_populate_recordset(NULL::run, $1::json) RETURNING number, run_id), "
        f"written AS (INSERT INTO event (run, {_RECORD}) SELECT made.number, {_FRESH} "
        f"FROM made JOIN json_to_recordset($2::json) AS fresh (run_id TEXT, {_TYPED}) USING (run_id)) "
        f"SELECT pg_notify('{channel}', '')"
    )


def _with_given(change: str) -> tuple[str, str, str]:
    """An UPDATE whose values come from rows `given`: up to its WHERE, the columns of those rows, and what follows."""
    types: list[str] = []

    def column(found: re.Match[str]) -> str:
        types.append(found[1] or "BYTEA")  # only bytes are passed without a type
        return f"given.c{len(types) - 1}"

    head, condition = re.sub(r"\s+", " ", re.sub(r"%s(?:::(\w+))?", column, change)).split(" WHERE ", 1)
    return head, ", ".join(f"c{at} {kind}" for at, kind in enumerate(types)), condition


def _text(rows: Iterable[dict[str, Any]]) -> str:
    return json.dumps(list(rows), default=_hexadecimal, separators=(",", ":"))


def _hexadecimal(value: bytes) -> str:
    return f"\\x{value.hex()}"
