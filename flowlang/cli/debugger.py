"""The debugger on a terminal: reads commands, moves a session, shows where it stands.

Lines in, lines out, so that it can be driven by a file as well as by hand (`--commands`); what is read from a file is
shown as if it had been typed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from flowlang.cli.debugger_view import (
    PRINTED_LENGTH_MAX,
    code_line,
    code_lines,
    end_lines,
    own_frames,
    place_line,
    record_line,
    stack_lines,
    value_lines,
    value_text,
)
from flowlang.cli.exit_code import ExitCode
from flowlang.cli.option import Settings
from flowlang.cli.terminal import is_terminal
from flowlang.errors import UsageError
from flowlang.lang.diagnostics.suggest import nearest
from flowlang.lang.interpreter import Build
from flowlang.runtime.action import ActionRegistry
from flowlang.runtime.debugger.course import Halt, Moment
from flowlang.runtime.debugger.session import Session
from flowlang.runtime.debugger.stack import FrameView
from flowlang.runtime.dry_replay import Recording
from flowlang.runtime.journal.event import parse_position, position_text

PROMPT: Final = "(debug) "
ALIASES: Final = {
    "s": "step", "n": "next", "o": "out", "c": "continue", "b": "break", "p": "print", "l": "list", "w": "where",
    "bt": "stack", "q": "quit", "h": "help", "?": "help", "step back": "back", "reverse continue": "reverse",
    "reverse next": "back-over", "rc": "reverse", "rn": "back-over", "g": "goto",
}  # fmt: skip


def debug(
    settings: Settings, recording: Recording, build: Build, registry: ActionRegistry, *, commands: str | None = None,
    chapter: int | None = None, library: bool = False,
) -> ExitCode:  # fmt: skip
    """Debugs a recorded run until the commands end. `commands`: a file to read them from, `-` for stdin."""
    if settings.output.is_json:
        raise UsageError("the debugger has no JSON form", hint="leave `--output` out")
    lines = _typed() if commands is None and is_terminal(sys.stdin) else _read(settings, commands)
    with Session(recording, build, registry, chapter=chapter, library=library) as session:
        DebuggerShell(settings, session, library=library).run(lines)
    return ExitCode.OK


def _typed() -> Iterator[str]:
    """Lines that somebody types, with a history and completion of commands where the system has that."""
    try:
        import readline
    except ImportError:
        pass
    else:
        names = sorted(COMMANDS)
        readline.set_completer(lambda text, index: [name for name in names if name.startswith(text)][index])
        readline.parse_and_bind("tab: complete")
    while True:
        try:
            yield input(PROMPT)
        except EOFError:
            return
        except KeyboardInterrupt:
            sys.stdout.write("\n")


def _read(settings: Settings, commands: str | None) -> Iterator[str]:
    """Lines of a file or of stdin, shown as they are read."""
    try:
        text = sys.stdin.read() if commands in (None, "-") else Path(str(commands)).read_text(encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"`{commands}` cannot be read: {reason}") from None
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            settings.output.data(PROMPT + line.strip())
            yield line


class DebuggerShell:
    """Does one command after the other. `frame` is the selected frame, None where no code runs."""

    def __init__(self, settings: Settings, session: Session, *, library: bool) -> None:
        self._say = settings.output.data
        self._session = session
        self._library = library
        self._last = ""
        self._fiber = session.halt.fiber
        self._frames: list[FrameView] = []
        self._selected = 0

    @property
    def frame(self) -> FrameView | None:
        return self._frames[self._selected] if self._frames else None

    def run(self, lines: Iterator[str]) -> None:
        """Reads commands until `quit` or the end. An empty line repeats a command that moves."""
        recording = self._session.recording
        self._say(f"run `{recording.run_id}` ({recording.status.value}), events up to {self._session.timeline.last}")
        self._arrived(self._session.halt)
        for line in lines:
            words = line.strip() or self._last
            if words in ("quit", "q"):
                return
            if not words:
                continue
            try:
                self._do(words)
            except UsageError as error:
                self._say(f"error: {error.message}")
                if error.hint is not None:
                    self._say(f"hint: {error.hint}")
            except KeyboardInterrupt:
                self._say("interrupted")

    def _do(self, words: str) -> None:
        name, rest = _split(words)
        found = COMMANDS.get(name)
        if found is None:
            near = nearest(name, [*COMMANDS, *ALIASES])
            raise UsageError(f"there is no command `{name}`", hint=f"did you mean `{near}`?" if near else "try `help`")
        self._last = words if found.moves else ""
        found.do(self, rest)

    def _arrived(self, halt: Halt) -> None:
        self._look_at(halt.fiber)
        frame = self.frame
        self._say(place_line(self._session, frame))
        if halt.why == "end":
            for line in end_lines(self._session, halt):
                self._say(line)
        elif frame is not None:
            self._say(code_line(self._session.sources.get(frame.module), frame.line, ">"))
        problem = self._session.problem
        if problem is not None:
            self._say(f"stopped because the condition cannot be evaluated: {problem.problem}")

    def _look_at(self, fiber: tuple[int, ...]) -> None:
        self._fiber = fiber
        self._frames = self._session.stack(fiber)
        own = self._frames if self._library else own_frames(self._frames)
        self._selected = len(self._frames) - len(own)

    # Moving

    def step(self, rest: str) -> None:
        """To the next line, into calls."""
        self._arrived(self._session.step(_count(rest)))

    def next(self, rest: str) -> None:
        """To the next line of this function, over calls."""
        self._arrived(self._session.next())

    def out(self, rest: str) -> None:
        """Out of this function."""
        self._arrived(self._session.out())

    def go_on(self, rest: str) -> None:
        """To the next breakpoint, or to the end."""
        self._arrived(self._session.resume())

    def back(self, rest: str) -> None:
        """To the line before."""
        self._arrived(self._session.step_back(_count(rest)))

    def back_over(self, rest: str) -> None:
        """To the line before in this function, over calls."""
        self._arrived(self._session.next_back())

    def reverse(self, rest: str) -> None:
        """Back to the breakpoint before, or to the start."""
        self._arrived(self._session.resume_back())

    def goto(self, rest: str) -> None:
        """To a step, to the event of a number, to the start or the end."""
        match rest.split():
            case ["event", number]:
                self._arrived(self._session.goto_event(_number(number)))
            case ["start"]:
                self._arrived(self._session.goto(Moment(1)))
            case ["end"]:
                self._arrived(self._session.goto_end())
            case [number]:
                self._arrived(self._session.goto(Moment(max(1, _number(number)))))
            case _:
                raise UsageError("`goto` needs to know where to", hint="`goto 12`, `goto event 7`, `goto end`")

    # Breakpoints

    def break_(self, rest: str) -> None:
        """A breakpoint, or a list of all."""
        if not rest:
            for each in self._session.breakpoints:
                self._say(f"{each.number}  {each}")
            return
        place, _, condition = rest.partition(" if ")
        if place.startswith("event "):
            added = self._session.break_on(_number(place.removeprefix("event ")))
        else:
            module, _, line = place.strip().rpartition(":")
            frame = self.frame
            module = module or (frame.module if frame is not None else self._session.recording.entry)
            added = self._session.break_at(module, _number(line), condition.strip())
        self._say(f"breakpoint {added.number} at {added}")

    def delete(self, rest: str) -> None:
        """Removes a breakpoint."""
        self._session.remove(_number(rest))

    # Looking

    def where(self, rest: str) -> None:
        """Where the session stands."""
        self._say(place_line(self._session, self.frame))

    def stack(self, rest: str) -> None:
        """The calls of this task, innermost first."""
        for line in stack_lines(self._session, self._frames, self._selected):
            self._say(line)

    def up(self, rest: str) -> None:
        """To the frame that called this one."""
        self._select(self._selected + 1)

    def down(self, rest: str) -> None:
        """To the frame that this one called."""
        self._select(self._selected - 1)

    def _select(self, index: int) -> None:
        if not 0 <= index < len(self._frames):
            raise UsageError("there is no further frame", hint="`stack` shows all")
        self._selected = index
        frame = self._frames[index]
        self._say(f"{frame.module}:{frame.line} in {frame.function}")
        self._say(code_line(self._session.sources.get(frame.module), frame.line, ">"))

    def fibers(self, rest: str) -> None:
        """The root and all tasks that have not ended, or one of them to look at."""
        paths = self._session.fibers()
        if rest:
            wanted = () if rest == "root" else _position(rest)
            if wanted not in paths:
                raise UsageError(f"no task {rest} is running here", hint="`fibers` shows those that are")
            self._look_at(wanted)
            self.stack("")
            return
        for path in paths:
            frames = own_frames(self._session.stack(path))
            mark = ">" if path == self._fiber else " "
            place = f"{frames[0].module}:{frames[0].line} in {frames[0].function}" if frames else "not begun"
            self._say(f"{mark} {position_text(path) or 'root'}  {place}")

    def locals(self, rest: str) -> None:
        """The local variables of the selected frame."""
        frame = self.frame
        values = frame.locals() if frame is not None else {}
        for line in value_lines(values):
            self._say(line)
        if not values:
            self._say("no local variables here; `globals` shows those of the module")

    def globals(self, rest: str) -> None:
        """The names that the module has bound so far."""
        for line in value_lines(self._session.module_names(self.frame)):
            self._say(line)

    def print(self, rest: str) -> None:
        """The value of an expression in the selected frame."""
        if not rest:
            raise UsageError("`print` needs an expression", hint="`print len(rows)`")
        found = self._session.evaluate(rest, self.frame)
        if found.problem is not None:
            raise UsageError(found.problem, hint=found.hint)
        self._say(value_text(found.value, PRINTED_LENGTH_MAX))
        if found.may_have_changed:
            selected = self._selected
            self._look_at(self._fiber)
            self._selected = min(selected, max(0, len(self._frames) - 1))

    def list(self, rest: str) -> None:
        """The code around this line, or around another one."""
        frame = self.frame
        if frame is not None:
            for line in code_lines(self._session, frame, _number(rest) if rest else frame.line):
                self._say(line)

    def events(self, rest: str) -> None:
        """The events around this moment."""
        count = _number(rest) if rest else 4
        for record in self._session.around(count, count):
            self._say(record_line(record, record.sequence == self._session.halt.event))

    def help(self, rest: str) -> None:
        """This list."""
        for found in COMMANDS.values():
            self._say(f"{found.usage:<34} {(found.do.__doc__ or '').strip()}")


class _Command(NamedTuple):
    """`moves`: whether an empty line repeats it."""

    do: Callable[[DebuggerShell, str], None]
    usage: str
    moves: bool = False


COMMANDS: Final = {
    "step": _Command(DebuggerShell.step, "step [N]", moves=True),
    "next": _Command(DebuggerShell.next, "next", moves=True),
    "out": _Command(DebuggerShell.out, "out", moves=True),
    "continue": _Command(DebuggerShell.go_on, "continue", moves=True),
    "back": _Command(DebuggerShell.back, "back [N], step back", moves=True),
    "back-over": _Command(DebuggerShell.back_over, "back-over, reverse next", moves=True),
    "reverse": _Command(DebuggerShell.reverse, "reverse, reverse continue", moves=True),
    "goto": _Command(DebuggerShell.goto, "goto STEP|event N|start|end"),
    "break": _Command(DebuggerShell.break_, "break FILE:LINE [if EXPR]|event N"),
    "delete": _Command(DebuggerShell.delete, "delete N"),
    "where": _Command(DebuggerShell.where, "where"),
    "stack": _Command(DebuggerShell.stack, "stack"),
    "up": _Command(DebuggerShell.up, "up"),
    "down": _Command(DebuggerShell.down, "down"),
    "fibers": _Command(DebuggerShell.fibers, "fibers [POSITION|root]"),
    "locals": _Command(DebuggerShell.locals, "locals"),
    "globals": _Command(DebuggerShell.globals, "globals"),
    "print": _Command(DebuggerShell.print, "print EXPR"),
    "list": _Command(DebuggerShell.list, "list [LINE]"),
    "events": _Command(DebuggerShell.events, "events [N]"),
    "help": _Command(DebuggerShell.help, "help"),
}


def _split(words: str) -> tuple[str, str]:
    """The command and the rest. Some commands have names of two words."""
    parts = words.split(None, 2)
    pair = " ".join(parts[:2])
    if pair in ALIASES:
        return ALIASES[pair], parts[2] if len(parts) > 2 else ""
    name, _, rest = words.partition(" ")
    return ALIASES.get(name, name), rest.strip()


def _number(text: str) -> int:
    try:
        return int(text.strip())
    except ValueError:
        raise UsageError(f"`{text.strip()}` is not a number") from None


def _count(text: str) -> int:
    return max(1, _number(text)) if text else 1


def _position(text: str) -> tuple[int, ...]:
    try:
        return parse_position(text)
    except ValueError:
        raise UsageError(f"`{text}` is not the position of a task", hint="positions look like `0.3`") from None
