"""Taking leases: of one run, of those that are due, and keeping them."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import attrs
from sqlalchemy import ScalarSelect, bindparam, null, select, text, update

from flowlang.errors import JournalCorrupt
from flowlang.runtime.journal.chain import seal
from flowlang.runtime.journal.dialects.dialect import Cursor
from flowlang.runtime.journal.event import Event
from flowlang.runtime.journal.model import QUEUE_DEFAULT, Claim, Counters, Lease, RunRecord, RunStatus
from flowlang.runtime.journal.owner import check_claim
from flowlang.runtime.journal.rules import (
    OWNERS_CHECK_MS,
    PRIORITIES,
    check_unblocked,
    crashes_at_claim,
    is_quarantine_due,
    quarantine_event,
)
from flowlang.runtime.journal.sql.database import Database, StoredRun, decode_run
from flowlang.runtime.journal.sql.head import Head
from flowlang.runtime.journal.statement import RUN_COLUMNS, Query
from flowlang.runtime.journal.tables import run
from flowlang.runtime.journal.text import storable_text

_SOUND = "crashes = 0 AND status <> 'running'"
"""Runs that did not kill an owner, as far as is known."""

_FIELDS = tuple(field.name for field in attrs.fields(RunRecord))
_values_of = attrgetter(*_FIELDS)
_NUMBER = RUN_COLUMNS.index("number")
_RENEWALS = 256
"""So many leases are extended by one statement; shorter lists are filled up, so that there is one text for all."""
_QUEUES = 100
"""Of so many queues one statement asks what is due first; a column each is what databases have a limit for."""


@attrs.frozen
class _Place:
    """When runs of one priority are due: the first of all, and the first of those that killed nobody."""

    priority: int
    due_at_ms: int
    sound_at_ms: int | None

    def is_due(self, now_ms: int, suspects: bool) -> bool:
        at_ms = self.due_at_ms if suspects else self.sound_at_ms
        return at_ms is not None and at_ms <= now_ms

    @property
    def begins_with_suspect(self) -> bool:
        return self.sound_at_ms is None or self.due_at_ms < self.sound_at_ms


class Claiming:
    """Gives out leases and extends them."""

    def __init__(self, database: Database, heads: dict[str, Head]) -> None:
        self._database = database
        self._heads = heads
        self._statements = database.statements
        self._owners_checked_ms: int | None = None
        self._next_due: dict[int, Query] = {}
        query = database.compiler.query
        due = (
            select(*run.c)
            .where(
                run.c.queue == bindparam("queue_is"),
                run.c.priority == bindparam("priority_is"),
                run.c.due_at_ms <= bindparam("now_ms"),
            )
            .order_by(run.c.due_at_ms, run.c.number)
            .limit(bindparam("count"))
            .with_for_update(skip_locked=True)
        )
        self._find_due = query(due)
        self._find_sound = query(due.where(text(_SOUND)))
        self._postpone = query(
            update(run).where(run.c.number == bindparam("number_is")).values(due_at_ms=bindparam("due_ms"))
        )
        self._find_owners = query(select(run.c.owner).distinct().where(text("owner <> ''")))
        self._bury = query(
            update(run)
            .where(
                run.c.owner == bindparam("owner_is"),
                text("owner <> ''"),
                run.c.lease_expires_at_ms > bindparam("now_ms"),
            )
            .values(lease_expires_at_ms=bindparam("now_ms"), due_at_ms=bindparam("now_ms"))
        )
        self._stop = query(
            update(run)
            .where(run.c.number == bindparam("number_is"), run.c.token == bindparam("token_is"))
            .values(
                {
                    name: bindparam(f"new_{name}")
                    for name in ("updated_at_ms", "token", "sequence", "checksum", "crashes")
                }
            )
            .values(status="stopped", reason="quarantine", owner="", lease_expires_at_ms=0, due_at_ms=null())
        )
        new: dict[str, Any] = {
            name: bindparam(f"new_{name}") for name in ("updated_at_ms", "owner", "lease_expires_at_ms", "crashes")
        }
        self._take_many = query(
            update(run)
            .where(database.dialect.among(run.c.number, "numbers"))
            .values(new)
            .values(status="running", token=run.c.token + 1, due_at_ms=bindparam("new_lease_expires_at_ms"), reason="")
        )
        held: list[Any] = [bindparam(f"run_{at}") for at in range(_RENEWALS)]
        self._renew_many = query(
            update(run)
            .where(run.c.owner == bindparam("owner_is"), text("owner <> ''"), run.c.run_id.in_(held))
            .values(lease_expires_at_ms=bindparam("expires_ms"), due_at_ms=bindparam("expires_ms"))
            .returning(run.c.run_id, run.c.token)
        )

    def claim(self, run_id: str, owner: str) -> Lease:
        """Takes the lease of an unfinished run whose owner is gone."""

        def change(cursor: Cursor) -> Head:
            stored = self._database.hold_run(cursor, run_id)
            now_ms = self._database.clock.now_ms()
            check_claim(stored.record, now_ms, self._database.owners.is_alive)
            check_unblocked(stored.record)
            stopped = stored.record.status is RunStatus.STOPPED
            return self._take(cursor, stored, owner, now_ms, 0 if stopped else crashes_at_claim(stored.record))

        head = self._database.writer.write(change)
        self._heads[run_id] = head
        return head.lease

    def claim_due(self, owner: str, *, limit: int, queues: Sequence[str] = (QUEUE_DEFAULT,),
                  suspects: bool = True) -> list[Claim]:  # fmt: skip
        """Claims up to `limit` runs that are due: higher priority first, then by due time."""
        self._bury_dead()
        now_ms = self._database.clock.now_ms()
        places = [] if limit < 1 else [place for place in self._first_due(queues) if place.is_due(now_ms, suspects)]
        if not places:
            return []

        def change(cursor: Cursor) -> list[tuple[Head, StoredRun]]:
            now_ms = self._database.clock.now_ms()
            if suspects and places[0].begins_with_suspect:
                suspect = self._claim_suspect(cursor, owner, queues, now_ms)
                if suspect is not None:
                    return [suspect]
            return self._claim_sound(cursor, owner, limit, queues, [place.priority for place in places], now_ms)

        taken = self._database.writer.write(change)
        claims: list[Claim] = []
        for head, stored in taken:
            lease = head.lease
            self._heads[lease.run_id] = head
            claims.append(Claim(lease, self._as_claimed(stored, head)))
        return claims

    def next_due_at_ms(self, queues: Sequence[str] = (QUEUE_DEFAULT,), *, suspects: bool = True) -> int | None:
        """When the next run becomes due by itself; None when none will."""
        times = [place.due_at_ms if suspects else place.sound_at_ms for place in self._first_due(queues)]
        return min((at_ms for at_ms in times if at_ms is not None), default=None)

    def _first_due(self, queues: Sequence[str]) -> list[_Place]:
        """What is due first of each priority, higher ones first, as far as there is anything."""
        times: list[tuple[list[int], list[int]]] = [([], []) for _ in PRIORITIES]
        for begin in range(0, len(queues), _QUEUES):
            some = queues[begin : begin + _QUEUES]
            row, width = self._ask_first_due(some), 2 * len(some)
            for at, (due, sound) in enumerate(times):
                found = row[at * width : (at + 1) * width]
                due += [each for each in found[::2] if isinstance(each, int)]
                sound += [each for each in found[1::2] if isinstance(each, int)]
        return [
            _Place(priority, min(due), min(sound, default=None))
            for priority, (due, sound) in zip(PRIORITIES, times, strict=True)
            if due
        ]

    def _ask_first_due(self, queues: Sequence[str]) -> Sequence[Any]:
        query = self._next_due.get(len(queues))
        if query is None:
            query = self._next_due[len(queues)] = self._compile_next_due(len(queues))
        values = query.values(**{f"queue_{at}": storable_text(queue) for at, queue in enumerate(queues)})
        with self._database.looking(snapshot=False) as cursor:
            row: Sequence[Any] = cursor.execute(query.text, values).fetchall()[0]
        return row

    def renew_many(self, leases: Sequence[Lease]) -> list[Lease]:
        """Extends leases. Gives those that were lost."""
        expires_at_ms = self._database.clock.now_ms() + self._database.lease_ms
        by_owner: dict[str, list[Lease]] = {}
        for lease in leases:
            by_owner.setdefault(lease.owner, []).append(lease)

        def change(cursor: Cursor) -> set[Lease]:
            kept: set[Lease] = set()
            for owner, wanted in by_owner.items():
                for begin in range(0, len(wanted), _RENEWALS):
                    ids = [lease.run_id for lease in wanted[begin : begin + _RENEWALS]]
                    names = {f"run_{at}": ids[min(at, len(ids) - 1)] for at in range(_RENEWALS)}
                    renewed = self._renew_many(cursor, owner_is=owner, expires_ms=expires_at_ms, **names)
                    kept.update(Lease(run_id, owner, token) for run_id, token in renewed.fetchall())
            return kept

        if not leases:
            return []
        kept = self._database.writer.write(change)
        return [lease for lease in leases if lease not in kept]

    def forget_owners_check(self) -> None:
        """Lets the next claim ask at once which owners live."""
        self._owners_checked_ms = None

    def _claim_sound(
        self, cursor: Cursor, owner: str, limit: int, queues: Sequence[str], priorities: Sequence[int], now_ms: int
    ) -> list[tuple[Head, StoredRun]]:
        taken: list[tuple[Head, StoredRun]] = []
        for priority in priorities:
            count = limit - len(taken)
            found = self._due(cursor, self._find_sound, queues, priority, now_ms, count) if count else []
            taken += zip(self._take_all(cursor, found, owner, now_ms, 0), found, strict=True)
        return taken

    def _claim_suspect(
        self, cursor: Cursor, owner: str, queues: Sequence[str], now_ms: int
    ) -> tuple[Head, StoredRun] | None:
        # The first run that is due, if it is a suspect. Those whose owner appended meanwhile are postponed, those that
        # killed too many are stopped.
        for priority in PRIORITIES:
            while found := self._due(cursor, self._find_due, queues, priority, now_ms, 1):
                (stored,) = found
                record = stored.record
                if record.status is RunStatus.RUNNING and record.lease_expires_at_ms > now_ms:
                    self._postpone(cursor, number_is=stored.number, due_ms=record.lease_expires_at_ms)
                    continue
                crashes = crashes_at_claim(record)
                if is_quarantine_due(crashes):
                    self._quarantine(cursor, stored, crashes, now_ms)
                    continue
                return (self._take(cursor, stored, owner, now_ms, crashes), stored) if crashes else None
        return None

    def _due(
        self, cursor: Cursor, find: Query, queues: Sequence[str], priority: int, now_ms: int, count: int
    ) -> list[StoredRun]:
        found: list[StoredRun] = []
        for queue in queues:
            queue_is = storable_text(queue)
            rows = find(cursor, queue_is=queue_is, priority_is=priority, now_ms=now_ms, count=count)
            for row in rows.fetchall():
                try:
                    found.append(decode_run(row))
                except JournalCorrupt:
                    # Nobody can drive it. It is left as it is, for `db check`, and is not due any more, for otherwise
                    # no worker would come past it.
                    self._postpone(cursor, number_is=row[_NUMBER], due_ms=None)
        found.sort(key=lambda stored: (stored.record.due_at_ms or 0, stored.number))
        return found[:count]

    def _take(self, cursor: Cursor, stored: StoredRun, owner: str, now_ms: int, crashes: int) -> Head:
        (head,) = self._take_all(cursor, [stored], owner, now_ms, crashes)
        return head

    def _take_all(
        self, cursor: Cursor, chosen: Sequence[StoredRun], owner: str, now_ms: int, crashes: int
    ) -> list[Head]:
        # Their rows are locked, so nobody else takes them.
        if chosen:
            self._take_many(
                cursor,
                numbers=self._database.dialect.listed([stored.number for stored in chosen]),
                new_updated_at_ms=now_ms,
                new_owner=owner,
                new_lease_expires_at_ms=now_ms + self._database.lease_ms,
                new_crashes=crashes,
            )
        return [
            Head.of_stored(stored, Lease(stored.record.run_id, owner, stored.record.token + 1), crashes)
            for stored in chosen
        ]

    def _quarantine(self, cursor: Cursor, stored: StoredRun, crashes: int, now_ms: int) -> None:
        record = stored.record
        events: list[Event] = [quarantine_event(record.run_id, crashes)]
        counters = Counters(record.steps, record.memory, record.actions_completed)
        sealed = seal(stored.checksum, record.sequence, now_ms, record.token + 1, events, counters)
        self._stop(
            cursor,
            number_is=stored.number,
            token_is=record.token,
            new_updated_at_ms=now_ms,
            new_token=record.token + 1,
            new_sequence=record.sequence + 1,
            new_checksum=sealed.checksum,
            new_crashes=crashes,
        )
        self._database.write_events(cursor, stored.number, sealed)

    def _bury_dead(self) -> None:
        # Makes the runs of owners that are known to be dead due at once. Asks seldom: a dead owner is rare.
        now_ms = self._database.clock.now_ms()
        checked_ms = self._owners_checked_ms
        if checked_ms is not None and checked_ms <= now_ms < checked_ms + OWNERS_CHECK_MS:
            return
        self._owners_checked_ms = now_ms
        with self._database.looking(snapshot=False) as cursor:
            owners = [str(row[0]) for row in self._find_owners(cursor).fetchall()]
        dead = [owner for owner in owners if not self._database.owners.is_alive(owner)]
        if dead:
            self._database.writer.write(
                lambda cursor: [self._bury(cursor, owner_is=owner, now_ms=now_ms) for owner in dead]
            )

    def _as_claimed(self, stored: StoredRun, head: Head) -> RunRecord:
        lease = head.lease
        expires_at_ms = self._database.clock.now_ms() + self._database.lease_ms
        changed: dict[str, Any] = {
            "status": RunStatus.RUNNING, "owner": lease.owner, "token": lease.token, "due_at_ms": expires_at_ms,
            "lease_expires_at_ms": expires_at_ms, "crashes": head.crashes, "reason": "",
        }  # fmt: skip
        # `attrs.evolve` takes as long as all the rest of a claim.
        values: list[Any] = list(map(changed.get, _FIELDS, _values_of(stored.record)))
        return RunRecord(*values)

    def _compile_next_due(self, queues: int) -> Query:
        first: list[ScalarSelect[int | None]] = [
            select(run.c.due_at_ms)
            .where(run.c.queue == bindparam(f"queue_{at}"), text(f"priority = {priority}"))
            .where(run.c.due_at_ms.is_not(None), *conditions)
            .order_by(run.c.due_at_ms)
            .limit(1)
            .scalar_subquery()
            for priority in PRIORITIES
            for at in range(queues)
            for conditions in ((), (text(_SOUND),))
        ]
        return self._database.compiler.query(select(*first))
