"""Creating, claiming and appending, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from flowlang.errors import FlowlangError
from flowlang.runtime.journal.codec import manifest_digest
from flowlang.runtime.journal.event import CodeChanged, Event, GateOpened, position_text
from flowlang.runtime.journal.memory.store import MemoryRun, MemoryStore
from flowlang.runtime.journal.model import (
    NO_EFFECTS,
    QUEUE_DEFAULT,
    Append,
    Claim,
    CodeManifest,
    Counters,
    Effects,
    Lease,
    NewChild,
    NewRun,
    RunStatus,
)
from flowlang.runtime.journal.owner import check_append, check_claim
from flowlang.runtime.journal.payload import check_payload
from flowlang.runtime.journal.rules import (
    PRIORITIES,
    check_attributes,
    check_unblocked,
    child_message,
    crashes_at_claim,
    due_when_released,
    earliest,
    is_quarantine_due,
    is_same_call,
    makes_progress,
    message_conflict,
    message_digest,
    parent_of,
    quarantine_event,
    run_ended,
    run_exists,
    run_not_found,
    wait_decided,
)


class Appending:
    """What the owners of runs do."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def create(self, run: NewRun, owner: str, events: Sequence[Event], counters: Counters, status: RunStatus,
               effects: Effects = NO_EFFECTS) -> Lease:  # fmt: skip
        """Creates the run with its first events and its code."""
        store = self._store
        store.check_new(run)
        with store.locked() as now_ms:
            if run.run_id in store.runs:
                raise run_exists(run.run_id)
            self._check_effects(None, effects, new=run.run_id)
            made = store.create(NewChild(run, events), counters, status, owner, now_ms)
            made.row["reason"] = effects.reason
            if status is RunStatus.WAITING:
                store.set_due(made, earliest(effects.wake_at_ms, run.placement.deadline_at_ms))
            self._perform(made, 0, events, status, effects, now_ms)
            if status.is_final:
                store.end(made, status, effects.outcome, effects.reason, now_ms)
        return Lease(run.run_id, owner, 1)

    def create_many(self, runs: Sequence[NewChild]) -> None:
        """Creates runs that any worker may take, all or none."""
        store = self._store
        seen: set[str] = set()
        with store.locked() as now_ms:
            for new in runs:
                store.check_new(new.run)
                if new.run.run_id in store.runs or new.run.run_id in seen:
                    raise run_exists(new.run.run_id)
                seen.add(new.run.run_id)
            for new in runs:
                store.create(new, Counters(), RunStatus.SUSPENDED, "", now_ms)

    def append(self, lease: Lease, expected_sequence: int, events: Sequence[Event], counters: Counters,
               status: RunStatus = RunStatus.RUNNING, effects: Effects = NO_EFFECTS) -> int:  # fmt: skip
        """Appends and extends the lease; a status other than RUNNING releases it. Gives the last sequence."""
        with self._store.locked() as now_ms:
            return self._append(lease, expected_sequence, events, counters, status, effects, now_ms)

    def append_many(self, appends: Sequence[Append]) -> list[int | FlowlangError]:
        """Appends of different runs; one that is refused does not hinder the others."""
        results: list[int | FlowlangError] = []
        with self._store.locked() as now_ms:
            for each in appends:
                try:
                    results.append(
                        self._append(
                            each.lease, each.expected_sequence, each.events, each.counters, each.status, each.effects,
                            now_ms,
                        )
                    )  # fmt: skip
                except FlowlangError as error:
                    results.append(error)
        return results

    def repin(self, lease: Lease, expected_sequence: int, manifest: CodeManifest, modules: Mapping[str, str],
              counters: Counters) -> int:  # fmt: skip
        """Moves the run to other code and records that. Gives the last sequence."""
        event = CodeChanged(manifest_digest(manifest))
        with self._store.locked() as now_ms:
            status = RunStatus.RUNNING
            sequence = self._append(lease, expected_sequence, [event], counters, status, NO_EFFECTS, now_ms)
            run = self._store.find(lease.run_id)
            run.row["code"] = event.code
            run.manifest, run.modules = manifest, dict(modules)
            return sequence

    def renew(self, lease: Lease) -> None:
        """Extends the lease."""
        with self._store.locked() as now_ms:
            self._renew(lease, now_ms)

    def renew_many(self, leases: Sequence[Lease]) -> list[Lease]:
        """Extends leases. Gives those that were lost."""
        lost: list[Lease] = []
        with self._store.locked() as now_ms:
            for lease in leases:
                try:
                    self._renew(lease, now_ms)
                except FlowlangError:
                    lost.append(lease)
        return lost

    def release(self, lease: Lease, status: RunStatus) -> None:
        """Gives the lease back and sets the status."""
        with self._store.locked() as now_ms:
            run = self._held(lease, None)
            due_at_ms = due_when_released(status, now_ms, None, run.row["deadline_at_ms"])
            self._store.let_go(run, status, due_at_ms, "", now_ms)

    def claim(self, run_id: str, owner: str) -> Lease:
        """Takes the lease of an unfinished run whose owner is gone."""
        store = self._store
        with store.locked() as now_ms:
            run = store.find(run_id)
            record = run.record
            check_claim(record, now_ms, store.owners.is_alive)
            check_unblocked(record)
            crashes = 0 if record.status is RunStatus.STOPPED else crashes_at_claim(record)
            return self._take(run, owner, crashes, now_ms)

    def claim_due(self, owner: str, *, limit: int, queues: Sequence[str] = (QUEUE_DEFAULT,),
                  suspects: bool = True) -> list[Claim]:  # fmt: skip
        """Claims up to `limit` runs that are due: higher priority first, then by due time."""
        with self._store.locked() as now_ms:
            self._bury_dead(now_ms)
            if suspects and limit > 0 and (suspect := self._claim_suspect(owner, queues, now_ms)) is not None:
                return [suspect]
            claims: list[Claim] = []
            for priority in PRIORITIES:
                while len(claims) < limit and (run := self._due(queues, priority, now_ms, suspects=False)) is not None:
                    lease = self._take(run, owner, 0, now_ms)
                    claims.append(Claim(lease, run.record))
            return claims

    def next_due_at_ms(self, queues: Sequence[str] = (QUEUE_DEFAULT,), *, suspects: bool = True) -> int | None:
        """When the next run becomes due by itself; None when none will."""
        with self._store.locked():
            run = self._store.first_due(queues, PRIORITIES, suspects=suspects)
            return None if run is None else run.row["due_at_ms"]

    def _claim_suspect(self, owner: str, queues: Sequence[str], now_ms: int) -> Claim | None:
        # The first run that is due, if it is a suspect.
        for priority in PRIORITIES:
            while (run := self._due(queues, priority, now_ms, suspects=True)) is not None:
                if not self._is_claimable(run, now_ms):
                    continue
                crashes = crashes_at_claim(run.record)
                if not crashes:
                    return None
                lease = self._take(run, owner, crashes, now_ms)
                return Claim(lease, run.record)
        return None

    def _due(self, queues: Sequence[str], priority: int, now_ms: int, *, suspects: bool) -> MemoryRun | None:
        run = self._store.first_due(queues, (priority,), suspects=suspects)
        return None if run is None or run.row["due_at_ms"] > now_ms else run

    # --------------------------------------------------------------------------------------------------------- inside

    def _held(self, lease: Lease, expected_sequence: int | None) -> MemoryRun:
        run = self._store.find(lease.run_id)
        row = run.row
        fits = row["token"] == lease.token and row["owner"] == lease.owner
        if not fits or (expected_sequence is not None and row["sequence"] != expected_sequence):
            check_append(run.record, lease, expected_sequence)
        return run

    def _renew(self, lease: Lease, now_ms: int) -> None:
        run = self._held(lease, None)
        run.row["lease_expires_at_ms"] = now_ms + self._store.lease_ms
        self._store.set_due(run, now_ms + self._store.lease_ms)

    def _take(self, run: MemoryRun, owner: str, crashes: int, now_ms: int) -> Lease:
        lease = Lease(run.row["run_id"], owner, run.row["token"] + 1)
        run.row.update(crashes=crashes, reason="")
        self._store.hold(run, lease, now_ms)
        return lease

    def _bury_dead(self, now_ms: int) -> None:
        for run_id in self._store.held:
            run = self._store.runs[run_id]
            if run.row["lease_expires_at_ms"] > now_ms and not self._store.owners.is_alive(run.row["owner"]):
                run.row["lease_expires_at_ms"] = now_ms
                self._store.set_due(run, now_ms)

    def _is_claimable(self, run: MemoryRun, now_ms: int) -> bool:
        # Postponed when its owner appended meanwhile, stopped when it killed too many.
        row, store = run.row, self._store
        if run.status is RunStatus.RUNNING and row["lease_expires_at_ms"] > now_ms:
            store.set_due(run, row["lease_expires_at_ms"])
            return False
        crashes = crashes_at_claim(run.record)
        if not is_quarantine_due(crashes):
            return True
        event = quarantine_event(row["run_id"], crashes)
        token = row["token"] + 1
        store.extend(run, [event], run.counters, token, now_ms)
        store.let_go(run, RunStatus.STOPPED, None, "quarantine", now_ms)
        row.update(token=token, crashes=crashes)
        return False

    def _append(self, lease: Lease, expected_sequence: int, events: Sequence[Event], counters: Counters,
                status: RunStatus, effects: Effects, now_ms: int) -> int:  # fmt: skip
        store = self._store
        run = self._held(lease, expected_sequence)
        row = run.row
        if effects is not NO_EFFECTS:
            self._check_effects(run, effects)
        store.extend(run, events, counters, lease.token, now_ms)
        if row["crashes"] and makes_progress(events):
            row["crashes"] = 0
        if status is RunStatus.RUNNING:
            row["lease_expires_at_ms"] = now_ms + store.lease_ms
        else:
            due_at_ms = due_when_released(status, now_ms, effects.wake_at_ms, row["deadline_at_ms"])
            store.let_go(run, status, due_at_ms, effects.reason, now_ms)
        if effects is not NO_EFFECTS:
            self._perform(run, expected_sequence, events, status, effects, now_ms)
        if status is RunStatus.WAITING and any(number > effects.seen for number in run.messages):
            store.set_due(run, now_ms)
        if status.is_final:
            store.end(run, status, effects.outcome, effects.reason, now_ms)
        return int(row["sequence"])

    def _check_effects(self, run: MemoryRun | None, effects: Effects, new: str = "") -> None:
        store = self._store
        check_attributes(effects.attributes)
        for position in effects.expired:
            gate = run.gates.get(position) if run is not None else None
            if gate is not None and gate.decided_by == "signal":
                raise wait_decided(position)
        created: set[str] = set()
        for child in effects.children:
            store.check_new(child.run)
            existing = store.runs.get(child.run.run_id)
            if child.run.run_id in created or (existing and not is_same_call(existing.record, child.run)):
                raise run_exists(child.run.run_id)
            created.add(child.run.run_id)
        created.add(new)
        for gate_wanted in effects.opened:
            check_payload(gate_wanted.payload)
        sent: dict[tuple[str, str, str], bytes] = {}
        for message in effects.sent:
            check_payload(message.payload)
            target = store.runs.get(message.run_id)
            if target is None:
                if message.run_id in created:
                    continue
                raise run_not_found(message.run_id)
            if target.status.is_final:
                raise run_ended(target.record)
            known = target.keys.get((message.channel, message.key)) if message.key else None
            address = (message.run_id, message.channel, message.key)
            if message.key:
                known = sent.setdefault(address, known or message_digest(message))
            if known is not None and known != message_digest(message):
                raise message_conflict(message)

    def _perform(self, run: MemoryRun, first: int, events: Sequence[Event], status: RunStatus, effects: Effects,
                 now_ms: int) -> None:  # fmt: skip
        store, row = self._store, run.row
        for position in effects.expired:
            gate = run.gates.get(position)
            if gate is not None and not gate.decided_by:
                run.gates[position] = attrs.evolve(gate, decided_by="timeout", decided_at_ms=now_ms)
        for child in effects.children:
            self._spawn(child, now_ms)
        for message in effects.sent:
            store.put(store.runs[message.run_id], message, now_ms)
        for number in effects.taken:
            store.take(run, number)
        if not run.messages:
            store.told.pop(row["run_id"], None)
        if effects.closes_gates:
            store.close_gates(run, now_ms)
        if effects.opened:
            sequences = {
                position_text(event.position): sequence
                for sequence, event in enumerate(events, start=first + 1)
                if isinstance(event, GateOpened)
            }
            for gate_wanted in effects.opened:
                store.open_gate(run, gate_wanted, sequences.get(gate_wanted.position, first + 1), now_ms)
        for name, value in effects.attributes.items():
            if value is None:
                run.attributes.pop(name, None)
            else:
                run.attributes[name] = value
        changed = {"state": effects.state, "progress": effects.progress, "chapter_sequence": effects.chapter}
        row.update({name: value for name, value in changed.items() if value is not None})

    def _spawn(self, child: NewChild, now_ms: int) -> None:
        existing = self._store.runs.get(child.run.run_id)
        if existing is None:
            self._store.create(child, Counters(), RunStatus.SUSPENDED, "", now_ms)
        elif existing.status.is_final:
            # The parent was set back to before the call; it has to be told again how the child ended.
            link = parent_of(child.run)
            message = child_message(link.run_id, link.position, child.run.run_id, self._store.outcome_of(existing))
            self._store.put(self._store.runs[link.run_id], message, now_ms)
