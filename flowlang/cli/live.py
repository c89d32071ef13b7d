"""The live display of a run on a terminal: a tree of what goes on, redrawn ten times a second.

The tree stands below everything that was written, on stderr, and disappears at the end. A thread of its own draws it,
so the run is not held up. It begins to draw only when a run has taken a moment, so that quick runs leave no flicker
and do not load rich at all.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TextIO

from flowlang.cli.board import Board
from flowlang.cli.interrupt import write_now
from flowlang.cli.terminal import SHOW_CURSOR, one_line
from flowlang.runtime.clock import Clock

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

INTERVAL_S: Final = 0.1
DELAY_S: Final = 0.2
ROWS_MAX: Final = 20
TERMINAL_GONE: Final = (OSError, ValueError)
"""What writing to a terminal that was closed raises. A run goes on without anybody who watches."""

SPINNER: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class LiveDisplay:
    """Draws a board until it is closed. `lock` must be held by whoever changes the board or writes to the terminal."""

    def __init__(self, board: Board, stream: TextIO, clock: Clock, *, title: str, color: bool) -> None:
        self._board = board
        self._stream = stream
        self._clock = clock
        self.title = title
        self._color = color
        self._live: Live | None = None
        self._turn = 0
        self._closing = threading.Event()
        self.lock = threading.RLock()
        self._thread = threading.Thread(target=self._draw, name="flowlang-display", daemon=True)
        self._thread.start()

    def above(self, write: Callable[[], None]) -> None:
        """Writes something to the terminal, above the tree, which appears again when it is drawn the next time."""
        with self.lock:
            self._clear()
            write()

    def close(self) -> None:
        """Removes the tree and ends the thread."""
        self._closing.set()
        self._thread.join()
        with self.lock:
            self._clear()

    def abandon(self) -> None:
        """Gives the cursor back without waiting for anything: the process ends at once."""
        if self._live is not None:
            write_now(f"{SHOW_CURSOR}\n")

    def _clear(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            with contextlib.suppress(*TERMINAL_GONE):
                live.stop()

    def _draw(self) -> None:
        if not self._closing.wait(DELAY_S):
            with contextlib.suppress(*TERMINAL_GONE):
                self._redraw()

    def _redraw(self) -> None:
        from rich.console import Console
        from rich.live import Live

        console = Console(file=self._stream, no_color=not self._color, highlight=False, markup=False)
        while True:
            with self.lock:
                if self._live is None:
                    # A Live that was stopped would erase what has been written since.
                    self._live = Live(
                        console=console, auto_refresh=False, transient=True, redirect_stdout=False,
                        redirect_stderr=False,
                    )  # fmt: skip
                    self._live.start()
                self._turn += 1
                self._live.update(self._picture(), refresh=True)
            if self._closing.wait(INTERVAL_S):
                return

    def _picture(self) -> Text:
        from rich.text import Text

        text = Text(no_wrap=True, overflow="ellipsis")
        spinner = SPINNER[self._turn % len(SPINNER)]
        text.append(f"{spinner} {one_line(self.title)}: {self._board.summary()}", style="bold")
        for row in self._board.rows(self._clock.now_ms(), ROWS_MAX):
            text.append(f"\n  {one_line(row)}")
        return text
