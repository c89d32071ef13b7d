"""Messages for syntax errors: what was expected, in the words of somebody who writes programs.

The parser knows the set of tokens that would have fitted, which is of no use to an author. The rules here look for
the reason instead: a missing colon, comma, operand or block. They are tried in order, after the habits of `habit.py`;
the last one always has something to say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from flowlang.lang.diagnostics.diagnostic import Diagnostic, replacement
from flowlang.lang.syntax.correction import (
    chain_fix,
    element_fix,
    insertion,
    keyword_fix,
    operator_fix,
    removal,
    tuple_fix,
)
from flowlang.lang.syntax.habit import explain_habit
from flowlang.lang.syntax.situation import Situation, kinds_of
from flowlang.lang.syntax.token import (
    COMPOUND,
    DEDENT,
    END,
    EXPRESSION_KEYWORDS,
    INDENT,
    KIND_OF,
    KINDS,
    NAME,
    NEWLINE,
    ONLY_OPERAND_START,
    OPENING,
    OPERAND_START,
    STATEMENT_KEYWORDS,
)

_COMPARISONS: Final = kinds_of("==", "!=", "<", ">", "<=", ">=", "in", "not")
_KEYWORDS: Final = (*EXPRESSION_KEYWORDS, *STATEMENT_KEYWORDS)


def explain(situation: Situation) -> Diagnostic:
    """The diagnostic for a token that does not fit."""
    found = explain_habit(situation)
    if found is not None:
        return found
    for rule in _RULES:
        found = rule(situation)
        if found is not None:
            return found
    return _unexpected(situation)


# Layout and headers


def _unexpected_indent(at: Situation) -> Diagnostic | None:
    if at.kind != INDENT:
        return None
    return at.problem(
        "unexpected-indent",
        "this line is indented although no block begins before it",
        "indent it like the line before, or end the line before with `:` if it is a header",
    )


def _expected_block(at: Situation) -> Diagnostic | None:
    if at.expected != {INDENT}:
        return None
    header = at.index - 1
    while header > 0 and at.tokens.kinds[header - 1] not in (NEWLINE, INDENT, DEDENT):
        header -= 1
    text = KINDS[at.tokens.kinds[header]]
    found = at.problem(
        "expected-block",
        f"expected an indented block after this `{text}`",
        "indent the lines of the block, or write `pass` if there is nothing to do",
        index=header,
    )
    if at.kind == END:
        return found
    return attrs.evolve(found, labels=(at.label(at.index, "this line is not indented further"),))


def _expected_colon(at: Situation) -> Diagnostic | None:
    is_header = at.tokens.kinds[at.first] in COMPOUND and at.bracket is None
    if not is_header or not at.expects(":"):
        return None
    is_block_on_line = at.kind in ONLY_OPERAND_START and not at.holds_later(":")
    if at.kind != NEWLINE and not is_block_on_line:
        return None
    text = KINDS[at.tokens.kinds[at.first]]
    word = at.text(at.index) if at.kind == NAME else ""
    if word in ("then", "do"):
        return at.problem(
            "expected-colon",
            f"expected `:` after the header of this `{text}`, not `{word}`",
            f"write `:` in place of `{word}`",
            fix=operator_fix(at, ":"),
        )
    return at.problem(
        "expected-colon",
        f"expected `:` after the header of this `{text}`",
        "end the header with `:`",
        text="here",
        fix=insertion(at, ":"),
    )


def _compound_on_line(at: Situation) -> Diagnostic | None:
    text = KINDS[at.kind]
    if text in ("if", "for", "while", "def") and at.previous in kinds_of(":", ";") and at.bracket is None:
        return at.problem(
            "compound-on-line",
            f"`{text}` must begin a line",
            f"write the `{text}` on a line of its own, indented if it belongs to the block",
        )
    return None


def _orphan(at: Situation) -> Diagnostic | None:
    if not at.is_first or not at.is_one_of("else", "elif"):
        return None
    text = KINDS[at.kind]
    hint = f"indent it like its `if`; nothing but the blocks of that `if` may stand between it and `{text}`"
    if at.is_one_of("else"):
        hint += "; loops have no `else`"
    return at.problem("orphan-else", f"this `{text}` belongs to no `if`", hint)


def _expected_in(at: Situation) -> Diagnostic | None:
    if at.expects("in") and at.has_on_level("for") and not at.has_on_level("in") and not at.expects("=="):
        return at.problem(
            "expected-in",
            f"expected `in` after the variables of this `for`, found {at.found}",
            "write `for variable in values`",
        )
    return None


# Operators that do not go together


def _chained_comparison(at: Situation) -> Diagnostic | None:
    if at.kind in _COMPARISONS and at.follows_operand and not _COMPARISONS.isdisjoint(at.level):
        return at.problem(
            "chained-comparison",
            "comparisons do not chain",
            "join them with `and`: `a < b and b < c`",
            text="second comparison",
            fix=chain_fix(at),
        )
    return None


def _misplaced_not(at: Situation) -> Diagnostic | None:
    if at.is_one_of("not") and at.expected & OPERAND_START and not at.follows_operand and not at.is_first:
        return at.problem(
            "misplaced-not",
            f"`not` cannot stand right after `{KINDS[at.previous]}`",
            "put `not` and what it negates in parentheses",
        )
    if at.previous in kinds_of("not") and at.expected == kinds_of("in"):
        return at.problem(
            "misplaced-not",
            "`not` between two values must be `not in`",
            "write `not in`, or `!=`, or `and not`",
            index=at.index - 1,
        )
    return None


def _assignment_in_expression(at: Situation) -> Diagnostic | None:
    if not at.is_one_of("=") or not at.follows_operand:
        return None
    if at.is_call:
        return at.problem(
            "keyword-argument-name",
            "the name of a keyword argument must be a plain name",
            "write `name = value`, or `==` to compare",
            fix=keyword_fix(at),
        )
    return at.problem(
        "assignment-in-expression",
        "an assignment cannot stand inside an expression",
        "write `==` to compare; assign in a statement of its own",
        text="did you mean `==`?",
        fix=operator_fix(at, "==", is_safe=at.starts_with("if", "elif", "while")),
    )


def _missing_else(at: Situation) -> Diagnostic | None:
    if at.expects("else") and not at.is_first and at.has_on_level("if") and at.kind not in OPERAND_START:
        return at.problem(
            "missing-else",
            "this conditional expression has no `else`",
            "write `a if condition else b`, or an `if` statement",
        )
    return None


# Comprehensions and displays


def _comprehension(at: Situation) -> Diagnostic | None:
    if at.bracket is None or not at.has_on_level("for"):
        if at.is_one_of("for") and at.bracket_text == "[" and at.has_on_level(","):
            return at.problem(
                "comprehension-tuple",
                "the element of a comprehension must be one expression",
                "put the tuple in parentheses: `[(a, b) for a, b in pairs]`",
                fix=element_fix(at),
            )
        return None
    if at.is_one_of(",") and at.has_on_level("in"):
        return at.problem(
            "comprehension-tuple",
            "the iterable of a comprehension must be one expression",
            "put the tuple in parentheses: `[x for x in (1, 2)]`",
        )
    if at.is_one_of("lambda") and at.previous in kinds_of("in", "if"):
        return at.problem(
            "comprehension-lambda",
            f"a `lambda` after `{KINDS[at.previous]}` in a comprehension must stand in parentheses",
            "put the `lambda` in parentheses",
        )
    if at.is_one_of("else"):
        return at.problem(
            "comprehension-condition",
            "an `if` behind the `for` of a comprehension has no `else`",
            "put `a if condition else b` in front of the `for`, or in parentheses",
        )
    return None


def _dict_entry(at: Situation) -> Diagnostic | None:
    if at.bracket_text != "{" or not at.expects(":") or at.has_on_level("lambda", "for"):
        return None
    if at.is_one_of(",", "}"):
        return at.problem("dict-entry", "this entry of a dict has no value", "write `key: value`")
    if at.is_one_of("="):
        message = "`=` stands between key and value of a dict"
        return at.problem("dict-entry", message, "write `key: value`", fix=operator_fix(at, ":"))
    if at.kind in ONLY_OPERAND_START:
        return at.problem("dict-entry", "expected `:` after the key of a dict", "write `key: value`")
    return None


def _trailing_comma(at: Situation) -> Diagnostic | None:
    if at.previous in kinds_of(",") and at.bracket is None and at.is_one_of("NEWLINE", ";", "=", ":", "+="):
        return at.problem(
            "trailing-comma",
            "a tuple without parentheses cannot end with a comma",
            "write `(x,)` for a tuple of one element, otherwise remove the comma",
            index=at.index - 1,
            fix=tuple_fix(at),
        )
    return None


def _missing_comma(at: Situation) -> Diagnostic | None:
    if at.kind not in ONLY_OPERAND_START or not at.follows_operand or not at.expects(","):
        return None
    is_lambda = at.has_on_level("lambda") and at.expects(":")
    if at.bracket is None and not is_lambda:
        return None
    if at.is_header_of_def or is_lambda:
        what = "parameters"
    elif at.is_call:
        what = "arguments"
    elif at.bracket_text == "{":
        what = "entries"
    else:
        what = "elements"
    return at.problem(
        "missing-comma",
        f"missing `,` between two {what}",
        "write `,` or an operator here",
        text=f"unexpected after `{at.text(at.index - 1)}`",
        fix=insertion(at, ",", is_safe=False),
    )


# Statements


def _empty_statement(at: Situation) -> Diagnostic | None:
    if at.is_one_of(";") and (at.is_first or at.previous in kinds_of(";", ":")):
        fix = removal(at, at.index, "remove the `;`")
        return at.problem("unexpected-token", "there is no statement before this `;`", "remove the `;`", fix=fix)
    return None


def _load(at: Situation) -> Diagnostic | None:
    hint = 'write `load("module.flow", "name", local = "name")`'
    if at.is_one_of("load"):
        return at.problem("bad-load", "`load` is a statement and cannot stand inside another", hint)
    is_single = at.starts_with("load") and at.index - at.first == 3
    if is_single and at.is_one_of(")") and at.expects(","):
        return at.problem("bad-load", "this `load` names nothing to load", hint)
    if at.starts_with("load") and at.previous == NAME and at.index - at.first > 3 and at.is_one_of(",", ")"):
        name = at.text(at.index - 1)
        return at.problem(
            "bad-load",
            f"the name `{name}` to load is not in quotes",
            f'write `"{name}"`, or `{name} = "its name in the module"`',
            index=at.index - 1,
            fix=replacement(at.span(at.index - 1), f'"{name}"'),
        )
    if at.starts_with("load"):
        return at.problem("bad-load", f"expected string literals in this `load`, found {at.found}", hint)
    return None


def _annotation(at: Situation) -> Diagnostic | None:
    is_annotated = at.bracket is None and at.has_on_level(":") and at.tokens.kinds[at.first] not in COMPOUND
    if is_annotated and at.kind == NEWLINE and at.expects("="):
        return at.problem(
            "annotation-without-value",
            "an annotated variable needs a value",
            "write `name: type = value`",
        )
    return None


def _keyword_as_name(at: Situation) -> Diagnostic | None:
    text = KINDS[at.kind]
    if text not in _KEYWORDS:
        return None
    if at.expected == {NAME}:
        return at.problem("reserved-word", f"`{text}` is a keyword and cannot be a name", "choose another name")
    if text in STATEMENT_KEYWORDS:
        return at.problem(
            "misplaced-keyword",
            f"`{text}` begins a statement and cannot stand inside one",
            "begin a new line before it",
        )
    return None


def _expected_expression(at: Situation) -> Diagnostic | None:
    if at.is_first or at.follows_operand or at.kind in ONLY_OPERAND_START:
        return None
    previous = KINDS[at.previous]
    if KIND_OF["NUMBER"] not in at.expected:
        return None
    if previous == "for":
        hint = "write `for variable in values`"
        return at.problem("expected-name", f"expected a variable after `for`, found {at.found}", hint)
    hint = "write the value that belongs there"
    if previous not in OPENING:
        hint += f", or remove the `{previous}`"
    return at.problem("expected-expression", f"expected an expression after `{previous}`, found {at.found}", hint)


def _expected_name(at: Situation) -> Diagnostic | None:
    if NAME not in at.expected or KIND_OF["NUMBER"] in at.expected or at.is_first:
        return None
    is_parameter = at.is_header_of_def or at.has_on_level("lambda")
    what, hint = (
        ("the name of a parameter", "parameters are plain names") if is_parameter else ("a name", "write a name")
    )
    return at.problem("expected-name", f"expected {what} after `{at.text(at.index - 1)}`, found {at.found}", hint)


def _two_operands(at: Situation) -> Diagnostic | None:
    if not at.follows_operand or at.kind not in ONLY_OPERAND_START:
        return None
    return at.problem(
        "missing-operator",
        f"unexpected {at.found} after `{at.text(at.index - 1)}`",
        "write an operator between them, or begin a new statement on a line of its own",
    )


def _only_one(at: Situation) -> Diagnostic | None:
    if len(at.expected) != 1 or at.is_first:
        return None
    (kind,) = at.expected
    wanted = "end of line" if kind == NEWLINE else f"`{KINDS[kind]}`"
    lacks_parameters = at.starts_with("def") and at.index == at.first + 2 and at.is_one_of(":")
    return at.problem(
        "unexpected-token",
        f"expected {wanted} after `{at.text(at.index - 1)}`, found {at.found}",
        f"put {wanted} here",
        fix=insertion(at, "()") if lacks_parameters else None,
    )


def _unexpected(at: Situation) -> Diagnostic:
    found = at.found
    if at.is_first:
        return at.problem(
            "unexpected-token", f"a statement cannot begin with {found}", "remove it, or complete the statement before"
        )
    return at.problem(
        "unexpected-token",
        f"unexpected {found} after `{at.text(at.index - 1)}`",
        "remove it, or complete what stands before it",
    )


_RULES: Final[tuple[Callable[[Situation], Diagnostic | None], ...]] = (
    _unexpected_indent,
    _expected_block,
    _expected_colon,
    _compound_on_line,
    _empty_statement,
    _orphan,
    _expected_in,
    _chained_comparison,
    _misplaced_not,
    _trailing_comma,
    _dict_entry,
    _load,
    _comprehension,
    _assignment_in_expression,
    _missing_else,
    _missing_comma,
    _annotation,
    _keyword_as_name,
    _expected_expression,
    _two_operands,
    _expected_name,
    _only_one,
)
