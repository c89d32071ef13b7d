"""The journal itself: the parts by subject, joined."""

from __future__ import annotations

from pathlib import Path

from flowlang.runtime.clock import Clock
from flowlang.runtime.journal.home import Home
from flowlang.runtime.journal.journal import Wakeup
from flowlang.runtime.journal.rules import LEASE_MS
from flowlang.runtime.journal.sql.appending import Appending
from flowlang.runtime.journal.sql.claiming import Claiming
from flowlang.runtime.journal.sql.database import Database
from flowlang.runtime.journal.sql.effects import EffectWriter
from flowlang.runtime.journal.sql.finding import Finding
from flowlang.runtime.journal.sql.head import Head
from flowlang.runtime.journal.sql.inbox import Inbox
from flowlang.runtime.journal.sql.keys import Keys
from flowlang.runtime.journal.sql.loading import Loading
from flowlang.runtime.journal.sql.reading import Reading
from flowlang.runtime.journal.sql.upkeep import Upkeep


class SqlJournal:
    """A journal in one database. Threads may share it; a forked child must open its own."""

    def __init__(self, location: str | Path, *, clock: Clock, lease_ms: int = LEASE_MS, create: bool = True) -> None:
        database = Database(location, clock=clock, lease_ms=lease_ms, create=create)
        heads: dict[str, Head] = {}
        effects = EffectWriter(database)
        self._database = database
        self.lease_ms = lease_ms
        self.home: Home | None = database.dialect.home()

        appending = Appending(database, effects, heads)
        self.create = appending.create
        self.create_many = appending.create_many
        self.append = appending.append
        self.append_many = appending.append_many
        self.join = appending.join
        self.repin = appending.repin
        self.renew = appending.renew
        self.release = appending.release

        self._claiming = claiming = Claiming(database, heads)
        self.claim = claiming.claim
        self.claim_due = claiming.claim_due
        self.next_due_at_ms = claiming.next_due_at_ms
        self.renew_many = claiming.renew_many

        inbox = Inbox(database, effects)
        self.post = inbox.post
        self.decide = inbox.decide
        self.open_messages = inbox.open_messages
        self.runs_with_messages = inbox.runs_with_messages
        self.waits = inbox.waits

        reading = Reading(database)
        self.read = reading.read
        self.read_many = reading.read_many
        self.load_many = Loading(database, heads).load_many
        self.manifest = reading.manifest
        self.manifests = reading.manifests
        self.modules = reading.modules

        finding = Finding(database)
        self.run = finding.run
        self.runs = finding.runs
        self.find = finding.find
        self.count = finding.count
        self.children = finding.children
        self.attributes = finding.attributes
        self.stuck = finding.stuck
        self.unreadable = finding.unreadable
        self.statistics = finding.statistics

        upkeep = Upkeep(database, effects, heads)
        self.reopen = upkeep.reopen
        self.terminate = upkeep.terminate
        self.delete = upkeep.delete
        self.prune = upkeep.prune
        self.copy_in = upkeep.copy_in

        keys = Keys(database)
        self.key = keys.key
        self.rotate_key = keys.rotate_key

    def listen(self, owner: str) -> Wakeup:
        """Lets this process be told when a run may have become due or got a message."""
        return self._database.writer.listen(owner)

    def new_owner(self) -> str:
        """Makes an owner and holds its lock until it is dropped, the journal closed or the process gone."""
        return self._database.owners.new()

    def drop_owner(self, owner: str) -> None:
        """Gives the owner's lock back: whatever it holds may be claimed at once."""
        self._database.owners.drop(owner)
        self._claiming.forget_owners_check()

    def is_owner_alive(self, owner: str) -> bool:
        """Whether the owner's process lives, or is not known to be dead."""
        return self._database.owners.is_alive(owner)

    def close(self) -> None:
        """Closes all connections and drops the owners that were made here."""
        self._database.close()
