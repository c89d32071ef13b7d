"""From text to tokens: one regular expression cuts the text, a loop over the pieces keeps place and layout.

The expression matches a stretch of blanks and one piece; `findall` runs it over the whole text inside the `re`
module, which is several times faster than asking for a token at a time. Every alternative is possessive or ends at
once, so matching is linear in the text whatever the text is, and the last alternative takes any character, so no text
is ever skipped.

The loop turns pieces into kinds (`token.py`) and values. The value of a token is what the tree needs of it: a `Name`
node, a `Constant` node, or for everything else its span. A line's end and the indentation after it, with all blank
lines and comments in between, are one piece.

Layout. Inside brackets line ends count as blanks. Elsewhere the indentation of the next line is compared, as text,
with a stack of those of the open blocks: it must equal one of them or extend the innermost one. So tabs and spaces
may be used, but never in a way whose meaning depends on the width of a tab.

What cannot be a token becomes `ERROR`, on which the parser gives up the statement without a message of its own: the
lexer has already reported it.
"""

from __future__ import annotations

import re
from typing import Any, Final

import attrs

from flowlang.lang.diagnostics.diagnostic import Diagnostic, Fix, Label
from flowlang.lang.source import SourceFile, Span
from flowlang.lang.syntax.lexical_fix import indentation_fix, literal_fix
from flowlang.lang.syntax.limit import (
    BLOCK_DEPTH_MAX,
    BRACKET_DEPTH_MAX,
    COMPREHENSION_DEPTH_MAX,
    DIAGNOSTICS_MAX,
    EXPRESSION_DEPTH_MAX,
    TOKENS_MAX,
)
from flowlang.lang.syntax.literal import number_value, split_word, string_value
from flowlang.lang.syntax.nodes import Constant, Name
from flowlang.lang.syntax.stray import stray_diagnostic
from flowlang.lang.syntax.token import (
    BYTES,
    CLOSING,
    DEDENT,
    END,
    ERROR,
    FIRST_CLOSING,
    FIRST_SPECIAL,
    FIRST_STATEMENT,
    FIRST_WORD,
    INDENT,
    KIND_OF,
    KIND_OF_TEXT,
    KINDS,
    NAME,
    NEWLINE,
    NUMBER,
    OPENING,
    STRING,
)
from flowlang.lang.syntax.unclosed import (
    BRACES_HINT,
    BRACES_MESSAGE,
    begins_braced_block,
    span_of,
    swallowed_statement,
)

_PIECE = re.compile(
    r"""
    ([ \t]*+)
    (
        [A-Za-z_][A-Za-z0-9_]*+(?!["'])
      | [()\[\]{},]
      | [.:](?![0-9=.])
      | (?:\#[^\n]*+)?\n(?:[ \t]*+(?:\#[^\n]*+)?\n)*+[ \t]*+
      | [bBfFrRuU]{0,2}(?:
            \"\"\"(?:[^"\\]|\\.|"(?!""))*+(?:\"\"\")?
          | '''(?:[^'\\]|\\.|'(?!''))*+(?:''')?
          | "[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"?
          | '[^'\\\n]*+(?:\\.[^'\\\n]*+)*+'?
        )
      | 0[xXoObB][A-Za-z0-9_]*+
      | (?:[0-9]++\.?+[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?+[A-Za-z0-9_]*+
      | \*\*=|//=|<<=|>>=|\.\.\.
      | [-+*/%&|^=<>!:]=|->|\*\*|//|<<|>>|<>|&&|\|\|
      | [A-Za-z_][A-Za-z0-9_]*+
      | \\\n
      | [^\x00-\x7f]++
      | [\s\S]
    )
    """,
    re.DOTALL | re.VERBOSE,
)
_BLANK_START = re.compile(r"\ufeff?+(?:[ \t]*+(?:\#[^\n]*+)?\n)*+([ \t]*+)")
_NAME_START: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
_CLOSES: Final = {KIND_OF[opening]: KIND_OF[closing] for opening, closing in zip(OPENING, CLOSING, strict=True)}
_FOR: Final = KIND_OF["for"]
REWINDS_MAX: Final = 8
"""Each may read the rest of the text again."""

# Fewer tokens than this cannot hold one `for` clause too many.
_LINE_TOKENS_SURE: Final = 4 * COMPREHENSION_DEPTH_MAX


@attrs.define(eq=False)
class Tokens:
    """The tokens as two parallel lists, ended by `END`, and what the lexer has to say.

    `suspects` are the first and last lines of statements so long that they might be nested too deep."""

    kinds: list[int]
    values: list[Any]
    end: Span
    diagnostics: list[Diagnostic]
    suspects: list[tuple[int, int]]


class _Stop(Exception):
    """The text goes beyond a limit; what follows is not read."""


class _Again(Exception):
    """The lexer goes on from an earlier place, which it has set."""


def tokenize(source: SourceFile, text: str) -> Tokens:
    """The tokens of `text`, the text of `source` with line ends normalised."""
    lexer = _Lexer(source, text)
    try:
        if _has_too_many_tokens(text):
            lexer.report(
                "source-too-large",
                f"this file has more than {TOKENS_MAX:,} tokens",
                (1, 0, 1, 0),
                hint="split it into several modules, or read large data with an action",
            )
            raise _Stop
        lexer.run()
    except _Stop:
        lexer.brackets.clear()
    return lexer.finish()


def _has_too_many_tokens(text: str) -> bool:
    """Counted only when the text is long enough for it, so that nothing large is built from a hostile text."""
    if len(text) <= TOKENS_MAX:
        return False
    return any(count >= TOKENS_MAX for count, _match in enumerate(_PIECE.finditer(text)))


class _Lexer:
    def __init__(self, source: SourceFile, text: str) -> None:
        self.source = source
        self.length = len(text)
        # With a line end of its own the last line has the same form as the others.
        self.text = text + "\n"
        self.last_line_end = text.count("\n")
        self.kinds: list[int] = []
        self.values: list[Any] = []
        self.diagnostics: list[Diagnostic] = []
        self.suspects: list[tuple[int, int]] = []
        self.brackets: list[tuple[int, Span]] = []
        self.braced_blocks = 0
        self.indentations = [""]
        # Where the last line inside brackets begins, with its indentation.
        self.inner_line = (0, 0, "")
        # The logical line of the last ERROR, by its number of tokens before it.
        self.line_index = 0
        self.error_line_index = -1
        self.rewinds = 0

    def run(self) -> None:
        """Reads the text; from a place further up again where a bracket turns out to have swallowed a statement."""
        self._start()
        while True:
            try:
                self._read()
                if self.brackets:
                    self._rewind()
                return
            except _Again:
                pass

    def _read(self) -> None:
        """The loop over the pieces. Everything rare is a method; the common kinds are handled on the spot."""
        kinds, values, brackets = self.kinds, self.values, self.brackets
        add_kind, add_value = kinds.append, values.append
        known = dict(KIND_OF_TEXT)
        line, column = self.place
        first_line = line
        for space, text in _PIECE.findall(self.text, self.position):
            column += len(space)
            kind = known.get(text)
            if kind is None:
                first = text[0]
                if first in "\n#":
                    indentation = text[text.rindex("\n") + 1 :]
                    if brackets:
                        line += text.count("\n")
                        column = len(indentation)
                        self.inner_line = (line, column, indentation)
                        continue
                    if len(kinds) - self.line_index > _LINE_TOKENS_SURE:
                        self._long_line(first_line, line)
                    add_kind(NEWLINE)
                    add_value((line, column - len(space), line, column - len(space)))
                    line += text.count("\n")
                    column = len(indentation)
                    first_line = line
                    if indentation != self.indentations[-1]:
                        self._indent(indentation, line)
                    self.line_index = len(kinds)
                    continue
                if first not in _NAME_START or text[-1] in "\"'" or '"' in text or "'" in text:
                    line, column = self._literal(first, text, line, column)
                    continue
                known[text] = kind = NAME
            end = column + len(text)
            span = (line, column, line, end)
            if kind == NAME:
                add_kind(NAME)
                add_value(Name(span, text))
            else:
                if kind >= FIRST_SPECIAL:
                    kind = self._special(kind, span)
                add_kind(kind)
                add_value(span)
            column = end

    def _start(self) -> None:
        """Skips what comes before the first token; sets `position` and `place`."""
        blank = _BLANK_START.match(self.text)
        assert blank is not None
        self.position = blank.end()
        line = 1 + self.text.count("\n", 0, self.position)
        column = self.position - (self.text.rfind("\n", 0, self.position) + 1)
        self.place = (line, column)
        if blank[1]:
            self._indent(blank[1], line)
            self.line_index = len(self.kinds)

    def finish(self) -> Tokens:
        """Closes what is open and adds `END`."""
        line = 1 + self.text.count("\n", 0, self.length)
        column = self.length - (self.text.rfind("\n", 0, self.length) + 1)
        end = (line, column, line, column)
        if self.brackets:
            # The last token is more telling than the end of the file, which may be many blank lines later.
            last = self.values[-1]
            last_line, last_column = (last if isinstance(last, tuple) else last.span)[2:]
            self._unclosed_bracket((last_line, last_column, last_line, last_column), "the file ends here")
            self._add(ERROR, end)
        if self.kinds and self.kinds[-1] not in (NEWLINE, DEDENT):
            self._add(NEWLINE, end)
        for _ in self.indentations[1:]:
            self._add(DEDENT, end)
        self._add(END, end)
        return Tokens(self.kinds, self.values, end, self.diagnostics, self.suspects)

    def _add(self, kind: int, value: Any) -> None:
        self.kinds.append(kind)
        self.values.append(value)

    def report(
        self, slug: str, message: str, span: Span, hint: str, *labels: Label, text: str = "", fix: Fix | None = None
    ) -> None:
        """Adds a diagnostic; at the limit of what is worth reporting the rest of the text is given up."""
        self._keep(Diagnostic(slug, message, Label(self.source, span, text), labels=tuple(labels), hint=hint, fix=fix))

    def _keep(self, found: Diagnostic) -> None:
        self.diagnostics.append(found)
        if len(self.diagnostics) >= DIAGNOSTICS_MAX:
            raise _Stop

    def _error(
        self, slug: str, message: str, span: Span, hint: str, *labels: Label, text: str = "", fix: Fix | None = None
    ) -> None:
        """Reports what is no token; the first time in a logical line, since the parser gives up the line."""
        if self.error_line_index != self.line_index:
            self.error_line_index = self.line_index
            self.report(slug, message, span, hint, *labels, text=text, fix=fix)

    # Brackets, and keywords that tell of a forgotten one

    def _special(self, kind: int, span: Span) -> int:
        if kind < FIRST_CLOSING:
            self.brackets.append((kind, span))
            if len(self.brackets) > BRACKET_DEPTH_MAX:
                self._rewind()
                self.report(
                    "too-deep",
                    f"more than {BRACKET_DEPTH_MAX} brackets are open at once",
                    span,
                    hint="build the value in several statements",
                )
                self._add(ERROR, span)
                raise _Stop
            return kind
        if kind < FIRST_STATEMENT:
            return self._close(kind, span)
        if kind < FIRST_WORD and self.brackets and span[:2] == self.inner_line[:2]:
            self._rewind()
            self._break_off(span, f"`{KINDS[kind]}` begins a new statement", self.inner_line[2])
        return kind

    def _break_off(self, span: Span, why: str, indentation: str) -> None:
        """Ends a statement with an open bracket, for another begins at `span`."""
        self._unclosed_bracket(span, why)
        self._add(ERROR, span)
        self._add(NEWLINE, span)
        self.brackets.clear()
        self.line_index = len(self.kinds)
        if indentation != self.indentations[-1]:
            self._indent(indentation, span[0])

    def _rewind(self) -> None:
        """Goes back to the statement that an unclosed bracket has swallowed, if there is one."""
        index = swallowed_statement(self.kinds, self.values, self.line_index, self.brackets, len(self.indentations[-1]))
        if index is None or self.rewinds == REWINDS_MAX:
            return
        self.rewinds += 1
        span = span_of(self.values[index])
        del self.kinds[index:], self.values[index:]
        self.brackets = [bracket for bracket in self.brackets if bracket[1] < span]
        kept = [found for found in self.diagnostics if found.primary is None or found.primary.span < span]
        if len(kept) < len(self.diagnostics):
            self.diagnostics = kept
            self.error_line_index = -1
        start = 0
        for _ in range(span[0] - 1):
            start = self.text.index("\n", start) + 1
        self._break_off(span, "a new statement begins here", self.text[start : start + span[1]])
        self.position = start + span[1]
        self.place = span[:2]
        raise _Again

    def _close(self, kind: int, span: Span) -> int:
        if not self.brackets and KINDS[kind] == "}" and self.braced_blocks:
            self.braced_blocks -= 1
            return ERROR
        if not self.brackets:
            self._error(
                "unmatched-bracket",
                f"this `{KINDS[kind]}` closes nothing",
                span,
                hint="remove it, or write the bracket that it is to close",
            )
            return ERROR
        opening, place = self.brackets.pop()
        if _CLOSES[opening] == kind:
            return kind
        wanted = KINDS[_CLOSES[opening]]
        self._error(
            "mismatched-bracket",
            f"`{KINDS[opening]}` is closed by `{KINDS[kind]}`",
            span,
            f"write `{wanted}` here, or close `{KINDS[opening]}` before",
            Label(self.source, place, f"`{KINDS[opening]}` is opened here"),
            text=f"expected `{wanted}`",
        )
        if any(_CLOSES[other] == kind for other, _place in self.brackets):
            while _CLOSES[self.brackets.pop()[0]] != kind:
                pass
        return ERROR

    def _unclosed_bracket(self, span: Span, why: str) -> None:
        opening, place = self.brackets[-1]
        wanted = KINDS[_CLOSES[opening]]
        if KINDS[opening] == "{" and begins_braced_block(self.source.line(place[0]), place[1]):
            self.braced_blocks += 1
            self._error("braces-block", BRACES_MESSAGE, place, BRACES_HINT)
            return
        self._error(
            "unclosed-bracket",
            f"`{KINDS[opening]}` is never closed",
            place,
            f"write `{wanted}` where the expression ends",
            Label(self.source, span, why),
        )

    # Layout

    def _indent(self, indentation: str, line: int) -> None:
        """Opens or closes blocks so that the innermost has this indentation."""
        stack = self.indentations
        span = (line, 0, line, len(indentation))
        if indentation.startswith(stack[-1]):
            stack.append(indentation)
            self._add(INDENT, span)
            if len(stack) - 1 > BLOCK_DEPTH_MAX:
                self.report(
                    "too-deep",
                    f"blocks are nested more than {BLOCK_DEPTH_MAX} deep",
                    span,
                    hint="move the inner blocks into a function of their own",
                )
                self._add(ERROR, span)
                raise _Stop
            return
        place = (line, len(indentation), line, len(indentation))
        deeper = ""
        while not indentation.startswith(stack[-1]):
            deeper = stack.pop()
            self._add(DEDENT, place)
        if stack[-1] == indentation:
            return
        # No open block has this indentation. It is most likely meant for the block that was closed last.
        levels = [*stack, deeper]
        stack.append(deeper)
        self.kinds.pop()
        self.values.pop()
        if "\t" in indentation + deeper:
            self.report(
                "mixed-indentation",
                "tabs and spaces are mixed so that the indentation has no clear meaning",
                span,
                hint="indent with spaces only, four for each block",
                fix=indentation_fix(indentation, levels, span),
            )
        else:
            widths = " or ".join(str(len(level)) for level in stack)
            self.report(
                "wrong-unindent",
                "this line's indentation matches no block around it",
                span,
                hint=f"indent it by {widths} spaces" if len(stack) > 1 else "do not indent it",
            )

    def _long_line(self, first_line: int, last_line: int) -> None:
        kinds = self.kinds[self.line_index :]
        if len(kinds) > EXPRESSION_DEPTH_MAX or kinds.count(_FOR) > COMPREHENSION_DEPTH_MAX:
            self.suspects.append((first_line, last_line))

    # Literals, and everything that is no token

    def _literal(self, first: str, text: str, line: int, column: int) -> tuple[int, int]:
        """Adds a token that is neither name, keyword nor operator; gives the place after it."""
        if first in "0123456789.":
            number, word = split_word(text)
            value, problem = number_value(number)
            end = column + len(number)
            span = (line, column, line, end)
            self._add(NUMBER, Constant(span, value))
            if problem is not None:
                self.report(
                    problem.slug, problem.message, span, hint=problem.hint, fix=literal_fix(problem, span, span)
                )
            if word:
                self._add(KIND_OF[word], (line, end, line, end + len(word)))
            return line, end + len(word)
        if text[-1] in "\"'" or '"' in text or "'" in text:
            return self._string(first, text, line, column)
        if text == "\\\n" and line <= self.last_line_end:
            return line + 1, 0
        end = column + len(text)
        self._stray(text, (line, column, line, end))
        return line, end

    def _string(self, first: str, text: str, line: int, column: int) -> tuple[int, int]:
        place = _after(text, len(text), line, column) if "\n" in text else (line, column + len(text))
        span = (line, column, *place)
        width = 3 if text.startswith(first * 3) else 1
        is_plain = first in "\"'" and "\\" not in text
        if is_plain and len(text) >= 2 * width and text.endswith(first * width):
            self._add(STRING, Constant(span, text[width:-width]))
            return place
        value, problems = string_value(text)
        for problem in problems:
            start, end = (_after(text, offset, line, column) for offset in (problem.start, problem.end))
            if problem.slug == "unclosed-string":
                self._error(problem.slug, problem.message, (*start, *end), problem.hint)
                self._add(ERROR, span)
                return place
            fix = literal_fix(problem, (*start, *end), span)
            self.report(problem.slug, problem.message, (*start, *end), problem.hint, fix=fix)
        self._add(BYTES if isinstance(value, bytes) else STRING, Constant(span, value))
        return place

    def _stray(self, text: str, span: Span) -> None:
        # A line is looked at once, however many such characters it has.
        if self.error_line_index != self.line_index:
            self.error_line_index = self.line_index
            self._keep(stray_diagnostic(self.source, text, (*span[:3], span[1] + 1)))
        self._add(ERROR, span)


def _after(text: str, offset: int, line: int, column: int) -> tuple[int, int]:
    """The place of `text[offset]` when `text` begins at `line` and `column`."""
    newlines = text.count("\n", 0, offset)
    if not newlines:
        return line, column + offset
    return line + newlines, offset - (text.rfind("\n", 0, offset) + 1)
