"""Deterministic simulation: workers, a store, a clock and actions in one process, and one seed for all of it.

The workers are the real ones, driven step by step; the store is the real memory store behind a `FaultyJournal`. All
else is the simulation's: which worker takes the next step, when an attempt is performed and when its completion
arrives (late, twice, or only after everything), which worker dies, stands still beyond its lease or is started anew,
and how time passes or jumps. Everything is decided by one `Random`, so a seed is a history: a seed that shows a
problem shows it every time.

    world = World(root, seed=17, actions=..., workers=2)
    world.add(new_child)          # runs as `launch.prepare` makes them
    world.run()                   # until everything has ended or waits for something that will not come
    world.history, world.store    # what happened, for a checker
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import attrs

from flowlang.errors import FlowlangError, JournalUnavailable
from flowlang.runtime.action import ActionSpec
from flowlang.runtime.executors.executor import Attempt, Done, Outcome, perform
from flowlang.runtime.journal.journal import QUEUE_DEFAULT, Journal, NewChild, NewMessage, RunStatus, Wakeup
from flowlang.runtime.journal.memory import MemoryJournal
from flowlang.runtime.worker import Worker
from flowlang.testing.clock import VirtualClock
from flowlang.testing.faults import KINDS, Chance, Fact, FaultyJournal, WorkerDied
from flowlang.testing.ledger import LedgerEntry, MemoryLedger

LEASE_MS = 30_000
RENEW_MS = 9_000
PATIENCE_MS = 1_001
ACTS_MAX = 20_000
CALM_ROUNDS_MAX = 40_000
NESTED_MAX = 2


class HistoryLedger(MemoryLedger):
    """A ledger whose entries stand in one history with what the store did."""

    def __init__(self, history: list[Fact | LedgerEntry]) -> None:
        super().__init__()
        self._history = history

    def write(self, entry: LedgerEntry) -> None:
        """Keeps an entry, in both."""
        super().write(entry)
        self._history.append(entry)


@attrs.define(eq=False)
class SimulatedExecutor:
    """Performs attempts when the simulation says so. `completions` hold what is done and not reported yet."""

    waiting: list[tuple[Attempt, Done]] = attrs.field(factory=list)
    completions: list[tuple[Attempt, Done, Outcome]] = attrs.field(factory=list)
    late: list[tuple[Attempt, Done, Outcome]] = attrs.field(factory=list)

    def submit(self, attempt: Attempt, done: Done) -> None:
        """Takes an attempt in."""
        self.waiting.append((attempt, done))

    def close(self) -> None:
        """Nothing of this is in the background."""

    def perform_one(self, random: Random) -> None:
        """Performs some attempt; its completion is reported at another time."""
        attempt, done = self.waiting.pop(random.randrange(len(self.waiting)))
        if not attempt.context.cancelled:
            self.completions.append((attempt, done, perform(attempt)))

    def report_one(self, random: Random, fate: str) -> None:
        """Reports some completion. `fate`: `twice` reports it again at another time, `late` only when all is calm."""
        completion = self.completions.pop(random.randrange(len(self.completions)))
        if fate == "late":
            self.late.append(completion)
            return
        if fate == "twice":
            self.completions.append(completion)
        attempt, done, outcome = completion
        done(attempt, outcome)


@attrs.define(eq=False)
class SimulatedWorker:
    """A worker with its own view of the store. `frozen_until_ms`: it stands still until then. `looked_at_ms`: when it
    looked at its leases last; threads that perform its actions do not run far ahead of that."""

    worker: Worker
    journal: FaultyJournal
    executor: SimulatedExecutor
    looked_at_ms: int
    frozen_until_ms: int = 0
    is_stepping: bool = False


def let_time_pass(
    clock: VirtualClock, journal: Journal, workers: Sequence[Worker], queues: Sequence[str] = (), *,
    patience_ms: int = PATIENCE_MS,
) -> bool:  # fmt: skip
    """Nothing happens now, so time passes: a little while runs are driven, which keep their leases and may be put down
    soon, else up to the next run that is due. False when nothing is, so that nothing will happen any more."""
    due_ms = journal.next_due_at_ms(queues or (QUEUE_DEFAULT,))
    if any(worker.run_ids for worker in workers):
        clock.advance(patience_ms)
        return True
    if due_ms is None:
        return False
    clock.advance(max(1, due_ms - clock.now_ms()))
    return True


class World:
    """One simulated history. `rate`: how often something goes wrong at a call of the store. `deaths`, `jumps`: how many
    workers may die and how often the clock may be set, at most, so that a history comes to an end."""

    def __init__(
        self, root: Path, seed: int, *, actions: Callable[[], Sequence[ActionSpec[..., Any]]], workers: int = 2,
        rate: float = 0.05, kinds: Sequence[str] = KINDS, deaths: int = 6, jumps: int = 2,
        store: Callable[[VirtualClock], Journal] | None = None,
    ) -> None:  # fmt: skip
        self.seed = seed
        self.random = Random(seed)
        self.clock = VirtualClock(jumps=False)
        self.store: Journal = MemoryJournal(self.clock, lease_ms=LEASE_MS) if store is None else store(self.clock)
        self.history: list[Fact | LedgerEntry] = []
        self.ledger = HistoryLedger(self.history)
        self.chance = Chance(self.random, rate, kinds)
        self.deaths_left, self.jumps_left = deaths, jumps
        self.problems: list[str] = []
        self.releases = 0
        self.was_set_back = False
        self._root = root
        self._specs = self.ledger.wrap(actions())
        self._depth = 0
        self._wakeups: list[Wakeup] = []
        self._hired: list[Worker] = []
        self._errands: list[Callable[[Journal], None]] = []
        self._workers = [self._hire() for _ in range(workers)]

    # What the outside does

    def add(self, *runs: NewChild) -> None:
        """Creates runs, before anything goes wrong."""
        self.store.create_many(runs)

    def send(self, *messages: NewMessage) -> None:
        """Has a client send these in order, one after the other, some time; it repeats what was not acknowledged."""
        self._errands += [lambda journal, message=message: journal.post(message) for message in messages]  # type: ignore[misc]

    def ask(self, errand: Callable[[Journal], None]) -> None:
        """Has a client do something with the journal some time, until it does not raise JournalUnavailable."""
        self._errands.append(errand)

    def run(self) -> None:
        """Lets everything happen, first with faults and then in peace, until nothing happens any more."""
        acts = 0
        while acts < ACTS_MAX and not self._is_over() and (self.deaths_left > 0 or acts < 400):
            acts += 1
            self._act()
        self._calm()

    def close(self) -> None:
        """Gives back what the workers held, also those that died: memory, too, which a process gives back by itself."""
        for worker in self._hired:
            for driven in worker._rounds.driven.values():
                driven.activation.evaluation.drop()
        for wakeup in self._wakeups:
            wakeup.close()
        self.store.close()

    # One thing after the other

    def _act(self) -> None:
        what = self.random.random()
        if what < 0.45:
            self._step(self._some_worker())
        elif what < 0.65:
            self._perform(self._some_worker())
        elif what < 0.83:
            self._report(self._some_worker())
        elif what < 0.88 and self._errands:
            self._do_errand()
        elif what < 0.97:
            self._wait()
        elif what < 0.98:
            self._freeze(self._some_worker())
        elif what < 0.985:
            self._jump()
        elif what < 0.99:
            self._kill(self._some_worker())

    def _some_worker(self) -> SimulatedWorker:
        return self.random.choice(self._workers)

    def _hire(self) -> SimulatedWorker:
        journal = FaultyJournal(self.store, self.chance, self.history, self.clock, self._pass_time, self._pause)
        executor = SimulatedExecutor()
        worker = Worker(self._root, journal, actions=self._specs, clock=self.clock, executors=executor, concurrency=8)
        self._wakeups += journal.wakeups
        self._hired.append(worker)
        return SimulatedWorker(worker, journal, executor, self.clock.now_ms())

    def _step(self, one: SimulatedWorker) -> None:
        if one.is_stepping or one.frozen_until_ms > self.clock.now_ms() or one not in self._workers:
            return
        one.is_stepping, began_ms = True, self.clock.now_ms()
        try:
            one.worker.step(0)
        except WorkerDied:
            self._bury(one)
        except FlowlangError as error:
            self.problems.append(f"I12: a step raised {type(error).__name__}: {error}")
            self._bury(one)
        finally:
            one.is_stepping = False
            one.looked_at_ms = began_ms

    def _perform(self, one: SimulatedWorker) -> None:
        has_looked = abs(self.clock.now_ms() - one.looked_at_ms) <= RENEW_MS
        if one.executor.waiting and not one.is_stepping and has_looked:
            one.executor.perform_one(self.random)

    def _report(self, one: SimulatedWorker) -> None:
        if one.executor.completions and not one.is_stepping and one.frozen_until_ms <= self.clock.now_ms():
            chance = self.random.random()
            fate = "" if self.chance.is_calm or chance > 0.1 else "late" if chance < 0.01 else "twice"
            one.executor.report_one(self.random, fate)

    def _do_errand(self) -> None:
        client = FaultyJournal(self.store, self.chance, self.history, self.clock, self._pass_time, lambda: None)
        try:
            self._errands[0](client)
        except (WorkerDied, JournalUnavailable):
            return  # not acknowledged: it is done again
        self._errands.pop(0)

    def _wait(self) -> None:
        """Time passes, mostly to the next moment at which something is due. Workers that have runs keep their leases
        meanwhile, unless they stand still."""
        due_ms, now_ms = self.store.next_due_at_ms(), self.clock.now_ms()
        until_ms = now_ms + self.random.choice((1, 100, 1000, LEASE_MS // 3))
        if due_ms is not None and due_ms > now_ms and self.random.random() < 0.5:
            until_ms = due_ms
        while self.clock.now_ms() < until_ms:
            is_busy = any(one.worker.run_ids for one in self._workers)
            left_ms = until_ms - self.clock.now_ms()
            self.clock.advance(min(left_ms, RENEW_MS) if is_busy else left_ms)
            for one in list(self._workers) if is_busy else ():
                self._step(one)

    def _pass_time(self) -> None:
        """Time passes while a call is on its way, at times more than a lease."""
        self.clock.advance(self.random.choice((1, 1000, LEASE_MS // 3, LEASE_MS + 1)))

    def _pause(self) -> None:
        """The caller stands still; time passes beyond its lease, and the others go on."""
        if self._depth >= NESTED_MAX:
            return
        self._depth += 1
        try:
            self.clock.advance(LEASE_MS + 1)
            for _ in range(self.random.randrange(1, 12)):
                one = self._some_worker()
                self._step(one)
                self._perform(one)
                self._report(one)
        finally:
            self._depth -= 1

    def _freeze(self, one: SimulatedWorker) -> None:
        one.frozen_until_ms = self.clock.now_ms() + self.random.choice((LEASE_MS // 2, LEASE_MS * 3))

    def _jump(self) -> None:
        if self.jumps_left:
            self.jumps_left -= 1
            by_ms = self.random.choice((3_600_000, 86_400_000, -3_600_000, -5_000))
            self.was_set_back |= by_ms < 0
            self.clock.set(self.clock.now_ms() + by_ms)

    def _kill(self, one: SimulatedWorker) -> None:
        if self.deaths_left and not one.is_stepping:
            self._bury(one)

    def _bury(self, one: SimulatedWorker) -> None:
        """The worker is gone, and all that it was doing; a new one comes. Whether its host knows that it is dead, or
        its lease has to run out, is a matter of chance."""
        self.deaths_left -= 1
        if self.deaths_left <= 0:
            self.chance.kinds = [kind for kind in self.chance.kinds if not kind.startswith("die")] or ["slow"]
        self._workers.remove(one)
        self.history.append(Fact("died", "", owner=one.worker.owner, at_ms=self.clock.now_ms()))
        if self.random.random() < 0.5:
            self.store.drop_owner(one.worker.owner)
        self._workers.append(self._hire())

    # Peace

    def _is_over(self) -> bool:
        return not self._errands and not self.open_runs()

    def _calm(self) -> None:
        """No faults any more: every worker lives and every completion arrives. Goes on until nothing is due."""
        self.chance.is_calm = True
        for one in self._workers:
            one.frozen_until_ms = 0
            one.executor.completions += one.executor.late
            one.executor.late = []
        patience_ms = PATIENCE_MS
        for _ in range(CALM_ROUNDS_MAX):
            while self._errands:
                self._do_errand()
            if self._calm_round() or self._release_quarantined():
                patience_ms = PATIENCE_MS
                continue
            # Where the clock was set back by hours, what was due in a second is due in hours.
            workers = [one.worker for one in self._workers]
            if not let_time_pass(self.clock, self.store, workers, patience_ms=patience_ms):
                return
            patience_ms = min(patience_ms * 2, RENEW_MS)
        self.problems.append(f"I8: no rest after {CALM_ROUNDS_MAX} rounds without a fault")

    def _calm_round(self) -> bool:
        """Whether anything happened."""
        happened = False
        for one in list(self._workers):
            one.is_stepping = True
            happened |= one.worker.step(0)
            one.is_stepping = False
            one.looked_at_ms = self.clock.now_ms()
            while one.executor.waiting or one.executor.completions:
                one.looked_at_ms = self.clock.now_ms()
                self._perform(one)
                self._report(one)
                happened = True
        return happened

    def _release_quarantined(self) -> bool:
        """Does what an operator does with runs whose workers died too often; here they died by chance."""
        stopped = [run for run in self.store.runs(limit=10_000) if run.status is RunStatus.STOPPED]
        for run in stopped:
            if run.reason != "quarantine":
                self.problems.append(f"I8: run {run.run_id} was stopped: {run.reason}")
                return False
            self.releases += 1
            self.store.reopen(run.run_id, events=[])
        return bool(stopped)

    def open_runs(self) -> list[str]:
        """The runs that did not end."""
        return [run.run_id for run in self.store.runs(limit=10_000) if not run.status.is_final]

    def statuses(self) -> dict[str, RunStatus]:
        """All runs, with how they stand."""
        return {run.run_id: run.status for run in self.store.runs(limit=10_000)}
