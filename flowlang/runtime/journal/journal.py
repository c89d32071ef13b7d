"""The journal's interface: what every store must do, and the rules that all of them keep.

- Only the holder of a run's lease appends, and every append proves it: the fencing token and the expected last
  sequence are checked in the same transaction that writes. A stale holder gets `LeaseLost` and nothing is written.
- An append is atomic and durable when it returns. Sequences are contiguous from 1. Records are never changed.
- Each record extends a checksum chain over everything before it; reading checks the chain (`JournalCorrupt`).
- Ids are chosen by the caller. Creating an existing id raises `RunAlreadyExists` and changes nothing.
- A claim takes the lease of a run whose owner is gone: released, expired, or known to be dead. It adds one to the
  token. A run of a living owner gives `LeaseHeld`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Protocol

import attrs

from flowlang.runtime.journal.event import Event, Record


class RunStatus(Enum):
    """`running`: a worker has it, or had it and died. `suspended`: stopped cleanly, waits for a worker.
    `stopped`: a budget or a divergence stopped it; may be resumed. The others are final."""

    RUNNING = "running"
    SUSPENDED = "suspended"
    STOPPED = "stopped"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED)


@attrs.frozen
class CodeManifest:
    """The code that a run is pinned to: module name -> digest of its text, and what else may change meaning."""

    modules: Mapping[str, str]
    language: str
    python: str
    platform: str
    signatures: Mapping[str, str]


@attrs.frozen
class NewRun:
    """What is known of a run before its first append. `modules`: module name -> text. `arguments_digest` tells two
    starts with the same id apart. `entry`: path of the script relative to the project root."""

    run_id: str
    entry: str
    flow: str
    arguments_digest: str
    manifest: CodeManifest
    modules: Mapping[str, str]


@attrs.frozen
class RunRecord:
    """The run's row. Times in milliseconds since 1970, UTC. `owner` is empty when nobody holds the lease."""

    run_id: str
    entry: str
    flow: str
    arguments_digest: str
    code: str
    status: RunStatus
    created_at_ms: int
    updated_at_ms: int
    sequence: int
    owner: str
    token: int
    lease_expires_at_ms: int
    actions_completed: int
    steps: int
    memory: int


@attrs.frozen
class Lease:
    """The right to append to one run until it expires or is taken over."""

    run_id: str
    owner: str
    token: int


@attrs.frozen
class Counters:
    """The run's totals as of an append: steps and live bytes of the evaluation, and completed actions."""

    steps: int = 0
    memory: int = 0
    actions_completed: int = 0


class Journal(Protocol):
    """A store of runs. Every method may raise `JournalUnavailable` (disk full, read-only, locked, gone)."""

    def create(self, run: NewRun, owner: str, events: Sequence[Event], counters: Counters, status: RunStatus) -> Lease:
        """Creates the run with its first events and its code, all in one transaction; the owner gets the lease
        (token 1). With a final status the lease is released at once."""
        ...

    def claim(self, run_id: str, owner: str) -> Lease:
        """Takes the lease of an unfinished run. Raises RunNotFound, LeaseHeld, and RunError when the run ended."""
        ...

    def append(self, lease: Lease, expected_sequence: int, events: Sequence[Event], counters: Counters,
               status: RunStatus = RunStatus.RUNNING) -> int:  # fmt: skip
        """Appends and extends the lease; a status other than RUNNING releases it. Gives the last sequence. Without
        events it is `renew` or `release`. Raises LeaseLost when the token is stale or the sequence is not the
        expected one, and PayloadTooLarge."""
        ...

    def renew(self, lease: Lease) -> None:
        """Extends the lease. Raises LeaseLost."""
        ...

    def release(self, lease: Lease, status: RunStatus) -> None:
        """Gives the lease back and sets the status. Raises LeaseLost."""
        ...

    def read(self, run_id: str, after: int = 0) -> list[Record]:
        """The records after sequence `after`, in order, checked. Raises RunNotFound, JournalCorrupt."""
        ...

    def run(self, run_id: str) -> RunRecord:
        """Raises RunNotFound."""
        ...

    def runs(self, *, status: RunStatus | None = None, prefix: str = "", entry: str | None = None,
             limit: int = 100) -> list[RunRecord]:  # fmt: skip
        """The newest runs first; `prefix` is matched against ids literally."""
        ...

    def manifest(self, run_id: str) -> CodeManifest: ...

    def modules(self, run_id: str) -> dict[str, str]:
        """The texts of the run's pinned modules, by module name."""
        ...

    def new_owner(self) -> str:
        """A fresh owner id that counts as alive until `drop_owner`, `close` or the end of the process."""
        ...

    def drop_owner(self, owner: str) -> None:
        """Declares an owner made by this journal dead: whatever it holds may be claimed at once."""
        ...

    def repin(self, lease: Lease, expected_sequence: int, manifest: CodeManifest, modules: Mapping[str, str],
              counters: Counters) -> int:  # fmt: skip
        """Moves the run to other code: stores it and appends `CodeChanged`. From then on `manifest` and `modules` give
        the new code. Gives the last sequence. Raises LeaseLost."""
        ...

    def is_owner_alive(self, owner: str) -> bool:
        """Whether the process that made this owner id is known to be alive, or not known to be dead."""
        ...

    def close(self) -> None: ...
