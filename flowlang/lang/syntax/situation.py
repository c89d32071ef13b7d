"""What the parser knows when a token does not fit, in terms that messages can be made of.

The rules that make the messages (`habit.py`, `explain.py`) look at the tokens around the error: they ask where the
statement begins, which bracket is open, whether an operand has just ended. All of that is answered here by scanning
back over the statement's tokens, which costs nothing worth saving because at most a few errors are explained.
"""

from __future__ import annotations

from functools import cached_property

import attrs

from flowlang.lang.diagnostics.diagnostic import Diagnostic, Edit, Fix, Label
from flowlang.lang.source import SourceFile, Span
from flowlang.lang.syntax.lexer import Tokens
from flowlang.lang.syntax.nodes import Constant, Name
from flowlang.lang.syntax.token import (
    BYTES,
    DEDENT,
    END,
    ERROR,
    FIRST_CLOSING,
    FIRST_SPECIAL,
    FIRST_STATEMENT,
    INDENT,
    KIND_OF,
    KINDS,
    NAME,
    NEWLINE,
    NUMBER,
    OPENING,
    STRING,
)

_LINE_ENDS = (NEWLINE, INDENT, DEDENT)
_OPERANDS = (NAME, STRING, BYTES, NUMBER)
_IN_WORDS = {
    NAME: "name",
    NUMBER: "number",
    STRING: "string",
    BYTES: "bytes literal",
    NEWLINE: "end of line",
    END: "end of file",
    INDENT: "indented line",
    DEDENT: "end of block",
}


def kinds_of(*texts: str) -> frozenset[int]:
    """The kinds of several token texts."""
    return frozenset(KIND_OF[text] for text in texts)


@attrs.define(slots=False, eq=False)
class Situation:
    """A token that does not fit. `expected` are the kinds that would have fitted."""

    source: SourceFile
    tokens: Tokens
    index: int
    expected: frozenset[int]

    @property
    def kind(self) -> int:
        """The token's kind."""
        return self.tokens.kinds[self.index]

    @cached_property
    def first(self) -> int:
        """The index of the statement's first token (the whole logical line's, if there are several)."""
        index = self.index
        while index > 0 and self.tokens.kinds[index - 1] not in _LINE_ENDS:
            index -= 1
        return index

    @property
    def is_first(self) -> bool:
        """Whether the token is the first of its logical line."""
        return self.first == self.index

    @property
    def previous(self) -> int:
        """The kind of the token before, or `NEWLINE` at the beginning of a statement."""
        return NEWLINE if self.is_first else self.tokens.kinds[self.index - 1]

    @property
    def following(self) -> int:
        """The kind of the token after; the end of the file follows itself."""
        return self.tokens.kinds[min(self.index + 1, len(self.tokens.kinds) - 1)]

    @property
    def is_last_on_line(self) -> bool:
        """Whether the rest of the token's line of text is blank."""
        _line, _column, line, end = self.span(self.index)
        return not self.source.line(line)[end:].strip()

    @cached_property
    def bracket(self) -> int | None:
        """The index of the innermost open bracket of the statement."""
        depth = 0
        for index in range(self.index - 1, self.first - 1, -1):
            kind = self.tokens.kinds[index]
            if FIRST_CLOSING <= kind < FIRST_STATEMENT:
                depth += 1
            elif FIRST_SPECIAL <= kind < FIRST_CLOSING:
                if depth == 0:
                    return index
                depth -= 1
        return None

    @property
    def bracket_text(self) -> str:
        """`(`, `[`, `{`, or nothing outside brackets."""
        return "" if self.bracket is None else KINDS[self.tokens.kinds[self.bracket]]

    @property
    def is_call(self) -> bool:
        """Whether the innermost bracket holds the arguments of a call."""
        return self.bracket_text == "(" and self.bracket is not None and self.ends_operand(self.bracket - 1)

    @property
    def is_header_of_def(self) -> bool:
        """Whether the innermost bracket holds the parameters of a `def`."""
        return self.bracket is not None and self.bracket == self.first + 2 and self.starts_with("def")

    @cached_property
    def level(self) -> list[int]:
        """The kinds before the token on its own level: inside its bracket and outside inner ones."""
        start = self.first if self.bracket is None else self.bracket + 1
        depth = 0
        level = []
        for kind in self.tokens.kinds[start : self.index]:
            if FIRST_CLOSING <= kind < FIRST_STATEMENT:
                depth -= 1
            if depth == 0:
                level.append(kind)
            if FIRST_SPECIAL <= kind < FIRST_CLOSING:
                depth += 1
        return level

    def starts_with(self, *texts: str) -> bool:
        """Whether the logical line begins with one of these tokens."""
        return self.tokens.kinds[self.first] in kinds_of(*texts)

    def is_one_of(self, *texts: str) -> bool:
        """Whether the token is one of these."""
        return self.kind in kinds_of(*texts)

    def expects(self, *texts: str) -> bool:
        """Whether all these tokens would have fitted."""
        return kinds_of(*texts) <= self.expected

    def has_on_level(self, *texts: str) -> bool:
        """Whether one of these tokens stands before it on its own level."""
        return not kinds_of(*texts).isdisjoint(self.level)

    def ends_operand(self, index: int) -> bool:
        """Whether the token at `index` can be the last one of an operand."""
        if index < self.first:
            return False
        kind = self.tokens.kinds[index]
        return kind in _OPERANDS or FIRST_CLOSING <= kind < FIRST_STATEMENT

    @property
    def follows_operand(self) -> bool:
        """Whether an operand has just ended."""
        return self.ends_operand(self.index - 1)

    def span(self, index: int) -> Span:
        """The place of a token."""
        value = self.tokens.values[index]
        span: Span = value.span if isinstance(value, Name | Constant) else value
        return span

    def text(self, index: int) -> str:
        """The token as it is to be shown in a message, without backticks."""
        kind = self.tokens.kinds[index]
        value = self.tokens.values[index]
        if kind == NAME:
            return str(value.name)
        if kind in (NUMBER, STRING, BYTES):
            line, column, last_line, end = value.span
            text = self.source.line(line)[column:end] if line == last_line else ""
            return text if 0 < len(text) <= 24 and text.isprintable() and "`" not in text else "…"
        return KINDS[kind]

    @property
    def found(self) -> str:
        """The token in words, without an article."""
        kind = self.kind
        if kind in (NAME, NUMBER):
            return f"{_IN_WORDS[kind]} `{self.text(self.index)}`"
        return _IN_WORDS.get(kind, f"`{KINDS[kind]}`")

    def holds_later(self, *texts: str) -> bool:
        """Whether one of these tokens follows in the same logical line."""
        kinds = self.tokens.kinds
        wanted = kinds_of(*texts)
        index = self.index
        while kinds[index] not in (NEWLINE, END) and kinds[index] not in wanted:
            index += 1
        return kinds[index] in wanted

    def problem(
        self, slug: str, message: str, hint: str, *, text: str = "", index: int | None = None, last: int | None = None,
        fix: Fix | None = None,
    ) -> Diagnostic:  # fmt: skip
        """A diagnostic at the token, or at the tokens from `index` to `last`."""
        start = self.span(self.index if index is None else index)
        end = start if last is None else self.span(last)
        return Diagnostic(slug, message, Label(self.source, (*start[:2], *end[2:]), text), hint=hint, fix=fix)

    def label(self, index: int, text: str) -> Label:
        """A label at a token."""
        return Label(self.source, self.span(index), text)

    # For fixes

    def closing(self, opening: int) -> int | None:
        """The index of the bracket that closes the one at `opening`, None when the line does not close it."""
        kinds = self.tokens.kinds
        depth = 0
        for index in range(opening, len(kinds)):
            kind = kinds[index]
            if kind in (NEWLINE, END, ERROR):
                return None
            depth += FIRST_SPECIAL <= kind < FIRST_CLOSING
            depth -= FIRST_CLOSING <= kind < FIRST_STATEMENT
            if depth == 0:
                return index
        return None

    @cached_property
    def statement_end(self) -> int | None:
        """The index of the `;` or line end that ends the statement, None when the rest of it cannot be read."""
        kinds = self.tokens.kinds
        depth = 0
        for index in range(self.index, len(kinds)):
            kind = kinds[index]
            if kind == ERROR:
                return None
            if kind in (NEWLINE, END) or (depth <= 0 and kind == KIND_OF[";"]):
                return index
            depth += FIRST_SPECIAL <= kind < FIRST_CLOSING
            depth -= FIRST_CLOSING <= kind < FIRST_STATEMENT
        return None

    def replacing(self, text: str, index: int, last: int | None = None) -> Edit:
        """The edit that puts `text` in place of the tokens from `index` to `last`. A word keeps a blank on each side
        where another word or a bracket would touch it."""
        line, column, *_ = self.span(index)
        *_, end_line, end = self.span(index if last is None else last)
        before, after = self.source.line(line)[:column], self.source.line(end_line)[end:]
        if text[:1].isalpha() and before and not before[-1].isspace() and before[-1] not in OPENING:
            text = f" {text}"
        if text[-1:].isalpha() and after and not after[0].isspace() and after[0] not in ")]},:;":
            text = f"{text} "
        return Edit((line, column, end_line, end), text)

    def before(self, index: int, text: str) -> Edit:
        """The edit that inserts `text` right before a token."""
        line, column, *_ = self.span(index)
        return Edit((line, column, line, column), text)

    def after(self, index: int, text: str) -> Edit:
        """The edit that inserts `text` right after a token."""
        *_, line, column = self.span(index)
        return Edit((line, column, line, column), text)

    def between(self, index: int, last: int, text: str) -> Edit:
        """The edit that puts `text` between the end of one token and the beginning of another."""
        *_, line, column = self.span(index)
        end_line, end_column, *_ = self.span(last)
        return Edit((line, column, end_line, end_column), text)
