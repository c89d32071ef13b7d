"""The checker finds what must not be: each invariant is broken by hand, and named."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import pytest
from checker import Evidence, Told, check, differences, history_violations

from flowlang.runtime.journal.codec import manifest_digest
from flowlang.runtime.journal.event import (
    ActionCompleted,
    ActionScheduled,
    Event,
    MessageReceived,
    Record,
    RunCompleted,
    RunStarted,
    TimerFired,
    TimerStarted,
)
from flowlang.runtime.journal.memory import MemoryJournal
from flowlang.runtime.journal.model import CodeManifest, Counters, NewRun, RunStatus
from flowlang.testing.clock import START_MS, VirtualClock
from flowlang.testing.faults import Fact
from flowlang.testing.ledger import LedgerEntry

MANIFEST = CodeManifest({"main.flow": "0"}, "1", "3.11", "linux", {})
CALL = ActionScheduled((0,), "test.add", "d", None, b"{}")
ANSWER = ActionCompleted((0,), b"1")
END = RunCompleted(True, b'{"$ok":1}')


def journal_of(*events: Event, status: RunStatus = RunStatus.COMPLETED) -> MemoryJournal:
    """A journal with one run that has these events after its start."""
    journal = MemoryJournal(VirtualClock())
    run = NewRun("run", "main.flow", "", "0", MANIFEST, {"main.flow": "pass\n"})
    started = RunStarted("main.flow", "", manifest_digest(MANIFEST), b"{}")
    journal.create(run, journal.new_owner(), [started, *events], Counters(), status)
    return journal


def found(journal: MemoryJournal, evidence: Evidence | None = None) -> list[str]:
    """The invariants that are broken, in order."""
    return [problem.partition(":")[0] for problem in check(journal, ["run"], evidence or Evidence())]


def start(attempt: int = 1, position: str = "0", token: int = 1) -> LedgerEntry:
    return LedgerEntry("start", "run", position, "test.add", f"run/s/{position}", attempt, 1, token)


def test_a_good_run_breaks_nothing() -> None:
    """Otherwise everything below would prove nothing."""
    told = [Told("start", "run", "ok")]
    assert found(journal_of(CALL, ANSWER, END), Evidence(told, [start()])) == []


TIMER = TimerStarted((0,), START_MS + 1000, None)
BAD: dict[str, tuple[Sequence[Event], RunStatus, Evidence, str]] = {
    "two answers": ([CALL, ANSWER, ANSWER, END], RunStatus.COMPLETED, Evidence(), "I3"),
    "an early timer": ([TIMER, TimerFired((0,)), END], RunStatus.COMPLETED, Evidence(), "I10"),
    "waits for nothing": ([CALL, ANSWER], RunStatus.WAITING, Evidence(), "I9"),
    "left lying": ([CALL], RunStatus.SUSPENDED, Evidence(), "I8"),
    "stopped without a reason": ([CALL], RunStatus.STOPPED, Evidence(), "I8"),
    "ended without an end": ([CALL, ANSWER], RunStatus.COMPLETED, Evidence(), "I9"),
    "a lost signal": ([TIMER], RunStatus.WAITING, Evidence([Told("signal", "run", "ok", "k")]), "I1"),
    "a lost cancellation": ([TIMER], RunStatus.WAITING, Evidence([Told("cancel", "run", "ok")]), "I1"),
    "a doubled signal": (
        [MessageReceived((n,), "n", "k", b"1") for n in (0, 1)] + [END],
        RunStatus.COMPLETED,
        Evidence(),
        "I1",
    ),
    "performed twice": ([CALL, ANSWER, END], RunStatus.COMPLETED, Evidence(ledger=[start(), start(2)]), "I6"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_broken_invariant_is_named(name: str) -> None:
    """One thing is wrong with the run, and that is what is found."""
    events, status, evidence, invariant = BAD[name]
    assert set(found(journal_of(*events, status=status), evidence)) == {invariant}


def test_a_run_that_was_acknowledged_must_be_there() -> None:
    """Neither a lost run nor a changed past goes unnoticed."""
    journal = journal_of(CALL, ANSWER, END)
    assert check(journal, ["gone"], Evidence([Told("start", "gone", "ok")]))
    assert check(journal, ["gone"], Evidence([Told("start", "gone", "unknown")])) == []
    past = [attrs.evolve(record, recorded_at_ms=1) for record in journal.read("run")]
    assert found(journal, Evidence(earlier={"run": past})) == ["I2"]


def test_what_happened_in_the_wrong_order_is_found() -> None:
    """A history tells who acted under which lease."""
    granted = [Fact("granted", "run", 1, owner="a"), Fact("granted", "run", 2, owner="b", at_ms=500)]
    late = Fact("accepted", "run", 1, owner="a", at_ms=600)
    assert history_violations([*granted, late])[0].startswith("I5")
    assert history_violations(granted) == []
    assert history_violations(granted, lease_ms=1000)[0].startswith("I5")
    assert history_violations([granted[0], Fact("died", "", owner="a"), granted[1]], lease_ms=1000) == []
    assert history_violations([granted[0], Fact("released", "run", 1, owner="a"), granted[1]], lease_ms=1000) == []
    assert history_violations([Fact("answered", "run", 1, "0"), start()])[0].startswith("I4")
    ended = Fact("ended", "run", 1, owner="a")
    assert history_violations([granted[0], ended, late])[0].startswith("I9")


def test_other_events_are_a_difference() -> None:
    """Times, tokens and the order of completion are none."""
    ours = [Record(1, 5, 1, CALL), Record(2, 6, 1, ANSWER)]
    theirs = [Record(1, 9, 3, CALL), Record(2, 9, 3, ANSWER)]
    assert differences(ours, theirs) == []
    assert differences(ours, [*theirs[:1], attrs.evolve(theirs[1], event=ActionCompleted((0,), b"2"))])
