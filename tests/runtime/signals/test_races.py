"""Who is first: a decision, a signal, the end of the time, a cancellation. One wins, and the journal says which."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cut_run import CutRun

from flowlang.actions import shipped_actions
from flowlang.errors import GateClosed, RunEnded
from flowlang.lang.values.canonical import encode
from flowlang.lang.values.container import Dict
from flowlang.lang.values.result import Err
from flowlang.runtime.driver import RunDriver
from flowlang.runtime.gate_token import decide_position
from flowlang.runtime.journal.event import (
    ActionCompleted,
    CancelRequested,
    Event,
    MessageReceived,
    ReceiveTimedOut,
    TimerFired,
)
from flowlang.runtime.journal.journal import Journal, NewMessage
from flowlang.runtime.message import signal_message
from flowlang.runtime.outcome import RunOutcome
from flowlang.testing.interpose import InterposedJournal

GATE = """
door = gate("door", timeout = 10)
print(try_await_gate(door))
"""
SIGNAL = """
print(try_receive("go", timeout = 10))
print(try_receive("go", timeout = 0))
"""
DEADLINE = """
def main_impl(fctx):
    return with_timeout(10, lambda: receive("go"))
main = flow(main_impl)
if __name__ == "__flow__":
    print(main())
    print(try_receive("go", timeout = 0))
"""


class Meddling(InterposedJournal):
    """Does something right before the first append that records one of `kinds`."""

    def __init__(self, journal: Journal, kinds: tuple[type, ...], meddle: Callable[[Journal], None]) -> None:
        super().__init__(journal)
        self.kinds = kinds
        self.meddle: Callable[[Journal], None] | None = meddle

    def around(self, method: str, call: Callable[[], Any], arguments: tuple[tuple[Any, ...], Mapping[str, Any]]) -> Any:
        if self.meddle is not None and any(isinstance(event, self.kinds) for event in _appended(method, arguments[0])):
            meddle, self.meddle = self.meddle, None
            meddle(self.inner)
        return call()


def _appended(method: str, given: tuple[Any, ...]) -> list[Event]:
    if method == "append":
        return list(given[2])
    return [event for each in given[0] for event in each.events] if method == "append_many" else []


def raced(run: CutRun, kinds: tuple[type, ...], meddle: Callable[[Journal], None]) -> RunOutcome:
    """Starts the run, with something happening at the worst moment."""
    with closing(run.journal()) as journal:
        meddling = Meddling(journal, kinds, meddle)
        engine = RunDriver(run.root, meddling, clock=run.clock, actions=shipped_actions())
        try:
            return engine.start(engine.build_script(run.root / "main.flow"), run_id="run")
        finally:
            engine.close()


def kinds_in(run: CutRun) -> list[type]:
    wanted = (MessageReceived, ReceiveTimedOut, TimerFired, CancelRequested)
    return [type(record.event) for record in run.records() if isinstance(record.event, wanted)]


def test_a_decision_that_was_accepted_beats_the_end_of_the_time(tmp_path: Path) -> None:
    """The gate was decided after its owner had found its time over, but before it could record that."""
    run = CutRun(tmp_path, GATE)

    def decide(journal: Journal) -> None:
        run.clock.set(1_700_000_005_000)
        decide_position(journal, "run", "0", encode("yes"), clock=run.clock)

    raced(run, (ReceiveTimedOut,), decide)
    assert kinds_in(run) == [MessageReceived]


def test_a_gate_that_timed_out_takes_no_decision(tmp_path: Path) -> None:
    run = CutRun(tmp_path, GATE)
    run.to_the_end()
    assert kinds_in(run) == [ReceiveTimedOut]
    with closing(run.journal()) as journal, pytest.raises(GateClosed):
        decide_position(journal, "run", "0", clock=run.clock)


def test_a_signal_that_is_too_late_stays(tmp_path: Path) -> None:
    """It came in while the end of the time was being recorded: the wait is over, the next one gets it."""
    run = CutRun(tmp_path, SIGNAL)
    outcome = raced(run, (ReceiveTimedOut,), lambda journal: _post(journal, "go"))
    assert outcome.result is not None
    assert kinds_in(run) == [ReceiveTimedOut, MessageReceived]


def test_a_look_sees_what_came_in_while_the_run_was_busy(tmp_path: Path) -> None:
    """Nothing told the run that a signal had come, for it had not waited yet."""
    script = "current_flow().actions.now()\nprint(try_receive('go', timeout = 0))\n"
    run = CutRun(tmp_path, script)
    raced(run, (ActionCompleted,), lambda journal: _post(journal, "go"))
    assert kinds_in(run) == [MessageReceived]


def test_a_deadline_takes_no_signal_with_it(tmp_path: Path) -> None:
    run = CutRun(tmp_path, DEADLINE)
    raced(run, (TimerFired,), lambda journal: _post(journal, "go"))
    assert kinds_in(run) == [TimerFired, MessageReceived]


def test_a_cancellation_beside_a_signal(tmp_path: Path) -> None:
    """Both are in the inbox when the run looks: the signal came first and is received, then the run ends."""
    run = CutRun(tmp_path, "print(receive('go'))\nprint(receive('go'))\n", [("go", 1)])
    run.drive(cut=1)
    with closing(run.journal()) as journal:
        reason = encode(Dict({"reason": "enough", "by": "ann"}))
        journal.post(NewMessage("run", "cancel", "", "c", reason))
        journal.post(NewMessage("run", "cancel", "", "c", reason))
    result = run.to_the_end().result
    assert isinstance(result, Err)
    assert result.failure.kind == "cancelled"
    assert kinds_in(run) == [MessageReceived, CancelRequested]
    with closing(run.journal()) as journal, pytest.raises(RunEnded):
        _post(journal, "go")


def _post(journal: Journal, name: str) -> None:
    journal.post(signal_message("run", name, encode(None)))
