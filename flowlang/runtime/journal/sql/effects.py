"""What an append changes beside the records: messages, gates, children, searchable state, and what the end of a run
changes for others. Everything here happens inside a change, with the row of the run locked."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, insert, or_, select, text, update

from flowlang.errors import RunEnded, RunNotFound
from flowlang.runtime.journal.chain import Sealed, first_checksum, new_origin, seal
from flowlang.runtime.journal.codec import check_run_id
from flowlang.runtime.journal.dialects.dialect import Cursor
from flowlang.runtime.journal.event import Event, GateOpened, position_text
from flowlang.runtime.journal.model import (
    AttributeValue,
    CodeManifest,
    Counters,
    Effects,
    NewChild,
    NewMessage,
    NewRun,
    NewWait,
    Placement,
    RunStatus,
)
from flowlang.runtime.journal.payload import ENCODING_BLOB, Blob, pack, unpack
from flowlang.runtime.journal.rules import (
    KEYS_KEPT,
    cancel_message,
    check_attributes,
    check_placement,
    child_message,
    due_when_new,
    ended_outcome,
    forgets_keys,
    is_same_call,
    message_conflict,
    message_digest,
    parent_of,
    partition_busy,
    partition_name,
    run_ended,
    run_exists,
    wait_decided,
)
from flowlang.runtime.journal.sql.attributes import attribute_row
from flowlang.runtime.journal.sql.database import Code, Database
from flowlang.runtime.journal.sql.head import Head
from flowlang.runtime.journal.statement import NEW_RUN
from flowlang.runtime.journal.tables import HAS_TURN, PARTITIONED, attribute, blob, event, inbox, run, wait
from flowlang.runtime.journal.text import storable_text

_UNFINISHED = text("status IN ('running', 'suspended', 'waiting', 'stopped')")


_DUE = NEW_RUN.index("due_at_ms")


class NewRow(NamedTuple):
    """A new run as it is stored: the values of its row, its first records, its code."""

    values: tuple[Any, ...]
    sealed: Sealed
    code: Code


class EffectWriter:
    """Performs effects."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._last_code: tuple[CodeManifest, Mapping[str, str], Code] | None = None
        self._compile_messages(database)
        self._compile_gates(database)
        self._compile_runs(database)

    def _compile_messages(self, database: Database) -> None:
        query = database.compiler.query
        insert_or_ignore = database.dialect.insert_or_ignore
        columns: dict[str, Any] = {
            column.name: bindparam(column.name) for column in inbox.c if column is not inbox.c.number
        }
        self._insert_message = query(insert_or_ignore(inbox).values(columns))
        self._find_digest = query(
            select(inbox.c.digest).where(
                inbox.c.run == bindparam("number"),
                inbox.c.channel == bindparam("channel"),
                inbox.c.message_key == bindparam("key"),
            )
        )
        self._forget_message = query(
            delete(inbox).where(
                inbox.c.run == bindparam("number"),
                inbox.c.number == bindparam("message"),
                inbox.c.message_key.is_(None),
            )
        )
        self._take_message = query(
            update(inbox)
            .where(inbox.c.run == bindparam("number_is"), inbox.c.number == bindparam("message_is"))
            .values(taken_at_ms=bindparam("now_ms"), encoding="", payload=None)
        )
        old = inbox.alias("old")
        oldest_kept = (
            select(old.c.number)
            .where(old.c.run == bindparam("number"), old.c.taken_at_ms.is_not(None))
            .order_by(old.c.number.desc())
            .limit(1)
            .offset(bindparam("kept"))
        )
        self._forget_keys = query(
            delete(inbox).where(
                inbox.c.run == bindparam("number"),
                inbox.c.taken_at_ms.is_not(None),
                inbox.c.number <= oldest_kept.scalar_subquery(),
            )
        )
        self._wake = query(
            update(run)
            .where(
                run.c.number == bindparam("number_is"),
                run.c.status == "waiting",
                or_(run.c.due_at_ms.is_(None), run.c.due_at_ms > bindparam("now_ms")),
            )
            .values(due_at_ms=bindparam("now_ms"))
        )

    def _compile_gates(self, database: Database) -> None:
        query = database.compiler.query
        self._drop_gate = query(
            delete(wait).where(wait.c.run == bindparam("number"), wait.c.position == bindparam("place"))
        )
        self._insert_gate = query(insert(wait).values({column.name: bindparam(column.name) for column in wait.c}))
        self._decide_gate = query(
            update(wait)
            .where(wait.c.run == bindparam("number_is"), wait.c.position == bindparam("place"), text("decided_by = ''"))
            .values(decided_by=bindparam("by"), decided_at_ms=bindparam("now_ms"))
        )
        self._find_gate = query(
            select(wait.c.decided_by).where(wait.c.run == bindparam("number"), wait.c.position == bindparam("place"))
        )
        self._close_gates = query(
            update(wait)
            .where(wait.c.run == bindparam("number_is"), text("decided_by = ''"))
            .values(decided_by="closed", decided_at_ms=bindparam("now_ms"))
        )

    def _compile_runs(self, database: Database) -> None:
        query = database.compiler.query
        self._set = {
            name: query(update(run).where(run.c.number == bindparam("number_is")).values({name: bindparam("value")}))
            for name in ("state", "progress", "reason", "chapter_sequence", "due_at_ms")
        }
        self._drop_attribute = query(
            delete(attribute).where(attribute.c.run == bindparam("number"), attribute.c.name == bindparam("key"))
        )
        self._insert_attribute = query(
            insert(attribute).values({column.name: bindparam(column.name) for column in attribute.c})
        )
        self._find_dependents = query(
            select(run.c.run_id)
            .where(run.c.parent == bindparam("parent_id"), text("parent <> ''"), _UNFINISHED)
            .where(run.c.on_parent_close == "cancel")
            .order_by(run.c.number)
        )
        of_partition = (run.c.queue == bindparam("queue_is"), run.c.partition == bindparam("partition_is"))
        self._find_oldest = query(
            select(run.c.number, run.c.start_at_ms, run.c.deadline_at_ms)
            .where(*of_partition, text(PARTITIONED))
            .order_by(run.c.number)
            .limit(1)
        )
        self._find_turn = query(select(run.c.number).where(*of_partition, text(HAS_TURN)).limit(1))
        self._find_last = query(
            select(event.c.kind, event.c.encoding, event.c.payload)
            .where(event.c.run == bindparam("number"))
            .order_by(event.c.sequence.desc())
            .limit(1)
        )
        self._find_blob = query(select(*blob.c).where(blob.c.digest == bindparam("digest")))

    # --------------------------------------------------------------------------------------------------- messages

    def put(self, cursor: Cursor, number: int, message: NewMessage, now_ms: int) -> bool:
        """Puts a message into the inbox of the run `number`, which is locked, and makes it due if it waits. False for
        a duplicate. Raises MessageConflict before anything is written."""
        packed = pack(message.payload)
        if packed.blob is not None:
            cursor.execute(self._database.statements.insert_blob, packed.blob)
        digest = message_digest(message) if message.key else None
        inserted = self._insert_message(
            cursor,
            run=number,
            channel=message.channel,
            name=storable_text(message.name),
            message_key=storable_text(message.key) if message.key else None,
            digest=digest,
            encoding=packed.encoding,
            payload=packed.stored,
            created_at_ms=now_ms,
            taken_at_ms=None,
        )
        if inserted.rowcount != 1:
            key = storable_text(message.key)
            known = self._find_digest(cursor, number=number, channel=message.channel, key=key).fetchall()
            if not known or known[0][0] != digest:
                raise message_conflict(message)
            return False
        self._wake(cursor, number_is=number, now_ms=now_ms)
        self._database.writer.announce()
        return True

    def send(self, cursor: Cursor, message: NewMessage, now_ms: int) -> bool:
        """`put` for a run that is not locked yet. Raises RunNotFound and RunEnded as well."""
        target = self._database.hold_run(cursor, message.run_id)
        if target.record.status.is_final:
            raise run_ended(target.record)
        return self.put(cursor, target.number, message, now_ms)

    def is_message_known(self, cursor: Cursor, number: int, message: NewMessage) -> bool:
        """Whether this very message was put into the inbox before."""
        if not message.key:
            return False
        key = storable_text(message.key)
        known = self._find_digest(cursor, number=number, channel=message.channel, key=key).fetchall()
        return bool(known) and known[0][0] == message_digest(message)

    # ------------------------------------------------------------------------------------------------------ gates

    def open_gate(self, cursor: Cursor, number: int, gate: NewWait, sequence: int, now_ms: int) -> None:
        """Opens a gate; what a former chapter left at its position goes."""
        packed = pack(gate.payload)
        if packed.blob is not None:
            cursor.execute(self._database.statements.insert_blob, packed.blob)
        self._drop_gate(cursor, number=number, place=gate.position)
        self._insert_gate(
            cursor,
            run=number,
            position=gate.position,
            name=storable_text(gate.name),
            sequence=sequence,
            expires_at_ms=gate.expires_at_ms,
            encoding=packed.encoding,
            payload=packed.stored,
            created_at_ms=now_ms,
            decided_by="",
            decided_at_ms=None,
        )

    def _expire(self, cursor: Cursor, number: int, position: str, now_ms: int) -> None:
        if self._decide_gate(cursor, number_is=number, place=position, by="timeout", now_ms=now_ms).rowcount == 1:
            return
        found = self._find_gate(cursor, number=number, place=position).fetchall()
        if found and found[0][0] == "signal":
            raise wait_decided(position)

    # ----------------------------------------------------------------------------------------------------- append

    def perform(self, cursor: Cursor, head: Head, first: int, events: Sequence[Event], status: RunStatus,
                effects: Effects, now_ms: int) -> None:  # fmt: skip
        """The effects of an append whose records begin after sequence `first`."""
        number = head.number
        for position in effects.expired:
            self._expire(cursor, number, position, now_ms)
        for child in effects.children:
            self.spawn(cursor, child, now_ms)
        for message in effects.sent:
            self.send(cursor, message, now_ms)
        for taken in effects.taken:
            if self._forget_message(cursor, number=number, message=taken).rowcount != 1:
                self._take_message(cursor, number_is=number, message_is=taken, now_ms=now_ms)
                if forgets_keys(taken):
                    self._forget_keys(cursor, number=number, kept=KEYS_KEPT)
        if effects.closes_gates:
            self._close_gates(cursor, number_is=number, now_ms=now_ms)
        if effects.opened:
            sequences = _gate_sequences(first, events)
            for gate in effects.opened:
                self.open_gate(cursor, number, gate, sequences.get(gate.position, first + 1), now_ms)
        if effects.attributes:
            self.set_attributes(cursor, number, effects.attributes)
        state = None if effects.state is None else storable_text(effects.state)
        progress = None if effects.progress is None else storable_text(effects.progress)
        for name, value in (("state", state), ("progress", progress), ("chapter_sequence", effects.chapter)):
            if value is not None:
                self._set[name](cursor, number_is=number, value=value)

    def set_attributes(self, cursor: Cursor, number: int, attributes: Mapping[str, AttributeValue | None]) -> None:
        """Merges attributes; None removes one."""
        check_attributes(attributes)
        for name, value in attributes.items():
            self._drop_attribute(cursor, number=number, key=storable_text(name))
            if value is not None:
                self._insert_attribute(cursor, **attribute_row(number, name, value))

    # ----------------------------------------------------------------------------------------------- runs and ends

    def spawn(self, cursor: Cursor, child: NewChild, now_ms: int) -> None:
        """Creates a child, or finds that this call created it before. Raises RunAlreadyExists."""
        if self.create(cursor, child.run, child.events, Counters(), RunStatus.SUSPENDED, "", now_ms) is not None:
            return
        existing = self._database.look_up(cursor, child.run.run_id)
        if existing is None or not is_same_call(existing.record, child.run):
            raise run_exists(child.run.run_id)
        if existing.record.status.is_final:
            # The parent was set back to before the call; it has to be told again how the child ended, unless it ends
            # with this very append.
            outcome = self._outcome_of(cursor, existing.number)
            ended = ended_outcome(existing.record.status, outcome, existing.record.reason)
            link = parent_of(child.run)
            with contextlib.suppress(RunEnded):
                self.send(cursor, child_message(link.run_id, link.position, child.run.run_id, ended), now_ms)

    def create(self, cursor: Cursor, new: NewRun, events: Sequence[Event], counters: Counters, status: RunStatus,
               owner: str, now_ms: int, stored_code: set[str] | None = None,
               row: NewRow | None = None) -> Head | None:  # fmt: skip
        """Creates a run with its first records and its code. None when its id is taken; then nothing was written but,
        maybe, its code. `stored_code`: manifests that are known to be stored in this transaction; `row`: what `row_of`
        gave."""
        row = row or self.row_of(new, events, counters, status, owner, now_ms)
        database, placement, values = self._database, new.placement, row.values
        if not status.is_final and self.is_partition_busy(cursor, placement.queue, placement.partition):
            if status is RunStatus.RUNNING:
                raise partition_busy(new.run_id, placement.partition)
            values = (*values[:_DUE], None, *values[_DUE + 1 :])
        if stored_code is None or row.code.manifest not in stored_code:
            database.write_code(cursor, row.code)
            if stored_code is not None:
                stored_code.add(row.code.manifest)
        inserted = cursor.execute(database.statements.insert_run, values).fetchall()
        if not inserted:
            return None
        number: int = inserted[0][0]
        database.write_events(cursor, number, row.sealed)
        if new.attributes:
            self.set_attributes(cursor, number, new.attributes)
        if status is not RunStatus.RUNNING:
            database.writer.announce()
        return Head.of_new(number, new, owner, len(row.sealed.rows), row.sealed.checksum)

    def row_of(self, new: NewRun, events: Sequence[Event], counters: Counters, status: RunStatus, owner: str,
               now_ms: int) -> NewRow:  # fmt: skip
        """A new run as it is stored, if nobody is in its way."""
        check_run_id(new.run_id)
        check_placement(new)
        placement, parent = new.placement, parent_of(new)
        origin = new_origin(new, events, now_ms)
        code = self._code_of(new)
        sealed = seal(first_checksum(origin), 0, now_ms, 1, events, counters)
        is_kept = status is RunStatus.RUNNING
        expires_at_ms = now_ms + self._database.lease_ms if is_kept else 0
        due_at_ms: int | None = expires_at_ms if is_kept else None
        if status is RunStatus.SUSPENDED:
            due_at_ms = due_when_new(placement, now_ms)
        values = (
            *origin[:4], code.code, code.manifest, now_ms, now_ms, status.value, owner if is_kept else "", 1,
            expires_at_ms, len(sealed.rows), sealed.checksum, counters.steps, counters.memory,
            counters.actions_completed, storable_text(placement.queue), placement.priority,
            storable_text(placement.partition), placement.start_at_ms, due_at_ms, placement.deadline_at_ms,
            parent.run_id, parent.position, parent.on_close, parent.root_id, storable_text(new.correlation), "", "", "",
            0, 1,
        )  # fmt: skip
        return NewRow(values, sealed, code)

    def is_created(self, cursor: Cursor, run_id: str, sealed: Sealed) -> bool:
        """Whether the run's first records are these very ones."""
        stored = self._database.look_up(cursor, run_id)
        if stored is None:
            return False
        last = sealed.rows[-1].sequence
        found = cursor.execute(self._database.statements.find_checksum, (stored.number, last)).fetchall()
        return bool(found) and found[0][0] == sealed.checksum

    def set_aside(self, cursor: Cursor, head: Head, due_at_ms: int | None, reason: str) -> None:
        """Says of a new run that nobody drives when it is due, and why it was stopped or ended."""
        self._set["due_at_ms"](cursor, number_is=head.number, value=due_at_ms)
        self._set["reason"](cursor, number_is=head.number, value=reason)

    def _code_of(self, new: NewRun) -> Code:
        # Many runs are started with the same code.
        last = self._last_code
        if last is not None and last[0] is new.manifest and last[1] is new.modules:
            return last[2]
        code = Code.of(new.manifest, new.modules)
        self._last_code = (new.manifest, new.modules, code)
        return code

    def end(self, cursor: Cursor, head: Head, status: RunStatus, effects: Effects, now_ms: int) -> None:
        """Closes gates, tells the parent, cancels children and lets the next run of the partition go on."""
        run_id = head.lease.run_id
        if head.is_tied:
            self._close_gates(cursor, number_is=head.number, now_ms=now_ms)
            for (child,) in self._find_dependents(cursor, parent_id=run_id).fetchall():
                with contextlib.suppress(RunNotFound, RunEnded):
                    self.send(cursor, cancel_message(child, run_id), now_ms)
        if head.parent:
            outcome = ended_outcome(status, effects.outcome, effects.reason)
            with contextlib.suppress(RunNotFound, RunEnded):
                self.send(cursor, child_message(head.parent, head.parent_position, run_id, outcome), now_ms)
        if head.partition:
            self.go_on(cursor, head.queue, head.partition, now_ms)

    def go_on(self, cursor: Cursor, queue: str, partition: str, now_ms: int) -> None:
        """Makes the oldest run of a partition due, unless one is under way."""
        if self.is_partition_busy(cursor, queue, partition):
            return
        names = {"queue_is": storable_text(queue), "partition_is": storable_text(partition)}
        for number, start_at_ms, deadline_at_ms in self._find_oldest(cursor, **names).fetchall():
            placement = Placement(start_at_ms=start_at_ms, deadline_at_ms=deadline_at_ms)
            self._set["due_at_ms"](cursor, number_is=number, value=due_when_new(placement, now_ms))
            self._database.writer.announce()

    def is_partition_busy(self, cursor: Cursor, queue: str, partition: str) -> bool:
        """Whether a run of the partition is under way or has its turn. Nothing is a partition of its own."""
        if not partition:
            return False
        self._database.dialect.lock_partition(cursor, partition_name(queue, partition))
        names = {"queue_is": storable_text(queue), "partition_is": storable_text(partition)}
        return bool(self._find_turn(cursor, **names).fetchall())

    def _outcome_of(self, cursor: Cursor, number: int) -> bytes | None:
        kind, encoding, payload = self._find_last(cursor, number=number).fetchall()[0]
        if not kind.startswith("run-completed/"):
            return None
        found = self._find_blob(cursor, digest=payload).fetchall() if encoding == ENCODING_BLOB else []
        return unpack(encoding, payload, {row[0]: Blob(*row) for row in found})


def _gate_sequences(first: int, events: Sequence[Event]) -> dict[str, int]:
    return {
        position_text(event.position): sequence
        for sequence, event in enumerate(events, start=first + 1)
        if isinstance(event, GateOpened)
    }
