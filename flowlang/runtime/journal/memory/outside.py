"""What others than owners do to runs, in memory: messages, decisions, and the work of operators."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from flowlang.runtime.journal.chain import chain_anew, chapter_of
from flowlang.runtime.journal.event import Event, Record
from flowlang.runtime.journal.memory.store import MemoryRun, MemoryStore
from flowlang.runtime.journal.model import Counters, NewMessage, NewRun, NewWait, RunStatus
from flowlang.runtime.journal.payload import check_payload
from flowlang.runtime.journal.rules import (
    FINAL,
    check_deletable,
    check_not_driven,
    due_when_new,
    gate_refusal,
    is_blocked,
    make_key,
    message_conflict,
    message_digest,
    reset_target,
    run_ended,
    run_exists,
    stored_status,
    termination,
    token_of,
    unknown_key,
)


class Outside:
    """Changes runs from outside."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def post(self, message: NewMessage) -> bool:
        """Puts a message into the inbox of a run and makes the run due. False: a duplicate, nothing changed."""
        with self._store.locked() as now_ms:
            run = self._store.find(message.run_id)
            if run.status.is_final:
                raise run_ended(run.record)
            known = run.keys.get((message.channel, message.key)) if message.key else None
            if known is not None and known != message_digest(message):
                raise message_conflict(message)
            return self._store.put(run, message, now_ms)

    def decide(self, message: NewMessage) -> None:
        """Decides a gate."""
        check_payload(message.payload)
        with self._store.locked() as now_ms:
            run = self._store.find(message.run_id)
            gate = run.gates.get(message.name)
            is_over = gate is not None and gate.expires_at_ms is not None and gate.expires_at_ms <= now_ms
            if gate is not None and not gate.decided_by and not is_over:
                run.gates[message.name] = attrs.evolve(gate, decided_by="signal", decided_at_ms=now_ms)
                self._store.put(run, message, now_ms)
            elif not message.key or run.keys.get((message.channel, message.key)) != message_digest(message):
                raise gate_refusal(message, None) if gate is None else gate_refusal(message, gate.name, gate.decided_by)

    def reopen(self, run_id: str, *, events: Sequence[Event], chapter: int | None = None,
               messages: Sequence[NewMessage] = ()) -> int:  # fmt: skip
        """Appends to a run that nobody drives, whatever its status, and makes it suspended and due."""
        store = self._store
        with store.locked() as now_ms:
            run = store.find(run_id)
            record, row = run.record, run.row
            check_not_driven(record, now_ms, store.owners.is_alive)
            has_turn = not record.status.is_final and not is_blocked(record)
            busy = bool(record.partition) and not has_turn
            busy = busy and store.is_partition_busy(record.queue, record.partition)
            since = record.chapter_sequence if chapter is None else chapter
            self._advance(run, events, now_ms)
            row.update(crashes=0, chapter_sequence=since)
            store.let_go(run, RunStatus.SUSPENDED, None if busy else now_ms, "", now_ms)
            store.join_partition(row)
            to = reset_target(events)
            if to is not None:
                store.close_gates(run, now_ms, after=to)
                for position, gate in run.gates.items():
                    if gate.decided_by == "closed" and since <= run.gate_sequences[position] <= to:
                        run.gates[position] = attrs.evolve(gate, decided_by="", decided_at_ms=None)
            for message in messages:
                store.put(run, message, now_ms)
            return int(row["sequence"])

    def terminate(self, run_id: str, events: Sequence[Event]) -> None:
        """Ends a run with these events, fencing off whoever drives it."""
        ending = termination(events)
        with self._store.locked() as now_ms:
            run = self._store.find(run_id)
            if run.status.is_final:
                raise run_ended(run.record)
            self._advance(run, events, now_ms)
            self._store.let_go(run, ending.status, None, ending.reason, now_ms)
            self._store.end(run, ending.status, None, ending.reason, now_ms)

    def delete(self, run_id: str) -> None:
        """Removes a finished or stopped run with everything that only it refers to."""
        store = self._store
        with store.locked() as now_ms:
            run = store.find(run_id)
            check_deletable(run.record, now_ms, store.owners.is_alive)
            store.remove(run)
            store.go_on(run.row["queue"], run.row["partition"], now_ms)

    def prune(self, *, finished_before_ms: int, status: Sequence[RunStatus] = (), limit: int = 1000) -> int:
        """Deletes finished runs that were last changed before that moment, at most `limit`; gives how many."""
        wanted = [each for each in status or FINAL if each.is_final]
        with self._store.locked():
            old = [
                run
                for run in self._store.runs.values()
                if run.status in wanted and run.row["updated_at_ms"] < finished_before_ms
            ][:limit]
            for run in old:
                self._store.remove(run)
        return len(old)

    def copy_in(self, new: NewRun, records: Sequence[Record], counters: Counters, status: RunStatus,
                created_at_ms: int, *, waits: Sequence[NewWait] = (),
                messages: Sequence[NewMessage] = ()) -> None:  # fmt: skip
        """Creates a run from records of elsewhere, chained anew; their times and tokens stay."""
        store, placement, stands = self._store, new.placement, stored_status(status)
        store.check_new(new)
        origin, sealed = chain_anew(new, records, counters, created_at_ms)
        with store.locked() as now_ms:
            if new.run_id in store.runs:
                raise run_exists(new.run_id)
            busy = bool(placement.partition) and store.is_partition_busy(placement.queue, placement.partition)
            token = token_of(records)
            run = store.insert(new, origin, sealed, counters, stands, created_at_ms=created_at_ms, token=token)
            run.row["chapter_sequence"] = chapter_of(records)
            if stands is RunStatus.SUSPENDED and not busy:
                store.set_due(run, due_when_new(placement, now_ms))
            for gate in waits:
                store.open_gate(run, gate, len(records), now_ms)
            for message in messages:
                store.put(run, message, now_ms)
            store.announce()

    def key(self, key_id: str | None = None) -> tuple[str, bytes]:
        """The newest key, or that of the id."""
        with self._store.locked():
            keys = self._store.keys
            if key_id is None:
                return list(keys.items())[-1] if keys else self._make_key()
            if key_id not in keys:
                raise unknown_key(key_id)
            return key_id, keys[key_id]

    def rotate_key(self) -> str:
        """Makes a new newest key."""
        with self._store.locked():
            return self._make_key()[0]

    def _make_key(self) -> tuple[str, bytes]:
        key_id, secret = make_key()
        self._store.keys[key_id] = secret
        return key_id, secret

    def _advance(self, run: MemoryRun, events: Sequence[Event], now_ms: int) -> None:
        row = run.row
        row["token"] += 1
        self._store.extend(run, events, run.counters, row["token"], now_ms)
