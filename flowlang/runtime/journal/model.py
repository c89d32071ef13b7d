"""What a journal holds of runs, apart from their records: the values that go into its interface and come out of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TypeAlias

import attrs

from flowlang.lang.statically_frozen import statically_frozen
from flowlang.runtime.journal.event import Event, Record

AttributeValue: TypeAlias = str | int | float | bool


class RunStatus(Enum):
    """`running`: a worker has it, or had it and died. `suspended`: nobody drives it, it can go on at once (new runs,
    too). `waiting`: for a message or a timer; nobody drives it. `stopped`: a budget, a divergence or too many crashes
    stopped it; only somebody who resumes it makes it go on. The others are final."""

    RUNNING = "running"
    SUSPENDED = "suspended"
    WAITING = "waiting"
    STOPPED = "stopped"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TERMINATED = "terminated"

    @property
    def is_final(self) -> bool:
        return self in _FINAL


_FINAL = frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.TERMINATED})

PRIORITY_DEFAULT = 1
QUEUE_DEFAULT = "default"
CRASHES_MAX = 3
"""A run whose owners died this often in a row, without an answer recorded in between, is quarantined."""


@attrs.frozen
class CodeManifest:
    """The code that a run is pinned to: module name -> digest of its text, and what else may change meaning."""

    modules: Mapping[str, str]
    language: str
    python: str
    platform: str
    signatures: Mapping[str, str]
    tzdata: str = ""
    """The edition of the rules of time zones; empty where it was not recorded."""


@attrs.frozen
class Placement:
    """When and where a run is to be driven. `priority`: 2 before 1 before 0. Of the runs of a queue with the same
    `partition` (not empty) only the oldest unfinished one is driven: they go in the order of their creation. Times in
    milliseconds since 1970, UTC: not before `start_at_ms`; ended with the failure `timeout` at `deadline_at_ms`."""

    queue: str = QUEUE_DEFAULT
    priority: int = PRIORITY_DEFAULT
    partition: str = ""
    start_at_ms: int | None = None
    deadline_at_ms: int | None = None


@attrs.frozen
class ParentLink:
    """The run that spawned a run: its id, the position of the call, what happens when the parent ends (`cancel`,
    `abandon`, `wait`), and the id of the run at the top."""

    run_id: str
    position: str
    on_close: str
    root_id: str


@attrs.frozen
class NewRun:
    """What is known of a run before its first append. `modules`: module name -> text. `arguments_digest` tells two
    starts with the same id apart. `entry`: path of the script relative to the project root. `attributes`: searchable
    facts (text, int, float, bool) given with the start; `correlation`: an id of the caller's world."""

    run_id: str
    entry: str
    flow: str
    arguments_digest: str
    manifest: CodeManifest
    modules: Mapping[str, str]
    placement: Placement = Placement()
    parent: ParentLink | None = None
    attributes: Mapping[str, AttributeValue] = attrs.field(factory=dict)
    correlation: str = ""


@statically_frozen
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
    queue: str = QUEUE_DEFAULT
    priority: int = PRIORITY_DEFAULT
    partition: str = ""
    due_at_ms: int | None = None
    """When a worker should look at it (None: not by itself)."""
    deadline_at_ms: int | None = None
    parent: str = ""
    parent_position: str = ""
    on_parent_close: str = ""
    root: str = ""
    correlation: str = ""
    state: str = ""
    """What the run says of itself (`set_status`)."""
    progress: str = ""
    """JSON: done, total, message."""
    reason: str = ""
    """Why it was stopped (`budget`, `divergence`, `quarantine`) or ended early (`cancelled`, `terminated`,
    `deadline`)."""
    crashes: int = 0
    """How often in a row an owner died without an answer recorded in between."""
    chapter_sequence: int = 1
    """The record at which a replay begins (`RunStarted`, or the last `ChapterStarted`)."""
    number: int = 0
    """Grows from run to run in the order of their creation; `find` pages by it."""


@attrs.frozen
class Lease:
    """The right to append to one run until it expires or is taken over."""

    run_id: str
    owner: str
    token: int


@statically_frozen
class Counters:
    """The run's totals as of an append: steps and live bytes of the evaluation, and completed actions."""

    steps: int = 0
    memory: int = 0
    actions_completed: int = 0


@attrs.frozen
class NewMessage:
    """Something for the inbox of a run. `channel`: `signal` (a named message for `receive`), `gate` (a decision; `name`
    is the gate's position as text), `cancel`, `child` (a child run ended; `name` is the position of the call as text, a
    blank and the child's id). `key`: the sender's id of it; a second message with a key that the run knows is a
    duplicate and changes nothing (empty: never a duplicate); channels do not share keys. `payload`: canonical bytes."""

    run_id: str
    channel: str
    name: str
    key: str
    payload: bytes


@attrs.frozen
class Message:
    """A message in an inbox, not yet taken. `number` grows; messages of a run are taken in its order."""

    number: int
    channel: str
    name: str
    key: str
    payload: bytes
    created_at_ms: int


@attrs.frozen
class NewWait:
    """A gate that the owner opens: `position` as text. It is undecided until somebody, or its expiry, decides it."""

    position: str
    name: str
    expires_at_ms: int | None
    payload: bytes


@attrs.frozen
class WaitRecord:
    """A gate as stored. `decided_by`: empty while it is open; else `signal`, `timeout` or `closed` (the run ended)."""

    run_id: str
    position: str
    name: str
    expires_at_ms: int | None
    payload: bytes
    created_at_ms: int
    decided_by: str
    decided_at_ms: int | None


@attrs.frozen
class NewChild:
    """A child run created by its parent's append: it begins suspended and due, with these events."""

    run: NewRun
    events: Sequence[Event]


@attrs.frozen
class Effects:
    """What an append changes beside the records, in the same transaction.

    `wake_at_ms`: with the status WAITING, when the run is due again (None: when a message comes). It is due at once
    when its inbox holds a message that `taken` does not name and that came in since `seen`.
    `seen`: the number of the newest message that the owner has looked at and found nobody waiting for.
    `taken`: numbers of inbox messages that these events record; they leave the inbox, their keys stay known.
    `opened`: gates; one replaces what a former chapter or a reset left at its position. `expired`: positions of gates
    that these events record as timed out; if one was decided by somebody else, the append raises WaitDecided and
    nothing is written.
    `children`: runs to create; RunAlreadyExists (naming the id) when one is taken by other than the same call.
    `sent`: messages for other runs; RunNotFound or RunEnded (naming the id) when one cannot be delivered.
    `state`, `progress`: new texts, None to leave them. `attributes`: merged; None as a value removes.
    `chapter`: the sequence of a `ChapterStarted` among these events, which becomes the run's `chapter_sequence`.
    `closes_gates`: open gates are closed, as when the run ends (those in `opened` are not).
    `reason`: with a status that stops or ends the run.

    With a final status the store itself closes open gates, tells the parent (a `child` message whose payload is
    `outcome`, a Result in canonical bytes) and sends `cancel` to the children that are to end with it."""

    wake_at_ms: int | None = None
    seen: int = 0
    taken: Sequence[int] = ()
    opened: Sequence[NewWait] = ()
    expired: Sequence[str] = ()
    children: Sequence[NewChild] = ()
    sent: Sequence[NewMessage] = ()
    state: str | None = None
    progress: str | None = None
    attributes: Mapping[str, AttributeValue | None] = attrs.field(factory=dict)
    chapter: int | None = None
    closes_gates: bool = False
    reason: str = ""
    outcome: bytes | None = None


NO_EFFECTS = Effects()


@statically_frozen
class Append:
    """One append of one run, for `append_many`."""

    lease: Lease
    expected_sequence: int
    events: Sequence[Event]
    counters: Counters
    status: RunStatus
    effects: Effects = NO_EFFECTS


@attrs.frozen
class Claim:
    """A run that was claimed: its lease and its row as of the claim."""

    lease: Lease
    run: RunRecord


SEARCHABLE_COLUMNS = (
    "entry",
    "flow",
    "queue",
    "priority",
    "partition",
    "correlation",
    "parent",
    "state",
    "reason",
    "sequence",
    "actions_completed",
    "crashes",
    "created_at_ms",
    "updated_at_ms",
    "due_at_ms",
    "deadline_at_ms",
)
"""Columns that conditions may name; they win over attributes of the same name."""


@attrs.frozen
class RunFilter:
    """Which runs; everything given must hold. `ids`: exactly these. `root`: the run and all below it. `where`:
    conditions on attributes, and on columns of the run's row under the names of `SEARCHABLE_COLUMNS`."""

    status: Sequence[RunStatus] = ()
    prefix: str = ""
    entry: str | None = None
    flow: str | None = None
    queue: str | None = None
    parent: str | None = None
    root: str | None = None
    correlation: str | None = None
    created_after_ms: int | None = None
    created_before_ms: int | None = None
    ids: Sequence[str] = ()
    where: Sequence[Condition] = ()


@attrs.frozen
class Loaded:
    """All that a worker needs to go on with a run that it claimed: the records since the beginning of the chapter, the
    attributes, and what lies in the inbox."""

    records: Sequence[Record]
    attributes: Mapping[str, AttributeValue]
    messages: Sequence[Message]


@attrs.frozen
class Condition:
    """A condition on an attribute: `operator` is one of `=`, `!=`, `<`, `<=`, `>`, `>=`. A missing attribute fulfils
    none, nor does one of another type (numbers are one type)."""

    attribute: str
    operator: str
    value: AttributeValue
