"""A diagnostic as text for people: message, code frame with carets, hint and notes.

    error[undefined-name]: name `total` is not defined
      --> etl.flow:7:12
       |
     7 |     rows = total(day)
       |            ^^^^^ not bound in this module
       |
    hint: did you mean `totals`?

Each label has an underline of its own, `^` for the primary place and `-` for others, so labels never collide. Columns
are columns of a terminal: tabs are expanded, wide characters take two cells and combining ones none.

Everything in a diagnostic may come from a hostile source, and a terminal obeys control characters. So every character
that is not printable is shown as an escape; line ends in messages begin an indented line. Long lines are cut around
the place that matters, long texts at their end.
"""

from __future__ import annotations

import unicodedata
from typing import Final

import attrs

from flowlang.lang.diagnostics.diagnostic import Diagnostic, Label, Severity
from flowlang.lang.source import SourceFile

TAB_WIDTH: Final = 4
LINE_LENGTH_MAX: Final = 140
"""Characters of a line of code that are shown."""
CONTEXT_LENGTH: Final = 60
"""Characters kept before the place when a line is cut."""
TEXT_LENGTH_MAX: Final = 2_000
LABELS_MAX: Final = 10

_RESET: Final = "\x1b[0m"
_BOLD: Final = "\x1b[1m"
_GUTTER: Final = "\x1b[34m"
_SECONDARY: Final = "\x1b[34m"
_HINT: Final = "\x1b[1;36m"
_SEVERITY: Final = {Severity.ERROR: "\x1b[1;31m", Severity.WARNING: "\x1b[1;33m", Severity.NOTE: "\x1b[1;36m"}


def render(diagnostic: Diagnostic, *, color: bool = False) -> str:
    """The diagnostic as lines of text, without a final line end. `color` adds ANSI colours."""
    paint = _Paint(color, _SEVERITY[diagnostic.severity])
    title = f"{diagnostic.severity.value}[{diagnostic.slug}]"
    lines = [paint.severity(title) + paint.bold(": " + safe_text(diagnostic.message))]
    lines += _frame(diagnostic, paint)
    if diagnostic.hint is not None:
        lines.append(paint.hint("hint") + ": " + safe_text(diagnostic.hint))
    lines += [paint.hint("note") + ": " + safe_text(note) for note in diagnostic.notes]
    return "\n".join(lines)


class _Paint:
    """Colours, or nothing at all."""

    def __init__(self, color: bool, severity: str) -> None:
        self.color = color
        self.severity_color = severity

    def _with(self, code: str, text: str) -> str:
        return f"{code}{text}{_RESET}" if self.color and text else text

    def severity(self, text: str) -> str:
        return self._with(self.severity_color, text)

    def bold(self, text: str) -> str:
        return self._with(_BOLD, text)

    def gutter(self, text: str) -> str:
        return self._with(_GUTTER, text)

    def hint(self, text: str) -> str:
        return self._with(_HINT, text)

    def mark(self, text: str, is_primary: bool) -> str:
        return self._with(self.severity_color if is_primary else _SECONDARY, text)


def _frame(diagnostic: Diagnostic, paint: _Paint) -> list[str]:
    """The part with source text: one block for each source, that of the primary label first."""
    primary = diagnostic.primary
    labels = ([] if primary is None else [primary]) + list(diagnostic.labels)
    labels = labels[:LABELS_MAX]
    if not labels:
        return []
    digits = len(str(max(label.span[2] for label in labels)))
    sources: list[SourceFile] = []
    for label in labels:
        if not any(label.source is source for source in sources):
            sources.append(label.source)
    lines = []
    for source in sources:
        mine = [label for label in labels if label.source is source]
        line, column = mine[0].span[:2]
        arrow = "-->" if source is labels[0].source else ":::"
        lines.append(f"{' ' * (digits + 1)}{paint.gutter(arrow)} {safe_text(source.name)}:{line}:{column + 1}")
        if source.text or any(label.text for label in mine):
            lines.append(paint.gutter(f"{' ' * (digits + 2)}|"))
            lines += _source_block(source, mine, primary, digits, paint)
            if source is sources[-1]:
                lines.append(paint.gutter(f"{' ' * (digits + 2)}|"))
    return lines


def _source_block(
    source: SourceFile, labels: list[Label], primary: Label | None, digits: int, paint: _Paint
) -> list[str]:
    """The lines that labels begin or end in, each followed by its underlines."""
    marks: dict[int, list[_Mark]] = {}
    for label in labels:
        for mark in _marks(label, label is primary):
            marks.setdefault(mark.line, []).append(mark)
    lines = []
    shown = 0
    for number in sorted(marks):
        if shown and number > shown + 2:
            lines.append(paint.gutter("..."))
        elif shown and number == shown + 2:
            lines.append(paint.gutter(f" {number - 1:>{digits}} |") + _code(source.line(number - 1)))
        shown = number
        here = sorted(marks[number], key=lambda mark: mark.start, reverse=True)
        window = _Window(source.line(number), min(mark.start for mark in here))
        lines.append(paint.gutter(f" {number:>{digits}} |") + (f" {window.text}" if window.text else ""))
        for mark in here:
            indent, width = window.place(mark.start, mark.end)
            underline = ("^" if mark.is_primary else "-") * width
            text = underline + (f" {safe_text(mark.text)}" if mark.text else "")
            gutter = paint.gutter(f"{' ' * (digits + 2)}|")
            lines.append(f"{gutter} {' ' * indent}{paint.mark(text, mark.is_primary)}")
    return lines


@attrs.frozen
class _Mark:
    """One underline, from one column to another; `end` None means the end of the line."""

    line: int
    start: int
    end: int | None
    text: str
    is_primary: bool


def _marks(label: Label, is_primary: bool) -> list[_Mark]:
    """A label over several lines marks its first line and its last one, which carries the text."""
    line, column, last_line, end = label.span
    last_text = label.source.line(last_line)
    blank = len(last_text) - len(last_text.lstrip())
    if last_line <= line:
        return [_Mark(line, column, end, label.text, is_primary)]
    if end <= blank:
        return [_Mark(line, column, None, label.text, is_primary)]
    return [_Mark(line, column, None, "", is_primary), _Mark(last_line, blank, end, label.text, is_primary)]


class _Window:
    """What is shown of one line: all of it, or the part around `focus`."""

    def __init__(self, line: str, focus: int) -> None:
        start = 0
        if len(line) > LINE_LENGTH_MAX:
            start = max(0, min(focus - CONTEXT_LENGTH, len(line) - LINE_LENGTH_MAX))
        part = line[start : start + LINE_LENGTH_MAX]
        self.start = start
        self.prefix = "…" if start else ""
        # The cell at which each character begins, and the one after the last.
        self.cells = [len(self.prefix)]
        shown = [self.prefix]
        for character in part:
            text, width = _display(character, self.cells[-1])
            shown.append(text)
            self.cells.append(self.cells[-1] + width)
        if start + len(part) < len(line):
            shown.append("…")
        self.text = "".join(shown).rstrip()

    def place(self, start: int, end: int | None) -> tuple[int, int]:
        """The cell where an underline begins and its width, at least one."""
        last = len(self.cells) - 1
        first_cell = self.cells[max(0, min(start - self.start, last))]
        end_cell = self.cells[last] if end is None else self.cells[max(0, min(end - self.start, last))]
        return first_cell, max(1, end_cell - first_cell)


def _code(line: str) -> str:
    text = _Window(line, 0).text
    return f" {text}" if text else ""


def _display(character: str, cell: int) -> tuple[str, int]:
    """A character as it is shown, and the number of cells it takes."""
    if character == "\t":
        width = TAB_WIDTH - cell % TAB_WIDTH
        return " " * width, width
    if character < "\x7f":
        return (character, 1) if character >= " " else (f"\\x{ord(character):02x}", 4)
    if not character.isprintable() and character != "\u3000":
        text = "" if character == "\ufeff" else _escape(character)
        return text, len(text)
    if unicodedata.category(character) in ("Mn", "Me"):
        return character, 0
    return character, 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def safe_text(text: str) -> str:
    """Text that cannot do anything to a terminal; its line ends begin indented lines."""
    if len(text) > TEXT_LENGTH_MAX:
        text = text[:TEXT_LENGTH_MAX] + "…"
    if text.isprintable():
        return text
    return "\n  ".join(
        "".join(
            character if character.isprintable() or character == "\u3000" else _escape(character) for character in line
        )
        for line in text.split("\n")
    )
