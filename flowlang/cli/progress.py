"""What is shown while a run goes on.

Lines that the script prints are data and go to stdout, or to stderr when stdout is kept for a JSON document. The
other levels of its log, and what the run does, go to stderr: on a terminal as a live tree, otherwise one line for
each event. Every line appears after it became durable, so that nothing is shown that a crash could take back.

An exception in a hook must not end a run, and none of these can raise: output copes with streams that fail.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flowlang.cli.board import Board
from flowlang.cli.event_text import progress_line
from flowlang.cli.interrupt import write_now
from flowlang.cli.live import LiveDisplay
from flowlang.cli.output import Output
from flowlang.cli.terminal import escaped
from flowlang.runtime.clock import Clock
from flowlang.runtime.hooks import Hooks
from flowlang.runtime.journal.event import LogWritten, Position, Record, RunStarted, position_text

LEVEL_STYLES: Final = {"error": "error", "warning": "warning", "info": "hint", "debug": "dim"}
STOPPING: Final = "stopping; press Ctrl-C again to stop at once"


class Progress(Hooks):
    """Shows one run. `on_created(run_id)` is called when a new run became durable."""

    def __init__(self, output: Output, clock: Clock, *, on_created: Callable[[str], None] | None = None) -> None:
        self._output = output
        self._clock = clock
        self._on_created = on_created
        self._board = Board()
        self._display: LiveDisplay | None = None

    def resuming(self, run_id: str, sequence: int, actions_completed: int, is_pinned_code_older: bool) -> None:
        """An unfinished run goes on."""
        done = f"{actions_completed} action{'s are' if actions_completed != 1 else ' is'} done already"
        self._say(f"run {run_id} goes on after event {sequence}: {done}")
        if is_pinned_code_older:
            self._note(
                "its code was edited since; it goes on with the code it began with "
                f"(`flowlang resume {run_id} --code current` moves it)"
            )
        self._board.replayed = actions_completed
        self._show(run_id)

    def following(self, run_id: str, owner: str) -> None:
        """A run is driven by another process; its events are shown as they come."""
        self._say(f"run {run_id} is driven by {owner}; following it")
        self._show(run_id)

    def recorded(self, run_id: str, record: Record) -> None:
        """An event became durable."""
        if isinstance(record.event, RunStarted):
            self._created(run_id, record.event)
        if self._display is not None:
            with self._display.lock:
                self._board.apply(record)
        if self._has_lines:
            line = progress_line(record.event, verbose=self._output.is_verbose)
            if line is not None:
                self._say(line)

    def line(self, run_id: str, line: LogWritten) -> None:
        """A line of the log became durable."""
        if line.level == "print" and not self._output.is_json:
            self._write(lambda: self._output.data(line.text))
        elif line.level == "print":
            self._write(lambda: self._output.say(escaped(line.text)))
        elif self._is_shown(line.level):
            title = self._output.paint(line.level, LEVEL_STYLES.get(line.level, "bold"))
            self._write(lambda: self._output.say(f"{title}: {escaped(line.text)}"))

    def attempt(self, run_id: str, position: Position, action: str, attempt: int) -> None:
        """An attempt starts."""
        if self._display is not None:
            with self._display.lock:
                self._board.attempt(position, action, attempt, self._clock.now_ms())
        if attempt > 1 and self._has_lines:
            self._say(f"action {action} again, attempt {attempt}  {position_text(position)}")

    def waiting(self, run_id: str, position: Position, until_ms: int) -> None:
        """The run waits for a timer."""
        if self._display is not None:
            with self._display.lock:
                self._board.wait(position, until_ms, self._clock.now_ms())

    def close(self) -> None:
        """Takes the display away."""
        if self._display is not None:
            self._display.close()
            self._display = None

    def stopping(self) -> None:
        """The user asked for a stop. Safe in a signal handler."""
        if self._display is not None:
            self._display.title = f"{self._display.title}, {STOPPING}"
        elif not self._output.is_quiet:
            write_now(f"\n{STOPPING}\n")

    def abandon(self) -> None:
        """Leaves the terminal usable; the process ends at once."""
        if self._display is not None:
            self._display.abandon()

    @property
    def _has_lines(self) -> bool:
        """Whether each event gets a line, since there is no tree or much is to be said."""
        return (self._display is None or self._output.is_verbose) and not self._output.is_quiet

    def _created(self, run_id: str, event: RunStarted) -> None:
        self._say(f"run {run_id} started: {event.entry}" + (f":{event.flow}" if event.flow else ""))
        if self._on_created is not None:
            self._on_created(run_id)
        self._show(run_id)

    def _is_shown(self, level: str) -> bool:
        if level == "debug":
            return self._output.is_verbose
        return not self._output.is_quiet or level in ("warning", "error")

    def _say(self, text: str) -> None:
        if not self._output.is_quiet:
            self._write(lambda: self._output.status(text))

    def _note(self, text: str) -> None:
        if not self._output.is_quiet:
            self._write(lambda: self._output.note(text))

    def _write(self, write: Callable[[], None]) -> None:
        if self._display is None:
            write()
        else:
            self._display.above(write)

    def _show(self, run_id: str) -> None:
        if self._display is None and self._output.has_terminal and not self._output.is_quiet:
            self._display = LiveDisplay(
                self._board, self._output.error_stream, self._clock, title=f"run {run_id}", color=self._output.has_color
            )
