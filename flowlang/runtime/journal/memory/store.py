"""The rows of a journal in memory, and the changes that several operations make.

Every operation holds the store's lock from its first look to its last change, and looks for all reasons to refuse
before it changes anything: that makes it atomic.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import attrs

from flowlang.errors import JournalUnavailable
from flowlang.runtime.clock import Clock
from flowlang.runtime.journal.chain import EventRow, Origin, Sealed, first_checksum, new_origin, seal
from flowlang.runtime.journal.codec import Fields, check_run_id, decode, manifest_digest
from flowlang.runtime.journal.event import (
    ActionCompleted,
    ActionScheduled,
    AttemptStarted,
    Event,
    FlowCompleted,
    FlowStarted,
    RunCompleted,
    TaskStarted,
    TimerFired,
    TimerStarted,
)
from flowlang.runtime.journal.model import (
    AttributeValue,
    CodeManifest,
    Counters,
    Lease,
    Message,
    NewChild,
    NewMessage,
    NewRun,
    NewWait,
    Placement,
    RunRecord,
    RunStatus,
    WaitRecord,
)
from flowlang.runtime.journal.owner import LocalOwners
from flowlang.runtime.journal.payload import PAYLOAD_BYTES_INLINE, Blob, check_payload, unpack
from flowlang.runtime.journal.rules import (
    KEYS_KEPT,
    cancel_message,
    check_placement,
    child_message,
    due_when_new,
    ended_outcome,
    forgets_keys,
    message_digest,
    parent_of,
    partition_busy,
    run_not_found,
)
from flowlang.runtime.journal.wakeup import LocalBell

Unsealed: TypeAlias = tuple[int, int, int, Sequence[Event], Counters]
"""What `seal` takes after the checksum."""


@attrs.define
class MemoryRun:
    """One run: its row as a dict with the fields of `RunRecord`, and all that refers to it."""

    row: dict[str, Any]
    _checksum: bytes
    origin: Origin
    manifest: CodeManifest
    modules: Mapping[str, str]
    _records: list[EventRow]
    start_at_ms: int | None
    _unsealed: list[Unsealed] = attrs.field(factory=list)
    """Small records wait here until somebody asks: most runs in memory end without anybody who reads their journal."""
    messages: dict[int, Message] = attrs.field(factory=dict)
    keys: dict[tuple[str, str], bytes] = attrs.field(factory=dict)
    gates: dict[str, WaitRecord] = attrs.field(factory=dict)
    gate_sequences: dict[str, int] = attrs.field(factory=dict)
    attributes: dict[str, AttributeValue] = attrs.field(factory=dict)

    @property
    def records(self) -> list[EventRow]:
        """All records."""
        self._seal()
        return self._records

    @property
    def checksum(self) -> bytes:
        """That of the last record."""
        self._seal()
        return self._checksum

    def add(self, unsealed: Unsealed) -> list[Blob]:
        """Adds records, and gives the blobs that they refer to. Raises PayloadTooLarge."""
        if all(map(_is_small, unsealed[3])):
            self._unsealed.append(unsealed)
            return []
        self._seal()
        sealed = seal(self._checksum, *unsealed)
        self._records.extend(sealed.rows)
        self._checksum = sealed.checksum
        return sealed.blobs

    def _seal(self) -> None:
        for unsealed in self._unsealed:
            sealed = seal(self._checksum, *unsealed)
            self._records.extend(sealed.rows)
            self._checksum = sealed.checksum
        self._unsealed.clear()

    @property
    def record(self) -> RunRecord:
        """The row, as it is now."""
        return RunRecord(**self.row)

    @property
    def status(self) -> RunStatus:
        """The row's status."""
        status: RunStatus = self.row["status"]
        return status

    @property
    def counters(self) -> Counters:
        """The counters as of the last record."""
        return Counters(self.row["steps"], self.row["memory"], self.row["actions_completed"])


class _Turn:
    """`with` one of these, somebody has the store alone. Written out, because every step comes here and a generator
    takes three times as long."""

    __slots__ = ("_store",)

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def __enter__(self) -> int:
        return self._store.take_turn()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._store.end_turn(is_done=kind is None)


class MemoryStore:
    """All runs, and what finds them: by due time, owner, parent and partition."""

    def __init__(self, clock: Clock, lease_ms: int) -> None:
        self.clock = clock
        self.lease_ms = lease_ms
        self.owners = LocalOwners()
        self.bell = LocalBell()
        self.runs: dict[str, MemoryRun] = {}
        self.blobs: dict[bytes, Blob] = {}
        self.children: dict[str, list[str]] = {}
        self.held: dict[str, None] = {}
        """Runs that somebody holds the lease of."""
        self.told: dict[str, None] = {}
        """Runs with messages."""
        self.keys: dict[str, bytes] = {}
        self._partitions: dict[tuple[str, str], dict[str, None]] = {}
        self._due: dict[tuple[str, int, bool], list[tuple[int, int, str]]] = {}
        self._run_number = 0
        self._message_number = 0
        self._lock = threading.Lock()
        self._is_closed = False
        self._rings = False
        self._turn = _Turn(self)

    def locked(self) -> _Turn:
        """A context that gives the time, and holds everybody else off. Whoever listens is told afterwards of what was
        announced."""
        return self._turn

    def take_turn(self) -> int:
        """Holds everybody else off until `end_turn`. Gives the time."""
        self._lock.acquire()
        if self._is_closed:
            self._lock.release()
            raise JournalUnavailable("the journal is closed", hint="open it again")
        return self.clock.now_ms()

    def end_turn(self, *, is_done: bool) -> None:
        """Lets others go on, and tells whoever listens if something was done."""
        rings, self._rings = self._rings, self._rings and not is_done
        self._lock.release()
        if rings and is_done:
            self.bell.ring()

    def close(self) -> None:
        """Drops all owners and runs."""
        with self._lock:
            self._is_closed = True
            self.owners.close()
            self.runs.clear()
        self.bell.close()

    def announce(self) -> None:
        """Whoever listens will be told."""
        self._rings = True

    def find(self, run_id: str) -> MemoryRun:
        """The run. Raises RunNotFound."""
        run = self.runs.get(run_id)
        if run is None:
            raise run_not_found(run_id)
        return run

    # ------------------------------------------------------------------------------------------------------ when due

    def set_due(self, run: MemoryRun, due_at_ms: int | None) -> None:
        """Sets when the run is due; its status and its crashes are set before."""
        row = run.row
        row["due_at_ms"] = due_at_ms
        if due_at_ms is not None:
            heap = self._due.setdefault((row["queue"], row["priority"], _is_sound(run)), [])
            heapq.heappush(heap, (due_at_ms, row["number"], row["run_id"]))

    def first_due(self, queues: Sequence[str], priorities: Sequence[int], *, suspects: bool) -> MemoryRun | None:
        """The run of these queues and priorities that is due first, if it is in the future, too."""
        kinds = (True, False) if suspects else (True,)
        first = (self._top(queue, priority, kind) for queue in queues for priority in priorities for kind in kinds)
        due = [run for run in first if run is not None]
        return min(due, key=lambda run: (run.row["due_at_ms"], run.row["number"]), default=None)

    def _top(self, queue: str, priority: int, is_sound: bool) -> MemoryRun | None:
        heap = self._due.get((queue, priority, is_sound), [])
        while heap:
            due_at_ms, number, run_id = heap[0]
            run = self.runs.get(run_id)
            is_current = run is not None and (run.row["due_at_ms"], run.row["number"]) == (due_at_ms, number)
            if run is not None and is_current and _is_sound(run) is is_sound:
                return run
            heapq.heappop(heap)  # It became due at another time, or is gone.
        return None

    # ---------------------------------------------------------------------------------------------------- runs, rows

    def check_new(self, run: NewRun) -> None:
        """Raises what a run cannot be created with."""
        check_run_id(run.run_id)
        check_placement(run)

    def create(self, new: NewChild, counters: Counters, status: RunStatus, owner: str, now_ms: int) -> MemoryRun:
        """Creates a run whose id is free. Raises LeaseHeld when it is to be driven before its turn."""
        run, placement = new.run, new.run.placement
        is_kept = status is RunStatus.RUNNING
        busy = bool(placement.partition) and self.is_partition_busy(placement.queue, placement.partition)
        if busy and is_kept:
            raise partition_busy(run.run_id, placement.partition)
        origin = new_origin(run, new.events, now_ms)
        sealed = seal(first_checksum(origin), 0, now_ms, 1, new.events, counters)
        made = self.insert(run, origin, sealed, counters, status, created_at_ms=now_ms, token=1)
        if is_kept:
            self.hold(made, Lease(run.run_id, owner, 1), now_ms)
        elif status is RunStatus.SUSPENDED and not busy:
            self.set_due(made, due_when_new(placement, now_ms))
            self.announce()
        return made

    def insert(self, run: NewRun, origin: Origin, sealed: Sealed, counters: Counters, status: RunStatus, *,
               created_at_ms: int, token: int) -> MemoryRun:  # fmt: skip
        """A new row, held by nobody and never due."""
        placement, parent = run.placement, parent_of(run)
        self._run_number += 1
        record = RunRecord(
            run.run_id, run.entry, run.flow, run.arguments_digest, manifest_digest(run.manifest), status,
            created_at_ms, self.clock.now_ms(), len(sealed.rows), "", token, 0, counters.actions_completed,
            counters.steps, counters.memory, placement.queue, placement.priority, placement.partition, None,
            placement.deadline_at_ms, parent.run_id, parent.position, parent.on_close, parent.root_id,
            run.correlation, number=self._run_number,
        )  # fmt: skip
        row = {field.name: getattr(record, field.name) for field in attrs.fields(RunRecord)}
        made = MemoryRun(
            row, sealed.checksum, origin, run.manifest, dict(run.modules), list(sealed.rows), placement.start_at_ms
        )
        made.attributes.update(run.attributes)
        self.runs[run.run_id] = made
        self.blobs.update((blob.digest, blob) for blob in sealed.blobs)
        if parent.run_id:
            self.children.setdefault(parent.run_id, []).append(run.run_id)
        if placement.partition and not status.is_final:
            self._partitions.setdefault((placement.queue, placement.partition), {})[run.run_id] = None
        return made

    def hold(self, run: MemoryRun, lease: Lease, now_ms: int) -> None:
        """Gives the lease."""
        expires_at_ms = now_ms + self.lease_ms
        run.row.update(
            updated_at_ms=now_ms,
            status=RunStatus.RUNNING,
            owner=lease.owner,
            token=lease.token,
            lease_expires_at_ms=expires_at_ms,
        )
        self.held[lease.run_id] = None
        self.set_due(run, expires_at_ms)

    def let_go(self, run: MemoryRun, status: RunStatus, due_at_ms: int | None, reason: str, now_ms: int) -> None:
        """Takes the lease back; the caller ends what a final status ends."""
        run.row.update(updated_at_ms=now_ms, status=status, owner="", lease_expires_at_ms=0, reason=reason)
        self.held.pop(run.row["run_id"], None)
        self.set_due(run, due_at_ms)
        self.announce()

    def extend(self, run: MemoryRun, events: Sequence[Event], counters: Counters, token: int, now_ms: int) -> None:
        """Adds records. Raises PayloadTooLarge."""
        if not events:
            return
        row = run.row
        for blob in run.add((row["sequence"], now_ms, token, tuple(events), counters)):
            self.blobs[blob.digest] = blob
        row["updated_at_ms"] = now_ms
        row["sequence"] += len(events)
        row["steps"], row["memory"] = counters.steps, counters.memory
        row["actions_completed"] = counters.actions_completed

    def remove(self, run: MemoryRun) -> None:
        """Removes a run and what only it refers to."""
        row = run.row
        run_id = row["run_id"]
        for index in (self.runs, self.held, self.told):
            index.pop(run_id, None)
        siblings = self.children.get(row["parent"])
        if siblings and run_id in siblings:
            siblings.remove(run_id)
        self.leave_partition(row)
        digests = {each.payload for each in run.records if each.encoding == "blob"}
        for other in self.runs.values():
            digests.difference_update(each.payload for each in other.records if each.encoding == "blob")
        for digest in digests:
            self.blobs.pop(digest or b"", None)

    # ------------------------------------------------------------------------------------------- messages, partitions

    def put(self, run: MemoryRun, message: NewMessage, now_ms: int) -> bool:
        """Puts a message into the inbox and makes the run due if it waits. False for a duplicate."""
        check_payload(message.payload)
        if message.key:
            if (message.channel, message.key) in run.keys:
                return False
            run.keys[message.channel, message.key] = message_digest(message)
        self._message_number += 1
        number = self._message_number
        run.messages[number] = Message(number, message.channel, message.name, message.key, message.payload, now_ms)
        self.told[message.run_id] = None
        due_at_ms = run.row["due_at_ms"]
        if run.status is RunStatus.WAITING and (due_at_ms is None or due_at_ms > now_ms):
            self.set_due(run, now_ms)
        self.announce()
        return True

    def take(self, run: MemoryRun, number: int) -> None:
        """Takes a message out of the inbox; its key stays known, as long as not too many others were received."""
        message = run.messages.pop(number, None)
        if message is not None and message.key and forgets_keys(number):
            waiting = {(each.channel, each.key) for each in run.messages.values()}
            for key in [key for key in run.keys if key not in waiting][:-KEYS_KEPT]:
                del run.keys[key]

    def open_gate(self, run: MemoryRun, gate: NewWait, sequence: int, now_ms: int) -> None:
        """Opens a gate; what a former chapter left at its position goes."""
        run.gates[gate.position] = WaitRecord(
            run.row["run_id"], gate.position, gate.name, gate.expires_at_ms, gate.payload, now_ms, "", None
        )
        run.gate_sequences[gate.position] = sequence

    def close_gates(self, run: MemoryRun, now_ms: int, *, after: int = 0) -> None:
        """Closes open gates that were opened after a sequence."""
        for position, gate in run.gates.items():
            if not gate.decided_by and run.gate_sequences[position] > after:
                run.gates[position] = attrs.evolve(gate, decided_by="closed", decided_at_ms=now_ms)

    def end(self, run: MemoryRun, status: RunStatus, outcome: bytes | None, reason: str, now_ms: int) -> None:
        """Closes gates, tells the parent, cancels children and lets the next run of the partition go on."""
        row = run.row
        run_id = row["run_id"]
        self.close_gates(run, now_ms)
        for child_id in self.children.get(run_id, ()):
            child = self.runs[child_id]
            if child.row["on_parent_close"] == "cancel" and not child.status.is_final:
                self.put(child, cancel_message(child_id, run_id), now_ms)
        parent = self.runs.get(row["parent"])
        if parent is not None and not parent.status.is_final:
            told = ended_outcome(status, outcome, reason)
            self.put(parent, child_message(row["parent"], row["parent_position"], run_id, told), now_ms)
        self.leave_partition(row)
        self.go_on(row["queue"], row["partition"], now_ms)

    def outcome_of(self, run: MemoryRun) -> bytes:
        """What the parent of an ended run is told."""
        last = run.records[-1]
        payload = unpack(last.encoding, last.payload, self.blobs)
        event = decode(Fields(last.kind, last.position, last.name, last.detail, payload))
        outcome = event.payload if isinstance(event, RunCompleted) else None
        return ended_outcome(run.status, outcome, run.row["reason"])

    def is_partition_busy(self, queue: str, partition: str) -> bool:
        """Whether a run of the partition is under way or has its turn."""
        for run_id in self._partitions.get((queue, partition), ()):
            row = self.runs[run_id].row
            if row["status"] is not RunStatus.SUSPENDED or row["due_at_ms"] is not None:
                return True
        return False

    def join_partition(self, row: Mapping[str, Any]) -> None:
        """The run of this row is unfinished again, in its old place."""
        if row["partition"]:
            waiting = self._partitions.setdefault((row["queue"], row["partition"]), {})
            waiting[row["run_id"]] = None
            ordered = sorted(waiting, key=lambda run_id: int(self.runs[run_id].row["number"]))
            waiting.clear()
            waiting.update(dict.fromkeys(ordered))

    def leave_partition(self, row: Mapping[str, Any]) -> None:
        """The run of this row keeps nobody waiting any more."""
        self._partitions.get((row["queue"], row["partition"]), {}).pop(row["run_id"], None)

    def go_on(self, queue: str, partition: str, now_ms: int) -> None:
        """Makes the oldest run of a partition due, unless one is under way."""
        waiting = self._partitions.get((queue, partition))
        if not partition or not waiting or self.is_partition_busy(queue, partition):
            return
        run = self.runs[next(iter(waiting))]
        placement = Placement(start_at_ms=run.start_at_ms, deadline_at_ms=run.row["deadline_at_ms"])
        self.set_due(run, due_when_new(placement, now_ms))
        self.announce()


def _is_small(event: Event) -> bool:
    """Whether the event is of a common kind, and its payload stays as it is when it is stored."""
    if event.__class__ not in _COMMON:
        return False
    payload: bytes | None = getattr(event, "payload", None)
    return payload is None or len(payload) <= PAYLOAD_BYTES_INLINE


_COMMON: Final = frozenset(
    {
        ActionScheduled,
        ActionCompleted,
        AttemptStarted,
        TaskStarted,
        FlowStarted,
        FlowCompleted,
        RunCompleted,
        TimerStarted,
        TimerFired,
    }
)


def _is_sound(run: MemoryRun) -> bool:
    return not run.row["crashes"] and run.status is not RunStatus.RUNNING
