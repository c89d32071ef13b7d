"""A journal in a SQL database: `SqlJournal`, put together from parts by subject.

Appending is the hot path and reads nothing. The journal remembers, for the leases that it gave out, where each run's
records end (`Head`); an append is one transaction of a conditional UPDATE of the run's row and one INSERT. The
UPDATE names the owner, the token, the last sequence and the last checksum: when it changes no row, the lease was lost
or the journal is not what its holder believes, and nothing is inserted. Only then is the row read, to say why.

All writes go through one `Writer`, which lets concurrent runs share commits. Reads use connections of their own and
see one moment of the database. A change that decides by what it read first locks the row of the run (`hold_run`), so
that changes of one run by several processes go one after the other on every database.
"""

from flowlang.runtime.journal.sql.journal import SqlJournal

__all__ = ["SqlJournal"]
