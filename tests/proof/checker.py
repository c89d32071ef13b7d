"""The checker: what must hold after every experiment, whatever was done to the workers, the store and the clock.

It judges from outside. What actions did it takes from the ledger, what was promised from what clients were told
(`Told`), who held which lease from `Grant`s that the experiment saw; only then it compares with the journal. Each
violation begins with the invariant that it breaks:

    I1   what was acknowledged is there: starts, signals, decisions, cancellations, results
    I2   a journal is contiguous, intact, and what was read once stays as it was
    I3   one recorded answer per command
    I4   an action whose result is recorded never starts again
    I5   no record is written under a lease older than the newest one granted
    I6   attempts of a call have one key, and are no more than crashes and retries explain
    I7   result, lines and journal are those of an undisturbed run
    I8   after the last fault every run ends, waits for something, or was stopped with a reason
    I9   an end stays the end; a run waits for what its journal says
    I10  no timer fires early
    I12  nothing but a flowlang error ever reaches a caller
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import attrs

from flowlang.errors import FlowlangError, RunNotFound
from flowlang.runtime.journal.canonical_form import canonical_form
from flowlang.runtime.journal.event import (
    ActionCompleted,
    ActionFailed,
    AttemptFailed,
    CancelRequested,
    ChapterStarted,
    ChildEnded,
    ChildStarted,
    CommandWithdrawn,
    GateOpened,
    MessageReceived,
    ReceiveStarted,
    ReceiveTimedOut,
    Record,
    RunCompleted,
    RunReset,
    RunStopped,
    TimerFired,
    TimerStarted,
    position_text,
)
from flowlang.runtime.journal.journal import Journal, RunRecord, RunStatus
from flowlang.testing.faults import Fact
from flowlang.testing.ledger import LedgerEntry, violations

ANSWERS = (ActionCompleted, ActionFailed, TimerFired, MessageReceived, ReceiveTimedOut, ChildEnded)
OPENING = (TimerStarted, ReceiveStarted, ChildStarted)


@attrs.frozen
class Told:
    """What a client was told. `what`: a start, a signal or a cancellation of `run_id`; `key`: of a signal. `outcome`:
    `ok`, `failed`, or `unknown` when the answer was lost."""

    what: Literal["start", "signal", "cancel"]
    run_id: str
    outcome: Literal["ok", "failed", "unknown"]
    key: str = ""


@attrs.define
class Evidence:
    """What is known of an experiment from outside. `history`: facts and ledger entries in one order, where the
    experiment could tell. `crashes`: how often a run may have lost its worker, at most. `retries`: attempts that its
    policies allow beyond the first. `is_clock_honest`: nobody set the clock back."""

    told: Sequence[Told] = ()
    ledger: Sequence[LedgerEntry] = ()
    history: Sequence[Fact | LedgerEntry] = ()
    crashes: int = 0
    retries: int = 0
    is_clock_honest: bool = True
    is_over: bool = True
    earlier: Mapping[str, Sequence[Record]] = attrs.field(factory=dict)


def check(journal: Journal, runs: Iterable[str], evidence: Evidence) -> list[str]:
    """The violations of these runs, in words."""
    found: list[str] = []
    for run_id in runs:
        try:
            record, records = journal.run(run_id), journal.read(run_id)
        except RunNotFound:
            if any(told.run_id == run_id and told.outcome == "ok" for told in evidence.told):
                found.append(f"I1: run {run_id} was acknowledged and is not there")
            continue
        except FlowlangError as problem:
            found.append(f"I2: run {run_id} cannot be read: {problem}")
            continue
        found += _journal_violations(record, records, evidence)
        found += _promise_violations(journal, record, records, evidence)
        found += _time_violations(records, evidence)
        if evidence.is_over:
            found += _end_violations(record, records)
    found += [f"I6: {each}" for each in violations(evidence.ledger, evidence.crashes, evidence.retries)]
    return found + history_violations(evidence.history)


def standing(records: Sequence[Record]) -> list[Record]:
    """The records that no reset undid."""
    kept: list[Record] = []
    for record in records:
        if isinstance(record.event, RunReset):
            to = record.event.to
            kept = [each for each in kept if each.sequence <= to]
        kept.append(record)
    return kept


def differences(found: Sequence[Record], expected: Sequence[Record]) -> list[str]:
    """I7: how a run with faults differs from one without, in what must not differ. Many deaths in a row set a run
    aside, which leaves a record and changes nothing else."""
    ours, theirs = (
        Counter(repr(event) for event in canonical_form(records) if not _is_quarantine(event))
        for records in (found, expected)
    )
    missing, surplus = list((theirs - ours).elements()), list((ours - theirs).elements())
    if not missing and not surplus:
        return []
    return [f"I7: the journal differs: missing {missing[:3]}, surplus {surplus[:3]}"[:1500]]


def history_violations(history: Sequence[Fact | LedgerEntry], lease_ms: int = 0) -> list[str]:
    """I4, I5 and I9, of what was seen in order. With `lease_ms`, which says how long leases are, also that no lease was
    granted while another one was good."""
    found: list[str] = []
    newest: dict[str, Fact] = {}
    answered: set[tuple[str, str]] = set()
    dead: set[str] = set()
    ended: set[str] = set()
    for each in history:
        if isinstance(each, LedgerEntry):
            if each.moment == "start" and (each.run_id, each.position) in answered:
                found.append(f"I4: `{each.action}` at {each.position} of {each.run_id} started after its answer")
        elif each.what == "died":
            dead.add(each.owner)
        elif each.what == "answered":
            answered.add((each.run_id, each.position))
        elif each.run_id in ended and each.what in ("granted", "accepted", "ended"):
            found.append(f"I9: run {each.run_id} had ended, and then: {each.what}")
        elif each.what == "ended":
            ended.add(each.run_id)
        else:
            held = newest.get(each.run_id)
            if each.what == "granted":
                is_held = held is not None and held.what != "released" and held.owner not in dead
                if lease_ms and is_held and held is not None and each.at_ms < held.at_ms + lease_ms:
                    found.append(f"I5: run {each.run_id} was granted to a second owner, token {each.token}")
            elif held is not None and each.token < held.token:
                found.append(f"I5: run {each.run_id} took an append under lease {each.token} of {held.token}")
                continue
            newest[each.run_id] = each
    return found


def _journal_violations(record: RunRecord, records: Sequence[Record], evidence: Evidence) -> list[str]:
    run_id, found = record.run_id, []
    if [each.sequence for each in records] != list(range(1, len(records) + 1)) or len(records) != record.sequence:
        found.append(f"I2: the records of {run_id} are not numbered without gaps up to {record.sequence}")
    earlier = evidence.earlier.get(run_id, ())
    if list(records[: len(earlier)]) != list(earlier):
        found.append(f"I2: records of {run_id} that were read before are not what they were")
    tokens = [each.token for each in records]
    if tokens != sorted(tokens):
        found.append(f"I5: a record of {run_id} was written under an older lease than the one before it")
    answers: Counter[str] = Counter()
    for each in standing(records):
        if isinstance(each.event, ChapterStarted):
            answers.clear()
        elif isinstance(each.event, ANSWERS):
            answers[position_text(each.event.position)] += 1
    found += [f"I3: the command at {at} of {run_id} has {count} answers" for at, count in answers.items() if count > 1]
    return found


def _promise_violations(
    journal: Journal, record: RunRecord, records: Sequence[Record], evidence: Evidence
) -> list[str]:
    """I1, and that a signal is delivered once."""
    found: list[str] = []
    received = Counter(each.event.key for each in records if isinstance(each.event, MessageReceived) and each.event.key)
    found += [f"I1: message {key} of {record.run_id} came {n} times" for key, n in received.items() if n > 1]
    kept = {message.key for message in journal.open_messages(record.run_id)}
    is_cancelled = any(message.channel == "cancel" for message in journal.open_messages(record.run_id))
    is_cancelled |= any(isinstance(each.event, CancelRequested) for each in records)
    for told in evidence.told:
        if told.run_id != record.run_id or told.outcome != "ok":
            continue
        if told.what == "signal" and not record.status.is_final and told.key not in kept | received.keys():
            found.append(f"I1: the signal {told.key} to {record.run_id} was acknowledged and is lost")
        if told.what == "cancel" and not record.status.is_final and not is_cancelled:
            found.append(f"I1: the cancellation of {record.run_id} was acknowledged and is lost")
    return found


def _time_violations(records: Sequence[Record], evidence: Evidence) -> list[str]:
    """I10."""
    if not evidence.is_clock_honest:
        return []
    due: dict[str, int | None] = {}
    gates: dict[str, int | None] = {}
    found: list[str] = []
    for each in records:
        event = each.event
        if isinstance(event, GateOpened):
            gates[position_text(event.position)] = event.expires_at_ms
        elif isinstance(event, TimerStarted):
            due[position_text(event.position)] = event.wake_at_ms
        elif isinstance(event, ReceiveStarted):
            times = [event.wake_at_ms, gates.get(event.name) if event.channel == "gate" else None]
            due[position_text(event.position)] = min((at for at in times if at is not None), default=None)
        elif isinstance(event, AttemptFailed):
            due[position_text(event.position)] = event.retry_at_ms
        elif isinstance(event, (TimerFired, ReceiveTimedOut)):
            at = due.get(position_text(event.position))
            if at is None or each.recorded_at_ms < at:
                found.append(f"I10: the timer at {position_text(event.position)} was due at {at}, fired at {each}")
    return found


def _end_violations(record: RunRecord, records: Sequence[Record]) -> list[str]:
    """I8 and I9, when no fault comes any more and the workers had their time."""
    run_id, last = record.run_id, records[-1].event
    if record.status.is_final:
        if record.owner:
            return [f"I9: run {run_id} has ended and is still owned"]
        if not isinstance(last, (RunCompleted, RunStopped)):
            return [f"I9: run {run_id} has ended with {type(last).__name__}"]
        return []
    if record.status is RunStatus.STOPPED:
        return [] if record.reason else [f"I8: run {run_id} was stopped without a reason"]
    if record.status is not RunStatus.WAITING:
        return [f"I8: run {run_id} is {record.status.value} after everything came to rest"]
    waiting = open_commands(records)
    if not waiting:
        return [f"I9: run {run_id} waits, and its journal has nothing to wait for"]
    return []


def _is_quarantine(event: Any) -> bool:
    return isinstance(event, RunStopped) and event.reason == "quarantine"


def open_commands(records: Sequence[Record]) -> list[str]:
    """The positions of timers, receives and children without an answer."""
    waiting: dict[str, None] = {}
    for each in standing(records):
        event = each.event
        if isinstance(event, ChapterStarted):
            waiting.clear()
        elif isinstance(event, (*OPENING, AttemptFailed)):
            waiting[position_text(event.position)] = None
        elif isinstance(event, (*ANSWERS, CommandWithdrawn)):
            waiting.pop(position_text(event.position), None)
    return list(waiting)
