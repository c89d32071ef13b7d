"""Fixes for syntax errors: the edits that turn what was written into what was meant.

Each function looks at the situation of an error that a rule of `habit.py` or `explain.py` has recognised, and gives a
fix, or None where the rest of the line leaves a doubt. A fix is safe when the text has one meaning only, in the
language that the habit comes from; it then has the same one here.
"""

from __future__ import annotations

from typing import Final

from flowlang.lang.diagnostics.diagnostic import Edit, Fix
from flowlang.lang.syntax.nodes import Constant
from flowlang.lang.syntax.situation import Situation, kinds_of
from flowlang.lang.syntax.token import KIND_OF, KINDS, NAME, NEWLINE, NUMBER, OPERAND_START, STRING

_COMPARISONS: Final = kinds_of("==", "!=", "<", ">", "<=", ">=", "in", "not", "is")
_COMMA: Final = KIND_OF[","]
_BINDS_TIGHTER: Final = kinds_of(".", "[", "(", "*", "/", "//", "%")


def operator_fix(at: Situation, text: str, *, last: int | None = None, is_safe: bool = True) -> Fix:
    """Another operator in place of this one."""
    return Fix(f"write `{text}`", (at.replacing(text, at.index, last),), is_safe)


def negation_fix(at: Situation) -> Fix | None:
    """`not` for `!`. It binds less tightly, so with a comparison behind it somebody has to look."""
    if at.follows_operand:
        return None
    is_compared = any(at.holds_later(KINDS[kind]) for kind in _COMPARISONS)
    return operator_fix(at, "not", is_safe=not is_compared)


def insertion(at: Situation, text: str, *, is_safe: bool = True) -> Fix:
    """`text` between the last token that fitted and the first that did not."""
    return Fix(f"write `{text.strip()}`", (at.after(at.index - 1, text),), is_safe)


def removal(at: Situation, index: int, title: str) -> Fix:
    """Without the token at `index` and the blanks behind it."""
    start = at.span(index)[:2]
    line, end = at.span(index)[2:]
    rest = at.source.line(line)[end:]
    return Fix(title, (Edit((*start, line, end + len(rest) - len(rest.lstrip(" \t"))), ""),))


def increment_fix(at: Situation) -> Fix | None:
    """`x += 1` for `x++`, when that is the whole statement."""
    if at.index - 3 != at.first or at.tokens.kinds[at.first] != NAME:
        return None
    text = f" {KINDS[at.previous]}= 1"
    end_line, end = at.span(at.index - 1)[2:]
    return Fix(f"write `{at.text(at.first)}{text}`", (Edit((*at.span(at.first)[2:], end_line, end), text),))


def print_fix(at: Situation) -> Fix | None:
    """Parentheses around what is printed."""
    end = at.statement_end
    if end is None or at.tokens.kinds[end - 1] == _COMMA:
        return None
    return Fix("put it in parentheses", (at.between(at.first, at.index, "("), at.after(end - 1, ")")))


def assertion_fix(at: Situation) -> Fix | None:
    """`if not (condition): fail("why")` for an `assert` statement that says why."""
    end = at.statement_end
    commas = [] if end is None else _on_level(at, _COMMA, at.index, end)
    if end is None or len(commas) > 1 or commas == [end - 1]:
        return None
    head = at.between(at.first, at.index, " not (")
    keyword = Edit(at.span(at.first), "if")
    rest: tuple[Edit, ...] = (at.after(end - 1, '): fail("assertion failed")'),)
    if commas:
        rest = (at.between(commas[0] - 1, commas[0] + 1, "): fail("), at.after(end - 1, ")"))
    return Fix("write `if not condition: fail(…)`", (keyword, head, *rest), is_safe=False)


def joining_fix(at: Situation) -> Fix | None:
    """`+` between strings that stand side by side. Among the elements of a list or the arguments of a call a comma
    may have been meant; next to an operator that binds more tightly the result would be another."""
    kinds = at.tokens.kinds
    end = at.index
    while kinds[end + 1] == STRING:
        end += 1
    begin = at.index - 1
    before = kinds[begin - 1] if begin > at.first else NEWLINE
    if kinds[end + 1] in _BINDS_TIGHTER or before in _BINDS_TIGHTER - kinds_of("[", "("):
        return None
    edits = tuple(at.after(index, " +") for index in range(begin, end))
    is_alone = at.bracket is None or (at.bracket_text == "(" and not at.is_call)
    return Fix("write `+` between them", edits, is_alone and not at.has_on_level(","))


def comprehension_fix(at: Situation) -> Fix | None:
    """Brackets for a generator expression that is the only thing in its parentheses."""
    closing = None if at.bracket is None else at.closing(at.bracket)
    if at.bracket is None or closing is None or at.has_on_level(","):
        return None
    if _on_level(at, _COMMA, at.index, closing):
        return None
    if at.is_call:
        edits = (at.after(at.bracket, "["), at.before(closing, "]"))
    else:
        edits = (Edit(at.span(at.bracket), "["), Edit(at.span(closing), "]"))
    return Fix("put the comprehension in brackets", edits)


def set_fix(at: Situation) -> Fix | None:
    """`set([…])` for `{…}`."""
    closing = None if at.bracket is None else at.closing(at.bracket)
    if at.bracket is None or closing is None or _on_level(at, KIND_OF[":"], at.bracket + 1, closing):
        return None
    return Fix("write `set([…])`", (Edit(at.span(at.bracket), "set(["), Edit(at.span(closing), "])")))


def positional_only_fix(at: Situation) -> Fix:
    """Without the `/`, and without the comma that it brought."""
    if at.following == _COMMA:
        line, column, *_ = at.span(at.index)
        return Fix("remove the `/`", (Edit((line, column, *at.span(at.index + 2)[:2]), ""),))
    start = at.index - 1 if at.previous == _COMMA else at.index
    return Fix("remove the `/`", (Edit((*at.span(start)[:2], *at.span(at.index)[2:]), ""),))


def deletion_fix(at: Situation) -> Fix | None:
    """`values.pop(index)` for `del values[index]`."""
    end = at.statement_end
    if end is None or KINDS[at.tokens.kinds[end - 1]] != "]":
        return None
    opening = next((index for index in range(at.index + 1, end) if at.closing(index) == end - 1), None)
    if opening is None or opening < at.index + 2 or KINDS[at.tokens.kinds[opening]] != "[":
        return None
    if _on_level(at, KIND_OF[":"], opening + 1, end - 1) or _on_level(at, _COMMA, at.index, end):
        return None
    edits = (removal(at, at.index, "").edits[0], Edit(at.span(opening), ".pop("), Edit(at.span(end - 1), ")"))
    return Fix("call `pop`", edits)


def chain_fix(at: Situation) -> Fix | None:
    """`a < b and b < c` for `a < b < c`, when `b` is a name or number."""
    kinds = at.tokens.kinds
    middle = at.index - 1
    is_simple = kinds[middle] in (NAME, NUMBER) and kinds[middle - 1] in _COMPARISONS
    if not is_simple or at.has_on_level("not", "is") or at.is_one_of("not") or at.following not in OPERAND_START:
        return None
    text = at.text(middle)
    is_whole = kinds[middle] == NAME or text.replace(".", "").isdecimal()
    return None if not is_whole else Fix("join them with `and`", (at.after(middle, f" and {text}"),))


def keyword_fix(at: Situation) -> Fix | None:
    """The name without quotes, for a keyword argument whose name is a string."""
    value = at.tokens.values[at.index - 1]
    before = at.tokens.kinds[at.index - 2]
    name = value.value if isinstance(value, Constant) else None
    if not isinstance(name, str) or not name.isascii() or not name.isidentifier() or name in KIND_OF:
        return None
    return Fix(f"write `{name}`", (Edit(value.span, name),)) if before in kinds_of("(", ",") else None


def tuple_fix(at: Situation) -> Fix | None:
    """Parentheses for a tuple that ends with a comma, on the right side of an assignment or behind `return`."""
    kinds = at.tokens.kinds
    starts = [index for index in range(at.first, at.index) if kinds[index] in kinds_of("=", "return")]
    if at.kind != NEWLINE or not starts or any(kind in kinds_of(":", ";") for kind in kinds[at.first : at.index]):
        return None
    return Fix("put the tuple in parentheses", (at.before(starts[-1] + 1, "("), at.after(at.index - 1, ")")))


def element_fix(at: Situation) -> Fix | None:
    """Parentheses around the elements before the `for` of a comprehension."""
    if at.bracket is None or at.previous == _COMMA:
        return None
    return Fix("put the tuple in parentheses", (at.after(at.bracket, "("), at.after(at.index - 1, ")")))


def _on_level(at: Situation, kind: int, start: int, end: int) -> list[int]:
    """Where a token stands between `start` and `end`, outside of the brackets that open there."""
    found = []
    index = start
    while index < end:
        here = at.tokens.kinds[index]
        if here == kind:
            found.append(index)
        closing = at.closing(index) if KINDS[here] in ("(", "[", "{") else None
        index = index + 1 if closing is None else closing + 1
    return found
