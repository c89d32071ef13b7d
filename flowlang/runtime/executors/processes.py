"""Performs attempts in processes of their own, which can be killed and may crash.

For actions that Python cannot stop, that need a processor to themselves, or that call code which may take the whole
process with it. The action's function is found by its module and name in a fresh interpreter, so it must stand at the
top level of a module; nothing of the host's memory is there.

Each process performs one attempt at a time and is kept for the next. A thread of the executor speaks with it and is
the only one that decides the outcome: what the process says, or, when it is gone, why. An attempt that is given up has
its process killed; one that asked to commit has not, for its effect is happening. A process that ends by itself is the
failure `worker-died`, which may be tried again, and harms nobody else.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Final

import attrs

from flowlang.lang.values.canonical import encode
from flowlang.lang.values.convert import from_host
from flowlang.runtime.action_context import ActionCancelled
from flowlang.runtime.executors.deadline import DeadlineWatch
from flowlang.runtime.executors.executor import ActionFailure, Attempt, Done, Outcome, Success, given_up
from flowlang.runtime.executors.frame import receive, send
from flowlang.runtime.executors.vigil import Vigil

PROCESSES_MAX: Final = min(4, os.cpu_count() or 1)
CLOSE_WAIT_S: Final = 10.0
LOAD_WAIT_S: Final = 60.0
"""How long a process may take to load the module of an action."""
PROGRAM: Final = "flowlang.runtime.executors.child"
DIED: Final = "worker-died"


@attrs.frozen(eq=False)
class _Worker:
    """A process and the connection to it."""

    process: subprocess.Popen[bytes]
    connection: socket.socket

    def kill(self) -> None:
        """Ends the process at once."""
        self.process.kill()

    def close(self) -> int:
        """Gives up the connection, which ends the process, and gives its exit code."""
        self.connection.close()
        self.process.kill()
        return self.process.wait()


class ProcessExecutor:
    """See the module. `processes_max` bounds the attempts performed at the same time."""

    def __init__(self, processes_max: int = PROCESSES_MAX) -> None:
        self._processes_max = processes_max
        self._queue: SimpleQueue[tuple[Attempt, Done] | None] = SimpleQueue()
        self._deadlines = DeadlineWatch()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._open: set[Attempt] = set()
        self._closed = False

    def submit(self, attempt: Attempt, done: Done) -> None:
        """Has the attempt performed by the next free process. `done` is called on another thread."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the executor is closed")
            self._open.add(attempt)
            if len(self._threads) < min(self._processes_max, len(self._open)):
                thread = threading.Thread(target=self._work, name="flowlang-process", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._queue.put((attempt, done))

    def close(self) -> None:
        """Gives up what is not finished, and ends the processes."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            unfinished, threads = list(self._open), list(self._threads)
        for attempt in unfinished:
            attempt.context.cancel()
        for _ in threads:
            self._queue.put(None)
        for thread in threads:
            thread.join(CLOSE_WAIT_S)
        self._deadlines.close()

    def _work(self) -> None:
        worker: _Worker | None = None
        while (submitted := self._queue.get()) is not None:
            attempt, done = submitted
            outcome: Outcome
            try:
                if worker is None or worker.process.poll() is not None:
                    worker = _start()
            except OSError as problem:
                outcome = _not_started(attempt, problem)
            else:
                outcome, worker = self._perform(attempt, worker)
            with self._lock:
                self._open.discard(attempt)
            done(attempt, outcome)
        if worker is not None:
            worker.close()

    def _perform(self, attempt: Attempt, worker: _Worker) -> tuple[Outcome, _Worker | None]:
        """The outcome, and the process if it is still there."""
        context = attempt.context
        try:
            context.check()
        except ActionCancelled:
            return given_up(attempt), worker
        take_back = context.on_cancel(worker.kill)
        vigil: list[Vigil] = []
        try:
            outcome = _converse(attempt, worker, lambda: vigil.append(Vigil(self._deadlines, attempt, context.cancel)))
        finally:
            for each in vigil:
                each.end()
            take_back()
        if outcome is None:
            code = worker.close()
            return (given_up(attempt) if context.cancelled else _died(attempt, code)), None
        if context.cancelled:
            worker.close()
            return given_up(attempt), None
        return outcome, worker


def _converse(attempt: Attempt, worker: _Worker, begun: Callable[[], object]) -> Outcome | None:
    """Gives the attempt to the process and listens; None when the process is gone. `begun` is called when the process
    has loaded what it needs: loading does not count towards the time of the attempt."""
    connection, context = worker.connection, attempt.context
    try:
        connection.settimeout(LOAD_WAIT_S)
        send(connection, b"B", json.dumps(_order(attempt)).encode())
        send(connection, b"A", attempt.payload)
        while (frame := receive(connection)) is not None:
            letter, payload = frame
            match letter:
                case b"S":
                    connection.settimeout(None)
                    begun()
                case b"H":
                    context.beat(payload)
                case b"P":
                    context.progress(*json.loads(payload))
                case b"C":
                    send(connection, b"Y" if _may_commit(attempt) else b"N")
                case b"R":
                    return Success(payload)
                case b"F":
                    return ActionFailure(**json.loads(payload))
    except OSError:
        return None
    return None


def _may_commit(attempt: Attempt) -> bool:
    try:
        attempt.context.commit()
    except ActionCancelled:
        return False
    return True


def _order(attempt: Attempt) -> dict[str, Any]:
    """What the process must know, as JSON."""
    spec, context = attempt.spec, attempt.context
    function = spec.function
    last = None if context.last_heartbeat is None else encode(from_host(context.last_heartbeat)).decode()
    databases = [
        [each.name, each.scheme, each.location, each.exactly_once] for each in context.databases.declared.values()
    ]
    return {
        "module": function.__module__, "function": function.__qualname__, "action": spec.name,
        "file": getattr(sys.modules.get("__main__"), "__file__", None), "run_id": context.run_id,
        "position": context.position, "key": context.idempotency_key, "attempt": context.attempt,
        "token": context.lease_token, "timeout_s": attempt.timeout_s, "last_heartbeat": last,
        "roots": list(map(str, context.files.roots)), "databases": databases,
    }  # fmt: skip


def _start() -> _Worker:
    ours, theirs = socket.socketpair()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", PROGRAM, str(theirs.fileno()), json.dumps(sys.path)],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            process_group=0,  # the interrupt key is the host's affair
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
    except OSError:
        ours.close()
        raise
    finally:
        theirs.close()
    return _Worker(process, ours)


def _not_started(attempt: Attempt, problem: OSError) -> ActionFailure:
    message = f"no process could be started for `{attempt.spec.name}`: {problem.strerror}"
    return ActionFailure(DIED, message, {"action": attempt.spec.name}, retryable=True)


def _died(attempt: Attempt, code: int) -> ActionFailure:
    name = attempt.spec.name
    how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
    return ActionFailure(
        DIED, f"the process that performed `{name}` ended {how}", {"action": name, "exit_code": code}, retryable=True
    )
