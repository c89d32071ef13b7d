"""The journal itself: the parts by subject, joined."""

from __future__ import annotations

from flowlang.errors import InternalError
from flowlang.runtime.clock import Clock
from flowlang.runtime.journal.event import Event
from flowlang.runtime.journal.home import Home
from flowlang.runtime.journal.joining import JoinedAppend
from flowlang.runtime.journal.journal import Wakeup
from flowlang.runtime.journal.memory.appending import Appending
from flowlang.runtime.journal.memory.asking import Asking
from flowlang.runtime.journal.memory.outside import Outside
from flowlang.runtime.journal.memory.store import MemoryStore
from flowlang.runtime.journal.model import Counters, Lease
from flowlang.runtime.journal.rules import LEASE_MS


class MemoryJournal:
    """A journal that ends with its process. Threads may share it."""

    def __init__(self, clock: Clock, *, lease_ms: int = LEASE_MS) -> None:
        self.lease_ms = lease_ms
        self.home: Home | None = None
        self._store = store = MemoryStore(clock, lease_ms)

        appending = Appending(store)
        self.create = appending.create
        self.create_many = appending.create_many
        self.append = appending.append
        self.append_many = appending.append_many
        self.repin = appending.repin
        self.renew = appending.renew
        self.renew_many = appending.renew_many
        self.release = appending.release
        self.claim = appending.claim
        self.claim_due = appending.claim_due
        self.next_due_at_ms = appending.next_due_at_ms

        asking = Asking(store)
        self.read = asking.read
        self.read_many = asking.read_many
        self.load_many = asking.load_many
        self.run = asking.run
        self.runs = asking.runs
        self.find = asking.find
        self.count = asking.count
        self.children = asking.children
        self.attributes = asking.attributes
        self.stuck = asking.stuck
        self.unreadable = asking.unreadable
        self.open_messages = asking.open_messages
        self.runs_with_messages = asking.runs_with_messages
        self.waits = asking.waits
        self.manifest = asking.manifest
        self.manifests = asking.manifests
        self.modules = asking.modules
        self.statistics = asking.statistics

        outside = Outside(store)
        self.post = outside.post
        self.decide = outside.decide
        self.reopen = outside.reopen
        self.terminate = outside.terminate
        self.delete = outside.delete
        self.prune = outside.prune
        self.copy_in = outside.copy_in
        self.key = outside.key
        self.rotate_key = outside.rotate_key

    def join(self, lease: Lease, expected_sequence: int, event: Event, counters: Counters) -> JoinedAppend:
        """Nobody else has transactions here."""
        raise InternalError("a journal in memory has no database to join a transaction of")

    def listen(self, owner: str) -> Wakeup:
        """Lets this process be told when a run may have become due or got a message."""
        return self._store.bell.listen(owner)

    def new_owner(self) -> str:
        """Makes an owner that lives until it is dropped or the journal closed."""
        return self._store.owners.new()

    def drop_owner(self, owner: str) -> None:
        """Ends an owner: whatever it holds may be claimed at once."""
        self._store.owners.drop(owner)

    def is_owner_alive(self, owner: str) -> bool:
        """Whether the owner was made here and not dropped since."""
        return self._store.owners.is_alive(owner)

    def close(self) -> None:
        """Drops all owners and runs."""
        self._store.close()
