"""From the text of a selection to its tree: comparisons, joined by `and`, `or`, `not` and parentheses."""

from __future__ import annotations

import json
import re
from typing import Final, NamedTuple, TypeAlias

import attrs

from flowlang.errors import UsageError

LENGTH_MAX: Final = 4000
COMPARISONS_MAX: Final = 64
DEPTH_MAX: Final = 20
OPERATORS: Final = ("=", "!=", "<=", ">=", "<", ">")
_FOREIGN: Final = {
    "==": "=", "<>": "!=", "=>": ">=", "=<": "<=", "&&": "and", "||": "or", "!": "not", "~": "begins", "like": "begins",
    "AND": "and", "OR": "or", "NOT": "not", "IN": "in", "&": "and", "|": "or", "=~": "begins",
}  # fmt: skip
_TOKEN: Final = re.compile(
    r"""(?P<blank>\s+)
    |(?P<text>"(?:[^"\\]|\\.)*"|'[^'\\]*')
    |(?P<number>-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.]))
    |(?P<name>[A-Za-z_][\w.-]*)
    |(?P<sign><=|>=|!=|==|<>|=>|=<|=~|&&|\|\||[=<>()\[\],!~&|])""",
    re.X,
)
_WORDS: Final = ("and", "or", "not", "in", "begins", "true", "false")

Value: TypeAlias = str | int | float | bool
Span: TypeAlias = tuple[int, int]


class SelectionMistake(UsageError):
    """An expression that selects nothing that could be meant; the message shows the place in it."""

    def __init__(self, message: str, text: str, span: Span, hint: str) -> None:
        start, end = span
        shown = "".join(character if character.isprintable() else " " for character in text)
        first, last = max(0, start - 50), min(len(text), max(end, start + 1) + 30)
        line = ("…" if first else "") + shown[first:last] + ("…" if last < len(text) else "")
        indent = start - first + (1 if first else 0)
        marks = "^" * max(1, min(end, last) - start)
        super().__init__(f"{message}\n    {line}\n    {' ' * indent}{marks}", hint=hint)


@attrs.frozen
class Comparison:
    """`name operator value`; `in` has several values. `span`: where it stands in the text."""

    name: str
    operator: str
    values: tuple[Value, ...]
    span: Span


@attrs.frozen
class Not:
    """Not the part."""

    part: Node


@attrs.frozen
class All:
    """All of the parts."""

    parts: tuple[Node, ...]


@attrs.frozen
class Any_:
    """At least one of the parts."""

    parts: tuple[Node, ...]


Node: TypeAlias = Comparison | Not | All | Any_


class _Token(NamedTuple):
    kind: str
    text: str
    span: Span


def parse_selection(text: str) -> Node:
    """The tree of an expression. Raises SelectionMistake."""
    if len(text) > LENGTH_MAX:
        raise SelectionMistake(f"the expression is longer than {LENGTH_MAX} characters", text, (0, 1), "shorten it")
    parser = _Parser(text, _tokens(text))
    node = parser.alternatives(0)
    parser.expect_end()
    return node


def _tokens(text: str) -> list[_Token]:
    tokens, place = [], 0
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            is_quote = text[place] in "\"'"
            message = "the quote is not closed" if is_quote else f"`{text[place]}` means nothing here"
            hint = "close it with the same quote" if is_quote else 'compare like this: `status = "failed"`'
            raise SelectionMistake(message, text, (place, place + 1), hint)
        kind = str(found.lastgroup)
        word = found[0]
        if kind == "name" and word in _WORDS:
            kind = "word"
        if kind != "blank":
            tokens.append(_Token(kind, word, found.span()))
        place = found.end()
    return [*tokens, _Token("end", "", (len(text), len(text)))]


class _Parser:
    """Reads tokens from left to right; `or` binds loosest, then `and`, then `not`."""

    def __init__(self, text: str, tokens: list[_Token]) -> None:
        self._text = text
        self._tokens = tokens
        self._next = 0
        self._comparisons = 0

    def alternatives(self, depth: int) -> Node:
        """Parts joined by `or`."""
        if depth > DEPTH_MAX:
            raise self._mistake(f"parentheses are nested more than {DEPTH_MAX} deep", "write it flatter")
        parts = [self._conjunction(depth)]
        while self._take("or"):
            parts.append(self._conjunction(depth))
        return parts[0] if len(parts) == 1 else Any_(tuple(parts))

    def expect_end(self) -> None:
        """Raises SelectionMistake unless all was read."""
        if self._token.kind != "end":
            hint = self._foreign_hint() or "join comparisons by `and` or `or`"
            raise self._mistake(f"`{self._token.text}` is not expected here", hint)

    def _conjunction(self, depth: int) -> Node:
        parts = [self._factor(depth)]
        while self._take("and"):
            parts.append(self._factor(depth))
        flat: list[Node] = []
        for part in parts:
            flat += part.parts if isinstance(part, All) else (part,)
        return flat[0] if len(flat) == 1 else All(tuple(flat))

    def _factor(self, depth: int) -> Node:
        if self._take("not"):
            return Not(self._factor(self._deeper(depth)))
        if self._take("("):
            inner = self.alternatives(depth + 1)
            if not self._take(")"):
                raise self._mistake("a `)` is missing", "close the parenthesis")
            return inner
        return self._comparison()

    def _deeper(self, depth: int) -> int:
        if depth > DEPTH_MAX:
            raise self._mistake(f"`not` is nested more than {DEPTH_MAX} deep", "write it flatter")
        return depth + 1

    def _comparison(self) -> Comparison:
        self._comparisons += 1
        if self._comparisons > COMPARISONS_MAX:
            raise self._mistake(f"there are more than {COMPARISONS_MAX} comparisons", "use `in [...]`")
        name = self._token
        if name.kind != "name":
            hint = self._foreign_hint() or 'such as `status = "failed"`; text stands in double quotes'
            raise self._mistake("the name of a column or attribute is expected here", hint)
        self._next += 1
        operator = self._token
        if operator.text == "in" and operator.kind == "word":
            self._next += 1
            values = self._list()
        elif operator.text == "begins" and operator.kind == "word":
            self._next += 1
            if self._token.kind != "text":
                raise self._mistake("`begins` takes a text", 'such as `id begins "etl-"`')
            values = (self._value(),)
        elif operator.text in OPERATORS:
            self._next += 1
            values = (self._value(),)
        else:
            hint = self._foreign_hint() or "one of `=`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `begins`"
            raise self._mistake("an operator is expected here", hint)
        end = self._tokens[self._next - 1].span[1]
        return Comparison(name.text, operator.text, values, (name.span[0], end))

    def _list(self) -> tuple[Value, ...]:
        if not self._take("["):
            raise self._mistake("`in` takes a list", 'such as `status in ["failed", "stopped"]`')
        values = [self._value()]
        while self._take(","):
            values.append(self._value())
        if not self._take("]"):
            raise self._mistake("a `]` is missing", "close the list")
        return tuple(values)

    def _value(self) -> Value:
        token = self._token
        if token.kind == "text":
            value: Value = self._read_text(token)
        elif token.kind == "number":
            value = float(token.text) if any(mark in token.text for mark in ".eE") else int(token.text)
        elif token.kind == "word" and token.text in ("true", "false"):
            value = token.text == "true"
        elif token.kind == "name":
            hint = f'text stands in quotes: `"{token.text}"`; the truth values are `true` and `false`'
            raise self._mistake("a value is expected here", hint)
        else:
            hint = self._foreign_hint() or 'such as `"eu"`, `10`, `0.5` or `true`'
            raise self._mistake("a value is expected here", hint)
        self._next += 1
        return value

    def _read_text(self, token: _Token) -> str:
        if token.text[0] == "'":
            return token.text[1:-1]
        try:
            return str(json.loads(token.text))
        except ValueError:
            raise self._mistake("the text has an escape that JSON does not know", r"write `\\` for `\`") from None

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _take(self, text: str) -> bool:
        token = self._token
        if token.text != text or token.kind not in ("word", "sign"):
            return False
        self._next += 1
        return True

    def _foreign_hint(self) -> str | None:
        meant = _FOREIGN.get(self._token.text)
        return None if meant is None else f"did you mean `{meant}`?"

    def _mistake(self, message: str, hint: str) -> SelectionMistake:
        return SelectionMistake(message, self._text, self._token.span, hint)
