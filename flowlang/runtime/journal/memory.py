"""A journal in memory, for tests and for runs that need not survive their process.

It keeps the same rows as the SQL journal and goes through the same codec, chain and rules, so that what works here
works there. Its owners live until they are dropped.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

import attrs

from flowlang.errors import JournalUnavailable, RunAlreadyExists, RunNotFound
from flowlang.runtime.clock import Clock
from flowlang.runtime.journal.chain import (
    EventRow,
    Origin,
    check_end,
    first_checksum,
    new_origin,
    open_rows,
    seal,
)
from flowlang.runtime.journal.codec import Blob, check_run_id, manifest_digest
from flowlang.runtime.journal.event import CodeChanged, Event, Record
from flowlang.runtime.journal.journal import CodeManifest, Counters, Lease, NewRun, RunRecord, RunStatus
from flowlang.runtime.journal.owner import LocalOwners, check_append, check_claim

LEASE_MS = 30_000


@attrs.define
class _Run:
    record: RunRecord
    checksum: bytes
    origin: Origin
    manifest: CodeManifest
    modules: dict[str, str]
    rows: list[EventRow]


class MemoryJournal:
    """A journal that ends with its process. Threads may share it."""

    def __init__(self, clock: Clock, *, lease_ms: int = LEASE_MS) -> None:
        self._clock = clock
        self._lease_ms = lease_ms
        self._owners = LocalOwners()
        self._runs: dict[str, _Run] = {}
        self._blobs: dict[bytes, Blob] = {}
        self._lock = threading.Lock()
        self._is_closed = False

    # ------------------------------------------------------------------------------------------------- writing

    def create(self, run: NewRun, owner: str, events: Sequence[Event], counters: Counters, status: RunStatus) -> Lease:
        """Creates the run with its first events and its code."""
        check_run_id(run.run_id)
        now_ms = self._clock.now_ms()
        origin = new_origin(run, events, now_ms)
        sealed = seal(first_checksum(origin), 0, now_ms, 1, events, counters)
        lease = Lease(run.run_id, owner, 1)
        is_kept = status is RunStatus.RUNNING
        record = RunRecord(
            run_id=run.run_id,
            entry=run.entry,
            flow=run.flow,
            arguments_digest=run.arguments_digest,
            code=manifest_digest(run.manifest),
            status=status,
            created_at_ms=now_ms,
            updated_at_ms=now_ms,
            sequence=len(sealed.rows),
            owner=owner if is_kept else "",
            token=1,
            lease_expires_at_ms=now_ms + self._lease_ms if is_kept else 0,
            actions_completed=counters.actions_completed,
            steps=counters.steps,
            memory=counters.memory,
        )
        with self._lock:
            self._check_open()
            if run.run_id in self._runs:
                raise RunAlreadyExists(
                    f"run `{run.run_id}` exists already", run_id=run.run_id, hint="choose another id"
                )
            self._blobs.update((blob.digest, blob) for blob in sealed.blobs)
            self._runs[run.run_id] = _Run(
                record, sealed.checksum, origin, run.manifest, dict(run.modules), list(sealed.rows)
            )
        return lease

    def claim(self, run_id: str, owner: str) -> Lease:
        """Takes the lease of an unfinished run whose owner is gone."""
        with self._lock:
            run = self._find(run_id)
            now_ms = self._clock.now_ms()
            check_claim(run.record, now_ms, self._owners.is_alive)
            lease = Lease(run_id, owner, run.record.token + 1)
            run.record = attrs.evolve(
                run.record,
                updated_at_ms=now_ms,
                status=RunStatus.RUNNING,
                owner=owner,
                token=lease.token,
                lease_expires_at_ms=now_ms + self._lease_ms,
            )
        return lease

    def append(
        self,
        lease: Lease,
        expected_sequence: int,
        events: Sequence[Event],
        counters: Counters,
        status: RunStatus = RunStatus.RUNNING,
    ) -> int:
        """Appends and extends the lease; a status other than RUNNING releases it. Gives the last sequence."""
        if not events:
            # Counters belong to records, so without a record they stay.
            self.renew(lease) if status is RunStatus.RUNNING else self.release(lease, status)
            return expected_sequence
        with self._lock:
            return self._append(lease, expected_sequence, events, counters, status).record.sequence

    def repin(
        self,
        lease: Lease,
        expected_sequence: int,
        manifest: CodeManifest,
        modules: Mapping[str, str],
        counters: Counters,
    ) -> int:
        """Moves the run to other code and records that. Gives the last sequence."""
        event = CodeChanged(manifest_digest(manifest))
        with self._lock:
            run = self._append(lease, expected_sequence, [event], counters, RunStatus.RUNNING)
            run.record = attrs.evolve(run.record, code=event.code)
            run.manifest, run.modules = manifest, dict(modules)
            return run.record.sequence

    def _append(
        self, lease: Lease, expected_sequence: int, events: Sequence[Event], counters: Counters, status: RunStatus
    ) -> _Run:
        run = self._find(lease.run_id)
        check_append(run.record, lease, expected_sequence)
        now_ms = self._clock.now_ms()
        sealed = seal(run.checksum, expected_sequence, now_ms, lease.token, events, counters)
        is_kept = status is RunStatus.RUNNING
        run.record = attrs.evolve(
            run.record,
            updated_at_ms=now_ms,
            status=status,
            owner=lease.owner if is_kept else "",
            lease_expires_at_ms=now_ms + self._lease_ms if is_kept else 0,
            sequence=expected_sequence + len(sealed.rows),
            steps=counters.steps,
            memory=counters.memory,
            actions_completed=counters.actions_completed,
        )
        run.checksum = sealed.checksum
        run.rows.extend(sealed.rows)
        self._blobs.update((blob.digest, blob) for blob in sealed.blobs)
        return run

    def renew(self, lease: Lease) -> None:
        """Extends the lease."""
        with self._lock:
            run = self._find(lease.run_id)
            check_append(run.record, lease, None)
            run.record = attrs.evolve(run.record, lease_expires_at_ms=self._clock.now_ms() + self._lease_ms)

    def release(self, lease: Lease, status: RunStatus) -> None:
        """Gives the lease back and sets the status."""
        with self._lock:
            run = self._find(lease.run_id)
            check_append(run.record, lease, None)
            run.record = attrs.evolve(
                run.record, updated_at_ms=self._clock.now_ms(), status=status, owner="", lease_expires_at_ms=0
            )

    # ------------------------------------------------------------------------------------------------- reading

    def read(self, run_id: str, after: int = 0) -> list[Record]:
        """The records after sequence `after`, in order, checked."""
        with self._lock:
            run = self._find(run_id)
            record, checksum, rows = run.record, run.checksum, run.rows[after:]
            previous = run.rows[after - 1].checksum if 0 < after <= len(run.rows) else first_checksum(run.origin)
        if after > record.sequence:
            return []
        return check_end(record, checksum, after, rows, open_rows(run_id, previous, after, rows, self._blobs))

    def run(self, run_id: str) -> RunRecord:
        """The run's row."""
        with self._lock:
            return self._find(run_id).record

    def runs(
        self, *, status: RunStatus | None = None, prefix: str = "", entry: str | None = None, limit: int = 100
    ) -> list[RunRecord]:
        """The newest runs first."""
        with self._lock:
            self._check_open()
            records = [run.record for run in reversed(self._runs.values())]
        chosen = (
            record
            for record in records
            if record.run_id.startswith(prefix)
            and (status is None or record.status is status)
            and (entry is None or record.entry == entry)
        )
        return [record for record, _ in zip(chosen, range(limit), strict=False)]

    def manifest(self, run_id: str) -> CodeManifest:
        """The code that the run is pinned to."""
        with self._lock:
            return self._find(run_id).manifest

    def modules(self, run_id: str) -> dict[str, str]:
        """The texts of the run's pinned modules, by module name."""
        with self._lock:
            return dict(self._find(run_id).modules)

    # ---------------------------------------------------------------------------------------- owners and the end

    def new_owner(self) -> str:
        """Makes an owner that lives until it is dropped or the journal closed."""
        return self._owners.new()

    def drop_owner(self, owner: str) -> None:
        """Ends an owner: whatever it holds may be claimed at once."""
        self._owners.drop(owner)

    def is_owner_alive(self, owner: str) -> bool:
        """Whether the owner was made here and not dropped since."""
        return self._owners.is_alive(owner)

    def close(self) -> None:
        """Drops all owners and runs."""
        with self._lock:
            self._is_closed = True
            self._owners.close()
            self._runs.clear()

    def _find(self, run_id: str) -> _Run:
        self._check_open()
        run = self._runs.get(run_id)
        if run is None:
            raise RunNotFound(f"no run has the id `{run_id}`", run_id=run_id, hint="list the runs to see their ids")
        return run

    def _check_open(self) -> None:
        if self._is_closed:
            raise JournalUnavailable("the journal is closed", hint="open it again")
