"""Performs attempts on a few threads.

A thread takes attempts from one queue until there are no more. Python cannot end a thread, so an attempt whose time
is over is *abandoned*: it is cancelled, its failure is reported, its thread no longer counts and another may take
its place; if the action comes back after all, its result is dropped and the thread ends. An action in the middle of
its effect (`ActionContext.commit`) is not abandoned, since its result is about to be known.

Abandoned threads are bounded, too. Beyond the bound whatever waits fails instead of waiting for ever. All threads are
daemons: a stuck action does not keep the process from ending.
"""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import Final

import attrs

from flowlang.runtime.executors.deadline import DeadlineWatch
from flowlang.runtime.executors.executor import (
    ActionFailure,
    Attempt,
    Done,
    Outcome,
    given_up,
    perform,
)
from flowlang.runtime.executors.vigil import Vigil

THREADS_MAX: Final = 8
ABANDONED_MAX: Final = 64
CLOSE_WAIT_S: Final = 10.0


@attrs.define(eq=False)
class _Submission:
    """A submitted attempt. `begun`: a thread has taken it. `reported`: its outcome is decided. `abandoned`: decided
    while its thread is still in it."""

    attempt: Attempt
    done: Done
    begun: bool = False
    reported: bool = False
    abandoned: bool = False


class ThreadExecutor:
    """See the module. `threads_max` bounds the attempts performed at the same time."""

    def __init__(self, threads_max: int = THREADS_MAX, abandoned_max: int = ABANDONED_MAX) -> None:
        self._threads_max = threads_max
        self._abandoned_max = abandoned_max
        self._queue: SimpleQueue[_Submission | None] = SimpleQueue()
        self._deadlines = DeadlineWatch()
        self._changed = threading.Condition()
        self._submitted: set[_Submission] = set()  # submitted, and `done` has not returned
        self._undecided = 0
        self._threads = 0
        self._abandoned = 0
        self._closed = False

    def submit(self, attempt: Attempt, done: Done) -> None:
        """Has the attempt performed by the next free thread. `done` is called on some other thread."""
        submission = _Submission(attempt, done)
        with self._changed:
            if self._closed:
                raise RuntimeError("the executor is closed")
            self._submitted.add(submission)
            self._undecided += 1
            exhausted = not self._make_thread()
        if exhausted:
            self._give_up(submission, self._exhausted(submission))
        else:
            self._queue.put(submission)

    def close(self) -> None:
        """Gives up what is not finished. Waits, for a while, for effects that are already happening."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            submitted = list(self._submitted)
            for _ in range(self._threads):
                self._queue.put(None)
        for submission in submitted:
            if submission.attempt.context.cancel():
                self._give_up(submission, given_up(submission.attempt))
        with self._changed:
            self._changed.wait_for(lambda: not self._submitted, CLOSE_WAIT_S)
        self._deadlines.close()

    def _make_thread(self) -> bool:
        """Starts a thread when one is missing. False when all that could ever be are stuck. Holds the lock."""
        if self._threads < min(self._threads_max, self._undecided) and self._abandoned < self._abandoned_max:
            self._threads += 1
            threading.Thread(target=self._work, name="flowlang-action", daemon=True).start()
        return self._threads > 0

    def _work(self) -> None:
        while (submission := self._queue.get()) is not None:
            with self._changed:
                if submission.reported:
                    continue  # given up while it waited
                submission.begun = True
            if not self._finish(submission, self._perform(submission)):
                return

    def _perform(self, submission: _Submission) -> Outcome:
        vigil = Vigil(self._deadlines, submission.attempt, lambda kind: self._expire(submission, kind))
        outcome = perform(submission.attempt)
        vigil.end()
        return outcome

    def _finish(self, submission: _Submission, outcome: Outcome) -> bool:
        """Reports a performed submission. False when it was abandoned meanwhile: then the thread is one too many."""
        with self._changed:
            if submission.abandoned:
                self._abandoned -= 1
                return False
            submission.reported = True
            self._undecided -= 1
        submission.done(submission.attempt, outcome)
        with self._changed:
            self._submitted.discard(submission)
            self._changed.notify_all()
        return True

    def _expire(self, submission: _Submission, kind: str) -> None:
        if submission.attempt.context.cancel(kind):
            self._give_up(submission, given_up(submission.attempt))
            self._fail_waiting()

    def _give_up(self, submission: _Submission, outcome: ActionFailure) -> None:
        """Decides a submission without its thread, whose place becomes free. Too late when it is decided."""
        with self._changed:
            if submission.reported:
                return
            submission.reported = True
            self._undecided -= 1
            if submission.begun:
                submission.abandoned = True
                self._abandoned += 1
                self._threads -= 1
            if not self._closed:
                self._make_thread()
        submission.done(submission.attempt, outcome)
        with self._changed:
            self._submitted.discard(submission)
            self._changed.notify_all()

    def _fail_waiting(self) -> None:
        """Fails everything that waits for a thread when no thread will ever be free."""
        with self._changed:
            waiting = [] if self._threads else [submission for submission in self._submitted if not submission.reported]
        for submission in waiting:
            self._give_up(submission, self._exhausted(submission))

    def _exhausted(self, submission: _Submission) -> ActionFailure:
        message = f"`{submission.attempt.spec.name}` was not started: stuck actions hold all {self._abandoned} threads"
        hint = "find the actions that run into their timeouts and do not end, then restart the worker"
        return ActionFailure("executor-exhausted", message, None, True, hint)
