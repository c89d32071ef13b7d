"""What others want of runs: messages in their inboxes and decisions of their gates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, or_, select, text, update

from flowlang.runtime.journal.chain import damaged_row
from flowlang.runtime.journal.dialects.dialect import Cursor
from flowlang.runtime.journal.model import Message, NewMessage, WaitRecord
from flowlang.runtime.journal.payload import ENCODING_BLOB, Blob, unpack
from flowlang.runtime.journal.rules import gate_refusal
from flowlang.runtime.journal.sql.database import Database
from flowlang.runtime.journal.sql.effects import EffectWriter
from flowlang.runtime.journal.tables import inbox, run, wait
from flowlang.runtime.journal.text import original_text

_WAIT = ("position", "name", "expires_at_ms", "encoding", "payload", "created_at_ms", "decided_by", "decided_at_ms")


class Inbox:
    """Posts messages, decides gates, and shows both."""

    def __init__(self, database: Database, effects: EffectWriter) -> None:
        self._database = database
        self._effects = effects
        query = database.compiler.query
        self._find_messages = query(
            select(*(inbox.c[name] for name in ("number", "channel", "name", "message_key", "encoding", "payload")))
            .add_columns(inbox.c.created_at_ms)
            .join(run, run.c.number == inbox.c.run)
            .where(run.c.run_id == bindparam("run_id"), text("taken_at_ms IS NULL"))
            .where(inbox.c.number > bindparam("after"))
            .order_by(inbox.c.number)
        )
        self._find_told = query(
            select(run.c.run_id)
            .where(run.c.owner == bindparam("owner_is"), text("owner <> ''"))
            .where(select(inbox.c.number).where(inbox.c.run == run.c.number, text("taken_at_ms IS NULL")).exists())
            .order_by(run.c.number)
        )
        self._decide = query(
            update(wait)
            .where(
                wait.c.run == bindparam("number_is"),
                wait.c.position == bindparam("place"),
                text("decided_by = ''"),
                or_(wait.c.expires_at_ms.is_(None), wait.c.expires_at_ms > bindparam("now_ms")),
            )
            .values(decided_by="signal", decided_at_ms=bindparam("now_ms"))
        )
        self._find_gate = query(
            select(wait.c.name, wait.c.decided_by).where(
                wait.c.run == bindparam("number"), wait.c.position == bindparam("place")
            )
        )

    def post(self, message: NewMessage) -> bool:
        """Puts a message into the inbox of a run and makes the run due. False: a duplicate, nothing changed."""

        def change(cursor: Cursor) -> bool:
            return self._effects.send(cursor, message, self._database.clock.now_ms())

        return self._database.writer.write(change, late_refusal=True)

    def decide(self, message: NewMessage) -> None:
        """Decides a gate: one conditional update of its row, and the message."""

        def change(cursor: Cursor) -> None:
            stored = self._database.hold_run(cursor, message.run_id)
            number, now_ms = stored.number, self._database.clock.now_ms()
            place = message.name
            if self._decide(cursor, number_is=number, place=place, now_ms=now_ms).rowcount == 1:
                self._effects.put(cursor, number, message, now_ms)
                return
            if self._effects.is_message_known(cursor, number, message):
                return
            found = self._find_gate(cursor, number=number, place=place).fetchall()
            if not found:
                raise gate_refusal(message, None)
            raise gate_refusal(message, original_text(found[0][0]), found[0][1])

        self._database.writer.write(change, late_refusal=True)

    def open_messages(self, run_id: str, after: int = 0) -> list[Message]:
        """The messages in the inbox, oldest first."""
        query = self._find_messages
        with self._database.looking() as cursor:
            found = query(cursor, run_id=run_id, after=after).fetchall()
            if not found:
                self._database.find_run(cursor, run_id)
            blobs = self._database.find_blobs(cursor, [row[5] for row in found if row[4] == ENCODING_BLOB])
        return [decode_message(run_id, row, blobs) for row in found]

    def runs_with_messages(self, owner: str) -> list[str]:
        """Which runs that the owner drives have messages."""
        query = self._find_told
        with self._database.looking(snapshot=False) as cursor:
            found = query(cursor, owner_is=owner).fetchall()
        return [str(row[0]) for row in found]

    def waits(self, *, run_id: str | None = None, only_open: bool = True, limit: int = 100) -> list[WaitRecord]:
        """Gates, by expiry; those that never expire come last."""
        columns = (run.c.run_id, *(wait.c[name] for name in _WAIT))
        query = select(*columns).join(run, run.c.number == wait.c.run).limit(limit)
        if run_id is not None:
            query = query.where(run.c.run_id == run_id)
        if only_open:
            query = query.where(text("decided_by = ''"))
        query = query.order_by(wait.c.expires_at_ms, wait.c.run, wait.c.position)
        if run_id is not None:
            with self._database.looking() as cursor:
                self._database.find_run(cursor, run_id)
        with self._database.reading() as connection:
            found: list[Any] = list(connection.execute(query.where(wait.c.expires_at_ms.is_not(None))).all())
            if len(found) < limit:
                endless = query.where(wait.c.expires_at_ms.is_(None)).limit(limit - len(found))
                found.extend(connection.execute(endless).all())
        large = [row.payload for row in found if row.encoding == ENCODING_BLOB]
        blobs: dict[bytes, Blob] = {}
        if large:
            with self._database.looking() as cursor:
                blobs = self._database.find_blobs(cursor, large)
        return [_decode_wait(row[0], row[1:], blobs) for row in found]


def decode_message(run_id: str, row: Sequence[Any], blobs: dict[bytes, Blob]) -> Message:
    """The message of a row: number, channel, name, key, encoding, payload, time. Raises JournalCorrupt."""
    number, channel, name, key, encoding, stored, created_at_ms = row
    try:
        payload = unpack(encoding, stored, blobs)
        if payload is None:
            raise ValueError("the payload is missing")
        sender_key = "" if key is None else original_text(key)
        return Message(number, channel, original_text(name), sender_key, payload, created_at_ms)
    except (ValueError, KeyError, TypeError) as error:
        raise damaged_row(run_id) from error


def _decode_wait(run_id: str, row: Sequence[Any], blobs: dict[bytes, Blob]) -> WaitRecord:
    position, name, expires_at_ms, encoding, stored, created_at_ms, decided_by, decided_at_ms = row
    try:
        payload, original = unpack(encoding, stored, blobs), original_text(name)
    except (ValueError, KeyError, TypeError) as error:
        raise damaged_row(run_id) from error
    return WaitRecord(
        run_id, position, original, expires_at_ms, payload or b"null", created_at_ms, decided_by, decided_at_ms
    )
