"""Loading runs that were just claimed: a few statements for all of them.

Many short runs at once cost mostly what it takes to load each. The claims bring the rows along and the journal knows
where the chains end, so only records, attributes and messages are read, for as many runs as a statement takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, select, text

from flowlang.errors import FlowlangError
from flowlang.runtime.journal.chain import EventRow
from flowlang.runtime.journal.dialects.dialect import Cursor
from flowlang.runtime.journal.model import AttributeValue, Claim, Loaded, Message
from flowlang.runtime.journal.payload import ENCODING_BLOB, Blob
from flowlang.runtime.journal.sql.attributes import attribute_value
from flowlang.runtime.journal.sql.database import Database, StoredRun
from flowlang.runtime.journal.sql.head import Head
from flowlang.runtime.journal.sql.inbox import decode_message
from flowlang.runtime.journal.sql.reading import open_stored
from flowlang.runtime.journal.statement import Query
from flowlang.runtime.journal.tables import attribute, event, inbox, run
from flowlang.runtime.journal.text import original_text

_MESSAGE = ("number", "channel", "name", "message_key", "encoding", "payload", "created_at_ms")


class Loading:
    """Loads claimed runs."""

    def __init__(self, database: Database, heads: dict[str, Head]) -> None:
        self._database = database
        self._heads = heads
        self._queries = self._compile()

    def load_many(self, claims: Sequence[Claim]) -> list[Loaded | FlowlangError]:
        """What is needed to drive runs just claimed here, or why they cannot be read."""
        loaded: list[Loaded | FlowlangError] = []
        stored = [self._stored(claim) for claim in claims]
        numbers = self._database.dialect.listed([each.number for each in stored])
        # Nobody else changes what is read here while the leases hold, and messages only come in addition.
        with self._database.looking(snapshot=False) as cursor:
            events, attributes, messages = (_rows(query, cursor, numbers) for query in self._queries)
            large = {row[9] for rows in events.values() for row in rows if row[8] == ENCODING_BLOB}
            large |= {row[6] for rows in messages.values() for row in rows if row[5] == ENCODING_BLOB}
            blobs = self._database.find_blobs(cursor, large)
        for each in stored:
            number = each.number
            try:
                loaded.append(
                    _loaded(each, events.get(number, []), attributes.get(number, []), messages.get(number, []), blobs)
                )
            except FlowlangError as error:
                loaded.append(error)
        return loaded

    def _stored(self, claim: Claim) -> StoredRun:
        head = self._heads.get(claim.lease.run_id)
        if head is not None and head.lease == claim.lease:
            return StoredRun(claim.run, head.number, head.checksum, "", None)
        with self._database.looking() as cursor:
            return self._database.find_run(cursor, claim.lease.run_id)

    def _compile(self) -> tuple[Query, Query, Query]:
        among = self._database.dialect.among
        # From the runs to their records, of which only the last few may be read of a million.
        records: Select[Any] = (
            select(event.c.run, *(event.c[name] for name in EventRow._fields))
            .select_from(run)
            .join(event, (event.c.run == run.c.number) & (event.c.sequence >= run.c.chapter_sequence - 1))
            .where(among(run.c.number, "numbers"))
            .order_by(event.c.run, event.c.sequence)
        )
        attributes = select(attribute.c.run, attribute.c.name, attribute.c.kind, attribute.c.text, attribute.c.number)
        is_open: ColumnElement[bool] = among(inbox.c.run, "numbers")
        messages: Select[Any] = (
            select(inbox.c.run, *(inbox.c[name] for name in _MESSAGE))
            .where(is_open, text("taken_at_ms IS NULL"))
            .order_by(inbox.c.number)
        )
        query = self._database.compiler.query
        of_runs = attributes.where(among(attribute.c.run, "numbers")).order_by(attribute.c.name)
        return query(records), query(of_runs), query(messages)


def _rows(query: Query, cursor: Cursor, numbers: str) -> dict[int, list[Sequence[Any]]]:
    """What a query gives for these runs, by run."""
    rows: dict[int, list[Sequence[Any]]] = {}
    for row in query(cursor, numbers=numbers).fetchall():
        rows.setdefault(row[0], []).append(row)
    return rows


def _loaded(
    stored: StoredRun,
    events: Sequence[Sequence[Any]],
    attributes: Sequence[Sequence[Any]],
    messages: Sequence[Sequence[Any]],
    blobs: dict[bytes, Blob],
) -> Loaded:
    record = stored.record
    opened = open_stored(stored, record.chapter_sequence - 1, [row[1:] for row in events], blobs)
    facts: dict[str, AttributeValue] = {
        original_text(name): attribute_value(kind, value, number) for _, name, kind, value, number in attributes
    }
    letters: list[Message] = [decode_message(record.run_id, row[1:], blobs) for row in messages]
    return Loaded(opened, facts, letters)
