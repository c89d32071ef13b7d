"""Lowering of calls: a Python call with the depth as hidden first argument.

`x.method(…)` is one fused step: the table of all methods with that name, indexed by the exact type of `x`. A type
without the method is a missing key of that table, which the traceback recognises by its key being a type.
"""

from __future__ import annotations

import ast

from flowlang.lang.compile import tree
from flowlang.lang.compile.guards import operands
from flowlang.lang.compile.naming import python_name
from flowlang.lang.compile.tree import Place
from flowlang.lang.compile.unit import Unit, is_plain, is_simple, lowers, universal_name
from flowlang.lang.syntax import nodes

APPEND_BYTES = 40
PURE = frozenset([
    "abs", "bool", "bytes", "chr", "dict", "enumerate", "float", "getattr", "hasattr", "hash", "int", "len", "list",
    "ord", "range", "repr", "reversed", "set", "str", "struct", "tuple", "type", "zip",
])  # fmt: skip
"""Universal functions that never call a function of a script."""
SIZED = ("List", "Dict", "str")


@lowers(nodes.Call)
def lower_call(unit: Unit, node: nodes.Call) -> ast.expr:
    at = tree.place(node.span)
    if isinstance(node.function, nodes.Dot):
        return _method_call(unit, node, node.function, at)
    known = universal_name(node.function)
    if known == "len" and _is_one_positional(node):
        return _length(unit, node.arguments[0].value, at)
    function = unit.expression(node.function)
    if node is unit.entry_call:
        function = tree.operator("entry", [function], at)
    if not isinstance(node.function, nodes.Name) and not all(is_plain(part.value) for part in node.arguments):
        function = tree.walrus(unit.temporary(), function, at)
    positional, keywords = lower_arguments(unit, node.arguments)
    depth = unit.depth(at, is_pure=known in PURE)
    return tree.call(function, [depth, *positional], at, keywords)


def lower_arguments(unit: Unit, arguments: list[nodes.Argument]) -> tuple[list[ast.expr], list[ast.keyword]]:
    """The arguments of a call, in order; `*` and `**` arguments are checked to be what the language allows."""
    positional: list[ast.expr] = []
    keywords: list[ast.keyword] = []
    values = operands(unit, [argument.value for argument in arguments])
    for argument, value in zip(arguments, values, strict=True):
        at = tree.place(argument.span)
        if argument.kind == "positional":
            positional.append(value)
        elif argument.kind == "keyword":
            keywords.append(ast.keyword(python_name(argument.name or ""), value, **at))
        elif argument.kind == "star":
            spread = _after_keywords(unit, keywords, tree.operator("spread", [value], at), at)
            positional.append(ast.Starred(spread, tree.LOAD, **at))
        else:
            keywords.append(ast.keyword(None, tree.operator("keywords", [value], at), **at))
    return positional, keywords


def _after_keywords(unit: Unit, keywords: list[ast.keyword], spread: ast.expr, at: Place) -> ast.expr:
    """CPython evaluates a `*` argument before the keywords that stand before it; so their values are bound first."""
    bound: list[ast.expr] = []
    for keyword in keywords:
        if not isinstance(keyword.value, (ast.Constant, ast.Name)):
            temporary = unit.temporary()
            bound.append(tree.walrus(temporary, keyword.value, at))
            keyword.value = tree.name(temporary, at)
    if not bound:
        return spread
    return tree.subscript(ast.Tuple([*bound, spread], tree.LOAD, **at), tree.constant(-1, at), at)


def _is_one_positional(node: nodes.Call) -> bool:
    return len(node.arguments) == 1 and node.arguments[0].kind == "positional"


def _length(unit: Unit, argument: nodes.Expr, at: Place) -> ast.expr:
    value = unit.expression(argument)
    use = value
    if not is_plain(argument):
        temporary = unit.temporary()
        value, use = tree.walrus(temporary, value, at), tree.name(temporary, at)
    direct = tree.call(tree.name("$len", at), [use], at)
    slow: ast.expr = tree.call(unit.universal("len", at), [unit.depth(at, is_pure=True), use], at)
    for type_name in reversed(SIZED[1:]):
        slow = tree.if_expression(tree.is_type(use, type_name, at), direct, slow, at)
    return tree.if_expression(tree.is_type(value, SIZED[0], at), direct, slow, at)


def _method_call(unit: Unit, node: nodes.Call, dot: nodes.Dot, at: Place) -> ast.expr:
    receiver = unit.expression(dot.value)
    place = tree.place(dot.span)
    use = receiver
    if not is_simple(dot.value):
        temporary = unit.temporary()
        receiver, use = tree.walrus(temporary, receiver, place), tree.name(temporary, place)
    if dot.name == "append" and _is_one_positional(node) and is_simple(dot.value):
        return _append(unit, node, use, at)
    unit.methods.add(dot.name)
    table = tree.subscript(tree.name("." + dot.name, place), tree.type_of(receiver, place), place)
    positional, keywords = lower_arguments(unit, node.arguments)
    return tree.call(table, [unit.depth(at), use, *positional], at, keywords)


def _append(unit: Unit, node: nodes.Call, use: ast.expr, at: Place) -> ast.expr:
    """`x.append(y)` on a list that may be changed is Python's own append. A call in `y` may freeze the list, so
    then it is looked at again."""
    unit.methods.add("append")
    unit.spend_memory(APPEND_BYTES)
    argument = node.arguments[0].value
    value = unit.expression(argument)
    value_use = value
    test: ast.expr = tree.is_type(use, "List", at)
    if not is_plain(argument):
        temporary = unit.temporary()
        value_use = tree.name(temporary, at)
        bound = tree.type_of(tree.walrus(temporary, value, at), at)
        test = tree.compare(
            test, [ast.Is(), ast.Is()],
            [tree.compare(bound, [ast.IsNot()], [tree.constant(None, at)], at), tree.constant(True, at)], at,
        )  # fmt: skip
        if not _calls_nothing(argument):
            test = tree.both(test, tree.is_type(use, "List", at), at)
    direct = tree.call(tree.attribute(use, "append", at), [value_use], at)
    table = tree.subscript(tree.name(".append", at), tree.type_of(use, at), at)
    return tree.if_expression(test, direct, tree.call(table, [unit.depth(at), use, value_use], at), at)


def _calls_nothing(node: nodes.Expr) -> bool:
    """Whether it is plain to see that evaluating the node calls no function of a script."""
    match node:
        case nodes.Binary(left=left, right=right):
            return is_plain(left) and is_plain(right)
        case nodes.Index(value=value, index=index):
            return is_plain(value) and is_plain(index)
        case nodes.ListExpr(elements=elements) | nodes.TupleExpr(elements=elements):
            return all(map(is_plain, elements))
    return False
