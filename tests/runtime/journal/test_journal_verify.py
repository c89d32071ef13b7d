"""What `verify` finds, in every store: nothing in whole journals, and each broken rule."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from journal_store import STARTED, SqliteStore, append_steps, new_run, start, step

from flowlang.errors import RunNotFound
from flowlang.runtime.journal.event import (
    ActionCompleted,
    ActionFailed,
    ActionScheduled,
    AttemptStarted,
    ChapterStarted,
    ChildEnded,
    ChildStarted,
    CommandWithdrawn,
    Event,
    GateOpened,
    MessageReceived,
    ReceiveStarted,
    ReceiveTimedOut,
    Record,
    RunCompleted,
    RunReset,
    TimerFired,
    TimerStarted,
)
from flowlang.runtime.journal.journal import Counters, Effects, Journal, NewMessage, NewWait, RunStatus
from flowlang.runtime.journal.verify import verify, verify_all

ENDED = RunCompleted(True, b"null")


def scheduled(*position: int) -> ActionScheduled:
    return ActionScheduled(position, "a", "d", None, b"{}")


def completed(*position: int) -> ActionCompleted:
    return ActionCompleted(position, b"1")


def chapter(events: list[Event]) -> int | None:
    """Where the chapter begins in events that follow the first record."""
    return next((number for number, event in enumerate(events, 2) if isinstance(event, ChapterStarted)), None)


WHOLE: list[Event] = [
    scheduled(0),
    AttemptStarted((0,), 2),
    completed(0),
    TimerStarted((1,), 5, None),
    CommandWithdrawn((1,)),
    ReceiveStarted((2,), "signal", "s", None, None),
    MessageReceived((2,), "s", "k", b"{}"),
    ReceiveStarted((3,), "signal", "s", 5, None),
    ReceiveTimedOut((3,)),
    ChildStarted((4,), "c", "m:f", "d", "cancel", None, b"{}"),
    ChildEnded((4,), True, b"1"),
    ChildStarted((5,), "c", "m:f", "d", "cancel", None, b"{}"),
    ActionFailed((5,), b"{}"),
    GateOpened((6,), "g", None, "k", None, b"1"),
    RunReset(6, "s", b"{}"),
    TimerFired((1,)),
    ChapterStarted(2, "s", b"{}"),
    scheduled(0),
    completed(0),
]


def test_a_whole_journal_has_no_faults(journal: Journal) -> None:
    lease = start(journal)
    # The reset undoes what came after record 6, so the timer, withdrawn in record 6, is not answered.
    events = [event for event in WHOLE if not isinstance(event, TimerFired)]
    effects = Effects(opened=[NewWait("6", "g", None, b"1")], chapter=chapter(events))
    sequence = journal.append(lease, 1, events, Counters(), effects=effects)
    assert verify(journal, "run") == []
    journal.append(lease, sequence, [], Counters(), RunStatus.WAITING, Effects(wake_at_ms=5))
    assert verify(journal, "run") == []
    lease = journal.claim("run", journal.new_owner())
    journal.append(lease, sequence, [ENDED], Counters(), RunStatus.COMPLETED)
    assert verify_all(journal) == {}
    with pytest.raises(RunNotFound):
        verify(journal, "nobody")


@pytest.mark.parametrize(
    ("events", "finding"),
    [
        ([completed(0)], "belongs to no command"),
        ([scheduled(0), completed(0), completed(0)], "follows the answer in record 3"),
        ([scheduled(0), completed(0), AttemptStarted((0,), 2)], "follows the answer in record 3"),
        ([scheduled(0), CommandWithdrawn((0,)), completed(0)], "follows the answer in record 3"),
        ([scheduled(0), scheduled(0)], "asks for what record 2 asked for"),
        ([TimerFired((3,))], "(`timer-fired` at `3`) belongs to no command"),
        ([scheduled(0), ChapterStarted(2, "s", b"{}"), completed(0)], "belongs to no command"),
    ],
)
def test_answers_that_cannot_be_are_found(journal: Journal, events: list[Event], finding: str) -> None:
    journal.append(start(journal), 1, events, Counters(), effects=Effects(chapter=chapter(events)))
    (found,) = verify(journal, "run")
    assert finding in found
    assert verify_all(journal) == {"run": [found]}


def test_a_status_that_does_not_fit_is_found(journal: Journal) -> None:
    lease = start(journal)
    sequence = journal.append(lease, 1, [ENDED], Counters())
    assert verify(journal, "run") == ["the run is `running`, but its last record is `run-completed`"]
    journal.append(lease, sequence, step(0), Counters(), RunStatus.FAILED)
    findings = verify(journal, "run")
    assert "record 2 ends the run, but others follow" in findings
    assert any("the run is `failed`, but its last record is" in finding for finding in findings)


def test_an_outcome_that_does_not_fit_is_found(journal: Journal) -> None:
    journal.append(start(journal), 1, [ENDED], Counters(), RunStatus.FAILED)
    assert verify(journal, "run") == ["the run is `failed`, but its outcome says otherwise"]


def test_gates_and_messages_that_no_record_knows_are_found(journal: Journal) -> None:
    lease = start(journal)
    journal.post(NewMessage("run", "signal", "s", "k", b"1"))
    events = [ReceiveStarted((2,), "signal", "s", None, None), MessageReceived((2,), "s", "k", b"{}")]
    journal.append(lease, 1, events, Counters(), effects=Effects(opened=[NewWait("0.9", "g", None, b"1")]))
    first, second = verify(journal, "run")
    assert first.endswith("was received and is still in the inbox")
    assert second == "there is a gate at `0.9` that no record opened"


def test_tokens_that_fall_are_found(journal: Journal) -> None:
    records = [Record(1, 1, 2, STARTED), Record(2, 1, 1, scheduled(0)), Record(3, 1, 2, completed(0))]
    journal.copy_in(new_run(), records, Counters(), RunStatus.SUSPENDED, 1)
    assert verify(journal, "run") == ["record 2 was written under token 1 after token 2 was given out"]


def test_damage_is_named_and_other_runs_are_checked(sqlite_store: SqliteStore) -> None:
    journal = sqlite_store.open()
    journal.append(start(journal, "good"), 1, [scheduled(0)], Counters())
    append_steps(journal, start(journal, "bad"), 2)
    with sqlite3.connect(sqlite_store.path) as connection:
        connection.execute("UPDATE event SET name = 'x' WHERE run = 2 AND sequence = 3")
        connection.execute("UPDATE run SET due_at_ms = NULL, status = 'suspended', owner = '' WHERE run_id = 'good'")
    wrong: Any = verify_all(journal)
    assert wrong == {
        "bad": ["record 3 of run `bad` is not what was written"],
        "good": ["the run is `suspended` and will never become due"],
    }
