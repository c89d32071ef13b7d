"""The program of a process that performs attempts for a `ProcessExecutor`.

It imports the module that the action stands in, performs one attempt after the other, and ends when its parent is
gone: a thread waits for what the parent says, and the end of the connection ends the process wherever it is.
"""

from __future__ import annotations

import importlib
import json
import os
import queue
import runpy
import socket
import sys
import threading
from typing import Any, Final

from flowlang.lang.values.canonical import decode
from flowlang.lang.values.convert import to_host
from flowlang.runtime.action import ActionSpec
from flowlang.runtime.action import action as declare
from flowlang.runtime.action_context import ActionContext
from flowlang.runtime.clock import SystemClock
from flowlang.runtime.database import Database, Databases
from flowlang.runtime.executors.executor import ActionFailure, Attempt, Success, begin, perform
from flowlang.runtime.executors.frame import receive, send
from flowlang.runtime.file_access import FileAccess

MAIN: Final = "__main__"
MAIN_HERE: Final = "__flowlang_main__"
"""The name under which the parent's program is loaded: its `if __name__ == "__main__":` must not run here."""


class Child:
    """See the module. `connection` leads to the parent."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._orders: queue.SimpleQueue[tuple[bytes, bytes]] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._specs: dict[tuple[str, str], ActionSpec[..., Any]] = {}
        self._capabilities: dict[str, tuple[FileAccess, Databases]] = {}

    def serve(self) -> None:
        """Performs attempts until the parent is gone."""
        threading.Thread(target=self._listen, daemon=True).start()
        while True:
            _, described = self._orders.get()
            _, payload = self._orders.get()
            self._perform(json.loads(described), payload)

    def _listen(self) -> None:
        while (frame := receive(self._connection)) is not None:
            letter = frame[0]
            if letter in (b"Y", b"N"):
                self._answers.put(letter)
            else:
                self._orders.put(frame)
        os._exit(0)  # what is being performed has lost whoever wanted it

    def _perform(self, order: dict[str, Any], payload: bytes) -> None:
        try:
            spec = self._spec(order)
        except Exception as problem:
            message = f"`{order['action']}` cannot be loaded in a process of its own: {problem}"
            self._fail(ActionFailure("action-failed", message, {"exception": type(problem).__name__}))
            return
        attempt = self._attempt(spec, order, payload)
        send(self._connection, b"S")
        begin(attempt)
        outcome = perform(attempt)
        if isinstance(outcome, Success):
            send(self._connection, b"R", outcome.payload)
        elif isinstance(outcome, ActionFailure):
            self._fail(outcome)

    def _fail(self, failure: ActionFailure) -> None:
        described = {
            "kind": failure.kind, "message": failure.message, "data": failure.data, "retryable": failure.retryable,
            "hint": failure.hint,
        }  # fmt: skip
        send(self._connection, b"F", json.dumps(described, default=str).encode())

    def _attempt(self, spec: ActionSpec[..., Any], order: dict[str, Any], payload: bytes) -> Attempt:
        files, databases = self._access(order)
        last = order["last_heartbeat"]
        context = ActionContext(
            order["run_id"], order["position"], order["key"], order["attempt"], files, databases, SystemClock(),
            lease_token=order["token"], action=order["action"],
            last_heartbeat=None if last is None else to_host(decode(last.encode())),
            on_heartbeat=lambda details: send(self._connection, b"H", details),
            on_progress=self._tell_progress, on_commit=self._may_commit,
        )  # fmt: skip
        return Attempt(spec, payload, context, order["timeout_s"])

    def _tell_progress(self, done: float, total: float | None, message: str) -> None:
        send(self._connection, b"P", json.dumps([done, total, message]).encode())

    def _may_commit(self) -> bool:
        send(self._connection, b"C")
        return self._answers.get() == b"Y"

    def _access(self, order: dict[str, Any]) -> tuple[FileAccess, Databases]:
        """Kept from one attempt to the next, because drivers leave their connections with it."""
        described = json.dumps([order["roots"], order["databases"]])
        found = self._capabilities.get(described)
        if found is None:
            files = FileAccess(order["roots"])
            declared = {each[0]: Database(*each) for each in order["databases"]}
            found = self._capabilities[described] = files, Databases(files, declared)
        return found

    def _spec(self, order: dict[str, Any]) -> ActionSpec[..., Any]:
        module, name = order["module"], order["function"]
        found = self._specs.get((module, name))
        if found is None:
            scope: Any = _main(order["file"]) if module == MAIN else importlib.import_module(module)
            for part in name.split("."):
                scope = getattr(scope, part)
            found = scope if isinstance(scope, ActionSpec) else declare(name=order["action"])(scope)
            self._specs[(module, name)] = found
        return found


class _Namespace:
    """The globals of the parent's program, as attributes."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.__dict__.update(names)


def _main(file: str) -> _Namespace:
    return _Namespace(runpy.run_path(file, run_name=MAIN_HERE))


def main() -> None:
    """Begins with what the parent wrote into the arguments: the number of the connection, and where modules are."""
    descriptor = int(sys.argv[1])
    sys.path[:] = json.loads(sys.argv[2])
    connection = socket.socket(fileno=descriptor)
    os.dup2(2, 1)  # what an action prints must not mix with what the parent's program gives
    Child(connection).serve()


if __name__ == "__main__":
    main()
