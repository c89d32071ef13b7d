"""Finding and counting runs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, literal_column, or_, select, text

from flowlang.errors import JournalCorrupt
from flowlang.runtime.journal.model import AttributeValue, RunFilter, RunRecord, RunStatus
from flowlang.runtime.journal.sql.attributes import attribute_value, condition_of
from flowlang.runtime.journal.sql.database import Database, decode_run
from flowlang.runtime.journal.tables import attribute, blob, flowlang_schema, gate_key, inbox, run, wait
from flowlang.runtime.journal.text import original_text, storable_text

_STATUSES = {status.value: status for status in RunStatus}
_AT_ONCE = 1_000
"""So many rows are looked at by one statement."""


class Finding:
    """Answers questions about many runs."""

    def __init__(self, database: Database) -> None:
        self._database = database
        columns = (attribute.c.name, attribute.c.kind, attribute.c.text, attribute.c.number)
        of_run = select(*columns).where(attribute.c.run == bindparam("number_is"))
        self._find_attributes = database.compiler.query(of_run.order_by(attribute.c.name))
        self._count_all = database.compiler.query(_counted())

    def run(self, run_id: str) -> RunRecord:
        """The run's row."""
        with self._database.looking(snapshot=False) as cursor:
            return self._database.find_run(cursor, run_id).record

    def runs(
        self, *, status: RunStatus | None = None, prefix: str = "", entry: str | None = None, limit: int = 100
    ) -> list[RunRecord]:
        """The newest runs first."""
        which = RunFilter(status=() if status is None else (status,), prefix=prefix, entry=entry)
        return self.find(which, limit=limit)

    def find(self, which: RunFilter, *, limit: int = 100, before: int | None = None) -> list[RunRecord]:
        """The newest first, before the run of the number `before`."""
        query = select(*run.c).where(*_conditions(which)).order_by(run.c.number.desc()).limit(limit)
        return self._records(query if before is None else query.where(run.c.number < before))

    def count(self, which: RunFilter) -> dict[RunStatus, int]:
        """How many runs of each status there are; those with none are left out."""
        conditions = _conditions(which)
        if conditions:
            with self._database.reading(snapshot=False) as connection:
                return _by_status(connection.execute(_counted(*conditions)).all())
        # Who waits for many runs asks again and again, on the machine that performs them.
        with self._database.looking(snapshot=False) as cursor:
            return _by_status(self._count_all(cursor).fetchall())

    def children(self, run_id: str) -> list[RunRecord]:
        """The runs that it spawned, oldest first."""
        query = select(*run.c).where(run.c.parent == run_id, text("parent <> ''")).order_by(run.c.number)
        return self._records(query)

    def stuck(self, older_than_ms: int = 0, limit: int = 100) -> list[RunRecord]:
        """Runs whose lease ended at least so long ago, the longest first."""
        latest = self._database.clock.now_ms() - older_than_ms
        query = select(*run.c).where(text("owner <> ''"), run.c.lease_expires_at_ms <= latest)
        return self._records(query.order_by(run.c.lease_expires_at_ms, run.c.number).limit(limit))

    def attributes(self, run_id: str) -> dict[str, AttributeValue]:
        """The run's attributes, by name."""
        with self._database.looking() as cursor:
            number = self._database.find_run(cursor, run_id).number
            found = self._find_attributes(cursor, number_is=number).fetchall()
        return {original_text(name): attribute_value(*value) for name, *value in found}

    def statistics(self) -> dict[str, int]:
        """Numbers about the store."""
        now_ms = self._database.clock.now_ms()
        with self._database.reading() as connection:
            by_status = _by_status(connection.execute(_counted()).all())
            numbers: dict[str, int] = {f"runs.{status.value}": by_status.get(status, 0) for status in RunStatus}
            counted: dict[str, Select[Any]] = {
                "events": select(func.coalesce(func.sum(run.c.sequence), 0)),
                "blobs": select(func.count()).select_from(blob),
                "messages": select(func.count()).select_from(inbox).where(text("taken_at_ms IS NULL")),
                "gates": select(func.count()).select_from(wait).where(text("decided_by = ''")),
                "gate_keys": select(func.count()).select_from(gate_key),
                "due": select(func.count()).select_from(run).where(run.c.due_at_ms <= now_ms),
            }
            for name, query in counted.items():
                numbers[name] = int(connection.scalar(query) or 0)
            newest = select(gate_key.c.created_at_ms).order_by(gate_key.c.number.desc()).limit(1)
            if numbers["gate_keys"]:
                numbers["gate_key_created_at_ms"] = int(connection.scalar(newest) or 0)
            numbers["schema"] = int(connection.scalar(select(func.max(flowlang_schema.c.version))) or 0)
            numbers["bytes"] = self._database.dialect.size_bytes(connection)
        return numbers

    def _records(self, query: Select[Any]) -> list[RunRecord]:
        records: list[RunRecord] = []
        with self._database.reading() as connection:
            for row in connection.execute(query).all():
                with suppress(JournalCorrupt):  # `unreadable` gives those; the others can be shown
                    records.append(decode_run(row).record)
        return records

    def unreadable(self, limit: int = 100) -> list[str]:
        """Runs whose rows are not what was written, by id, oldest first. Looks at every row."""
        found: list[str] = []
        number = 0
        with self._database.reading() as connection:
            page = select(*run.c).order_by(run.c.number).limit(_AT_ONCE)
            while rows := connection.execute(page.where(run.c.number > number)).all():
                for row in rows:
                    try:
                        decode_run(row)
                    except JournalCorrupt:
                        found.append(str(row.run_id))
                number = rows[-1].number
        return found[:limit]


def _counted(*conditions: ColumnElement[bool]) -> Select[Any]:
    return select(run.c.status, func.count()).where(*conditions).group_by(run.c.status)


def _by_status(rows: Sequence[Sequence[Any]]) -> dict[RunStatus, int]:
    # Rows with no such status are damaged; `unreadable` gives those.
    return {_STATUSES[status]: int(count) for status, count in rows if status in _STATUSES}


def _conditions(which: RunFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if which.status:
        conditions.append(run.c.status.in_([status.value for status in which.status]))
    if which.prefix:
        conditions.append(func.substr(run.c.run_id, 1, len(which.prefix)) == which.prefix)
    if which.ids:
        conditions.append(run.c.run_id.in_(which.ids))
    equal = (("entry", which.entry), ("flow", which.flow), ("queue", which.queue), ("parent", which.parent),
             ("correlation", which.correlation))  # fmt: skip
    conditions.extend(run.c[name] == storable_text(value) for name, value in equal if value is not None)
    if which.parent:
        conditions.append(literal_column("parent <> ''"))
    if which.correlation:
        conditions.append(literal_column("correlation <> ''"))
    if which.root is not None:
        conditions.append(or_(run.c.run_id == which.root, (run.c.root == which.root) & literal_column("root <> ''")))
    if which.created_after_ms is not None:
        conditions.append(run.c.created_at_ms > which.created_after_ms)
    if which.created_before_ms is not None:
        conditions.append(run.c.created_at_ms < which.created_before_ms)
    conditions.extend(condition_of(condition) for condition in which.where)
    return conditions
