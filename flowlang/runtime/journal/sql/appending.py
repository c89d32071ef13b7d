"""Creating runs and appending to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from flowlang.errors import FlowlangError, InternalError, LeaseLost
from flowlang.runtime.journal.chain import Sealed, damaged, seal
from flowlang.runtime.journal.creation import Creation
from flowlang.runtime.journal.dialects.dialect import Cursor
from flowlang.runtime.journal.event import CodeChanged, Event
from flowlang.runtime.journal.joining import JoinedAppend
from flowlang.runtime.journal.model import (
    NO_EFFECTS,
    Append,
    CodeManifest,
    Counters,
    Effects,
    Lease,
    NewChild,
    NewRun,
    RunStatus,
)
from flowlang.runtime.journal.owner import check_append
from flowlang.runtime.journal.rules import due_when_released, makes_progress, run_exists
from flowlang.runtime.journal.sql.database import Code, Database
from flowlang.runtime.journal.sql.effects import EffectWriter
from flowlang.runtime.journal.sql.head import Head
from flowlang.runtime.journal.step import Step

_CODES_MAX = 1000


class _Prepared:
    """An append ready to be written; `settle` is called when it is durable."""

    __slots__ = ("change", "has_effects", "head", "sealed", "status")

    def __init__(self, head: Head, sealed: Sealed, status: RunStatus, change: Callable[[Cursor], None], *,
                 has_effects: bool) -> None:  # fmt: skip
        self.head = head
        self.sealed = sealed
        self.status = status
        self.change = change
        self.has_effects = has_effects


class Appending:
    """Writes what the owners of runs want written."""

    def __init__(self, database: Database, effects: EffectWriter, heads: dict[str, Head]) -> None:
        self._database = database
        self._effects = effects
        self._heads = heads
        self._statements = database.statements
        self._stored_code: set[str] = set()
        """Manifests that were seen in the database."""

    def create(self, run: NewRun, owner: str, events: Sequence[Event], counters: Counters, status: RunStatus,
               effects: Effects = NO_EFFECTS) -> Lease:  # fmt: skip
        """Creates the run with its first events and its code, all in one transaction."""
        now_ms = self._database.clock.now_ms()

        def change(cursor: Cursor) -> Head:
            head = self._effects.create(cursor, run, events, counters, status, owner, now_ms)
            if head is None:
                raise run_exists(run.run_id)
            if status is RunStatus.WAITING or effects.reason:
                due_at_ms = due_when_released(status, now_ms, effects.wake_at_ms, head.deadline_at_ms)
                self._effects.set_aside(cursor, head, due_at_ms, effects.reason)
            if effects is not NO_EFFECTS:
                head.is_tied = True
                self._effects.perform(cursor, head, 0, events, status, effects, now_ms)
            if status.is_final and head.is_concerned:
                self._effects.end(cursor, head, status, effects, now_ms)
            return head

        head = self._database.writer.write(change, late_refusal=True)
        if status is RunStatus.RUNNING:
            self._heads[run.run_id] = head
        return head.lease

    def create_many(self, runs: Sequence[NewChild]) -> None:
        """Creates runs that any worker may take, all or none, in one transaction."""
        now_ms = self._database.clock.now_ms()
        if not runs:
            return
        status = RunStatus.SUSPENDED
        rows = [self._effects.row_of(new.run, new.events, Counters(), status, "", now_ms) for new in runs]

        def change(cursor: Cursor, is_repeated: bool) -> None:
            stored_code: set[str] = set()
            for new, row in zip(runs, rows, strict=True):
                made = self._effects.create(
                    cursor, new.run, new.events, Counters(), status, "", now_ms, stored_code=stored_code, row=row
                )
                if made is None and not (is_repeated and self._effects.is_created(cursor, new.run.run_id, row.sealed)):
                    raise run_exists(new.run.run_id)

        is_plain = self._database.writer.takes_steps and not any(
            row.sealed.blobs or new.run.attributes or new.run.placement.partition
            for new, row in zip(runs, rows, strict=True)
        )
        if is_plain:
            self._store_code({row.code.manifest: row.code for row in rows})
        records = [(new.run.run_id, event) for new, row in zip(runs, rows, strict=True) for event in row.sealed.rows]
        creation = Creation([row.values for row in rows], records, change, is_joinable=is_plain)
        self._database.writer.write(creation, late_refusal=True)

    def _store_code(self, codes: Mapping[str, Code]) -> None:
        """Stores code beforehand, so that the runs need one statement. It may be removed again, which they notice."""
        missing = [code for digest, code in codes.items() if digest not in self._stored_code]
        if missing:

            def change(cursor: Cursor) -> None:
                for code in missing:
                    self._database.write_code(cursor, code)

            self._database.writer.write(change)
            if len(self._stored_code) > _CODES_MAX:
                self._stored_code.clear()
            self._stored_code.update(code.manifest for code in missing)

    def append(self, lease: Lease, expected_sequence: int, events: Sequence[Event], counters: Counters,
               status: RunStatus = RunStatus.RUNNING, effects: Effects = NO_EFFECTS) -> int:  # fmt: skip
        """Appends and extends the lease; a status other than RUNNING releases it. Gives the last sequence."""
        if not events and effects is NO_EFFECTS:
            # Counters belong to records, so without a record they stay.
            self.renew(lease) if status is RunStatus.RUNNING else self.release(lease, status)
            return expected_sequence
        prepared = self._prepare(lease, expected_sequence, events, counters, status, effects)
        try:
            self._database.writer.write(prepared.change, late_refusal=prepared.has_effects)
        except LeaseLost:
            self._forget(prepared.head)
            raise
        return self._settle(prepared)

    def append_many(self, appends: Sequence[Append]) -> list[int | FlowlangError]:
        """Appends of different runs in one transaction; one that is refused does not hinder the others."""
        results: list[int | FlowlangError] = [0] * len(appends)
        prepared: list[tuple[int, _Prepared]] = []
        for at, each in enumerate(appends):
            try:
                ready = self._prepare(
                    each.lease, each.expected_sequence, each.events, each.counters, each.status, each.effects
                )
            except FlowlangError as error:
                results[at] = error
            else:
                prepared.append((at, ready))
        is_late = any(ready.has_effects for _, ready in prepared)
        written = self._database.writer.write_many([ready.change for _, ready in prepared], late_refusal=is_late)
        for (at, ready), result in zip(prepared, written, strict=True):
            results[at] = result if isinstance(result, FlowlangError) else self._settle(ready)
            if isinstance(result, LeaseLost):
                self._forget(ready.head)
        return results

    def join(self, lease: Lease, expected_sequence: int, event: Event, counters: Counters) -> JoinedAppend:
        """An append of one record in a transaction of somebody else's. Raises PayloadTooLarge."""
        prepared = self._prepare(lease, expected_sequence, [event], counters, RunStatus.RUNNING, NO_EFFECTS)

        def write(cursor: Cursor) -> None:
            try:
                prepared.change(cursor)
            except LeaseLost:
                self._forget(prepared.head)
                raise

        def is_written(cursor: Cursor) -> bool:
            self._database.hold_run(cursor, lease.run_id)
            return self._is_written(cursor, prepared.head.number, prepared.sealed)

        return JoinedAppend(write, is_written, lambda: self._settle(prepared), self._database.writer.note_failure)

    def repin(self, lease: Lease, expected_sequence: int, manifest: CodeManifest, modules: Mapping[str, str],
              counters: Counters) -> int:  # fmt: skip
        """Moves the run to other code and records that. Gives the last sequence."""
        code = Code.of(manifest, modules)
        events = [CodeChanged(code.code)]
        prepared = self._prepare(lease, expected_sequence, events, counters, RunStatus.RUNNING, NO_EFFECTS)
        advance = prepared.change

        def change(cursor: Cursor) -> None:
            advance(cursor)
            self._database.write_code(cursor, code)
            pinned = (code.code, code.manifest, lease.run_id, lease.owner, lease.token)
            cursor.execute(self._statements.repin, pinned)

        self._database.writer.write(change)
        return self._settle(prepared)

    def renew(self, lease: Lease) -> None:
        """Extends the lease."""
        expires_at_ms = self._database.clock.now_ms() + self._database.lease_ms
        self._update_held(lease, self._statements.renew, (expires_at_ms, expires_at_ms))

    def release(self, lease: Lease, status: RunStatus) -> None:
        """Gives the lease back and sets the status."""
        if status.is_final:
            raise InternalError("a run ends with an append")
        now_ms = self._database.clock.now_ms()
        head = self._heads.get(lease.run_id)
        deadline_at_ms = self._find_head(lease, None).deadline_at_ms if head is None else head.deadline_at_ms
        due_at_ms = due_when_released(status, now_ms, None, deadline_at_ms)
        released = (now_ms, status.value, "", 0, due_at_ms, "")
        self._update_held(lease, self._statements.release, released, announces=True)
        self._heads.pop(lease.run_id, None)

    def _update_held(self, lease: Lease, statement: str, new: tuple[Any, ...], *, announces: bool = False) -> None:
        def change(cursor: Cursor) -> None:
            if cursor.execute(statement, (*new, lease.run_id, lease.owner, lease.token)).rowcount != 1:
                self._refuse(cursor, lease, None)
            if announces:
                self._database.writer.announce()

        self._database.writer.write(change)

    def _prepare(self, lease: Lease, expected_sequence: int, events: Sequence[Event], counters: Counters,
                 status: RunStatus, effects: Effects) -> _Prepared:  # fmt: skip
        head = self._heads.get(lease.run_id)
        if head is None or head.sequence != expected_sequence or head.lease != lease:
            head = self._find_head(lease, expected_sequence)
        now_ms = self._database.clock.now_ms()
        sealed = seal(head.checksum, expected_sequence, now_ms, lease.token, events, counters)
        statement, values = self._advance(head, sealed, events, counters, status, effects, now_ms)
        step = Step(
            statement, values, self._database.insert_events, head.number, sealed.rows,
            refuse=lambda cursor: self._refuse(cursor, lease, expected_sequence),
            settled=lambda cursor: self._is_written(cursor, head.number, sealed),
            announces=status in (RunStatus.SUSPENDED, RunStatus.WAITING),
            wake=(self._statements.wake, (now_ms, head.number, effects.seen)) if status is RunStatus.WAITING else None,
        )  # fmt: skip
        is_plain = not (status.is_final and head.is_concerned)
        if is_plain and _is_light(effects) and not sealed.blobs:
            return _Prepared(head, sealed, status, step, has_effects=False)
        if effects.opened or effects.children:
            head.is_tied = True
        wake, step.wake = step.wake, None  # it comes after the messages are taken

        def change(cursor: Cursor) -> None:
            step(cursor)
            if sealed.blobs:
                cursor.executemany(self._statements.insert_blob, sealed.blobs)
            self._effects.perform(cursor, head, expected_sequence, events, status, effects, now_ms)
            if wake is not None:
                cursor.execute(*wake)
            if status.is_final and head.is_concerned:
                self._effects.end(cursor, head, status, effects, now_ms)
            if status is not RunStatus.RUNNING:
                self._database.writer.announce()

        return _Prepared(head, sealed, status, change, has_effects=True)

    def _advance(self, head: Head, sealed: Sealed, events: Sequence[Event], counters: Counters, status: RunStatus,
                 effects: Effects, now_ms: int) -> tuple[str, tuple[Any, ...]]:  # fmt: skip
        # The UPDATE of the run's row, and its values. Counters belong to records, so without a record they stay.
        lease, statements = head.lease, self._statements
        expires_at_ms = now_ms + self._database.lease_ms
        due_at_ms = due_when_released(status, now_ms, effects.wake_at_ms, head.deadline_at_ms)
        holder = (lease.run_id, lease.owner, lease.token)
        if not sealed.rows:
            if status is RunStatus.RUNNING:
                return statements.renew, (expires_at_ms, expires_at_ms, *holder)
            return statements.release, (now_ms, status.value, "", 0, due_at_ms, effects.reason, *holder)
        crashes = 0 if head.crashes and makes_progress(events) else head.crashes
        advanced = (
            head.sequence + len(sealed.rows), sealed.checksum, counters.steps, counters.memory,
            counters.actions_completed,
        )  # fmt: skip
        place = (*holder, head.sequence, head.checksum)
        if status is RunStatus.RUNNING:
            return statements.advance, (now_ms, expires_at_ms, *advanced, crashes, *place)
        released = (now_ms, status.value, "", 0, *advanced, due_at_ms, effects.reason, crashes)
        return statements.advance_and_release, (*released, *place)

    def _settle(self, prepared: _Prepared) -> int:
        head = prepared.head
        head.sequence += len(prepared.sealed.rows)
        head.checksum = prepared.sealed.checksum
        run_id = head.lease.run_id
        if prepared.status is RunStatus.RUNNING:
            self._heads[run_id] = head
        else:
            self._heads.pop(run_id, None)
        return head.sequence

    def _forget(self, head: Head) -> None:
        if self._heads.get(head.lease.run_id) is head:
            del self._heads[head.lease.run_id]

    def _find_head(self, lease: Lease, expected_sequence: int | None) -> Head:
        # For leases that another journal object gave out; the UPDATE checks once more.
        with self._database.looking() as cursor:
            stored = self._database.find_run(cursor, lease.run_id)
        check_append(stored.record, lease, expected_sequence)
        return Head.of_stored(stored, lease, stored.record.crashes)

    def _refuse(self, cursor: Cursor, lease: Lease, expected_sequence: int | None) -> NoReturn:
        stored = self._database.hold_run(cursor, lease.run_id)
        check_append(stored.record, lease, expected_sequence)
        raise damaged(lease.run_id, stored.record.sequence)

    def _is_written(self, cursor: Cursor, number: int, sealed: Sealed) -> bool:
        last = sealed.rows[-1].sequence
        found = cursor.execute(self._statements.find_checksum, (number, last)).fetchall()
        return bool(found) and found[0][0] == sealed.checksum


def _is_light(effects: Effects) -> bool:
    """Whether the effects change nothing but columns that the step sets anyway."""
    return effects is NO_EFFECTS or not (
        effects.taken or effects.opened or effects.expired or effects.children or effects.sent
        or effects.closes_gates or effects.attributes or effects.state is not None
        or effects.progress is not None or effects.chapter is not None
    )  # fmt: skip
