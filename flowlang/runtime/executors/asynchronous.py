"""Performs async actions, thousands at once, on one event loop that has a thread of its own.

Only here is an attempt that is given up really ended: its task is cancelled at the `await` where it is. An action that
goes on nevertheless is waited for, for a while; then its failure is reported and its result, if it ever comes, is
dropped. The loop is made with the first attempt and serves until the executor is closed, so what an action keeps on it
(a pool of connections) lives as long.

A function that is not async would hold up all the others; `Dispatcher` sends those elsewhere.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Final

import attrs

from flowlang.runtime.executors.deadline import DeadlineWatch
from flowlang.runtime.executors.executor import (
    Attempt,
    Done,
    Outcome,
    arguments_of,
    given_up,
    outcome_of_problem,
    outcome_of_result,
)
from flowlang.runtime.executors.vigil import Vigil

END_WAIT_S: Final = 5.0
"""How long an attempt that was given up may take to end."""


@attrs.define(eq=False)
class _Submission:
    """A submitted attempt; `reported`: its outcome is decided. Touched on the loop's thread only."""

    attempt: Attempt
    done: Done
    task: asyncio.Task[None] | None = None
    reported: bool = False


class AsyncExecutor:
    """See the module. `end_wait_s` bounds the wait for attempts that do not end when they are given up."""

    def __init__(self, end_wait_s: float = END_WAIT_S) -> None:
        self._end_wait_s = end_wait_s
        self._deadlines = DeadlineWatch()
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._submitted: set[_Submission] = set()
        self._arrived: list[_Submission] = []
        self._closed = False

    def submit(self, attempt: Attempt, done: Done) -> None:
        """Has the attempt performed on the loop. `done` is called on the loop's thread."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the executor is closed")
            loop = self._running_loop()
            submission = _Submission(attempt, done)
            self._submitted.add(submission)
            self._arrived.append(submission)
            if len(self._arrived) == 1:  # else the loop has been woken already
                loop.call_soon_threadsafe(self._begin)

    def close(self) -> None:
        """Gives up what is not finished, and ends the loop."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            loop, thread = self._loop, self._thread
            for submission in list(self._submitted):
                submission.attempt.context.cancel()
        if loop is not None and thread is not None:
            asyncio.run_coroutine_threadsafe(self._end(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()
        self._deadlines.close()

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        """The loop, made at the first use. Holds the lock."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._serve, args=[self._loop], name="flowlang-async", daemon=True)
            self._thread.start()
        return self._loop

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        loop.run_forever()

    def _begin(self) -> None:
        """Begins with everything that has arrived. On the loop's thread."""
        with self._lock:
            arrived, self._arrived = self._arrived, []
        loop = asyncio.get_running_loop()
        for submission in arrived:
            submission.task = loop.create_task(self._perform(submission))

    async def _perform(self, submission: _Submission) -> None:
        attempt, context = submission.attempt, submission.attempt.context
        loop, task = asyncio.get_running_loop(), submission.task
        assert task is not None

        def interrupt() -> None:
            if not submission.reported:
                task.cancel()
                loop.call_later(self._end_wait_s, self._report, submission, given_up(attempt))

        take_back = context.on_cancel(lambda: loop.call_soon_threadsafe(interrupt))
        vigil = Vigil(self._deadlines, attempt, context.cancel)
        try:
            context.check()
            outcome = outcome_of_result(attempt, await self._call(attempt))
        except asyncio.CancelledError:
            context.cancel()  # by itself, if nobody else did
            outcome = given_up(attempt)
        except (Exception, SystemExit) as problem:
            outcome = outcome_of_problem(attempt, problem)
        vigil.end()
        take_back()
        self._report(submission, outcome)

    async def _call(self, attempt: Attempt) -> Any:
        spec, arguments = attempt.spec, arguments_of(attempt)
        result = spec.function(attempt.context, **arguments) if spec.takes_context else spec.function(**arguments)
        return await result if spec.is_async else result

    def _report(self, submission: _Submission, outcome: Outcome) -> None:
        if not submission.reported:
            submission.reported = True
            self._submitted.discard(submission)
            submission.done(submission.attempt, outcome)

    async def _end(self) -> None:
        """Waits, for a while, for what was given up, and for what is in the middle of its effect."""
        tasks = [submission.task for submission in list(self._submitted) if submission.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=2 * self._end_wait_s)
        for submission in list(self._submitted):
            self._report(submission, given_up(submission.attempt))
