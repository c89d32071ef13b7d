"""A worker on a thread of its own, for an application that has something else to do."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from flowlang.errors import InternalError
from flowlang.runtime.worker import Worker

LOGGER: Final = logging.getLogger("flowlang.worker")


class WorkerThread:
    """Makes a worker and lets it work until `stop`. `failed` is told when the worker broke down, on its thread."""

    def __init__(self, make: Callable[[], Worker], failed: Callable[[InternalError], object]) -> None:
        self._make = make
        self._failed = failed
        self._worker: Worker | None = None
        self._problem: BaseException | None = None
        self._made = threading.Event()
        self._thread = threading.Thread(target=self._run, name="flowlang-worker", daemon=True)

    def start(self) -> None:
        """Returns when the worker is there. Raises what kept it from being made."""
        self._thread.start()
        self._made.wait()
        if self._problem is not None:
            raise self._problem

    def stop(self, grace_s: float) -> None:
        """Has the worker give its runs back, and waits for that."""
        if self._worker is not None:
            self._worker.request_stop(grace_s)
        self._thread.join()

    def _run(self) -> None:
        try:
            worker = self._worker = self._make()
        except BaseException as problem:
            self._problem = problem
            return
        finally:
            self._made.set()
        try:
            worker.run()
        except Exception as problem:
            LOGGER.exception("the worker broke down")
            self._failed(InternalError(f"the worker broke down: {problem}"))
        finally:
            worker.close()
