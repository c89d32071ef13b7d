"""Source texts: a module's name and text, and where its lines begin.

`Span` is (line, column, end line, end column): lines from 1, columns from 0 and in code points, the end column
after the last character.
"""

from __future__ import annotations

from functools import cached_property
from typing import TypeAlias

import attrs

Span: TypeAlias = tuple[int, int, int, int]


@attrs.frozen(slots=False, eq=False)
class SourceFile:
    """One module's text under the name that people know it by (`etl.flow`, `@std//tables.flow`)."""

    name: str
    text: str

    @cached_property
    def lines(self) -> list[str]:
        """The lines without their ends; only `\\n`, `\\r\\n` and `\\r` end a line."""
        return self.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")

    def line(self, number: int) -> str:
        """The text of line `number` (from 1), empty when there is none."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""
