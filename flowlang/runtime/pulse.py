"""Lines of a script that computes for long appear while it does.

What a script prints becomes durable with the next append, which comes when it asks for something. A pulse makes an
evaluation give out its lines about once a second in between. It changes nothing about what the run does: lines
have positions of their own.
"""

from __future__ import annotations

import threading
from typing import Protocol

EVERY_S = 1.0


class Flushable(Protocol):
    """What a pulse drives."""

    may_flush: bool
    is_flush_due: bool


class LinePulse:
    """A context manager that asks an evaluation for its lines again and again."""

    def __init__(self, evaluation: Flushable, every_s: float = EVERY_S) -> None:
        self._evaluation = evaluation
        self._every_s = every_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="flowlang-lines", daemon=True)

    def __enter__(self) -> LinePulse:
        self._evaluation.may_flush = True
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._evaluation.may_flush = False
        self._ended.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._ended.wait(self._every_s):
            self._evaluation.is_flush_due = True
