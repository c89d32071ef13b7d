"""Rules that every store keeps, apart from how it keeps its rows: when a run is due, what a crash is, what the end of
a run tells others, when two messages are the same, how attributes compare."""

from __future__ import annotations

import operator
import secrets
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from flowlang.errors import (
    GateClosed,
    GateNotFound,
    LeaseHeld,
    MessageConflict,
    RunAlreadyExists,
    RunEnded,
    RunError,
    RunNotFound,
    UsageError,
    WaitDecided,
)
from flowlang.lang.values.canonical import encode
from flowlang.lang.values.convert import from_host
from flowlang.lang.values.result import Err, Failure
from flowlang.runtime.journal.event import (
    DELIVERED,
    Event,
    Record,
    RunReset,
    RunStopped,
)
from flowlang.runtime.journal.model import (
    CRASHES_MAX,
    AttributeValue,
    Condition,
    NewMessage,
    NewRun,
    ParentLink,
    Placement,
    RunRecord,
    RunStatus,
)
from flowlang.runtime.journal.text import storable_text

LEASE_MS = 30_000
"""How long a lease lasts from its claim, its last renewal or the last append."""

OWNERS_CHECK_MS = 2_000
"""How often claims ask whether the owners of driven runs still live."""

PRIORITIES = (2, 1, 0)
ATTRIBUTES_MAX = 64
KEY_BYTES = 32
KEYS_KEPT = 10_000
"""Of so many received messages a run knows the keys, at least: of older ones it forgets them."""
ATTRIBUTE_LENGTH_MAX = 1024
INDEXED_BYTES_MAX = 2_500
"""So long the texts of one entry of an index may be together, as they are stored. PostgreSQL takes 2,704 bytes, with
what else is in an entry; the limit is the same for every store, so that runs can move between them."""
_INDEXED_LENGTH_SAFE = INDEXED_BYTES_MAX // 12 - 1
"""Texts of so few characters always fit: stored, a character takes at most 12 bytes."""

UNFINISHED = tuple(status for status in RunStatus if not status.is_final)
FINAL = tuple(status for status in RunStatus if status.is_final)


# ------------------------------------------------------------------------------------------------------- when due


def earliest(*times: int | None) -> int | None:
    """The earliest of the times that are given; None when none is."""
    return min((time for time in times if time is not None), default=None)


def due_when_new(placement: Placement, now_ms: int) -> int:
    """When a run that nobody drives yet is due."""
    start_ms = now_ms if placement.start_at_ms is None else max(now_ms, placement.start_at_ms)
    return start_ms if placement.deadline_at_ms is None else min(start_ms, placement.deadline_at_ms)


def due_when_released(status: RunStatus, now_ms: int, wake_at_ms: int | None, deadline_at_ms: int | None) -> int | None:
    """When a run is due whose owner gives it back, as long as no message comes."""
    if status is RunStatus.SUSPENDED:
        return now_ms
    return earliest(wake_at_ms, deadline_at_ms) if status is RunStatus.WAITING else None


def is_blocked(run: RunRecord) -> bool:
    """Whether the run waits for an older one of its partition."""
    return bool(run.partition) and run.status is RunStatus.SUSPENDED and run.due_at_ms is None


def check_unblocked(run: RunRecord) -> None:
    """Raises LeaseHeld for a run that has to wait for its partition."""
    if is_blocked(run):
        raise LeaseHeld(
            f"run `{run.run_id}` waits for an older one of its partition `{run.partition}`",
            hint="wait until that run has ended, or end it",
        )


def partition_busy(run_id: str, partition: str) -> LeaseHeld:
    return LeaseHeld(
        f"run `{run_id}` cannot be driven before the older ones of its partition `{partition}`",
        hint="leave it to a worker, which drives it when they have ended",
    )


def partition_name(queue: str, partition: str) -> str:
    """A text that is different for every partition of every queue."""
    return f"{len(queue)}:{queue}{partition}"


# -------------------------------------------------------------------------------------------------------- crashes


def makes_progress(events: Sequence[Event]) -> bool:
    """Whether an answer is among the events: then the crashes before count no more."""
    return any(event.__class__ in DELIVERED for event in events)


def crashes_at_claim(run: RunRecord) -> int:
    """The number of crashes in a row when the run is claimed now: one more if somebody still held it."""
    return run.crashes + 1 if run.status is RunStatus.RUNNING else run.crashes


def quarantine_event(run_id: str, crashes: int) -> RunStopped:
    """What is recorded of a run whose owners keep dying."""
    message = f"the process that drove run `{run_id}` died {crashes} times in a row without a result in between"
    failure: dict[str, object] = {"kind": "quarantine", "message": message, "data": None, "trace": []}
    return RunStopped("quarantine", encode(from_host(failure)))


def is_quarantine_due(crashes: int) -> bool:
    """Whether a run with so many crashes in a row is to be stopped."""
    return crashes >= CRASHES_MAX


# ------------------------------------------------------------------------------------------------ the end of a run


def ended_outcome(status: RunStatus, outcome: bytes | None, reason: str) -> bytes:
    """What the parent of a run is told: the outcome, or a failure when the run did not end by itself."""
    if outcome is not None:
        return outcome
    kind = reason or status.value
    return encode(Err(None, Failure(kind, f"the run was {status.value}")))


def child_message(parent: str, position: str, child: str, outcome: bytes) -> NewMessage:
    """Tells a parent that its child at this position ended. The child is named, since a parent that was set back may
    have started another one there."""
    return NewMessage(parent, "child", f"{position} {child}", "", outcome)


def cancel_message(child: str, parent: str) -> NewMessage:
    """Tells a child that its parent ended."""
    payload = from_host({"reason": f"run `{parent}`, which started it, ended", "by": parent})
    return NewMessage(child, "cancel", "", "", encode(payload))


def is_same_call(existing: RunRecord, wanted: NewRun) -> bool:
    """Whether a child that is to be created is the one that exists, from the same call of the same parent."""
    parent = wanted.parent
    return (
        parent is not None
        and (existing.parent, existing.parent_position) == (parent.run_id, parent.position)
        and (existing.flow, existing.arguments_digest) == (wanted.flow, wanted.arguments_digest)
    )


class Termination(NamedTuple):
    """How a run ends that an operator ends."""

    status: RunStatus
    reason: str


def termination(events: Sequence[Event]) -> Termination:
    """What the events of an operator say of the end."""
    reason = next((event.reason for event in reversed(events) if isinstance(event, RunStopped)), "terminated")
    return Termination(RunStatus.CANCELLED if reason == "cancelled" else RunStatus.TERMINATED, reason)


def reset_target(events: Sequence[Event]) -> int | None:
    """The record to which the events set the run back, if they do."""
    return next((event.to for event in events if isinstance(event, RunReset)), None)


def stored_status(status: RunStatus) -> RunStatus:
    """The status of a run that is copied in: nobody drives it."""
    return RunStatus.SUSPENDED if status in (RunStatus.RUNNING, RunStatus.WAITING) else status


def forgets_keys(number: int) -> bool:
    """Whether the run that receives the message `number` forgets old keys now: at one message in 256, which ones
    being as good as random, so that no run can receive only such as forget nothing."""
    return (number * 0x9E3779B1 >> 12) & 0xFF == 0


def token_of(records: Sequence[Record]) -> int:
    """The newest token under which the records were written."""
    return max((record.token for record in records), default=1)


# ------------------------------------------------------------------------------------------- messages and refusals


def message_digest(message: NewMessage) -> bytes:
    """Equal for messages with the same content."""
    name = storable_text(message.name)
    return sha256(b"\0".join((message.channel.encode(), name.encode(), message.payload))).digest()


def run_not_found(run_id: str) -> RunNotFound:
    return RunNotFound(f"no run has the id `{run_id}`", run_id=run_id, hint="list the runs to see their ids")


def run_exists(run_id: str) -> RunAlreadyExists:
    return RunAlreadyExists(f"run `{run_id}` exists already", run_id=run_id, hint="choose another id")


def run_ended(run: RunRecord) -> RunEnded:
    return RunEnded(
        f"run `{run.run_id}` has ended (`{run.status.value}`)",
        run_id=run.run_id,
        hint="its result is final: retry it, reset it, or start a new run under another id",
    )


def message_conflict(message: NewMessage) -> MessageConflict:
    return MessageConflict(
        f"run `{message.run_id}` got another message with the key `{message.key}` before",
        run_id=message.run_id,
        hint="give every message a key of its own",
    )


def wait_decided(position: str) -> WaitDecided:
    return WaitDecided(
        f"the gate at `{position}` was decided before it timed out",
        position=position,
        hint="take the decision from the inbox",
    )


def gate_refusal(message: NewMessage, name: str | None, decided_by: str = "") -> GateNotFound | GateClosed:
    """Why a gate cannot be decided: it is not there (no name), it was decided, or its time is over."""
    if name is None:
        return GateNotFound(
            f"run `{message.run_id}` has no gate at `{message.name}`",
            run_id=message.run_id,
            hint="list the open gates of the run",
        )
    decided_by = decided_by or "timeout"
    why = {
        "signal": "was decided before",
        "timeout": "has expired",
        "closed": "was closed when its run ended or went on without it",
    }
    return GateClosed(
        f"the gate `{name}` of run `{message.run_id}` {why.get(decided_by, 'is closed')}",
        run_id=message.run_id,
        decided_by=decided_by,
        hint="see `runs show` for what the run does now",
    )


def check_not_driven(run: RunRecord, now_ms: int, is_owner_alive: Callable[[str], bool]) -> None:
    """Raises LeaseHeld while a living owner drives the run."""
    if run.owner and now_ms < run.lease_expires_at_ms and is_owner_alive(run.owner):
        raise LeaseHeld(
            f"run `{run.run_id}` is driven by `{run.owner}`",
            owner=run.owner,
            hint="wait until that worker ends or gives the run back",
        )


def check_deletable(run: RunRecord, now_ms: int, is_owner_alive: Callable[[str], bool]) -> None:
    """Raises LeaseHeld or RunError for a run that is not finished or stopped."""
    check_not_driven(run, now_ms, is_owner_alive)
    if not run.status.is_final and run.status is not RunStatus.STOPPED:
        raise RunError(
            f"run `{run.run_id}` has not ended (`{run.status.value}`)",
            run_id=run.run_id,
            hint="terminate it first",
        )


def check_placement(run: NewRun) -> None:
    """Raises UsageError for a placement or attributes that no store takes."""
    if run.placement.priority not in PRIORITIES:
        raise UsageError(f"a priority must be 0, 1 or 2, not {run.placement.priority}", hint="2 goes first")
    _check_indexed("the correlation is", run.correlation)
    _check_indexed("the queue and the partition are", run.placement.queue, run.placement.partition)
    check_attributes(run.attributes)


def _check_indexed(what: str, *texts: str) -> None:
    """Raises UsageError for texts that an index does not take together."""
    if sum(map(len, texts)) <= _INDEXED_LENGTH_SAFE:
        return
    if sum(len(storable_text(text).encode()) for text in texts) > INDEXED_BYTES_MAX:
        raise UsageError(
            f"{what} longer than {INDEXED_BYTES_MAX:,} bytes",
            hint="use a short name, or a digest; what nobody searches by belongs into the arguments",
        )


def parent_of(run: NewRun) -> ParentLink:
    """The run's parent, or one without id."""
    return run.parent or ParentLink("", "", "", "")


def make_key() -> tuple[str, bytes]:
    """A fresh key with its id."""
    return secrets.token_hex(4), secrets.token_bytes(KEY_BYTES)


def unknown_key(key_id: str) -> GateNotFound:
    """The error for a token that names a key which is not there."""
    return GateNotFound(f"no gate was opened with the key `{key_id}`", hint="copy the whole token")


# ----------------------------------------------------------------------------------------------------- attributes


def check_attributes(attributes: Mapping[str, AttributeValue | None]) -> None:
    """Raises UsageError for attributes that cannot be searched."""
    for name, value in attributes.items():
        size = len(value) if isinstance(value, str) else 0
        if not 0 < len(name) <= ATTRIBUTE_LENGTH_MAX or size > ATTRIBUTE_LENGTH_MAX:
            raise UsageError(
                f"the attribute `{name[:60]}` or its value is longer than {ATTRIBUTE_LENGTH_MAX} characters",
                hint="keep long values in the run's result",
            )
        if size:
            _check_indexed(f"the attribute `{name[:60]}` and its value are", name, str(value))
        if isinstance(value, (int, float)) and not abs(value) <= 1e308:
            raise UsageError(
                f"the attribute `{name}` is a number that cannot be searched",
                hint="use a finite number, or a text",
            )
    if len(attributes) > ATTRIBUTES_MAX:
        raise UsageError(f"a run has at most {ATTRIBUTES_MAX} attributes", hint="keep the rest in the run's result")


def kind_of_attribute(value: AttributeValue) -> str:
    """`text`, `bool` or `number`: only values of one kind compare."""
    if isinstance(value, str):
        return "text"
    return "bool" if isinstance(value, bool) else "number"


OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def check_condition(condition: Condition) -> None:
    """Raises UsageError for an unknown operator."""
    if condition.operator not in OPERATORS:
        raise UsageError(
            f"`{condition.operator}` is no operator of a condition",
            hint="use one of " + ", ".join(f"`{known}`" for known in OPERATORS),
        )


def fulfils(value: AttributeValue | None, condition: Condition) -> bool:
    """Whether a value fulfils a condition on it."""
    if value is None or kind_of_attribute(value) != kind_of_attribute(condition.value):
        return False
    return bool(OPERATORS[condition.operator](value, condition.value))
