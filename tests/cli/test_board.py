"""The state behind the live display."""

from __future__ import annotations

import pytest

from flowlang.cli.board import Board, duration
from flowlang.runtime.journal.event import (
    ActionCompleted,
    ActionFailed,
    ActionScheduled,
    AttemptStarted,
    FlowCompleted,
    FlowStarted,
    Record,
    TaskStarted,
    TimerFired,
    TimerStarted,
)


def board_of(*events):
    board = Board()
    for sequence, event in enumerate(events, 1):
        board.apply(Record(sequence, 1000, 1, event))
    return board


def scheduled(*position, action="files.read_text"):
    return ActionScheduled(position, action, "", None, b"{}")


def flow(*position, name="etl"):
    return FlowStarted(position, name, "", "", None)


def test_actions_are_open_until_their_result():
    board = board_of(scheduled(0), scheduled(1), ActionCompleted((0,), b"1"), ActionFailed((1,), b"{}"), scheduled(2))
    assert board.rows(1500, 10) == ["files.read_text  0.5 s"]
    assert board.summary() == "1 done, 1 failed"


def test_flows_contain_what_lies_below_them():
    board = board_of(flow(0), flow(0, 1, name="day"), scheduled(0, 1, 0), scheduled(0, 2))
    assert board.rows(1000, 10) == [
        "etl  0.0 s",
        "  day  0.0 s",
        "    files.read_text  0.0 s",
        "  files.read_text  0.0 s",
    ]


def test_ended_flow_is_gone():
    board = board_of(flow(0), scheduled(0, 0), ActionCompleted((0, 0), b"1"), FlowCompleted((0,), True, None))
    assert board.rows(1000, 10) == []


def test_task_of_one_flow_is_one_row():
    board = board_of(TaskStarted((0,), "day", "", None), flow(0, 0, name="day"), scheduled(0, 0, 0))
    assert board.rows(1000, 10) == ["day  0.0 s", "  files.read_text  0.0 s"]


def test_task_without_anything_open_is_not_shown():
    board = board_of(TaskStarted((0,), "read", "", None), scheduled(0, 0), ActionCompleted((0, 0), b"1"))
    assert board.rows(1000, 10) == []
    board = board_of(TaskStarted((0,), "read", "", None), scheduled(0, 0))
    assert board.rows(1000, 10) == ["task read  0.0 s", "  files.read_text  0.0 s"]


def test_attempts_and_timers():
    board = board_of(scheduled(0), AttemptStarted((0,), 2), TimerStarted((1,), 61_000, None))
    assert board.rows(1000, 10) == [
        "files.read_text attempt 2  0.0 s",
        "sleep until 1970-01-01T00:01:01Z, 1 min 00 s left",
    ]
    assert board.rows(None, 10) == ["files.read_text attempt 2", "sleep until 1970-01-01T00:01:01Z"]
    board.apply(Record(9, 1000, 1, TimerFired((1,))))
    assert len(board.rows(1000, 10)) == 1


def test_rows_have_a_limit():
    board = board_of(*[scheduled(number) for number in range(30)])
    rows = board.rows(1000, 10)
    assert len(rows) == 10
    assert rows[-1] == "... and 21 more"


def test_what_the_hooks_tell_of_a_resumed_run():
    board = Board(replayed=5)
    board.attempt((3,), "sql.query", 2, 1000)
    board.wait((4,), 3000, 1000)
    assert board.rows(2000, 10) == ["sql.query attempt 2  1.0 s", "sleep until 1970-01-01T00:00:03Z, 1.0 s left"]
    assert board.summary() == "0 done, 5 replayed"


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0.0 s"),
        (9_999, "10.0 s"),
        (10_000, "10 s"),
        (200_000, "3 min 20 s"),
        (18_120_000, "5 h 02 min"),
        (183_600_000, "2 d 3 h"),
    ],
)
def test_durations(milliseconds, text):
    assert duration(milliseconds) == text
