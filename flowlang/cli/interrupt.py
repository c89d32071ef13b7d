"""Ctrl-C and SIGTERM while a run goes on.

The first one asks for a clean stop: what is being performed is recorded, then the run is suspended. The second one
ends the process at once. That, too, loses nothing that was recorded; an action that was under way is performed again
when the run goes on.

A signal may arrive in the middle of a write to a stream, and Python's streams refuse to be entered twice. So
`write_now` writes to the file descriptor itself.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Final

from flowlang.cli.exit_code import ExitCode

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
STDERR: Final = 2


@contextlib.contextmanager
def handled(request_stop: Callable[[], None], abandon: Callable[[], None]) -> Iterator[threading.Event]:
    """Handles the signals inside of the `with`: `request_stop` at the first, `abandon` before the end at the second.
    Gives an event that is set from the first signal on."""
    stopping = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        if stopping.is_set():
            abandon()
            os._exit(ExitCode.INTERRUPTED)
        stopping.set()
        request_stop()

    if threading.current_thread() is not threading.main_thread():
        yield stopping
        return
    before: list[Any] = [signal.signal(number, handle) for number in SIGNALS]
    try:
        yield stopping
    finally:
        # After a first signal the process is about to end, and a second one must not find Python's own handler.
        if not stopping.is_set():
            for number, handler in zip(SIGNALS, before, strict=True):
                signal.signal(number, handler if handler is not None else signal.SIG_DFL)


def write_now(text: str) -> None:
    """Writes to stderr from a signal handler."""
    with contextlib.suppress(OSError):
        os.write(STDERR, text.encode())
