"""A journal in memory, for tests and for runs that need not survive their process: `MemoryJournal`.

It keeps the same rows as the SQL journal and goes through the same codec, chain and rules, so that what works here
works there. Its owners live until they are dropped.
"""

from flowlang.runtime.journal.memory.journal import MemoryJournal

__all__ = ["MemoryJournal"]
