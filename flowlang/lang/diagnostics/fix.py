"""Fixes applied to a text. Pure: text in, text out.

Fixes are independent suggestions that know nothing of one another, so two of them may want to change the same place.
They are taken in the order of their places, and one that overlaps with an earlier one, or inserts where that one
does, is left for another round: whoever applies fixes looks at the new text again and finds out whether it is still
needed. What is not edited stays as it was, character by character, line ends and byte order mark included.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

import attrs

from flowlang.lang.diagnostics.diagnostic import Edit, Fix

_LINE_END: Final = re.compile(r"\r\n|\r|\n")


@attrs.frozen
class Fixed:
    """A text after fixes: `applied` are those that were made."""

    text: str
    applied: tuple[Fix, ...]


def apply(text: str, fixes: Iterable[Fix]) -> Fixed:
    """Makes the fixes that do not get in one another's way."""
    places = _Places(text)
    applied: list[Fix] = []
    changes: list[tuple[int, int, str]] = []
    for fix in sorted(fixes, key=_first_place):
        wanted = sorted(places.change(edit) for edit in fix.edits)
        if wanted and not _overlap(changes, wanted):
            changes += wanted
            applied.append(fix)
    parts = []
    position = 0
    for start, end, new in sorted(changes):
        parts += [text[position:start], new]
        position = end
    return Fixed("".join([*parts, text[position:]]), tuple(applied))


def _first_place(fix: Fix) -> tuple[int, int]:
    return min((edit.span[:2] for edit in fix.edits), default=(0, 0))


def _overlap(taken: Sequence[tuple[int, int, str]], wanted: Sequence[tuple[int, int, str]]) -> bool:
    """Whether a wanted change meets one that is taken, or another wanted one. Changes that only touch do not meet,
    unless both insert at that place, where their order would be arbitrary."""
    for number, (start, end, _) in enumerate(wanted):
        for other_start, other_end, _ in [*taken, *wanted[:number]]:
            is_insertion = start == end or other_start == other_end
            if (start < other_end and other_start < end) or (is_insertion and start == other_start):
                return True
    return False


class _Places:
    """Where lines begin and end in a text, and which line end it uses."""

    def __init__(self, text: str) -> None:
        ends = [(found.start(), found.end()) for found in _LINE_END.finditer(text)]
        self._starts = [0, *(end for _, end in ends)]
        self._ends = [*(start for start, _ in ends), len(text)]
        self._line_end = text[slice(*ends[0])] if ends else "\n"

    def change(self, edit: Edit) -> tuple[int, int, str]:
        """An edit as offsets and text. Places beyond the text count as its end, those beyond a line as the line's."""
        line, column, end_line, end_column = edit.span
        start = self._offset(line, column)
        return start, max(start, self._offset(end_line, end_column)), edit.text.replace("\n", self._line_end)

    def _offset(self, line: int, column: int) -> int:
        if line > len(self._starts):
            return self._ends[-1]
        return min(self._starts[line - 1] + column, self._ends[line - 1])
