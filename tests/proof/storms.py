"""D11, D13, D18: poisonous runs, storms of signals, and races for one gate."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

from kills import Report

from flowlang.errors import FlowlangError, GateClosed
from flowlang.lang.values.canonical import encode
from flowlang.lang.values.convert import from_host
from flowlang.runtime.action import ActionRegistry, action
from flowlang.runtime.executors.inline import InlineExecutor
from flowlang.runtime.journal.event import ActionCompleted, ActionScheduled, MessageReceived, RunStarted
from flowlang.runtime.journal.journal import Counters, Effects, NewMessage, NewRun, NewWait, RunStatus
from flowlang.runtime.journal.model import CRASHES_MAX, CodeManifest
from flowlang.runtime.launch import code_of, prepare
from flowlang.runtime.project import Project
from flowlang.runtime.worker import Worker
from flowlang.testing.clock import START_MS, VirtualClock
from flowlang.testing.fork import forked
from flowlang.testing.simulation import let_time_pass

Open = Callable[..., Any]
POISON = """
def _main_impl(fctx):
    fctx.actions.test.work(fctx.args.number)
    return fctx.actions.test.work(fctx.args.number)
main = flow(implementation = _main_impl, args = {"number": args.int()})
"""
MANIFEST = CodeManifest({"main.flow": "0"}, "1", "3.11", "linux", {})


def poison(open_journal: Open, folder: Path, report: Report, good: int, bad: int) -> None:
    """D11: actions that kill their process, among good runs. Each is quarantined after a few attempts, with a reason,
    and every good run comes to its end."""
    began = time.monotonic()
    (folder / "main.flow").write_text(POISON)
    numbers = [*range(1, good + 1), *(-number for number in range(1, bad + 1))]
    Random(7).shuffle(numbers)
    forked(_create, open_journal, folder, numbers)
    deaths = 0
    while forked(_drive_poison, open_journal, folder, deaths).killed:
        deaths += 1
        if deaths > bad * CRASHES_MAX + 20:
            break
    problems: list[str] = []
    with closing(open_journal(VirtualClock())) as journal:
        for number in numbers:
            run = journal.run(f"run{number}")
            if number > 0 and run.status is not RunStatus.COMPLETED:
                problems.append(f"I8: the good run {number} is {run.status.value} ({run.reason})")
            if number < 0 and (run.status, run.reason) != (RunStatus.STOPPED, "quarantine"):
                problems.append(f"I8: the poisonous run {number} is {run.status.value} ({run.reason})")
    if deaths > bad * CRASHES_MAX:
        problems.append(f"I6: {bad} poisonous runs killed {deaths} workers")
    report.add(deaths, time.monotonic() - began, problems)


def _create(open_journal: Open, folder: Path, numbers: list[int]) -> None:
    build = Project(folder).build(folder / "main.flow")
    clock = VirtualClock()
    with closing(open_journal(clock)) as journal:
        code = code_of(build, ActionRegistry([_work]))
        journal.create_many(
            [
                prepare(build, code, flow="main", arguments={"number": each}, run_id=f"run{each}", clock=clock)
                for each in numbers
            ]
        )


@action(name="test.work")
def _work(number: int) -> int:
    if number < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def _drive_poison(open_journal: Open, folder: Path, deaths: int) -> None:
    clock = VirtualClock(START_MS + deaths * 60_000, jumps=False)
    with closing(open_journal(clock)) as journal:
        worker = Worker(folder, journal, actions=[_work], clock=clock, executors=InlineExecutor())
        while worker.step(0) or let_time_pass(clock, journal, [worker]):
            pass
        worker.close()


def signal_storm(open_journal: Open, report: Report, count: int) -> None:
    """D13: many signals to one run, each sent up to three times, half of them before it waits. Each is delivered once,
    in order; ten times as many cost at most twelve times as much."""
    began = time.monotonic()
    small_s, problems = _storm(open_journal, "few", count // 10)
    large_s, found = _storm(open_journal, "many", count)
    problems += found
    if large_s > 12 * small_s + 0.5:
        problems.append(f"{count} signals took {large_s:.2f} s, {count // 10} took {small_s:.2f} s")
    report.add(count, time.monotonic() - began, problems)


def _storm(open_journal: Open, run_id: str, count: int) -> tuple[float, list[str]]:
    began = time.monotonic()
    random = Random(count)
    with closing(open_journal(VirtualClock())) as journal:
        owner = journal.new_owner()
        lease = journal.create(_run(run_id), owner, [_started()], Counters(), RunStatus.RUNNING)
        sequence, taken, seen = 1, 0, []
        for number in range(count):
            message = NewMessage(run_id, "signal", "n", f"key-{number}", str(number).encode())
            for _ in range(random.randint(1, 3)):
                journal.post(message)
            if (number >= count // 2 and number % 50 == 0) or number == count - 1:
                messages = journal.open_messages(run_id)
                events = [MessageReceived((0, taken + n), m.name, m.key, m.payload) for n, m in enumerate(messages)]
                effects = Effects(taken=[message.number for message in messages])
                sequence = journal.append(lease, sequence, events, Counters(), RunStatus.RUNNING, effects)
                taken += len(messages)
                seen += [int(message.payload) for message in messages]
    return time.monotonic() - began, [] if seen == list(range(count)) else [f"I1: delivered {len(seen)} of {count}"]


def gate_race(open_journal: Open, report: Report, gates: int, rivals: int = 20) -> None:
    """D18: `rivals` decide one gate at once, and its owner lets it expire at the same time. One wins, and what the
    winner was told is what the journal has."""
    began = time.monotonic()
    problems: list[str] = []
    with closing(open_journal(VirtualClock())) as journal:
        for number in range(gates):
            problems += _race(journal, f"race-{number}", rivals)
    report.add(gates * rivals, time.monotonic() - began, problems)


def _race(journal: Any, run_id: str, rivals: int) -> list[str]:
    lease = journal.create(_run(run_id), journal.new_owner(), [_started()], Counters(), RunStatus.RUNNING)
    journal.append(lease, 1, [ActionScheduled((0, 0), "x", "d", None, b"{}")], Counters(), RunStatus.RUNNING,
                   Effects(opened=[NewWait("0.1", "gate", START_MS + 10_000, b"null")]))  # fmt: skip
    won: list[str] = []
    barrier = threading.Barrier(rivals + 1)

    def decide(rival: int) -> None:
        barrier.wait(10)
        try:
            journal.decide(NewMessage(run_id, "gate", "0.1", "", str(rival).encode()))
            won.append(f"rival {rival}")
        except GateClosed:
            pass

    def expire() -> None:
        barrier.wait(10)
        try:
            answer = [ActionCompleted((0, 0), b"1")]
            journal.append(lease, 2, answer, Counters(), RunStatus.RUNNING, Effects(expired=["0.1"]))
            won.append("timeout")
        except FlowlangError:
            pass

    threads = [threading.Thread(target=decide, args=(rival,)) for rival in range(rivals)]
    threads.append(threading.Thread(target=expire))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if len(won) != 1:
        return [f"I3: gate of {run_id} was decided by {won}"]
    (wait,) = journal.waits(run_id=run_id, only_open=False)
    messages = journal.open_messages(run_id)
    expected = [] if won == ["timeout"] else [won[0].removeprefix("rival ").encode()]
    if [message.payload for message in messages] != expected:
        return [f"I1: {won[0]} won the gate of {run_id}, its inbox has {messages}"]
    if wait.decided_by != ("timeout" if won == ["timeout"] else "signal"):
        return [f"I1: {won[0]} won the gate of {run_id}, decided by {wait.decided_by}"]
    return []


def _run(run_id: str) -> NewRun:
    return NewRun(run_id, "main.flow", "", "0", MANIFEST, {"main.flow": "pass\n"})


def _started() -> RunStarted:
    from flowlang.runtime.journal.codec import manifest_digest

    return RunStarted("main.flow", "", manifest_digest(MANIFEST), encode(from_host({})))
