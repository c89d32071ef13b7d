"""What can go wrong in a simulation, and a journal to which it happens.

A `FaultyJournal` stands between one worker and the store. At each call it asks the simulation's `Chance` whether
something goes wrong there, and what:

    die-before   the worker dies; nothing was written
    die-after    the worker dies; it was written, and nobody was told
    refused      `JournalUnavailable`; nothing was written
    lost         `JournalUnavailable`; it was written, and the answer was lost
    slow         time passes before it is written
    late         time passes after it was written, before the worker hears of it
    pause        other workers work on while this one stands still in the middle of the call

It also writes down, in one history with the ledger, which leases were granted, which appends were accepted and which
answers became durable: what the store did, as seen from outside of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, Literal

import attrs

from flowlang.errors import JournalUnavailable
from flowlang.runtime.clock import Clock
from flowlang.runtime.journal.event import ANSWERS, position_text
from flowlang.runtime.journal.journal import Journal, Lease, RunStatus, Wakeup
from flowlang.testing.interpose import WRITES, InterposedJournal
from flowlang.testing.ledger import LedgerEntry

KINDS = ("die-before", "die-after", "refused", "lost", "slow", "late", "pause")


class WorkerDied(BaseException):
    """Ends a worker in the middle of what it does, as the end of its process would."""


@attrs.frozen
class Fact:
    """Something that the store did, or that became of a worker. `granted`: a lease of `run_id` with `token` to `owner`;
    `accepted`: an append or renewal under it; `answered`: the answer at `position` became durable; `ended`: the run
    did; `released`: the lease was given back; `died`: the worker `owner` is gone. `at_ms`: by the store's clock."""

    what: Literal["granted", "accepted", "answered", "ended", "released", "died"]
    run_id: str
    token: int = 0
    position: str = ""
    owner: str = ""
    at_ms: int = 0


@attrs.define
class Chance:
    """Decides what goes wrong where. `rate`: the part of the calls at which something does; `kinds`: what may.
    `hits` counts what happened at which method, for the report of what was covered."""

    random: Random
    rate: float = 0.05
    kinds: Sequence[str] = KINDS
    is_calm: bool = False
    hits: Counter[tuple[str, str]] = attrs.field(factory=Counter)

    def fault(self, method: str) -> str:
        """What goes wrong at this call; mostly nothing (an empty text)."""
        if self.is_calm or self.random.random() >= self.rate:
            return ""
        kind = self.random.choice(self.kinds)
        if kind in ("die-after", "lost") and method not in WRITES:
            kind = "die-before"
        self.hits[method, kind] += 1
        return kind


class FaultyJournal(InterposedJournal):
    """The journal of one worker or client of a simulation. `pass_time` lets time pass; `pause` lets the others work."""

    def __init__(
        self,
        inner: Journal,
        chance: Chance,
        history: list[Fact | LedgerEntry],
        clock: Clock,
        pass_time: Callable[[], None],
        pause: Callable[[], None],
    ) -> None:
        super().__init__(inner)
        self._clock = clock
        self._chance = chance
        self._history = history
        self._pass_time = pass_time
        self._pause = pause
        self.wakeups: list[Wakeup] = []

    def around(self, method: str, call: Callable[[], Any], arguments: tuple[tuple[Any, ...], Mapping[str, Any]]) -> Any:
        """One call, with what goes wrong at it."""
        is_spared = method in ("new_owner", "drop_owner", "is_owner_alive", "close", "listen")
        fault = "" if is_spared else self._chance.fault(method)
        if fault == "die-before":
            raise WorkerDied(method)
        if fault == "refused":
            raise JournalUnavailable("the journal does not answer", hint="simulated")
        if fault == "slow":
            self._pass_time()
        value = call()
        if method == "listen":
            self.wakeups.append(value)
        self._note(method, value, arguments)
        if fault == "die-after":
            raise WorkerDied(method)
        if fault == "lost":
            raise JournalUnavailable("the journal's answer was lost", hint="simulated")
        if fault == "late":
            self._pass_time()
        if fault == "pause":
            self._pause()
        return value

    def _note(self, method: str, value: Any, arguments: tuple[tuple[Any, ...], Mapping[str, Any]]) -> None:
        positional, named = arguments
        if method in ("create", "claim"):
            self._fact("granted", value)
        elif method == "claim_due":
            for claim in value:
                self._fact("granted", claim.lease)
        elif method == "append":
            status = positional[4] if len(positional) > 4 else named.get("status", RunStatus.RUNNING)
            self._accept(positional[0], positional[2], status)
        elif method == "append_many":
            for append, answer in zip(positional[0], value, strict=True):
                if isinstance(answer, int):
                    self._accept(append.lease, append.events, append.status)
        elif method == "renew_many":
            for lease in positional[0]:
                if lease not in value:
                    self._fact("accepted", lease)
        elif method in ("renew", "release"):
            self._fact("accepted" if method == "renew" else "released", positional[0])

    def _accept(self, lease: Lease, events: Sequence[Any], status: RunStatus) -> None:
        self._fact("accepted", lease)
        for event in events:
            if type(event) in ANSWERS:
                self._fact("answered", lease, position_text(event.position))
        if status.is_final:
            self._fact("ended", lease)
        if status is not RunStatus.RUNNING:
            self._fact("released", lease)

    def _fact(self, what: Any, lease: Lease, position: str = "") -> None:
        self._history.append(Fact(what, lease.run_id, lease.token, position, lease.owner, self._clock.now_ms()))
