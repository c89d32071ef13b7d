"""Statements of PostgreSQL that do for many runs what others do for one.

The values travel as one array for each column: the driver then has thirty values to pass on instead of some thousand,
and there is one text of the statement for any number of rows, which the server keeps prepared. The arrays are written
here, as the server reads them: for the driver, each element would be a value of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Column, Integer, LargeBinary

from flowlang.runtime.journal.chain import EventRow
from flowlang.runtime.journal.creation import Creation
from flowlang.runtime.journal.statement import NEW_RUN
from flowlang.runtime.journal.step import Step
from flowlang.runtime.journal.tables import event, run

_RECORD = ", ".join(EventRow._fields)
_FRESH = ", ".join(f"fresh.{name}" for name in EventRow._fields)


def advance_all(steps: Sequence[Step]) -> tuple[str, list[str]]:
    """Steps of different runs with the same UPDATE. The statement gives the numbers of the runs that it found as their
    owners believe them to be; it inserts the records of those."""
    statement, of_runs = _advance_statement(steps[0].advance)
    records = [(step.number, *row) for step in steps for row in step.rows]
    return statement, _arrays(of_runs, [step.values for step in steps]) + _arrays(_RECORD_TYPES, records)


def create_all(creation: Creation, channel: str) -> tuple[str, list[str]]:
    """New runs with their first records; listeners are told."""
    records = [(run_id, *row) for run_id, row in creation.records]
    return _creation_statement(channel), _arrays(_RUN_TYPES, creation.runs) + _arrays(_FIRST_RECORD_TYPES, records)


def create_one(creation: Creation, channel: str) -> tuple[str, tuple[Any, ...]] | None:
    """The same for a single run with a single record, whose values then travel as they are."""
    if len(creation.runs) != 1 or len(creation.records) != 1:
        return None
    return _single_creation_statement(channel), (*creation.runs[0], *creation.records[0][1])


def wake_all(wakes: Sequence[tuple[str, tuple[Any, ...]]]) -> tuple[str, list[str]]:
    """Makes runs due that were just put down, where a message came that their owners have not seen."""
    statement, types = _wake_statement(wakes[0][0])
    return statement, _arrays(types, [values for _, values in wakes])


@lru_cache(maxsize=4)
def _wake_statement(wake: str) -> tuple[str, tuple[str, ...]]:
    change, condition, types = _with_given(wake)
    return f"{change} FROM {_rows('given', types)} WHERE {condition}", types


@lru_cache(maxsize=16)
def _advance_statement(advance: str) -> tuple[str, tuple[str, ...]]:
    change, condition, types = _with_given(advance)
    records = _rows("fresh", _RECORD_TYPES, ("run", *EventRow._fields), len(types))
    statement = (
        f"WITH held AS ({change} FROM {_rows('given', types)} WHERE {condition} RETURNING run.number), "
        f"written AS (INSERT INTO event (run, {_RECORD}) SELECT held.number, {_FRESH} "
        f"FROM held JOIN {records} ON fresh.run = held.number) SELECT number FROM held"
    )
    return statement, types


@lru_cache(maxsize=4)
def _creation_statement(channel: str) -> str:
    columns = ", ".join(NEW_RUN)
    records = _rows("fresh", _FIRST_RECORD_TYPES, ("run_id", *EventRow._fields), len(_RUN_TYPES))
    return (
        f"WITH made AS (INSERT INTO run ({columns}) SELECT {columns} FROM {_rows('given', _RUN_TYPES, NEW_RUN)} "
        f"RETURNING number, run_id), written AS (INSERT INTO event (run, {_RECORD}) SELECT made.number, {_FRESH} "
        f"FROM made JOIN {records} USING (run_id)) SELECT pg_notify('{channel}', '')"
    )


@lru_cache(maxsize=4)
def _single_creation_statement(channel: str) -> str:
    values = [f"${at}::{kind}" for at, kind in enumerate((*_RUN_TYPES, *_OF_RECORD), 1)]
    of_run, of_record = values[: len(_RUN_TYPES)], values[len(_RUN_TYPES) :]
    return (
        f"WITH made AS (INSERT INTO run ({', '.join(NEW_RUN)}) VALUES ({', '.join(of_run)}) RETURNING number), "
        f"written AS (INSERT INTO event (run, {_RECORD}) SELECT made.number, {', '.join(of_record)} FROM made) "
        f"SELECT pg_notify('{channel}', '')"
    )


def _rows(name: str, types: Sequence[str], columns: Sequence[str] = (), before: int = 0) -> str:
    """Arrays as rows of a table. `before`: how many values come before them."""
    arrays = ", ".join(f"${before + at}::{kind}[]" for at, kind in enumerate(types, 1))
    columns = columns or [f"c{at}" for at in range(len(types))]
    return f"unnest({arrays}) AS {name} ({', '.join(columns)})"


def _with_given(change: str) -> tuple[str, str, tuple[str, ...]]:
    """An UPDATE whose values come from rows `given`: up to its WHERE, what follows, and the types of the values."""
    types: list[str] = []

    def column(found: re.Match[str]) -> str:
        types.append(found[1] or "BYTEA")  # only bytes are passed without a type
        return f"given.c{len(types) - 1}"

    head, condition = re.sub(r"\s+", " ", re.sub(r"%s(?:::(\w+))?", column, change)).split(" WHERE ", 1)
    return head, condition, tuple(types)


def _type_of(column: Column[Any]) -> str:
    if isinstance(column.type, Integer):
        return "BIGINT"
    return "BYTEA" if isinstance(column.type, LargeBinary) else "TEXT"


_RUN_TYPES = tuple(_type_of(run.c[name]) for name in NEW_RUN)
_OF_RECORD = tuple(_type_of(event.c[name]) for name in EventRow._fields)
_RECORD_TYPES = ("BIGINT", *_OF_RECORD)
_FIRST_RECORD_TYPES = ("TEXT", *_OF_RECORD)


def _arrays(types: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """Rows as one array for each of their columns."""
    return [_WRITERS[kind](column) for kind, column in zip(types, zip(*rows, strict=True), strict=True)]


def _numbers(values: Sequence[int | None]) -> str:
    return f"{{{','.join(map(str, values))}}}".replace("None", "NULL")


def _texts(values: Sequence[str | None]) -> str:
    return f"{{{','.join(['NULL' if value is None else _quoted(value) for value in values])}}}"


def _quoted(value: str) -> str:
    if "\\" in value or '"' in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{value}"'


def _bytes(values: Sequence[bytes | None]) -> str:
    # A backslash that the array keeps, and hexadecimal.
    written = ["NULL" if value is None else f'"\\\\x{value.hex()}"' for value in values]
    return f"{{{','.join(written)}}}"


_WRITERS: dict[str, Callable[[Sequence[Any]], str]] = {
    "TEXT": _texts,
    "VARCHAR": _texts,
    "BYTEA": _bytes,
    "BIGINT": _numbers,
    "INTEGER": _numbers,
}
