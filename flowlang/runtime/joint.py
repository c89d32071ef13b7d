"""Writes of actions that are committed together with the record of their outcome.

An action that writes to the journal's own database may give a `JointWrite` instead of a result: its transaction, not
yet begun. Whoever drives the run performs it at a moment when nothing else of the run waits to be appended. It executes
the action's statements, has the record of the outcome written in the same transaction, and commits. So the write is
there exactly if its record is, whatever breaks in between, and there is no second commit.

Only what succeeds is recorded so. A failure undoes the transaction, and goes the way of every other failure; what turns
out to take long is undone, too (`TakesLong`), and performed apart, as every other action is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import attrs


class TakesLong(Exception):
    """Raised by a joint write that has undone its transaction because it would hold up other runs, or met them."""


class Recorder(Protocol):
    """Puts the record of an outcome into a transaction."""

    def write(self, cursor: Any, result: Any) -> None:
        """Writes, in the cursor's transaction, the record that this came of the write. It may be called again
        when that transaction was undone. Raises LeaseLost, and ActionError for a result that cannot be recorded."""
        ...

    def is_written(self, cursor: Any) -> bool:
        """After a commit of which nobody heard: whether the record of the last `write` is in the journal; if it is not,
        it never will be."""
        ...

    def settle(self) -> None:
        """Called when the transaction is durable."""
        ...

    def fail(self, error: Exception) -> None:
        """Called when the commit failed so that nobody knows, nor can find out, whether it happened."""
        ...


@attrs.frozen(eq=False)
class JointWrite:
    """What an action gives instead of a result: `perform` does the write, on the thread that drives the run, and gives
    what came of it. If that was recorded it has called `Recorder.settle`. `shape` makes of it what the script gets."""

    perform: Callable[[Recorder], Any]
    shape: Callable[[Any], Any]
