"""Bugs that engines of this kind have had, to be planted into this one. Each is a function that makes the runtime of
this process wrong; the experiments have to notice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from flowlang.errors import JournalUnavailable
from flowlang.runtime import action_context
from flowlang.runtime.journal.memory.appending import Appending
from flowlang.runtime.journal.memory.asking import Asking
from flowlang.runtime.journal.memory.outside import Outside
from flowlang.runtime.journal.memory.store import MemoryStore
from flowlang.runtime.journal.model import Counters, RunStatus
from flowlang.runtime.rounds import Rounds
from flowlang.testing.clock import VirtualClock
from flowlang.testing.faults import FaultyJournal
from flowlang.testing.simulation import SimulatedExecutor

Patch = Callable[[Any, str, Any], None]


def acknowledge_before_commit(patch: Patch) -> None:
    """An append is acknowledged at once and written with the next call, so a worker that dies takes it along."""
    around = FaultyJournal.around

    def held(self: Any, method: str, call: Any, arguments: Any) -> Any:
        waiting = self.__dict__.setdefault("_held_back", [])
        while waiting:
            waiting.pop()()
        if method == "append":
            _, expected_sequence, events, _, status, effects = arguments[0]
            if status is RunStatus.RUNNING and not effects.taken and not effects.children:
                waiting.append(lambda: around(self, method, call, arguments))
                return expected_sequence + len(events)
        return around(self, method, call, arguments)

    patch(FaultyJournal, "around", held)


def do_not_check_the_fence(patch: Patch) -> None:
    """An append is accepted from whoever comes, wherever the records end."""
    patch(Appending, "_held", lambda self, lease, expected_sequence: self._store.find(lease.run_id))


def trust_the_own_clock_for_leases(patch: Patch) -> None:
    """A worker whose clock is ahead takes runs whose leases are good."""
    claim_due = Appending.claim_due

    def hasty(self: Any, owner: str, **named: Any) -> Any:
        clock = self._store.clock
        self._store.clock = VirtualClock(clock.now_ms() + 20_000)
        try:
            return claim_due(self, owner, **named)
        finally:
            self._store.clock = clock

    patch(Appending, "claim_due", hasty)


def swallow_an_error_while_recovering(patch: Patch) -> None:
    """When a run cannot be read while it is taken up, it is put down and forgotten."""
    take_up = Rounds.take_up

    def careless(self: Any, claim: Any) -> Any:
        try:
            return take_up(self, claim)
        except JournalUnavailable:
            store = self.journal.inner
            return store.append(claim.lease, claim.run.sequence, [], Counters(), RunStatus.WAITING)

    patch(Rounds, "take_up", careless)


def retry_an_ambiguous_commit_blindly(patch: Patch) -> None:
    """An append whose answer was lost is made again, after the records that it finds."""
    around = FaultyJournal.around

    def blind(self: Any, method: str, call: Any, arguments: Any) -> Any:
        try:
            return around(self, method, call, arguments)
        except JournalUnavailable:
            if method != "append":
                raise
            lease, _, *rest = arguments[0]
            return self.inner.append(lease, self.inner.run(lease.run_id).sequence, *rest)

    patch(FaultyJournal, "around", blind)


def deduplicate_in_memory_only(patch: Patch) -> None:
    """The keys of messages are known to the process that took them in, and to nobody else."""
    post = Outside.post
    patch(Outside, "post", lambda self, message: post(self, attrs.evolve(message, key="")))


def reuse_the_key(patch: Patch) -> None:
    """All calls of a run have one idempotency key."""
    made = action_context.ActionContext.__init__

    def same(self: Any, run_id: str, position: str, key: str, *rest: Any, **named: Any) -> None:
        made(self, run_id, position, key.rpartition("/")[0], *rest, **named)

    patch(action_context.ActionContext, "__init__", same)


def fire_timers_on_start_only(patch: Patch) -> None:
    """Runs that were put down until a timer are never looked at again."""
    let_go = MemoryStore.let_go

    def forgetful(self: Any, run: Any, status: RunStatus, due_at_ms: Any, reason: str, now_ms: int) -> None:
        let_go(self, run, status, None if status is RunStatus.WAITING else due_at_ms, reason, now_ms)

    patch(MemoryStore, "let_go", forgetful)


def read_without_order(patch: Patch) -> None:
    """The records of a run come in some order."""
    read = Asking.read

    def shuffled(self: Any, run_id: str, after: int = 0) -> Any:
        records = read(self, run_id, after)
        return [*records[:1], *sorted(records[1:-1], key=lambda each: each.sequence * 7919 % 13), *records[1:][-1:]]

    patch(Asking, "read", shuffled)


def lose_completions(patch: Patch) -> None:
    """Every other attempt is never performed, and nobody notices."""
    submit = SimulatedExecutor.submit
    count = [0]

    def lossy(self: Any, attempt: Any, done: Any) -> None:
        count[0] += 1
        if count[0] % 2:
            submit(self, attempt, done)

    patch(SimulatedExecutor, "submit", lossy)


PLANTS: dict[Callable[[Patch], None], tuple[str, str]] = {
    acknowledge_before_commit: ("transfers", ""),
    do_not_check_the_fence: ("straight", ""),
    trust_the_own_clock_for_leases: ("straight", "I5"),
    swallow_an_error_while_recovering: ("straight", ""),
    retry_an_ambiguous_commit_blindly: ("straight", ""),
    deduplicate_in_memory_only: ("signals", ""),
    reuse_the_key: ("straight", ""),
    fire_timers_on_start_only: ("timers", "I8"),
    read_without_order: ("transfers", ""),
    lose_completions: ("straight", "I8"),
}
"""The workload that shows it, and the invariant that it must break (any, when empty)."""
