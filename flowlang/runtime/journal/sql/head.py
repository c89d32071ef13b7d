"""What the holder of a lease knows of its run, so that appending reads nothing."""

from __future__ import annotations

import attrs

from flowlang.runtime.journal.model import Lease, NewRun
from flowlang.runtime.journal.rules import parent_of
from flowlang.runtime.journal.sql.database import StoredRun


@attrs.define
class Head:
    """Where a run's records end, and what its end will concern. `is_tied`: whether it may have gates or children. Only
    the holder of the lease uses it, and changes it after the append is durable."""

    number: int
    lease: Lease
    sequence: int
    checksum: bytes
    crashes: int
    deadline_at_ms: int | None
    parent: str
    parent_position: str
    queue: str
    partition: str
    is_tied: bool

    @classmethod
    def of_new(cls, number: int, new: NewRun, owner: str, sequence: int, checksum: bytes) -> Head:
        """The head of a run that was just created."""
        placement, parent = new.placement, parent_of(new)
        return cls(
            number,
            Lease(new.run_id, owner, 1),
            sequence,
            checksum,
            0,
            placement.deadline_at_ms,
            parent.run_id,
            parent.position,
            placement.queue,
            placement.partition,
            False,
        )

    @classmethod
    def of_stored(cls, stored: StoredRun, lease: Lease, crashes: int) -> Head:
        """The head of a run under a lease. A run with nothing but its first record has neither gates nor children."""
        record = stored.record
        return cls(
            stored.number,
            lease,
            record.sequence,
            stored.checksum,
            crashes,
            record.deadline_at_ms,
            record.parent,
            record.parent_position,
            record.queue,
            record.partition,
            record.sequence > 1,
        )

    @property
    def is_concerned(self) -> bool:
        """Whether its end concerns others."""
        return self.is_tied or bool(self.parent) or bool(self.partition)
