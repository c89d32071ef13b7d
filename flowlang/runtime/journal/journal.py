"""The journal's interface: what every store must do, and the rules that all of them keep.

- Only the holder of a run's lease appends, and every append proves it: the fencing token and the expected last
  sequence are checked in the same transaction that writes. A stale holder gets `LeaseLost` and nothing is written.
- An append is atomic and durable when it returns. Sequences are contiguous from 1. Records are never changed.
- Each record extends a checksum chain over everything before it; reading checks the chain (`JournalCorrupt`).
- Ids are chosen by the caller. Creating an existing id raises `RunAlreadyExists` and changes nothing.
- A claim takes the lease of a run whose owner is gone: released, expired, or known to be dead. It adds one to the
  token. A run of a living owner gives `LeaseHeld`.
- What others want of a run goes into its inbox; only the owner reads it. A message is taken in the same transaction
  that records it, and is there exactly until then. A gate is decided by one conditional update of its row.
- A run is *due* when a worker should look at it: at once when it is new, suspended or has a message, at its next timer
  when it waits, when its lease expires while it is driven. Whatever makes a run due wakes the workers that listen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from flowlang.errors import FlowlangError
from flowlang.runtime.journal.event import Event, Record
from flowlang.runtime.journal.home import Home
from flowlang.runtime.journal.joining import JoinedAppend
from flowlang.runtime.journal.model import (
    CRASHES_MAX,
    NO_EFFECTS,
    PRIORITY_DEFAULT,
    QUEUE_DEFAULT,
    Append,
    AttributeValue,
    Claim,
    CodeManifest,
    Condition,
    Counters,
    Effects,
    Lease,
    Loaded,
    Message,
    NewChild,
    NewMessage,
    NewRun,
    NewWait,
    ParentLink,
    Placement,
    RunFilter,
    RunRecord,
    RunStatus,
    WaitRecord,
)

__all__ = [
    "CRASHES_MAX",
    "NO_EFFECTS",
    "PRIORITY_DEFAULT",
    "QUEUE_DEFAULT",
    "Append",
    "AttributeValue",
    "Claim",
    "CodeManifest",
    "Condition",
    "Counters",
    "Effects",
    "Journal",
    "Lease",
    "Loaded",
    "Message",
    "NewChild",
    "NewMessage",
    "NewRun",
    "NewWait",
    "ParentLink",
    "Placement",
    "RunFilter",
    "RunRecord",
    "RunStatus",
    "WaitRecord",
    "Wakeup",
]


class Wakeup(Protocol):
    """Tells a waiting worker that something became due. May tell too often, never too late by more than its poll."""

    def wait(self, timeout_s: float) -> bool:
        """Waits until told or until the time is over. Whether it was told."""
        ...

    def poke(self) -> None:
        """Ends a wait, from any thread or signal handler."""
        ...

    def close(self) -> None: ...


class Journal(Protocol):
    """A store of runs. Every method may raise `JournalUnavailable` (disk full, read-only, locked, gone). `lease_ms`:
    how long a lease lasts that is not extended. `home`: the database that it is stored in, None when that is none."""

    lease_ms: int
    home: Home | None

    def create(self, run: NewRun, owner: str, events: Sequence[Event], counters: Counters, status: RunStatus,
               effects: Effects = NO_EFFECTS) -> Lease:  # fmt: skip
        """Creates the run with its first events and its code, all in one transaction; the owner gets the lease
        (token 1). With a status other than RUNNING the lease is released at once: SUSPENDED leaves a new run to any
        worker, due at `placement.start_at_ms`. An `owner` may be empty then."""
        ...

    def create_many(self, runs: Sequence[NewChild]) -> None:
        """Creates runs as `create` does with SUSPENDED, all or none, in one transaction."""
        ...

    def claim(self, run_id: str, owner: str) -> Lease:
        """Takes the lease of an unfinished run. Raises RunNotFound, LeaseHeld, and RunError when the run ended."""
        ...

    def append(self, lease: Lease, expected_sequence: int, events: Sequence[Event], counters: Counters,
               status: RunStatus = RunStatus.RUNNING, effects: Effects = NO_EFFECTS) -> int:  # fmt: skip
        """Appends and extends the lease; a status other than RUNNING releases it. Gives the last sequence. Without
        events and effects it is `renew` or `release`. Raises LeaseLost when the token is stale or the sequence is not
        the expected one, PayloadTooLarge, and what `Effects` names."""
        ...

    def append_many(self, appends: Sequence[Append]) -> list[int | FlowlangError]:
        """Appends of different runs in one transaction. Each gives its last sequence or the error that `append` would
        raise; one that is refused does not keep the others from being written."""
        ...

    def join(self, lease: Lease, expected_sequence: int, event: Event, counters: Counters) -> JoinedAppend:
        """An append of one record that is made in a transaction of somebody else's, on a connection to `home`. Raises
        PayloadTooLarge."""
        ...

    def claim_due(self, owner: str, *, limit: int, queues: Sequence[str] = (QUEUE_DEFAULT,),
                  suspects: bool = True) -> list[Claim]:  # fmt: skip
        """Claims up to `limit` runs that are due: higher priority first, then by due time. A run whose owner died for
        the CRASHES_MAX-th time in a row is stopped (`quarantine`) instead; the count is durable before it is given
        out. Not the younger runs of a partition. No two workers ever get the same run.

        A run whose owner died, without an answer since, is a *suspect*: it may have been the one that killed it. When
        the first that is due is one, it is claimed alone; the others wait for the next call. Without `suspects` they
        are left to somebody who has nothing to lose."""
        ...

    def next_due_at_ms(self, queues: Sequence[str] = (QUEUE_DEFAULT,), *, suspects: bool = True) -> int | None:
        """When the next run becomes due by itself; None when none will. Without `suspects`, neither these nor runs that
        are driven now count."""
        ...

    def load_many(self, claims: Sequence[Claim]) -> list[Loaded | FlowlangError]:
        """What is needed to drive runs that were just claimed here, read with a few statements for all of them, or what
        `read` raises."""
        ...

    def renew_many(self, leases: Sequence[Lease]) -> list[Lease]:
        """Extends leases in one statement. Gives those that were lost."""
        ...

    def open_messages(self, run_id: str, after: int = 0) -> list[Message]:
        """The messages in the inbox, oldest first."""
        ...

    def runs_with_messages(self, owner: str) -> list[str]:
        """Which runs that the owner drives have messages. One statement, for workers that were told."""
        ...

    def post(self, message: NewMessage) -> bool:
        """Puts a message into the inbox of a run and makes the run due. False: a duplicate, nothing changed. A stopped
        run keeps the message until it is resumed. Raises RunNotFound, RunEnded, and MessageConflict for a duplicate
        whose content differs from the first."""
        ...

    def decide(self, message: NewMessage) -> None:
        """Decides the gate that `message` (channel `gate`) is for: one conditional update of its row, and the message.
        Raises GateNotFound, GateClosed (saying by what it was decided, or that it expired), RunNotFound."""
        ...

    def waits(self, *, run_id: str | None = None, only_open: bool = True, limit: int = 100) -> list[WaitRecord]:
        """Gates, by expiry."""
        ...

    def reopen(self, run_id: str, *, events: Sequence[Event], chapter: int | None = None,
               messages: Sequence[NewMessage] = ()) -> int:  # fmt: skip
        """For operators: appends to a run that nobody drives, whatever its status, and makes it SUSPENDED and due, with
        `crashes` 0. Adds one to the token. Clears what a reset undoes: open gates after it. Puts `messages` into its
        inbox in the same transaction. Raises LeaseHeld. Without events only the status changes (what `runs retry` does
        to a stopped run)."""
        ...

    def terminate(self, run_id: str, events: Sequence[Event]) -> None:
        """For operators: ends a run with these events, fencing off whoever drives it (adds one to the token). Raises
        RunEnded."""
        ...

    def children(self, run_id: str) -> list[RunRecord]:
        """The runs that it spawned, oldest first."""
        ...

    def attributes(self, run_id: str) -> dict[str, AttributeValue]: ...

    def count(self, which: RunFilter) -> dict[RunStatus, int]: ...

    def find(self, which: RunFilter, *, limit: int = 100, before: int | None = None) -> list[RunRecord]:
        """The newest first; `before`: only runs created before the run of this number (for paging)."""
        ...

    def stuck(self, older_than_ms: int = 0, limit: int = 100) -> list[RunRecord]:
        """Runs whose lease ended at least so long ago, the longest first."""
        ...

    def unreadable(self, limit: int = 100) -> list[str]:
        """Runs whose rows are not what was written, by id, oldest first; what lists runs leaves them out."""
        ...

    def delete(self, run_id: str) -> None:
        """Removes a finished or stopped run with everything that only it refers to. Raises LeaseHeld, and RunError
        when it is not finished."""
        ...

    def prune(self, *, finished_before_ms: int, status: Sequence[RunStatus] = (), limit: int = 1000) -> int:
        """Deletes finished runs that were last changed before that moment, at most `limit`; gives how many. Does not
        touch what unfinished runs refer to."""
        ...

    def copy_in(self, run: NewRun, records: Sequence[Record], counters: Counters, status: RunStatus,
                created_at_ms: int, *, waits: Sequence[NewWait] = (),
                messages: Sequence[NewMessage] = ()) -> None:  # fmt: skip
        """Creates a run from records of elsewhere (import, fork), chained anew; their times and tokens stay. `waits`:
        its open gates; `messages`: what lies in its inbox. Unfinished runs become due, with the status SUSPENDED unless
        it is STOPPED."""
        ...

    def key(self, key_id: str | None = None) -> tuple[str, bytes]:
        """A key for gate tokens, with its id: the newest (made and stored at first use), or that of the id. Raises
        GateNotFound for an unknown id."""
        ...

    def rotate_key(self) -> str:
        """Makes a new newest key; older ones stay valid for the gates that they were used for. Gives its id."""
        ...

    def listen(self, owner: str) -> Wakeup:
        """Lets this process be told when a run may have become due or got a message. Committed posts, creations,
        releases and reopenings tell every listener, in whatever process it is."""
        ...

    def statistics(self) -> dict[str, int]:
        """Numbers about the store: runs by status (`runs.waiting`), `events`, `blobs`, `bytes`, `messages`, `gates`,
        `due`."""
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

    def read_many(self, run_ids: Sequence[str], *,
                  from_chapter: bool = False) -> dict[str, list[Record] | FlowlangError]:  # fmt: skip
        """The records of many runs with few statements, or what `read` raises. `from_chapter`: only those since the
        beginning of the chapter that a replay needs."""
        ...

    def run(self, run_id: str) -> RunRecord:
        """Raises RunNotFound."""
        ...

    def runs(self, *, status: RunStatus | None = None, prefix: str = "", entry: str | None = None,
             limit: int = 100) -> list[RunRecord]:  # fmt: skip
        """The newest runs first; `prefix` is matched against ids literally."""
        ...

    def manifest(self, run_id: str) -> CodeManifest: ...

    def manifests(self, run_ids: Sequence[str]) -> dict[str, CodeManifest]:
        """The manifests of those runs that exist; runs with the same code share one."""
        ...

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
