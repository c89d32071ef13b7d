"""A worker: claims runs that are due, drives them, and gives them back.

Any number of workers, on any machines, share a journal. What a worker may do is decided by the journal alone: a run is
driven under a lease with a fencing token, so a worker that was taken for dead and comes back finds its next append
refused. A run that only waits is put down and costs nothing until it is due.

One thread evaluates, appends and claims (`step`); actions are performed by executors. A worker sleeps until it is told
that something became due, until its own next timer, or until its safety net of a poll.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import attrs

from flowlang.errors import FlowlangError, JournalUnavailable
from flowlang.lang.values.meter import Budget
from flowlang.runtime.action import ActionSpec
from flowlang.runtime.assembly import Assembly
from flowlang.runtime.clock import Clock, SystemClock, read_clock
from flowlang.runtime.collector import patient_collector
from flowlang.runtime.driven import Ending
from flowlang.runtime.executors.dispatcher import Dispatcher
from flowlang.runtime.executors.executor import Executor
from flowlang.runtime.hooks import Hooks
from flowlang.runtime.journal.journal import Journal, Wakeup
from flowlang.runtime.journal.model import QUEUE_DEFAULT, Claim, Lease, RunStatus
from flowlang.runtime.lease import LeaseRenewal
from flowlang.runtime.missing_actions import HEAD_START_MS
from flowlang.runtime.performing import Done
from flowlang.runtime.rounds import Rounds

TURN_STEPS: Final = 100_000_000
"""Steps of one turn, unless a budget says otherwise. A turn of so many takes about ten seconds, in slices
(`rounds.SLICE_MS`) that leave the other runs of the worker their time; a script that never ends is stopped by it."""
CONCURRENCY: Final = 100
POLL_MS: Final = 5_000
"""A worker looks for due runs so often even if nobody told it of any."""
BACKOFF_MS: Final = 500
"""After the journal failed, nothing is asked of it for so long."""


@attrs.define
class Tally:
    """What a worker has done since it began."""

    claimed: int = 0
    ended: int = 0
    parked: int = 0
    lost: int = 0
    failures: int = 0


class Worker:
    """See the module. `root` is the project folder whose files and databases actions may touch. `executors` performs
    all actions; None for the usual ones. `step`, `run` and `close` belong to one thread."""

    def __init__(
        self, root: Path, journal: Journal, *, actions: Sequence[ActionSpec[..., Any]], hooks: Hooks | None = None,
        clock: Clock | None = None, budget: Budget | None = None, queues: Sequence[str] = (QUEUE_DEFAULT,),
        concurrency: int = CONCURRENCY, executors: Executor | None = None,
    ) -> None:  # fmt: skip
        self.journal = journal
        self.clock = clock or SystemClock()
        self.hooks = hooks or Hooks()
        self.queues = tuple(queues)
        self.concurrency = concurrency
        self.tally = Tally()
        self._executor = executors or Dispatcher()
        self._assembly = Assembly(
            root, journal, actions=actions, hooks=self.hooks, clock=self.clock,
            budget=budget or Budget(steps=TURN_STEPS), executor=self._executor, report=self._report,
        )  # fmt: skip
        self.owner = journal.new_owner()
        self._rounds = Rounds(self._assembly, self.owner, parks=True)
        self._wakeup: Wakeup = journal.listen(self.owner)
        self._is_waiting = False
        self._is_backlogged = True
        self._look_at_ms = 0
        self._stepped_at_ms = self.clock.now_ms()
        self._renew_at_ms = self._stepped_at_ms + journal.lease_ms // 3
        self._to_release: list[Lease] = []
        self._suspect: Claim | None = None
        self._left_suspects = False
        self._stop_at_ms: int | None = None
        self._grace_ms: int | None = None

    @property
    def run_ids(self) -> list[str]:
        """The runs that are being driven."""
        return list(self._rounds.driven)

    # One round

    def step(self, wait_s: float = 0.0) -> bool:
        """One round: claims, evaluates, appends, starts actions. With nothing to do it waits for at most `wait_s`
        seconds. Whether anything was done. Never raises for what concerns one run, or a journal that is away."""
        now_ms = self.clock.now_ms()
        if now_ms < self._stepped_at_ms:  # the clock was set back: what was to be done by it is done now
            self._look_at_ms = self._renew_at_ms = 0
        self._stepped_at_ms = now_ms
        self._rounds.lose_unsafe()
        did = self._rounds.round()
        if now_ms >= self._look_at_ms or self._is_backlogged or self._wakeup.wait(0):
            did = self._look(now_ms) or did
        self._note_endings()
        if self._suspect is not None:
            did = not self._still_tests_suspect() or did
        if now_ms >= self._renew_at_ms:
            self._renew(now_ms)
        if not did and not self._rounds.has_work:
            self._guarded(lambda: self._rounds.park_idle(self.clock.now_ms(), all_of_them=self._is_crowded))
            if self._note_endings() and (self._is_backlogged or (self._left_suspects and not self._rounds.driven)):
                self._look_at_ms = 0  # there is room for what is due
                return True
            if wait_s > 0:
                self._sleep(wait_s)
        return did

    @property
    def _is_crowded(self) -> bool:
        return self._is_backlogged and len(self._rounds.driven) >= self.concurrency

    def _look(self, now_ms: int) -> bool:
        """Looks into the journal: for messages of runs that are driven here, and for runs that are due."""
        self._look_at_ms = now_ms + POLL_MS
        return self._guarded(self._look_now) or False

    def _look_now(self) -> bool:
        did = False
        while self._to_release:
            self._release(self._to_release[-1])
            self._to_release.pop()
        if self._rounds.driven:
            for run_id in self.journal.runs_with_messages(self.owner):
                did = self._rounds.deliver(run_id) or did
        room = self.concurrency - len(self._rounds.driven)
        if self._grace_ms is not None or room <= 0:
            return did
        if self._still_tests_suspect():
            return did
        takes_suspects = not self._rounds.driven
        self._left_suspects = not takes_suspects
        claims = self.journal.claim_due(self.owner, limit=room, queues=self.queues, suspects=takes_suspects)
        self._is_backlogged = len(claims) == room or bool(claims and claims[0].run.crashes)
        if claims and claims[0].run.crashes:
            self._suspect = claims[0]
        try:
            self._rounds.take_up(claims)
        except JournalUnavailable:
            driven = self._rounds.driven
            self._to_release += [claim.lease for claim in claims if claim.run.run_id not in driven]
            raise
        self.tally.claimed += len(claims)
        if not claims:
            due_ms = self.journal.next_due_at_ms(self.queues, suspects=takes_suspects)
            if due_ms is not None:
                due_ms += HEAD_START_MS if self._rounds.missing else 0
                self._look_at_ms = min(self._look_at_ms, max(due_ms, self.clock.now_ms() + 1))
            self._rounds.missing.forget_old(self.clock.monotonic_ms())
        return did or bool(claims)

    def _still_tests_suspect(self) -> bool:
        """Whether a run whose last worker died is being driven and has not recorded an answer yet: it is driven alone,
        so that it cannot take others with it. As soon as that is over, the worker looks for other runs again."""
        suspect = self._suspect
        if suspect is not None:
            driven = self._rounds.driven.get(suspect.run.run_id)
            done = suspect.run.actions_completed
            is_held = driven is not None and driven.lease == suspect.lease
            if driven is not None and is_held and driven.activation.performing.running:
                return driven.activation.counters.actions_completed <= done
            self._suspect = None
            self._look_at_ms = 0
        return False

    def _release(self, lease: Lease) -> None:
        try:
            self.journal.release(lease, RunStatus.SUSPENDED)
        except JournalUnavailable:
            raise
        except FlowlangError:
            pass  # somebody else has it, or it has ended

    def _renew(self, now_ms: int) -> None:
        self._renew_at_ms = now_ms + self.journal.lease_ms // 3
        leases = self._rounds.leases()
        if leases:
            asked_at = read_clock(self.clock)
            lost = self._guarded(lambda: self.journal.renew_many(leases))
            if lost is not None:
                for lease in lost:
                    self._rounds.lose(lease)
                self._rounds.renewed(self._rounds.leases(), asked_at)

    def _guarded(self, call: Any) -> Any:
        """Calls; a journal that is away is asked again a little later."""
        try:
            return call()
        except JournalUnavailable:
            self.tally.failures += 1
            self._is_backlogged = False
            self._look_at_ms = self.clock.now_ms() + BACKOFF_MS
            return None

    def _note_endings(self) -> int:
        endings = self._rounds.take_endings()
        for ending in endings:
            self._note(ending)
        return len(endings)

    def _note(self, ending: Ending) -> None:
        self.hooks.put_down(ending.run_id, ending.status, ending.error)
        if ending.status is RunStatus.WAITING:
            self.tally.parked += 1
            self._look_at_ms = min(self._look_at_ms, self._next_look(ending))
        elif ending.error is not None:
            self.tally.lost += 1
            lease = None if ending.driven is None else ending.driven.lease
            if lease is not None:  # others need not wait until it runs out
                self._to_release.append(lease)
                self._look_at_ms = min(self._look_at_ms, self.clock.now_ms() + BACKOFF_MS)
        else:
            self.tally.ended += 1
        if self._is_backlogged:
            self._look_at_ms = 0

    def _next_look(self, ending: Ending) -> int:
        due_ms = None if ending.driven is None else ending.driven.activation.next_due_ms()
        return self._look_at_ms if due_ms is None else max(due_ms, self.clock.now_ms() + 1)

    def _sleep(self, wait_s: float) -> None:
        now_ms = self.clock.now_ms()
        times = [self._look_at_ms, self._renew_at_ms]
        if (due_ms := self._rounds.next_due_ms()) is not None:
            times.append(due_ms)
        if any(driven.idle_since_ms is not None for driven in self._rounds.driven.values()):
            times.append(now_ms + 1_000)
        left_s = max(0.0, (min(times) - now_ms) / 1000)
        if self._wait(min(wait_s, left_s)):
            self._look_at_ms = 0

    def _report(self, done: Done) -> None:
        """Called by executors, from any thread. A worker that is awake looks for outcomes before it waits, so it needs
        no poke, which would be a system call for every action."""
        self._rounds.done.append(done)
        if self._is_waiting:
            self._wakeup.poke()

    def _wait(self, seconds: float) -> bool:
        """Waits for something to come in, for so long at most. Whether the journal told of something."""
        self._is_waiting = True
        try:
            # After the flag is set: whoever reported before has not seen it.
            return not self._rounds.done and self._wakeup.wait(seconds)
        finally:
            self._is_waiting = False

    # Running

    def run(self) -> None:
        """Works until `request_stop`, then gives its runs back: those that perform something as soon as that is
        recorded, or when the grace time is over."""
        with patient_collector(), LeaseRenewal(self.journal, self._rounds, self.clock):
            while self._grace_ms is None:
                self.step(60.0)
            self._stop_at_ms = self.clock.now_ms() + self._grace_ms
            self._hand_back()

    def run_until_idle(self) -> None:
        """Works until nothing is due and nothing is driven here but what waits."""
        while (
            self.step(0.0)
            or self._rounds.has_work
            or any(driven.activation.performing.running for driven in self._rounds.driven.values())
        ):
            if not self._rounds.has_work and not self._is_backlogged:
                self._wait(0.05)
        self._guarded(lambda: self._rounds.park_idle(self.clock.now_ms(), all_of_them=True))
        self._note_endings()

    def request_stop(self, grace_s: float = 10.0) -> None:
        """Ends `run`. Safe in a signal handler and from other threads."""
        self._grace_ms = round(grace_s * 1000)
        for driven in list(self._rounds.driven.values()):
            driven.activation.evaluation.interrupt()
        threading.Thread(target=self._wakeup.poke, daemon=True).start()

    def _hand_back(self) -> None:
        """Gives runs back as their actions end; at the end of the grace time all of them."""
        assert self._stop_at_ms is not None
        while self._rounds.driven and self.clock.now_ms() < self._stop_at_ms:
            self._rounds.take_outcomes()
            free = [run_id for run_id, driven in self._rounds.driven.items() if driven.activation.has_performed_all]
            if free:
                self._guarded(lambda free=free: self._rounds.suspend(free))
                self._note_endings()
            else:
                self._wait(min(0.1, max(0.0, (self._stop_at_ms - self.clock.now_ms()) / 1000)))
        for driven in self._rounds.driven.values():
            driven.activation.performing.abandon()
        self._guarded(lambda: self._rounds.suspend(list(self._rounds.driven)))
        self._note_endings()

    def close(self) -> None:
        """Gives back what is still driven, and everything that the worker holds. The journal stays open."""
        self._guarded(lambda: self._rounds.suspend(list(self._rounds.driven)))
        self._executor.close()
        self._wakeup.close()
        self._assembly.close()
        self.journal.drop_owner(self.owner)
