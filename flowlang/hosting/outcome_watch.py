"""Waits for the end of any number of runs, on one thread and without asking about each of them.

The engine's own worker says which runs it put down (as `Hooks`); of runs that others drive, the journal's
notifications and a slow poll tell. Whatever the reason to look, one statement asks about all the runs in question.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from flowlang.errors import FlowlangError, JournalError, RunNotFound
from flowlang.runtime.hooks import Hooks
from flowlang.runtime.journal.journal import Journal
from flowlang.runtime.journal.model import RunFilter, RunRecord, RunStatus

POLL_S: Final = 1.0
"""Runs that other processes drive are asked about so often, if nothing tells earlier."""
GLANCE_S: Final = 0.05
"""Notifications lead to at most one question in so many seconds."""
IDLE_S: Final = 600.0
CHUNK: Final = 500

Tell: TypeAlias = Callable[[RunRecord | FlowlangError], object]


class OutcomeWatch(Hooks):
    """See the module. Its hook may be called on any thread."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._owner = journal.new_owner()
        self._wakeup = journal.listen(self._owner)
        self._lock = threading.Lock()
        self._waiting: dict[str, list[Tell]] = {}
        self._fresh: set[str] = set()
        self._closed = False
        self._looked_s = 0.0
        self._owes_look = False
        self._thread = threading.Thread(target=self._run, name="flowlang-outcomes", daemon=True)
        self._thread.start()

    def wait_for(self, run_id: str, tell: Tell) -> None:
        """Has `tell` called once, on the watch's thread, when the run has ended or was stopped, or when it turns out
        that there is no such run. It must not block."""
        with self._lock:
            self._waiting.setdefault(run_id, []).append(tell)
            self._fresh.add(run_id)
        self._wakeup.poke()

    def forget(self, run_id: str, tell: Tell) -> None:
        """Nobody waits any more. Too late when it was told already."""
        with self._lock:
            tells = self._waiting.get(run_id)
            if tells is not None and tell in tells:
                tells.remove(tell)
                if not tells:
                    del self._waiting[run_id]

    def put_down(self, run_id: str, status: RunStatus, error: FlowlangError | None) -> None:
        """A worker of this process let go of a run."""
        if status.is_final or status is RunStatus.STOPPED:
            with self._lock:
                if run_id not in self._waiting:
                    return
                self._fresh.add(run_id)
            self._wakeup.poke()

    def fail(self, error: FlowlangError) -> None:
        """Tells everybody who waits that nobody will tell them."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
            self._fresh.clear()
        for tells in waiting.values():
            for tell in tells:
                tell(error)

    def close(self) -> None:
        """Ends the watch. Whoever still waits is told so."""
        self._closed = True
        self._wakeup.poke()
        self._thread.join()
        self.fail(JournalError("the engine was closed while somebody waited for a run", hint="the run goes on"))
        self._wakeup.close()
        self._journal.drop_owner(self._owner)

    def _run(self) -> None:
        while not self._closed:
            told = self._wakeup.wait(GLANCE_S if self._owes_look else POLL_S if self._waiting else IDLE_S)
            self._look(told)

    def _look(self, told: bool) -> None:
        """Asks about the runs that are in question now: those that are new or were put down here, and all of them
        when the journal told something, but not more often than it is worth."""
        self._owes_look = self._owes_look or told
        since_s = time.monotonic() - self._looked_s
        with self._lock:
            asked, self._fresh = self._fresh, set()
            if since_s >= (GLANCE_S if self._owes_look else POLL_S):
                asked = set(self._waiting)
                self._looked_s += since_s
                self._owes_look = False
        ids = sorted(asked)
        for start in range(0, len(ids), CHUNK):
            self._ask(ids[start : start + CHUNK])

    def _ask(self, ids: Sequence[str]) -> None:
        try:
            found = {run.run_id: run for run in self._journal.find(RunFilter(ids=ids), limit=len(ids))}
        except JournalError:
            return  # it may come back, and the next poll asks again
        for run_id in ids:
            run = found.get(run_id)
            if run is None:
                self._tell(run_id, RunNotFound(f"there is no run `{run_id}` any more", run_id=run_id))
            elif run.status.is_final or run.status is RunStatus.STOPPED:
                self._tell(run_id, run)

    def _tell(self, run_id: str, what: RunRecord | FlowlangError) -> None:
        with self._lock:
            tells = self._waiting.pop(run_id, [])
        for tell in tells:
            tell(what)
