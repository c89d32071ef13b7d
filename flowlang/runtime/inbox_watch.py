"""Watching the inbox of a run that is driven alone.

A run that a process drives by itself seldom gets messages, so nothing is watched until it has waited for a while. Then
a thread listens to the journal, and the thread that drives the run asks what came in.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Final

from flowlang.errors import JournalError
from flowlang.runtime.journal.journal import Journal

POLL_S: Final = 5.0


class InboxWatch:
    """Sets `wake` when something may have come into an inbox."""

    def __init__(self, journal: Journal, owner: str, wake: threading.Event) -> None:
        self._journal = journal
        self._wake = wake
        self._is_told = True  # what came in before this began to listen
        self._is_closed = False
        self._wakeup = journal.listen(owner)
        self._thread = threading.Thread(target=self._listen, name="flowlang-inbox", daemon=True)
        self._thread.start()

    def told(self, run_ids: Sequence[str]) -> Sequence[str]:
        """Which of the runs may have messages."""
        if not self._is_told:
            return ()
        self._is_told = False
        return run_ids

    def close(self) -> None:
        """Ends the thread."""
        self._is_closed = True
        self._wakeup.poke()
        self._thread.join()
        self._wakeup.close()

    def _listen(self) -> None:
        while not self._is_closed:
            try:
                is_told = self._wakeup.wait(POLL_S)
            except JournalError:
                return
            if is_told and not self._is_closed:
                self._is_told = True
                self._wake.set()
