"""Formatting with a literal text: `"%s: %d" % (name, count)` and `"{}-{}".format(a, b)`.

Where every value is a small int or a short text, and the text has nothing but the plainest of fields, Python's `%`
means the same, and Python compiles it with a literal text to code that puts the pieces together directly. What
inference does not know of a local is tested before; values that are neither known nor locals are left to the
formatters of the evaluator (`values/text_format.py`), as is every text that is wrong.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from itertools import islice
from typing import Final

from flowlang.lang.compile import tree
from flowlang.lang.compile.guards import is_certain
from flowlang.lang.compile.tree import Place
from flowlang.lang.compile.unit import Unit, is_simple
from flowlang.lang.syntax import nodes

TEXT_MAX: Final = 64
FIELDS_MAX: Final = 8
FIELD_BYTES: Final = 64
"""What a value can add to the result: an int of 64 bits, or a text of less than so many characters."""
TEXT_BYTES: Final = 56
INT_BITS: Final = 64
LARGE: Final = 1 << 62
NODES_MAX: Final = 40
"""Values of more nodes are not written twice."""
PERCENT_FIELD: Final = re.compile("%(.?)", re.DOTALL)
BRACES_FIELD: Final = re.compile(r"\{([A-Za-z_]*)\}")


def percent_letters(text: str) -> str | None:
    """The letters of the conversions in a text, if there are only `%s`, `%d` and `%i`."""
    letters = "".join(PERCENT_FIELD.findall(text))
    is_plain = len(text) <= TEXT_MAX and len(letters) == text.count("%") and set(letters) <= set("sdi")
    return letters if is_plain and 0 < len(letters) <= FIELDS_MAX else None


def braces_names(text: str) -> list[str] | None:
    """The names of the fields in a text, if there are only `{}` or only `{name}`, and nothing that `%` would take
    for its own."""
    names = BRACES_FIELD.findall(text)
    if len(text) > TEXT_MAX or not 0 < len(names) <= FIELDS_MAX or "%" in text:
        return None
    rest = BRACES_FIELD.sub("", text)
    is_uniform = all(names) or not any(names)
    return names if is_uniform and "{" not in rest and "}" not in rest else None


def lower_percent(unit: Unit, node: nodes.Binary, codes: Sequence[ast.expr], slow: ast.expr, at: Place) -> ast.expr:
    """`text % values`: `codes` are the lowered values, `slow` is the operation in its ordinary form."""
    assert isinstance(node.left, nodes.Constant)
    text = str(node.left.value)
    letters = percent_letters(text)
    values = node.right.elements if isinstance(node.right, nodes.TupleExpr) else [node.right]
    if letters is None or len(letters) != len(values):
        return slow
    return _formatted(unit, re.sub("%[di]", "%s", text), values, letters, codes, slow, at)


def lower_format(unit: Unit, text: str, node: nodes.Call, slow: ast.Call, at: Place) -> ast.expr:
    """`text.format(…)`; `slow` is the call in its ordinary form."""
    names = braces_names(text)
    given = [argument.name or "" for argument in node.arguments]
    kinds = {argument.kind for argument in node.arguments}
    if names is None or names != given or kinds != ({"keyword"} if names[0] else {"positional"}):
        return slow
    codes = [*slow.args[2:], *(keyword.value for keyword in slow.keywords)]
    values = [argument.value for argument in node.arguments]
    return _formatted(unit, BRACES_FIELD.sub("%s", text), values, "s" * len(values), codes, slow, at)


def _formatted(
    unit: Unit, text: str, values: Sequence[nodes.Expr], letters: str, codes: Sequence[ast.expr],
    slow: ast.expr, at: Place,
) -> ast.expr:  # fmt: skip
    tests: list[ast.expr] = []
    for value, letter, code in zip(values, letters, codes, strict=True):
        found = _tests(unit, value, letter, code, at)
        if found is None:
            return slow
        tests += found
    pieces = ast.Tuple(list(codes), tree.LOAD, **at)
    if tests and any(True for _ in islice(ast.walk(pieces), NODES_MAX, None)):
        return slow
    unit.spend_memory(TEXT_BYTES + len(text) + FIELD_BYTES * len(values))
    direct = ast.BinOp(tree.constant(text, at), ast.Mod(), pieces, **at)
    if not tests:
        return direct
    test = tests[0] if len(tests) == 1 else ast.BoolOp(ast.And(), tests, **at)
    return tree.if_expression(test, direct, slow, at)


def _tests(unit: Unit, value: nodes.Expr, letter: str, code: ast.expr, at: Place) -> list[ast.expr] | None:
    """What to test for the value to be a small int or a short text; None if that is of no use."""
    if isinstance(value, nodes.Constant) and type(value.value) is str:
        return [] if letter == "s" and len(value.value) < FIELD_BYTES else None
    static = unit.type_of(value)
    if static.name == "int" and static.bits <= INT_BITS:
        return []
    if not (is_simple(value) and is_certain(unit, value) and isinstance(code, ast.Name)):
        return None
    if static.name == "int" or (static.name in ("?", "") and letter != "s"):
        is_small = tree.compare(tree.constant(-LARGE, at), [ast.Lt(), ast.Lt()], [code, tree.constant(LARGE, at)], at)
        return [is_small] if static.name == "int" else [tree.is_type(code, "int", at), is_small]
    if letter == "s" and static.name in ("str", "?", ""):
        length = tree.call(tree.name("$len", at), [code], at)
        is_short = tree.compare(length, [ast.Lt()], [tree.constant(FIELD_BYTES, at)], at)
        return [is_short] if static.name == "str" else [tree.is_type(code, "str", at), is_short]
    return None
