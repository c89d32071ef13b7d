"""An append that is made in somebody else's transaction on the journal's database.

What an action writes to that database is committed together with the record that it was written: both are there, or
none. The append is the same as any other, with the same proof of ownership, checksums and counters; only the connection
is the action's, and the journal's statements come last, after which nothing of the action's is executed any more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs


@attrs.frozen(eq=False)
class JoinedAppend:
    """One record of one run. `write(cursor)` appends it in the cursor's transaction, and raises LeaseLost. After a
    commit of which nobody heard, `is_written(cursor)` waits for what is left of that transaction and says whether the
    record is in the journal; if it is not, it never will be. `settle()` is called when the transaction is durable, and
    gives the run's last sequence. `fail(error)` is called when the commit failed so that nobody knows whether it
    happened, nor ever can: if the disk is to blame, nothing is written to the journal any more."""

    write: Callable[[Any], None]
    is_written: Callable[[Any], bool]
    settle: Callable[[], int]
    fail: Callable[[Exception], None]
