"""D18: who is first at one gate, between processes. Twenty of them decide it with its token at the same moment, and
send one signal with one key; meanwhile the time of the gate is over, somebody cancels, and the worker is killed and
another one goes on. One wins, everybody is told the same, and the journal says which.

The rivals are forked once and meet at a barrier before each race. What they were told they write into files.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from random import Random
from typing import Any, Literal

import attrs
from checker import Evidence, check, standing
from kills import Report
from networks import endure
from storms import Open

from flowlang.actions import shipped_actions
from flowlang.errors import GateClosed, RunEnded
from flowlang.lang.values.canonical import encode
from flowlang.lang.values.convert import from_host
from flowlang.runtime.action import ActionRegistry
from flowlang.runtime.executors.inline import InlineExecutor
from flowlang.runtime.gate_token import decide_gate
from flowlang.runtime.journal.event import (
    CommandWithdrawn,
    LogWritten,
    MessageReceived,
    ReceiveStarted,
    ReceiveTimedOut,
)
from flowlang.runtime.journal.journal import Journal, NewMessage, Placement, RunStatus
from flowlang.runtime.journal.verify import verify
from flowlang.runtime.launch import code_of, prepare
from flowlang.runtime.project import Project
from flowlang.runtime.worker import Worker
from flowlang.testing.clock import START_MS, VirtualClock
from flowlang.testing.fork import forked
from flowlang.testing.simulation import let_time_pass

SCRIPT = """
def _main_impl(fctx):
    door = gate("door", timeout = 30)
    print(door.token)
    result = try_await_gate(door)
    sent = [try_receive("go", timeout = 0) for _ in range(2)]
    return {"decided": result.value["payload"] if is_ok(result) else None, "sent": len([r for r in sent if is_ok(r)])}
main = flow(implementation = _main_impl)
"""
TIME_IS_OVER_MS = 31_000
LATER_MS = 3_600_000
RACE_S = 0.2
"""So long a worker looks after the run; it begins somewhere in the first half, and so does everybody else."""
TOGETHER_S = 0.01
PATIENCE_S = 60.0
Blow = Literal["timeout", "cancel", "kill"]
BLOWS: tuple[Blow, ...] = ("timeout", "cancel", "kill")


@attrs.frozen
class Race:
    """One gate. `token` decides it; `blows`: what happens beside the decisions, which begin after `wait_s`.
    `cancel_s`, `kill_s`: when these strike."""

    run_id: str
    token: str
    blows: Sequence[Blow]
    wait_s: float
    cancel_s: float
    kill_s: float

    @classmethod
    def drawn(cls, run_id: str, token: str, random: Random) -> Race:
        """One with random blows."""
        blows: list[Blow] = [blow for blow in BLOWS if random.random() < 0.6]
        return cls(run_id, token, blows, *(random.uniform(0.0, RACE_S) for _ in range(3)))


def races(open_journal: Open, folder: Path, report: Report, random: Random, count: int, rivals: int = 20) -> None:
    """So many races, each with that many rivals."""
    began = time.monotonic()
    (folder / "main.flow").write_text(SCRIPT)
    tokens: dict[str, str] = forked(_begin, open_journal, folder, count).value
    given = [Race.drawn(run_id, token, random) for run_id, token in tokens.items()]
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(rivals + 1)
    processes = [
        context.Process(target=_rival, args=(open_journal, folder, given, number, barrier)) for number in range(rivals)
    ]
    for process in processes:
        process.start()
    for race in given:
        barrier.wait(PATIENCE_S)
        after_s = race.kill_s if "kill" in race.blows else None
        ended = forked(_drive, open_journal, folder, race, "timeout" in race.blows, RACE_S, kill_after_s=after_s)
        report.points["workers killed"] += ended.killed
        barrier.wait(PATIENCE_S)
        forked(_drive, open_journal, folder, race, True, 0.0)
    for process in processes:
        process.join(PATIENCE_S)
    report.problems += [f"I12: a rival ended with {each.exitcode}" for each in processes if each.exitcode]
    told = [json.loads(line) for path in folder.glob("told-*") for line in path.read_text().splitlines()]
    found = forked(_judge, open_journal, [attrs.asdict(race) for race in given], told).value
    report.points.update(Counter(found["winners"]))
    report.add(count * rivals, time.monotonic() - began, found["problems"])


def _begin(open_journal: Open, folder: Path, count: int) -> dict[str, str]:
    """Starts the runs, and drives them to their gates. Gives the tokens."""
    clock = VirtualClock()
    build = Project(folder).build(folder / "main.flow")
    code = code_of(build, ActionRegistry(shipped_actions()))
    names = [f"race-{number}" for number in range(count)]
    with closing(open_journal(clock)) as journal:
        journal.create_many(
            [prepare(build, code, flow="main", run_id=name, placement=Placement(name), clock=clock) for name in names]
        )
        worker = Worker(folder, journal, actions=shipped_actions(), clock=clock, queues=names)
        with closing(worker):
            # Until all are put down: a run that waits for a gate stays in memory for a second.
            while worker.step(0) or worker.run_ids:
                clock.advance(100)
        return {name: _token(journal, name) for name in names}


def _token(journal: Journal, run_id: str) -> str:
    return next(each.event.text for each in journal.read(run_id) if isinstance(each.event, LogWritten))


def _drive(open_journal: Open, folder: Path, race: Race, is_late: bool, lasts_s: float) -> None:
    until_s = time.monotonic() + lasts_s
    clock = VirtualClock(START_MS + (TIME_IS_OVER_MS if is_late else 10_000), jumps=False)
    with closing(open_journal(clock)) as journal:
        if journal.run(race.run_id).status is RunStatus.RUNNING:
            clock.advance(LATER_MS)  # so that the lease of whoever was killed is over, should it not be known
        queues = (race.run_id,)
        worker = Worker(
            folder, journal, actions=shipped_actions(), clock=clock, queues=queues, executors=InlineExecutor()
        )
        with closing(worker):
            while (
                worker.step(0)
                or time.monotonic() < until_s
                or (is_late and let_time_pass(clock, journal, [worker], queues))
            ):
                endure(0.001)


def _rival(open_journal: Open, folder: Path, given: Sequence[Race], number: int, barrier: Any) -> None:
    """Decides each gate with its token, sends the signal that all send, and the first one cancels. Never returns: what
    a forked process inherits must not be tidied up by it."""
    code = 1
    try:
        clock = VirtualClock(START_MS + 10_000)
        random = Random(number)
        with closing(open_journal(clock)) as journal, open(folder / f"told-{number}", "a") as told:
            for race in given:
                barrier.wait(PATIENCE_S)
                is_canceller = number == 0 and "cancel" in race.blows
                endure(race.cancel_s if is_canceller else race.wait_s + random.uniform(0.0, TOGETHER_S))
                if is_canceller:
                    _tell(
                        told, race, "cancel", _accepted(journal.post, NewMessage(race.run_id, "cancel", "", "", b"{}"))
                    )
                payload = encode(from_host(number))
                _tell(told, race, "decide", _accepted(decide_gate, journal, race.token, payload, clock=clock), number)
                signal = NewMessage(race.run_id, "signal", "go", "one", encode(from_host("go")))
                _tell(told, race, "signal", _accepted(journal.post, signal))
                barrier.wait(PATIENCE_S)
        code = 0
    finally:
        os._exit(code)


def _accepted(call: Any, *arguments: Any, **options: Any) -> bool:
    with suppress(GateClosed, RunEnded):
        return call(*arguments, **options) is not False
    return False


def _tell(told: Any, race: Race, what: str, is_accepted: bool, number: int = 0) -> None:
    if is_accepted:
        told.write(json.dumps([race.run_id, what, number]) + "\n")
        told.flush()


def _judge(open_journal: Open, given: Sequence[dict[str, Any]], told: Sequence[Any]) -> dict[str, Any]:
    problems: list[str] = []
    winners: list[str] = []
    with closing(open_journal(VirtualClock())) as journal:
        for race in given:
            mine = [(what, number) for run_id, what, number in told if run_id == race["run_id"]]
            winner, found = _judged(journal, race["run_id"], mine)
            winners.append(winner)
            problems += [f"{race['run_id']} {race['blows']}: {problem}" for problem in found]
    return {"problems": problems, "winners": winners}


def _judged(journal: Journal, run_id: str, told: Sequence[tuple[str, int]]) -> tuple[str, list[str]]:
    """Who won, and what is wrong."""
    run, records = journal.run(run_id), standing(journal.read(run_id))
    found = check(journal, [run_id], Evidence()) + verify(journal, run_id)
    deciders = [number for what, number in told if what == "decide"]
    if len(deciders) > 1:
        found.append(f"I3: the gate was decided by {deciders}")
    if sum(what == "cancel" for what, _ in told) and not run.status.is_final:
        found.append(f"I1: the run was cancelled and is {run.status.value}")
    (gate,) = journal.waits(run_id=run_id, only_open=False)
    if (gate.decided_by == "signal") != bool(deciders):
        found.append(f"I1: {deciders} were told that they decided the gate, which was decided by {gate.decided_by}")
    position = next(each.event.position for each in records if isinstance(each.event, ReceiveStarted))
    kinds = (MessageReceived, ReceiveTimedOut, CommandWithdrawn)
    ends = [each.event for each in records if isinstance(each.event, kinds) and each.event.position == position]
    if len(ends) != 1:
        return "nobody", [*found, f"I3: the gate has the answers {ends}"]
    (end,) = ends
    if isinstance(end, ReceiveTimedOut) and deciders:
        found.append(f"I1: {deciders} decided the gate, and it timed out")
    if isinstance(end, MessageReceived):
        decided = json.loads(end.payload)["payload"]
        if [decided] != deciders:
            found.append(f"I1: {deciders} decided the gate, the run received {decided}")
    return type(end).__name__, found
