"""D4: an owner that is stopped (SIGSTOP) at a write, beyond its lease, while another one finishes its run.

Time is real here and leases are short. When the first owner goes on, it must stop at its first refused write and start
nothing more, and nothing that it still wanted to write may be there.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import closing
from random import Random
from typing import Any

from checker import Evidence, check
from kills import Report
from trial import Client, Setting, Trial
from workloads import proof_actions

from flowlang.runtime.clock import SystemClock
from flowlang.runtime.executors.inline import InlineExecutor
from flowlang.runtime.worker import Worker
from flowlang.testing.crash import CrashingJournal
from flowlang.testing.fork import forked

LEASE_MS = 300
PATIENCE_S = 20.0


def stop_at_writes(setting: Setting, report: Report, random: Random, trials: int) -> None:
    """Stops the owner at random writes, before or after them."""
    for number in range(trials):
        began = time.monotonic()
        trial = Trial(setting, f"stopped-{report.trials}-{number}")
        write = random.randint(2, max(2, len(setting.points)))
        moment = random.choice(("before", "after"))
        problems = _one(trial, write, moment)
        title = f"{setting.workload.name} stopped {moment} write {write}"
        report.add(1, time.monotonic() - began, [f"{title}: {problem}" for problem in problems])


def _one(trial: Trial, write: int, moment: str) -> list[str]:
    first = os.fork()
    if first == 0:
        try:
            _drive(trial, write, moment)
        finally:
            os._exit(0)
    status = _wait_for(first, os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        return []  # the run had fewer writes than that in real time
    time.sleep(LEASE_MS / 1000 * 1.2)
    other = forked(_drive, trial, 0, "before")
    resumed_ns = time.monotonic_ns()
    os.kill(first, signal.SIGCONT)
    status = _wait_for(first, 0)
    problems = [] if os.WIFEXITED(status) else [f"I12: the stopped owner ended with status {status}"]
    problems += other.value["problems"]
    with closing(trial.setting.open_journal(SystemClock())) as journal:
        runs = [trial.run_id]
        evidence = Evidence(trial.told(), trial.ledger.entries(), (), 1, trial.setting.workload.retries)
        problems += check(journal, runs, evidence)
        newest = max(record.token for record in journal.read(trial.run_id))
    problems += [
        f"I4: `{entry.action}` at {entry.position} was started under lease {entry.token}, after the owner went on"
        for entry in trial.ledger.entries()
        if entry.moment == "start" and entry.monotonic_ns > resumed_ns and entry.token < newest
    ]
    return problems


def _wait_for(process: int, options: int) -> int:
    until_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < until_s:
        found, status = os.waitpid(process, options | os.WNOHANG)
        if found:
            return status
        time.sleep(0.005)
    os.kill(process, signal.SIGKILL)
    return os.waitpid(process, 0)[1]


def _drive(trial: Trial, write: int, moment: str) -> dict[str, Any]:
    clock = SystemClock()
    inner = trial.setting.open_journal(clock, lease_ms=LEASE_MS)  # type: ignore[call-arg]
    journal: Any = CrashingJournal(
        inner,
        write,
        moment,
        lambda: os.kill(os.getpid(), signal.SIGSTOP),  # type: ignore[arg-type]
    )
    client = Client(trial, journal)
    client.start(trial.setting.new_run(trial.run_id, trial.sink, clock, trial.run_id))  # type: ignore[arg-type]
    worker = Worker(
        trial.setting.folder, journal, actions=trial.ledger.wrap(proof_actions(trial.sink)), clock=clock,
        executors=InlineExecutor(), queues=(trial.run_id, "default"),
    )  # fmt: skip
    until_s = time.monotonic() + PATIENCE_S
    problems = [f"I8: no end after {PATIENCE_S} s"]
    while time.monotonic() < until_s:
        if not worker.step(0) | client.act():
            if inner.run(trial.run_id).status.is_final:
                problems = []
                break
            time.sleep(0.005)
    worker.close()
    inner.close()
    return {"problems": problems}
