"""Messages for words and operators of other languages that the lexer reads as names and operators of this one.

`switch x:` is two names in a row, `x => y` an assignment to nothing, `a === b` a comparison with an assignment. The
rules here recognise them by their text and by what touches what; they are tried among the rules of `habit.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from flowlang.lang.diagnostics.diagnostic import Diagnostic, Edit, Fix
from flowlang.lang.syntax.situation import Situation, kinds_of
from flowlang.lang.syntax.token import (
    EXPRESSION_KEYWORDS,
    KIND_OF,
    KINDS,
    NAME,
    NEWLINE,
    NUMBER,
    ONLY_OPERAND_START,
    STATEMENT_KEYWORDS,
)

_CHOICE: Final = "write `if x == 1:`, `elif x == 2:`, `else:`; or look the case up in a dict"
_NO_LOOP: Final = "write `for i in range(limit):`, and `break` when it is done"
_LOAD: Final = 'take names from another file with `load("module.flow", "name")`'
_FAIL: Final = 'call `fail("what went wrong")`'
_PRINT: Final = "call `print(...)`"
_DATA: Final = "keep data together in a dict or a `struct(name = value)`"
_MODULE: Final = "a file is a module by itself; leave the line out"
_PUBLIC: Final = "every name of a module can be loaded unless it begins with `_`; leave the word out"
_TRY: Final = "make the code a flow: calling it gives `Ok(value)` or `Err(error)`, which `is_ok` tells apart"

WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("switch", "match", "case", "select", "when", "default"), _CHOICE),
        **dict.fromkeys(("repeat", "until", "loop", "do", "foreach"), _NO_LOOP),
        "unless": "write `if not condition:`",
        **dict.fromkeys(("include", "require", "use", "using", "export", "extern"), _LOAD),
        **dict.fromkeys(("throw", "throws", "panic", "abort"), _FAIL),
        **dict.fromkeys(("echo", "puts", "say", "printf", "println"), _PRINT),
        **dict.fromkeys(("enum", "interface", "trait", "record", "struct", "impl"), _DATA),
        **dict.fromkeys(("type", "typedef"), "types have no other names; describe the data in a comment"),
        **dict.fromkeys(("package", "namespace", "module"), _MODULE),
        **dict.fromkeys(("public", "private", "protected", "static", "final", "inline"), _PUBLIC),
        **dict.fromkeys(("catch", "rescue", "begin", "ensure", "defer"), _TRY),
        "exec": "code is never made from text; put it into a function",
        "eval": "code is never made from text; put it into a function",
        "goto": "use a loop with `break` and `continue`, or a function with `return`",
        "delete": "remove an item with `pop`: `values.pop(index)` or `table.pop(key)`",
        "go": "start flows side by side with `current_flow().actions.run(...)`",
        "exit": "a function ends by `return`, a flow with an error by `fail(...)`",
        "quit": "a function ends by `return`, a flow with an error by `fail(...)`",
    }
)
"""Words that begin statements elsewhere, with what to write here."""
TYPES: Final = frozenset(
    {
        *("int", "float", "str", "bool", "string", "String", "double", "char", "long", "short", "byte", "number"),
        *("boolean", "Integer", "Boolean", "object", "Object", "list", "dict", "List", "Map", "auto", "any"),
    }
)
"""Names of types that stand before a variable elsewhere."""
WORD_OPERATORS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "instanceof": 'compare the name of the type: `type(x) == "string"`',
        "mod": "write `%`",
        "div": "write `//`",
        "xor": "write `!=` for two bools, `^` for two ints",
        "eq": "write `==`",
        "ne": "write `!=`",
        "lt": "write `<`",
        "gt": "write `>`",
        "contains": "write `x in values`",
    }
)
"""Operators that are words elsewhere."""
PREFIXES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "new": "call the function that makes the value, without `new`",
        "typeof": "call `type(x)`",
        "sizeof": "call `len(x)`",
    }
)
"""Words that stand before an operand elsewhere."""


def _statement_word(at: Situation) -> Diagnostic | None:
    """`switch x:`, `throw "…"`, `default:`; also `switch (x) {`, which looks like a call."""
    word = at.text(at.first) if at.tokens.kinds[at.first] == NAME else ""
    if word not in WORDS or at.is_first:
        return None
    is_before_operand = at.index == at.first + 1 and at.kind in ONLY_OPERAND_START
    is_header = at.kind == NEWLINE and at.previous == KIND_OF[":"]
    if is_before_operand or is_header or (at.is_one_of("{") and at.bracket is None):
        return at.problem("foreign-keyword", f"there is no `{word}` statement", WORDS[word], index=at.first)
    return None


def _typed_declaration(at: Situation) -> Diagnostic | None:
    is_second = at.index == at.first + 1 and at.previous == NAME and at.kind == NAME
    if not is_second or at.text(at.first) not in TYPES or at.following not in kinds_of("=", "NEWLINE", ";"):
        return None
    fix = Fix("remove the type", (Edit((*at.span(at.first)[:2], *at.span(at.index)[:2]), ""),))
    return at.problem(
        "declaration-keyword",
        "no type stands before a variable",
        f"assign a value: `{at.text(at.index)} = value`",
        index=at.first,
        fix=fix if at.following in kinds_of("=") else None,
    )


def _word_between(at: Situation) -> Diagnostic | None:
    """`x instanceof y`, `new Thing()`."""
    if at.kind == NAME and at.follows_operand and at.text(at.index) in WORD_OPERATORS:
        word = at.text(at.index)
        return at.problem("foreign-operator", f"there is no operator `{word}`", WORD_OPERATORS[word])
    if at.previous == NAME and at.kind in ONLY_OPERAND_START and at.text(at.index - 1) in PREFIXES:
        word = at.text(at.index - 1)
        return at.problem("foreign-keyword", f"there is no `{word}`", PREFIXES[word], index=at.index - 1)
    return None


def _symbol(at: Situation) -> Diagnostic | None:
    """Operators that the lexer takes apart: `===`, `=>`, `::`, `..`; and `->` where nothing is annotated."""
    before = KINDS[at.previous]
    if at.is_one_of("->") and at.bracket_text != "[":
        return at.problem(
            "foreign-operator",
            "there is no operator `->`",
            "write `lambda x: x + 1` for a function, or `value.name` for a field",
        )
    if at.is_one_of("=") and at.following == KIND_OF[">"] and at.bracket_text == "{" and at.expects(":"):
        hint, edit = "write `:` between key and value", at.replacing(":", at.index, at.index + 1)
        fix = Fix("write `:`", (edit,))
        return at.problem("foreign-operator", "there is no operator `=>`", hint, last=at.index + 1, fix=fix)
    if not _touches(at):
        return None
    text = before + KINDS[at.kind]
    first = at.index - 1
    if text in ("===", "!=="):
        edit = Edit((*at.span(first)[:2], *at.span(at.index)[2:]), before)
        fix = Fix(f"write `{before}`", (edit,))
        return at.problem(
            "foreign-operator", f"there is no operator `{text}`", f"write `{before}`",
            index=first, last=at.index, fix=fix,
        )  # fmt: skip
    if text == "=>":
        hint = "write `lambda x: x + 1` for a function, `>=` for a comparison, `:` between key and value of a dict"
        return at.problem("foreign-operator", "there is no operator `=>`", hint, index=first, last=at.index)
    if text == "..":
        hint = "write `range(start, stop)` for the numbers from `start` to before `stop`"
        return at.problem("foreign-operator", "there is no operator `..`", hint, index=first, last=at.index)
    return None


def _range(at: Situation) -> Diagnostic | None:
    """`0..3`, which reads as the numbers `0.` and `.3`."""
    is_pair = at.kind == NUMBER and at.previous == NUMBER and _touches(at)
    if is_pair and at.text(at.index - 1).endswith(".") and at.text(at.index).startswith("."):
        start, stop = at.text(at.index - 1)[:-1], at.text(at.index)[1:]
        return at.problem(
            "foreign-operator",
            "there is no operator `..`",
            f"write `range({start}, {stop})` for the numbers from {start} to before {stop}",
            index=at.index - 1,
            last=at.index,
        )
    return None


def _double_colon(at: Situation) -> Diagnostic | None:
    if at.is_one_of(":") and at.following == KIND_OF[":"] and at.follows_operand and at.bracket is None:
        name = at.index + 2
        if name < len(at.tokens.kinds) and at.tokens.kinds[name] == NAME:
            return at.problem("foreign-operator", "there is no operator `::`", "write `.`", last=at.index + 1)
    return None


def _comment(at: Situation) -> Diagnostic | None:
    kinds = at.tokens.kinds
    hint = "write `#`; a comment ends with its line"
    if at.is_first and (at.is_one_of("//") or (at.is_one_of("/") and at.following in kinds_of("*", "**"))):
        last = at.index if at.is_one_of("//") else at.index + 1
        text = "".join(KINDS[kinds[index]] for index in range(at.index, last + 1))
        fix = Fix("write `#`", (Edit(at.span(at.index), "#"),)) if last == at.index else None
        return at.problem("foreign-comment", f"a comment does not begin with `{text}`", hint, last=last, fix=fix)
    begins_twice = kinds[at.first : at.first + 2] == [KIND_OF["-"]] * 2
    if at.kind in ONLY_OPERAND_START and at.follows_operand and at.bracket is None:
        if begins_twice:
            return at.problem(
                "foreign-comment", "a comment does not begin with `--`", hint, index=at.first, last=at.first + 1
            )
        if at.has_on_level("//") and at.kind == NAME and at.previous == NAME:
            start = max(index for index in range(at.first, at.index) if kinds[index] == KIND_OF["//"])
            message = "`//` divides two ints, and what follows is no expression"
            return at.problem("foreign-comment", message, "write `#` to begin a comment", index=start)
    return None


def _three_part_loop(at: Situation) -> Diagnostic | None:
    """`for (i = 0; i < n; i++)`."""
    is_for = at.starts_with("for") and at.bracket == at.first + 1 and at.bracket_text == "("
    if is_for and at.is_one_of("=", ";"):
        return at.problem(
            "foreign-keyword",
            "a `for` goes through the elements of a collection, it has no three parts",
            "write `for i in range(stop):` or `for i in range(start, stop, step):`",
            index=at.first,
        )
    return None


def _keyword_as_target(at: Situation) -> Diagnostic | None:
    """`lambda = 3`."""
    word = KINDS[at.tokens.kinds[at.first]]
    if at.is_one_of("=") and at.index == at.first + 1 and word in (*EXPRESSION_KEYWORDS, *STATEMENT_KEYWORDS):
        message = f"`{word}` is a keyword and cannot be a name"
        return at.problem("reserved-word", message, "choose another name", index=at.first)
    return None


def _touches(at: Situation) -> bool:
    """Whether no blank stands between the token and the one before."""
    return not at.is_first and at.span(at.index - 1)[2:] == at.span(at.index)[:2]


FOREIGN_RULES: Final[tuple[Callable[[Situation], Diagnostic | None], ...]] = (
    _statement_word,
    _typed_declaration,
    _word_between,
    _symbol,
    _range,
    _double_colon,
    _comment,
    _three_part_loop,
    _keyword_as_target,
)
