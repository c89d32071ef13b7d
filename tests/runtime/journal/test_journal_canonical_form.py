"""The canonical form of journals."""

from __future__ import annotations

from random import Random

from flowlang.runtime.journal.canonical_form import canonical_form
from flowlang.runtime.journal.event import (
    ActionCompleted,
    ActionScheduled,
    ActivationStarted,
    AttemptStarted,
    Event,
    LogWritten,
    Record,
    RunCompleted,
    RunStarted,
    TimerFired,
    TimerStarted,
)

STARTED = RunStarted("etl.flow", "", "code", b"{}")
ENDED = RunCompleted(True, b"null")


def scheduled(position: tuple[int, ...], action: str) -> ActionScheduled:
    return ActionScheduled(position, action, "digest", None, b"{}")


def records(events: list[Event], *, since: int = 0, token: int = 1) -> list[Record]:
    return [Record(number, since + 10 * number, token, event) for number, event in enumerate(events, start=1)]


def test_interrupted_and_plain_executions_are_equal() -> None:
    plain = [
        STARTED,
        ActivationStarted("one", 1),
        scheduled((0,), "sql.query"),
        TimerStarted((1,), 1000, None),
        ActionCompleted((0,), b"1"),
        TimerFired((1,)),
        ENDED,
    ]
    interrupted = [
        STARTED,
        ActivationStarted("one", 1),
        scheduled((0,), "sql.query"),
        ActivationStarted("two", 2),
        AttemptStarted((0,), 2),
        ActionCompleted((0,), b"1"),
        TimerStarted((1,), 99_000, None),
        ActivationStarted("three", 3),
        TimerFired((1,)),
        ENDED,
    ]
    assert canonical_form(records(plain)) == canonical_form(records(interrupted, since=500, token=7))


def test_the_order_is_by_position_as_numbers_and_kind() -> None:
    logs = [LogWritten((0, number), "print", str(number)) for number in range(12)]
    events = [STARTED, scheduled((0, 5), "a"), ActionCompleted((0, 5), b"1"), *logs, ENDED]
    form = canonical_form(records(events))
    assert [event for event in form if isinstance(event, LogWritten)] == logs
    assert form[:2] == [ENDED, STARTED]
    shuffled = list(events)
    Random(1).shuffle(shuffled)
    assert canonical_form(records(shuffled)) == form


def test_results_that_differ_by_nature_are_masked() -> None:
    def journal(answer: bytes) -> list[Record]:
        return records([scheduled((0,), "now"), ActionCompleted((0,), answer)])

    assert canonical_form(journal(b"1")) == canonical_form(journal(b"2"))
    assert canonical_form(journal(b"1"), {"other"}) != canonical_form(journal(b"2"), {"other"})
    mine = (
        [scheduled((3,), "dice"), ActionCompleted((3,), b"4")],
        [scheduled((3,), "dice"), ActionCompleted((3,), b"6")],
    )
    assert canonical_form(records(mine[0])) != canonical_form(records(mine[1]))
    assert canonical_form(records(mine[0]), {"dice"}) == canonical_form(records(mine[1]), {"dice"})


def test_every_other_difference_shows() -> None:
    base: list[Event] = [
        STARTED,
        scheduled((0,), "a"),
        ActionCompleted((0,), b"1"),
        LogWritten((1,), "print", "x"),
        ENDED,
    ]
    form = canonical_form(records(base))
    for at, other in (
        (0, RunStarted("etl.flow", "", "other", b"{}")),
        (1, scheduled((0,), "b")),
        (2, ActionCompleted((0,), b"2")),
        (2, ActionCompleted((2,), b"1")),
        (3, LogWritten((1,), "print", "y")),
        (4, RunCompleted(False, b"null")),
    ):
        changed = [*base[:at], other, *base[at + 1 :]]
        assert canonical_form(records(changed)) != form
        assert canonical_form(records(base[:at] + base[at + 1 :])) != form
