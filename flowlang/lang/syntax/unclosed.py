"""Where a statement begins although a bracket before it was never closed.

Inside brackets line ends mean nothing, so one forgotten bracket swallows all that follows. When the text ends, or a
keyword comes that begins a statement, and a bracket is still open, the tokens since then are looked through for the
line where the author surely meant a new statement. There the lexer goes on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from flowlang.lang.source import Span
from flowlang.lang.syntax.token import BYTES, KIND_OF, NAME, NUMBER, STRING

BRACES_MESSAGE: Final = "a block does not stand in braces"
BRACES_HINT: Final = "end the header with `:` and indent the block"
_BLOCK_WORDS: Final = ("else", "try", "finally", "do", "loop")
_HEADER: Final = re.compile(r"\s*(?:def|func|function|fn|if|elif|for|while|class|struct|switch|match|catch)\b")
_OPERAND_ENDS: Final = frozenset({NAME, NUMBER, STRING, BYTES, KIND_OF[")"], KIND_OF["]"], KIND_OF["}"]})
_WITHOUT_KEYWORDS: Final = frozenset({KIND_OF["["], KIND_OF["{"]})
_EQUALS: Final = KIND_OF["="]
_COLON: Final = KIND_OF[":"]
_BEGINS: Final = frozenset({NAME, KIND_OF["if"], KIND_OF["for"]})


def swallowed_statement(
    kinds: Sequence[int], values: Sequence[Any], start: int, brackets: Sequence[tuple[int, Span]], width: int
) -> int | None:
    """The token that begins a new statement inside the brackets that are still open; `start` is the first token of the
    statement with the brackets, which is indented by `width`. None when there is none.

    It is at the beginning of a line that is not indented more: a name, where either two operands would meet, or a name
    would be assigned to in brackets that hold no keyword arguments; or the `if` or `for` of a line with a colon."""
    line = span_of(values[start])[2]
    innermost = -1
    for index in range(start + 1, len(kinds)):
        first_line, column, last_line, _ = span_of(values[index])
        is_first, line = first_line > line, last_line
        if not is_first or column > width or kinds[index] not in _BEGINS:
            continue
        while innermost + 1 < len(brackets) and brackets[innermost + 1][1][0] < first_line:
            innermost += 1
        if innermost < 0:
            continue
        if kinds[index] != NAME:
            if _has_colon(kinds, values, index):
                return index
            continue
        assigns = index + 1 < len(kinds) and kinds[index + 1] == _EQUALS
        if kinds[index - 1] in _OPERAND_ENDS or (assigns and brackets[innermost][0] in _WITHOUT_KEYWORDS):
            return index
    return None


def begins_braced_block(line: str, column: int) -> bool:
    """Whether the `{` at `column` of a line opens a block, as in `def f(x) {`: it ends the line, and what stands
    before it is no operand to which an entry of a dict could belong."""
    before = line[:column].rstrip()
    is_header = before.endswith(")") or before.rpartition(" ")[2] in _BLOCK_WORDS or _HEADER.match(before) is not None
    return is_header and not line[column + 1 :].partition("#")[0].strip()


def _has_colon(kinds: Sequence[int], values: Sequence[Any], index: int) -> bool:
    line = span_of(values[index])[0]
    while index < len(kinds) and span_of(values[index])[0] == line:
        if kinds[index] == _COLON:
            return True
        index += 1
    return False


def span_of(value: Any) -> Span:
    """The span of a token's value."""
    span: Span = value if isinstance(value, tuple) else value.span
    return span
