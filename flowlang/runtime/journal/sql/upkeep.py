"""What operators do to runs that nobody drives: reopen, terminate, delete, prune, copy in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, delete, exists, select, text, update

from flowlang.runtime.journal.chain import Sealed, chain_anew, chapter_of, seal
from flowlang.runtime.journal.codec import check_run_id
from flowlang.runtime.journal.dialects.dialect import Cursor
from flowlang.runtime.journal.event import Event, Record
from flowlang.runtime.journal.model import (
    Counters,
    Effects,
    Lease,
    NewMessage,
    NewRun,
    NewWait,
    RunStatus,
)
from flowlang.runtime.journal.rules import (
    FINAL,
    check_deletable,
    check_not_driven,
    check_placement,
    due_when_new,
    is_blocked,
    parent_of,
    reset_target,
    run_ended,
    run_exists,
    stored_status,
    termination,
    token_of,
)
from flowlang.runtime.journal.sql.database import Code, Database, StoredRun
from flowlang.runtime.journal.sql.effects import EffectWriter
from flowlang.runtime.journal.sql.head import Head
from flowlang.runtime.journal.tables import attribute, blob, event, inbox, manifest, manifest_module, module, run, wait
from flowlang.runtime.journal.text import storable_text

_MOVED = ("updated_at_ms", "status", "token", "sequence", "checksum", "due_at_ms", "reason", "chapter_sequence")
_PRUNED_AT_ONCE = 100


class Upkeep:
    """Changes runs from outside."""

    def __init__(self, database: Database, effects: EffectWriter, heads: dict[str, Head]) -> None:
        self._database = database
        self._effects = effects
        self._heads = heads
        query = database.compiler.query
        self._move = query(
            update(run)
            .where(run.c.number == bindparam("number_is"))
            .values({name: bindparam(f"new_{name}") for name in _MOVED})
            .values(owner="", lease_expires_at_ms=0, crashes=0)
        )
        of_run = wait.c.run == bindparam("number_is")
        self._close_gates_after = query(
            update(wait)
            .where(of_run, text("decided_by = ''"), wait.c.sequence > bindparam("to"))
            .values(decided_by="closed", decided_at_ms=bindparam("now_ms"))
        )
        self._open_gates_again = query(
            update(wait)
            .where(of_run, wait.c.decided_by == "closed")
            .where(wait.c.sequence <= bindparam("to"), wait.c.sequence >= bindparam("since"))
            .values(decided_by="", decided_at_ms=None)
        )
        number: Any = bindparam("number_is")
        large = text("encoding = 'blob'")
        self._find_blobs = [
            query(select(table.c.payload).where(table.c.run == number, large)) for table in (event, wait, inbox)
        ]
        self._deletions = [
            query(delete(table).where(table.c.run == number)) for table in (event, inbox, wait, attribute)
        ]
        self._delete_run = query(delete(run).where(run.c.number == number))
        referring = [
            exists(select(text("1")).select_from(table).where(large, table.c.payload == bindparam("digest_is")))
            for table in (event, wait, inbox)
        ]
        self._delete_blob = query(
            delete(blob).where(blob.c.digest == bindparam("digest_is"), *(~refers for refers in referring))
        )
        self._is_manifest_used = query(select(run.c.number).where(run.c.manifest == bindparam("digest_is")).limit(1))
        self._find_modules = query(
            select(manifest_module.c.module).where(manifest_module.c.manifest == bindparam("digest_is"))
        )
        self._delete_manifest_modules = query(
            delete(manifest_module).where(manifest_module.c.manifest == bindparam("digest_is"))
        )
        self._delete_manifest = query(delete(manifest).where(manifest.c.digest == bindparam("digest_is")))
        used = exists(select(text("1")).where(manifest_module.c.module == bindparam("digest_is")))
        self._delete_module = query(delete(module).where(module.c.digest == bindparam("digest_is"), ~used))

    # --------------------------------------------------------------------------------------------- going on, ending

    def reopen(self, run_id: str, *, events: Sequence[Event], chapter: int | None = None,
               messages: Sequence[NewMessage] = ()) -> int:  # fmt: skip
        """Appends to a run that nobody drives, whatever its status, and makes it suspended and due."""

        def change(cursor: Cursor) -> int:
            stored = self._database.hold_run(cursor, run_id)
            record, now_ms = stored.record, self._database.clock.now_ms()
            check_not_driven(record, now_ms, self._database.owners.is_alive)
            due_at_ms: int | None = now_ms
            has_turn = not record.status.is_final and not is_blocked(record)
            if not has_turn and self._effects.is_partition_busy(cursor, record.queue, record.partition):
                due_at_ms = None
            since = record.chapter_sequence if chapter is None else chapter
            sealed = self._advance(
                cursor, stored, events, now_ms, status=RunStatus.SUSPENDED, due_at_ms=due_at_ms, chapter=since
            )
            to = reset_target(events)
            if to is not None:
                self._close_gates_after(cursor, number_is=stored.number, to=to, now_ms=now_ms)
                self._open_gates_again(cursor, number_is=stored.number, to=to, since=since)
            for message in messages:
                self._effects.put(cursor, stored.number, message, now_ms)
            self._database.writer.announce()
            return record.sequence + len(sealed.rows)

        sequence = self._database.writer.write(change, late_refusal=True)
        self._heads.pop(run_id, None)
        return sequence

    def terminate(self, run_id: str, events: Sequence[Event]) -> None:
        """Ends a run with these events, fencing off whoever drives it."""
        ending = termination(events)

        def change(cursor: Cursor) -> None:
            stored = self._database.hold_run(cursor, run_id)
            if stored.record.status.is_final:
                raise run_ended(stored.record)
            now_ms = self._database.clock.now_ms()
            self._advance(cursor, stored, events, now_ms, status=ending.status, due_at_ms=None, reason=ending.reason)
            head = Head.of_stored(stored, Lease(run_id, "", stored.record.token + 1), 0)
            head.is_tied = True
            self._effects.end(cursor, head, ending.status, Effects(reason=ending.reason), now_ms)
            self._database.writer.announce()

        self._database.writer.write(change, late_refusal=True)
        self._heads.pop(run_id, None)

    def _advance(self, cursor: Cursor, stored: StoredRun, events: Sequence[Event], now_ms: int, *, status: RunStatus,
                 due_at_ms: int | None, reason: str = "", chapter: int | None = None) -> Sealed:  # fmt: skip
        record = stored.record
        token = record.token + 1
        counters = Counters(record.steps, record.memory, record.actions_completed)
        sealed = seal(stored.checksum, record.sequence, now_ms, token, events, counters)
        self._move(
            cursor,
            number_is=stored.number,
            new_updated_at_ms=now_ms,
            new_status=status.value,
            new_token=token,
            new_sequence=record.sequence + len(sealed.rows),
            new_checksum=sealed.checksum,
            new_due_at_ms=due_at_ms,
            new_reason=reason,
            new_chapter_sequence=record.chapter_sequence if chapter is None else chapter,
        )
        if sealed.rows:
            self._database.write_events(cursor, stored.number, sealed)
        return sealed

    # ------------------------------------------------------------------------------------------------------ removing

    def delete(self, run_id: str) -> None:
        """Removes a finished or stopped run with everything that only it refers to."""

        def change(cursor: Cursor) -> None:
            stored = self._database.hold_run(cursor, run_id)
            check_deletable(stored.record, self._database.clock.now_ms(), self._database.owners.is_alive)
            self._remove(cursor, [(stored.number, stored.manifest)])
            if stored.record.partition:
                now_ms = self._database.clock.now_ms()
                self._effects.go_on(cursor, stored.record.queue, stored.record.partition, now_ms)

        self._database.writer.write(change, late_refusal=True)
        self._heads.pop(run_id, None)

    def prune(self, *, finished_before_ms: int, status: Sequence[RunStatus] = (), limit: int = 1000) -> int:
        """Deletes finished runs that were last changed before that moment, at most `limit`; gives how many."""
        words = [each.value for each in status or FINAL if each.is_final]
        old = (run.c.status.in_(words), run.c.updated_at_ms < finished_before_ms)
        with self._database.reading() as connection:
            found = connection.execute(select(run.c.number).where(*old).order_by(run.c.number).limit(limit)).all()
        numbers = [int(row[0]) for row in found]
        again = self._database.compiler.query(
            select(run.c.number, run.c.manifest)
            .where(run.c.number == bindparam("number_is"), run.c.updated_at_ms < bindparam("before"))
            .where(text("status IN ('completed', 'failed', 'cancelled', 'terminated')"))
            .with_for_update()
        )

        def change_of(chosen: Sequence[int]) -> int:
            def change(cursor: Cursor) -> int:
                still = [again(cursor, number_is=each, before=finished_before_ms).fetchall() for each in chosen]
                removed = [(int(rows[0][0]), str(rows[0][1])) for rows in still if rows]
                self._remove(cursor, removed)
                return len(removed)

            return self._database.writer.write(change)

        return sum(
            change_of(numbers[begin : begin + _PRUNED_AT_ONCE]) for begin in range(0, len(numbers), _PRUNED_AT_ONCE)
        )

    def _remove(self, cursor: Cursor, runs: Sequence[tuple[int, str]]) -> None:
        large: set[bytes] = set()
        for number, _ in runs:
            for find in self._find_blobs:
                large.update(bytes(row[0]) for row in find(cursor, number_is=number).fetchall())
            for remove in (*self._deletions, self._delete_run):
                remove(cursor, number_is=number)
        for digest in sorted(large):
            self._delete_blob(cursor, digest_is=digest)
        for pinned in sorted({manifest_of_run for _, manifest_of_run in runs}):
            if self._is_manifest_used(cursor, digest_is=pinned).fetchall():
                continue
            texts = {row[0] for row in self._find_modules(cursor, digest_is=pinned).fetchall()}
            self._delete_manifest_modules(cursor, digest_is=pinned)
            self._delete_manifest(cursor, digest_is=pinned)
            for each in sorted(texts):
                self._delete_module(cursor, digest_is=each)

    # ---------------------------------------------------------------------------------------------------- copying in

    def copy_in(self, new: NewRun, records: Sequence[Record], counters: Counters, status: RunStatus,
                created_at_ms: int, *, waits: Sequence[NewWait] = (),
                messages: Sequence[NewMessage] = ()) -> None:  # fmt: skip
        """Creates a run from records of elsewhere, chained anew; their times and tokens stay."""
        check_run_id(new.run_id)
        check_placement(new)
        origin, sealed = chain_anew(new, records, counters, created_at_ms)
        code = Code.of(new.manifest, new.modules)
        stands, parent, placement = stored_status(status), parent_of(new), new.placement

        def change(cursor: Cursor) -> None:
            now_ms = self._database.clock.now_ms()
            due_at_ms = due_when_new(placement, now_ms) if stands is RunStatus.SUSPENDED else None
            if not stands.is_final and self._effects.is_partition_busy(cursor, placement.queue, placement.partition):
                due_at_ms = None
            self._database.write_code(cursor, code)
            row = (
                *origin[:4], code.code, code.manifest, created_at_ms, now_ms, stands.value, "", token_of(records), 0,
                len(records), sealed.checksum, counters.steps, counters.memory, counters.actions_completed,
                storable_text(placement.queue), placement.priority, storable_text(placement.partition),
                placement.start_at_ms, due_at_ms, placement.deadline_at_ms, parent.run_id, parent.position,
                parent.on_close, parent.root_id, storable_text(new.correlation), "", "", "", 0, chapter_of(records),
            )  # fmt: skip
            inserted = cursor.execute(self._database.statements.insert_run, row).fetchall()
            if not inserted:
                raise run_exists(new.run_id)
            number: int = inserted[0][0]
            self._database.write_events(cursor, number, sealed)
            self._effects.set_attributes(cursor, number, new.attributes)
            for gate in waits:
                self._effects.open_gate(cursor, number, gate, len(records), now_ms)
            for message in messages:
                self._effects.put(cursor, number, message, now_ms)
            self._database.writer.announce()

        self._database.writer.write(change, late_refusal=True)
