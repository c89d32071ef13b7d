"""Messages for what people write out of habit from Python and other languages.

Each rule looks at the situation of a syntax error and gives a diagnostic or None; the first that recognises its habit
wins. A rule need not be sure that the text would otherwise be right: it says what the language has instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flowlang.lang.diagnostics.diagnostic import Diagnostic, Edit, Fix
from flowlang.lang.syntax.correction import (
    assertion_fix,
    comprehension_fix,
    deletion_fix,
    increment_fix,
    joining_fix,
    negation_fix,
    operator_fix,
    positional_only_fix,
    print_fix,
    removal,
    set_fix,
)
from flowlang.lang.syntax.foreign_word import FOREIGN_RULES
from flowlang.lang.syntax.situation import Situation, kinds_of
from flowlang.lang.syntax.token import KIND_OF, KINDS, NAME, ONLY_OPERAND_START, OPERAND_START, RESERVED, STRING
from flowlang.lang.syntax.unclosed import BRACES_HINT, BRACES_MESSAGE

_STATEMENTS: Final = {
    "try": (
        "try-statement",
        "there is no `try` statement",
        "make the code a flow: calling a flow gives `Ok(value)` or `Err(error)`, which `is_ok` tells apart",
    ),
    "import": (
        "import-statement",
        "there is no `import` statement",
        'load names from a module: `load("tables.flow", "read_csv")`',
    ),
    "class": (
        "class-statement",
        "there are no classes",
        "write functions, and keep data together in a dict or a `struct`",
    ),
    "with": (
        "with-statement",
        "there is no `with` statement",
        "call the work as a flow, which gives a result also when it fails, and tidy up after it",
    ),
    "raise": ("raise-statement", "there is no `raise` statement", 'call `fail("what went wrong")`'),
    "del": (
        "del-statement",
        "there is no `del` statement",
        "remove an item with `pop`: `values.pop(index)` or `table.pop(key)`",
    ),
    "global": (
        "global-statement",
        "there is no `global` statement",
        "return the new value, or keep it in a dict or list that the function changes",
    ),
    "async": (
        "async-statement",
        "functions are never `async`",
        "write an ordinary function; a run waits at every action without blocking others",
    ),
    "await": ("async-statement", "there is no `await`", "call the action: its result is there when the call returns"),
    "yield": ("async-statement", "there is no `yield`", "append to a list and return it"),
}
_DECLARATIONS: Final = ("let", "var", "const", "val", "local", "auto")
FUNCTION_WORDS: Final = ("function", "func", "fn", "fun", "sub")
_BINARY_OPERATORS: Final = kinds_of("+", "-", "*", "/", "//", "%", "|", "&", "^", "==", "!=", "<", ">", "<=", ">=")
_SAME_AS: Final = {"except": "try", "finally": "try", "from": "import", "nonlocal": "global"}


def explain_habit(situation: Situation) -> Diagnostic | None:
    """The message for a known habit, or None."""
    for rule in _RULES:
        found = rule(situation)
        if found is not None:
            return found
    return None


def _statement(at: Situation) -> Diagnostic | None:
    text = KINDS[at.kind]
    text = _SAME_AS.get(text, text)
    is_prefix = text in ("await", "yield") and at.expected & OPERAND_START
    is_name = at.following in kinds_of("=", ".", "+=", "-=")
    if text in _STATEMENTS and (at.is_first or is_prefix) and not is_name:
        slug, message, hint = _STATEMENTS[text]
        return at.problem(slug, message.replace(f"`{text}`", f"`{KINDS[at.kind]}`"), hint, fix=_statement_fix(at))
    return None


def _statement_fix(at: Situation) -> Fix | None:
    match KINDS[at.kind]:
        case "del":
            return deletion_fix(at)
        case "async" if at.following == KIND_OF["def"]:
            return removal(at, at.index, "remove the `async`")
        case "await":
            return removal(at, at.index, "remove the `await`")
    return None


def _is_operator(at: Situation) -> Diagnostic | None:
    if not at.is_one_of("is") or not at.follows_operand:
        return None
    follows_not = at.following in kinds_of("not")
    operator, instead = ("is not", "!=") if follows_not else ("is", "==")
    return at.problem(
        "is-operator",
        f"there is no operator `{operator}`",
        f"compare values with `{instead}`",
        last=at.index + 1 if follows_not else None,
        fix=operator_fix(at, instead, last=at.index + 1 if follows_not else None),
    )


def _reserved(at: Situation) -> Diagnostic | None:
    text = KINDS[at.kind]
    if text in RESERVED:
        return at.problem(
            "reserved-word",
            f"`{text}` is a reserved word and cannot be used here",
            f"if it is meant as a name, write `{text}_` or another name",
        )
    return None


def _boolean_operator(at: Situation) -> Diagnostic | None:
    words = {"&&": "and", "||": "or", "!": "not"}
    text = KINDS[at.kind]
    if text in words:
        fix = negation_fix(at) if text == "!" else operator_fix(at, words[text]) if at.follows_operand else None
        return at.problem("boolean-operator", f"there is no operator `{text}`", f"write `{words[text]}`", fix=fix)
    return None


def _foreign_operator(at: Situation) -> Diagnostic | None:
    fix: Fix | None
    match KINDS[at.kind]:
        case "<>":
            fix = operator_fix(at, "!=")
            return at.problem("not-equal-operator", "there is no operator `<>`", "write `!=`", fix=fix)
        case ":=":
            is_statement = at.index == at.first + 1 and at.previous == NAME
            return at.problem(
                "walrus-operator",
                "there is no operator `:=`",
                "assign with `=` in a statement of its own, before this one",
                fix=operator_fix(at, "=") if is_statement else None,
            )
        case "...":
            fix = operator_fix(at, "pass") if at.following in kinds_of("NEWLINE") and at.bracket is None else None
            return at.problem("ellipsis", "there is no `...`", "write `pass` for a block that does nothing", fix=fix)
        case "@" if at.is_first:
            return at.problem(
                "decorator",
                "there are no decorators",
                "call the function after the `def`, under another name: `cached_f = cached(f)`",
            )
        case "@":
            return at.problem("stray-character", "`@` does not belong here", "remove it, or put it in a string")
    return None


def _power(at: Situation) -> Diagnostic | None:
    if at.is_one_of("**=") or (at.is_one_of("**") and at.follows_operand):
        return at.problem(
            "power-operator",
            f"there is no operator `{KINDS[at.kind]}`",
            "multiply, or use `math.pow` for floats",
        )
    return None


def _increment(at: Situation) -> Diagnostic | None:
    index = at.index
    if at.is_one_of("NEWLINE") and index - 2 > at.first:
        kinds = at.tokens.kinds
        if kinds[index - 1] == kinds[index - 2] and kinds[index - 1] in kinds_of("+", "-"):
            text = KINDS[kinds[index - 1]]
            return at.problem(
                "increment-operator",
                f"there is no operator `{text}{text}`",
                f"write `{text}= 1`",
                index=index - 2,
                last=index - 1,
                fix=increment_fix(at),
            )
    return None


def _print(at: Situation) -> Diagnostic | None:
    is_after_print = at.index == at.first + 1 and at.previous == NAME and at.text(at.first) == "print"
    if is_after_print and at.kind in ONLY_OPERAND_START:
        return at.problem(
            "print-statement",
            "`print` is a function",
            "put what it prints in parentheses: `print(…)`",
            fix=print_fix(at),
        )
    return None


def _assert(at: Situation) -> Diagnostic | None:
    is_after_assert = at.index == at.first + 1 and at.previous == NAME and at.text(at.first) == "assert"
    if is_after_assert and at.kind in ONLY_OPERAND_START:
        return at.problem(
            "assert-statement",
            "there is no `assert` statement",
            'write `if not condition: fail("why")`, or `assert.eq(got, wanted)` in a test',
            index=at.first,
            fix=assertion_fix(at),
        )
    return None


def _declaration(at: Situation) -> Diagnostic | None:
    """`let x = 1` and `function f():`, of many languages."""
    is_second = at.index == at.first + 1 and at.previous == NAME and at.kind == NAME
    word = at.text(at.first) if is_second else ""
    if word in _DECLARATIONS and at.following in kinds_of("=", "NEWLINE", ":", ","):
        return at.problem(
            "declaration-keyword",
            f"variables are not declared with `{word}`",
            "assign a value: `name = value`",
            index=at.first,
            fix=removal(at, at.first, f"remove the `{word}`") if at.following in kinds_of("=") else None,
        )
    if word in FUNCTION_WORDS and at.following in kinds_of("("):
        return at.problem(
            "declaration-keyword",
            f"functions are not defined with `{word}`",
            "write `def`",
            index=at.first,
            fix=Fix("write `def`", (Edit(at.span(at.first), "def"),)),
        )
    return None


def _misspelled_elif(at: Situation) -> Diagnostic | None:
    """`elseif x:` and the like, which the parser takes for a name and finds out about later."""
    if at.tokens.kinds[at.first] != NAME or at.text(at.first) not in ("elseif", "elsif", "elseIf") or at.is_first:
        return None
    return at.problem(
        "else-if",
        f"there is no `{at.text(at.first)}`",
        "write `elif`",
        index=at.first,
        fix=Fix("write `elif`", (Edit(at.span(at.first), "elif"),)),
    )


def _else_if(at: Situation) -> Diagnostic | None:
    if at.index != at.first + 1 or not at.starts_with("else"):
        return None
    if at.is_one_of("if"):
        fix = Fix("write `elif`", (at.replacing("elif", at.first, at.index),))
        return at.problem("else-if", "there is no `else if`", "write `elif`", index=at.first, last=at.index, fix=fix)
    if at.kind in OPERAND_START:
        return at.problem("else-if", "an `else` has no condition", "write `elif`, or remove the condition")
    return None


def _string_concatenation(at: Situation) -> Diagnostic | None:
    if at.kind == STRING and at.previous == STRING:
        return at.problem(
            "string-concatenation",
            "two strings side by side are not joined",
            "write `+` between them, or a comma if they are two values",
            fix=joining_fix(at),
        )
    return None


def _generator(at: Situation) -> Diagnostic | None:
    if not at.is_one_of("for") or not at.follows_operand:
        return None
    if at.bracket_text == "(":
        return at.problem(
            "generator-expression",
            "there are no generator expressions",
            "put the comprehension in brackets: `[x for x in xs]`",
            fix=comprehension_fix(at),
        )
    if at.bracket_text == "{" and not at.has_on_level(":"):
        return at.problem(
            "set-literal",
            "there are no set comprehensions",
            "make the set from a list: `set([x for x in xs])`",
            fix=set_fix(at),
        )
    return None


def _set_literal(at: Situation) -> Diagnostic | None:
    if at.bracket_text == "{" and at.is_one_of(",", "}") and at.expects(":") and not at.has_on_level(":"):
        hint = "make the set from a list: `set([1, 2])`"
        return at.problem("set-literal", "there are no set literals", hint, fix=set_fix(at))
    return None


def _starred(at: Situation) -> Diagnostic | None:
    follows_operator = at.previous in _BINARY_OPERATORS
    if not at.is_one_of("*", "**") or at.follows_operand or at.is_call or follows_operator:
        return None
    text = KINDS[at.kind]
    if at.bracket is None and text == "*" and at.holds_later("="):
        return at.problem(
            "starred-target",
            "an assignment has no `*` target",
            "take the parts by slices: `first, rest = values[0], values[1:]`",
        )
    instead = "join dicts with `|`" if at.bracket_text == "{" else "join lists with `+`"
    return at.problem("starred-expression", f"`{text}` unpacks a value only among the arguments of a call", instead)


def _positional_only(at: Situation) -> Diagnostic | None:
    if at.is_header_of_def and at.is_one_of("/") and not at.follows_operand:
        return at.problem(
            "positional-only-parameter",
            "there are no positional-only parameters",
            "remove the `/`; every parameter can also be given by its name",
            fix=positional_only_fix(at),
        )
    return None


def _lambda_statement(at: Situation) -> Diagnostic | None:
    is_statement = at.is_one_of("return", "pass", "break", "continue", "def", "while", "=") or (
        at.is_one_of("for", "if") and at.previous in kinds_of(":")
    )
    if is_statement and at.has_on_level("lambda") and not at.is_first:
        return at.problem(
            "lambda-statement",
            f"a `lambda` holds an expression, and `{KINDS[at.kind]}` belongs to a statement",
            "write the function with `def`",
        )
    return None


def _braces(at: Situation) -> Diagnostic | None:
    follows_header = at.starts_with("if", "elif", "else", "for", "while", "def") and at.bracket is None
    if at.is_one_of("{") and follows_header and at.is_last_on_line and at.expects(":"):
        return at.problem(
            "braces-block",
            BRACES_MESSAGE,
            BRACES_HINT,
        )
    return None


_RULES: Final[tuple[Callable[[Situation], Diagnostic | None], ...]] = (
    _statement,
    *FOREIGN_RULES,
    _is_operator,
    _boolean_operator,
    _foreign_operator,
    _power,
    _increment,
    _print,
    _assert,
    _declaration,
    _misspelled_elif,
    _else_if,
    _string_concatenation,
    _generator,
    _set_literal,
    _starred,
    _positional_only,
    _lambda_statement,
    _braces,
    _reserved,
)
