"""The parser: runs the automaton over the tokens, calls the builder, goes on after errors.

It is a plain LR driver with explicit stacks, so the depth of a program costs memory and never the host's stack. Two
parallel lists hold the rows and the values; the current row is always the top of its list.

After an error the rest of the statement is given up and the parser resumes at the next one, so that all independent
errors are found in one go. The tokens of the broken statement are replaced by a stand-in of the same shape: `pass`,
or, when a block or an `else` follows, a header that fits it (the function's own name is kept, if it has one). What
stood on the stack for the broken statement is dropped, down to the row that accepts a statement. A line that is
indented for no reason loses its indentation instead, and a missing block becomes `pass`. So every token is read once
more at most, and the tree has the shape that its author meant.
"""

from __future__ import annotations

from typing import Any

from flowlang.lang.diagnostics.diagnostic import Diagnostic, Label
from flowlang.lang.source import SourceFile
from flowlang.lang.syntax.automaton import ACCEPT, Automaton, Row, load_automaton
from flowlang.lang.syntax.builder import Builder
from flowlang.lang.syntax.depth import too_deep
from flowlang.lang.syntax.explain import explain
from flowlang.lang.syntax.habit import FUNCTION_WORDS
from flowlang.lang.syntax.lexer import Tokens, tokenize
from flowlang.lang.syntax.limit import (
    DIAGNOSTICS_MAX,
    SOURCE_BYTES_MAX,
    STATEMENT_WEIGHT_MAX,
    WEIGHT_PER_TOKEN_MAX,
)
from flowlang.lang.syntax.nodes import File, Name
from flowlang.lang.syntax.situation import Situation
from flowlang.lang.syntax.token import (
    DEDENT,
    END,
    ERROR,
    INDENT,
    KIND_OF,
    NAME,
    NEWLINE,
)
from flowlang.lang.syntax.weight import too_heavy

_IF = KIND_OF["if"]
_DEF = KIND_OF["def"]
_COLON = KIND_OF[":"]
_PASS = KIND_OF["pass"]
_GOES_ON_IF = (KIND_OF["else"], KIND_OF["elif"])
_UNCLEAR = ("mixed-indentation", "wrong-unindent")
_HANDLERS = (KIND_OF["except"], KIND_OF["finally"])


def parse(source: SourceFile) -> tuple[File, list[Diagnostic]]:
    """The tree of what could be parsed, and what is wrong with the rest, in the order of the text.

    The tree is complete exactly when there are no diagnostics. Otherwise stand-ins take the place of broken
    statements, so it may serve an editor but must not be run."""
    too_large = _too_large(source)
    if too_large is not None:
        return File((1, 0, 1, 0), []), [too_large]
    text = source.text
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    tokens = tokenize(source, text)
    parser = _Parser(source, tokens, load_automaton())
    file = parser.run()
    file.span = (1, 0, *tokens.end[2:])
    diagnostics = tokens.diagnostics + parser.diagnostics
    if tokens.suspects:
        diagnostics += too_deep(source, file, tokens.suspects)
    if not diagnostics and len(tokens.kinds) > STATEMENT_WEIGHT_MAX // WEIGHT_PER_TOKEN_MAX:
        heavy = too_heavy(source, file)
        if heavy is not None:
            return File(file.span, []), [heavy]
    diagnostics.sort(key=_place)
    return file, diagnostics[:DIAGNOSTICS_MAX]


def _place(diagnostic: Diagnostic) -> tuple[int, int]:
    return diagnostic.primary.span[:2] if diagnostic.primary is not None else (0, 0)


def _too_large(source: SourceFile) -> Diagnostic | None:
    try:
        size = len(source.text.encode())
    except UnicodeEncodeError as error:
        line = source.text.count("\n", 0, error.start) + 1
        column = error.start - (source.text.rfind("\n", 0, error.start) + 1)
        return Diagnostic(
            "invalid-text",
            "this file holds half of a surrogate pair, which is not a character",
            Label(source, (line, column, line, column + 1)),
            hint="save the file as UTF-8",
        )
    if size <= SOURCE_BYTES_MAX:
        return None
    return Diagnostic(
        "source-too-large",
        f"this file has {size:,} bytes, more than {SOURCE_BYTES_MAX:,}",
        Label(source, (1, 0, 1, 0)),
        hint="split it into several modules, or read large data with an action",
    )


class _Parser:
    def __init__(self, source: SourceFile, tokens: Tokens, automaton: Automaton) -> None:
        self.source = source
        self.tokens = tokens
        self.automaton = automaton
        self.builder = Builder()
        self.diagnostics: list[Diagnostic] = []
        self.rows: list[Row] = [automaton.start]
        self.values: list[Any] = []
        self.goes_on_below = len(tokens.kinds) + 1
        self.has_try = False
        self.unclear_lines = {_place(found)[0] for found in tokens.diagnostics if found.slug in _UNCLEAR}

    def run(self) -> File:
        """The loop. An entry of the current row says by its type what to do with the next token."""
        kinds, token_values = self.tokens.kinds, self.tokens.values
        if kinds[0] == END:
            return File((1, 0, 1, 0), [])
        rows, values = self.rows, self.values
        complete = self.automaton.complete
        methods = self.builder.methods(self.automaton.rules)
        row = rows[-1]
        index = 0
        kind = kinds[0]
        while True:
            action = row.get(kind)
            if action.__class__ is dict:
                rows.append(action)
                values.append(token_values[index])
                row = action
                index += 1
                kind = kinds[index]
            elif action.__class__ is tuple:
                count, symbol, rule = action
                if count == 1:
                    rows.pop()
                    values[-1] = methods[rule](values[-1])
                else:
                    del rows[-count:]
                    values[-count:] = (methods[rule](*values[-count:]),)
                row = rows[-1][symbol]
                if row.__class__ is int:
                    row = complete(rows[-1], symbol)
                rows.append(row)
            elif action is None:
                resumed = self._recover(index)
                if resumed is None:
                    return self._what_there_is()
                index = resumed
                row = rows[-1]
                kind = kinds[index]
            elif action is ACCEPT:
                file: File = values[0]
                return file
            else:
                complete(row, kind)

    def _what_there_is(self) -> File:
        """The tree when the parser gives up: the statements of the top level so far."""
        body = self.values[0] if self.values and isinstance(self.values[0], list) and len(self.rows) > 1 else []
        return self.builder.file(body) if body and self._is_statement_list() else File((1, 0, 1, 0), [])

    def _is_statement_list(self) -> bool:
        return self.automaton.compound in self.rows[1]

    # Going on after an error

    def _recover(self, index: int) -> int | None:
        """Reports the error at the token and mends the tokens; the index to go on at, None to give up."""
        kinds = self.tokens.kinds
        expected = frozenset(kind for kind in self.rows[-1] if kind >= 0)
        situation = Situation(self.source, self.tokens, index, expected)
        # Mending changes how many tokens stand before a place, never how many follow it.
        left = len(kinds) - index
        is_repeated = left >= self.goes_on_below
        self.goes_on_below = left
        if is_repeated or len(self.diagnostics) >= DIAGNOSTICS_MAX:
            return None
        self._report(situation)
        self.builder.groups.clear()
        if kinds[index] == INDENT:
            self._remove_indentation(index)
            return index
        if expected == {INDENT}:
            place = situation.span(index)
            self._insert(index, index, [(INDENT, place), (_PASS, place), (NEWLINE, place), (DEDENT, place)])
            # The token itself may be wrong as well.
            self.goes_on_below += 1
            return index
        first = situation.first
        if first < index:
            while self.automaton.compound not in self.rows[-1]:
                self.rows.pop()
                self.values.pop()
        if kinds[first] == END:
            return None
        self._stand_in(first)
        return first

    def _report(self, situation: Situation) -> None:
        """Adds the message, unless the lexer has found something in the rest of the line (a forgotten quote or bracket
        makes nonsense of what stands before it), or it would say about `except` what was said about `try`."""
        kinds = self.tokens.kinds
        end = situation.index
        while kinds[end] not in (NEWLINE, ERROR, END):
            end += 1
        is_handler = situation.is_first and situation.kind in _HANDLERS and self.has_try
        if kinds[end] == ERROR or is_handler:
            return
        found = explain(situation)
        if found.slug == "expected-block" and situation.span(situation.index)[0] in self.unclear_lines:
            return
        self.has_try = self.has_try or found.slug == "try-statement"
        self.diagnostics.append(found)

    def _stand_in(self, first: int) -> None:
        """Replaces the statement that begins at `first` by one that fits what follows it."""
        kinds, values = self.tokens.kinds, self.tokens.values
        end = first
        while kinds[end] not in (NEWLINE, END):
            end += 1
        value = values[first]
        place = value if isinstance(value, tuple) else value.span
        block_follows = kinds[end : end + 2] == [NEWLINE, INDENT]
        if not block_follows and kinds[end + 1 : end + 2] and kinds[end + 1] not in _GOES_ON_IF:
            self._insert(first, end, [(_PASS, place)])
            return
        is_foreign_def = kinds[first] == NAME and values[first].name in FUNCTION_WORDS and kinds[first + 1] == NAME
        if kinds[first] == _DEF or is_foreign_def:
            parentheses = [(KIND_OF["("], place), (KIND_OF[")"], place)]
            name = values[first + 1] if kinds[first + 1] == NAME else Name(place, f"%{place[0]}")
            header = [(_DEF, place), (NAME, name), *parentheses, (_COLON, place)]
        else:
            header = [(_IF, place), (NAME, Name(place, "_")), (_COLON, place)]
        self._insert(first, end, header if block_follows else [*header, (_PASS, place)])

    def _insert(self, start: int, end: int, tokens: list[tuple[int, Any]]) -> None:
        self.tokens.kinds[start:end] = [kind for kind, _value in tokens]
        self.tokens.values[start:end] = [value for _kind, value in tokens]

    def _remove_indentation(self, index: int) -> None:
        """Takes away an INDENT and the DEDENT that closes it."""
        kinds, values = self.tokens.kinds, self.tokens.values
        depth = 0
        for place in range(index, len(kinds)):
            depth += (kinds[place] == INDENT) - (kinds[place] == DEDENT)
            if depth == 0:
                del kinds[place], values[place]
                break
        del kinds[index], values[index]
