"""Lowering of functions: `def`, lambda and comprehensions, which all become Python functions.

Each function takes the call depth as its first, positional-only parameter. Its prologue charges one step (more for
long straight code), and refuses to go deeper than the budget allows:

    def f(%d, /, a, b=…):
        %s = $m.steps = $m.steps + 1
        if %s > $m.limit: $m.checkpoint()
        if %d > $depth: $too_deep()
        %n = %d + 1

A small function that calls nothing needs neither (`LEAF_NODES_MAX`). A comprehension is a function of its first
iterable, called where it stands; its clauses become loops.
"""

from __future__ import annotations

import ast
from typing import Any

from flowlang.lang.compile import tree
from flowlang.lang.compile.expressions import DICT_BYTES, ENTRY_BYTES, LIST_BYTES
from flowlang.lang.compile.guards import known_type, operands
from flowlang.lang.compile.inference import infer_clauses, infer_types
from flowlang.lang.compile.loops import lower_loop
from flowlang.lang.compile.naming import python_name
from flowlang.lang.compile.targets import assign_to, is_plain_key
from flowlang.lang.compile.tree import Place
from flowlang.lang.compile.unit import DEEPER, DEPTH, LEAF_BYTES_MAX, METER, Unit, lowers
from flowlang.lang.syntax import nodes

COMPREHENSION_ITEM_BYTES = 40
FUNCTION_BYTES = 320
"""A function with a few captured variables."""
LEAF_NODES_MAX = 64
"""A function that calls nothing and is no larger has no prologue: whoever calls it has paid."""


def prologue(unit: Unit, at: Place) -> list[ast.stmt]:
    """The charge and the depth check at the start of a function whose body is lowered already."""
    if unit.is_leaf and unit.charge.nodes <= LEAF_NODES_MAX and unit.charge.memory <= LEAF_BYTES_MAX:
        return [tree.assign(DEEPER, tree.name(DEPTH, at), at)] if unit.uses_depth else []
    unit.charge.settle(at)
    meter = tree.name(METER, at)
    total = ast.BinOp(tree.attribute(meter, "steps", at), ast.Add(), unit.charge.steps_constant, **at)
    result: list[ast.stmt] = [
        ast.Assign([tree.store("%s", at), ast.Attribute(meter, "steps", tree.STORE, **at)], total, **at)
    ]
    if unit.charge.memory:
        memory = ast.Attribute(meter, "memory", tree.STORE, **at)
        result.append(ast.AugAssign(memory, ast.Add(), unit.charge.memory_constant, **at))
    spent = tree.compare(tree.name("%s", at), [ast.Gt()], [tree.attribute(meter, "limit", at)], at)
    checkpoint = tree.call(tree.attribute(meter, "checkpoint", at), [], at)
    result.append(ast.If(spent, [tree.expression(checkpoint, at)], [], **at))
    if unit.uses_depth:
        depth = tree.name(DEPTH, at)
        too_deep = tree.compare(depth, [ast.Gt()], [tree.name("$depth", at)], at)
        result.append(ast.If(too_deep, [tree.expression(tree.operator("too_deep", [], at), at)], [], **at))
        result.append(tree.assign(DEEPER, ast.BinOp(depth, ast.Add(), tree.constant(1, at), **at), at))
    return result


def parameters_of(
    parameters: list[nodes.Parameter], defaults: list[ast.expr], keyword_defaults: list[ast.expr | None], at: Place
) -> ast.arguments:
    """The Python parameters; the defaults are given lowered, in order."""
    positional: list[ast.arg] = []
    keyword_only: list[ast.arg] = []
    rest: ast.arg | None = None
    keywords: ast.arg | None = None
    has_star = False
    for parameter in parameters:
        place = tree.place(parameter.span)
        argument = ast.arg(python_name(parameter.name.name), **place) if parameter.name is not None else None
        if parameter.kind == "star":
            has_star, rest = True, argument
        elif parameter.kind == "double_star":
            keywords = argument
        elif argument is not None:
            (keyword_only if has_star else positional).append(argument)
    return ast.arguments(
        posonlyargs=[ast.arg(DEPTH, **at)], args=positional, vararg=rest, kwonlyargs=keyword_only,
        kw_defaults=keyword_defaults, kwarg=keywords, defaults=defaults,
    )  # fmt: skip


def split_defaults(parameters: list[nodes.Parameter]) -> tuple[list[nodes.Expr], list[nodes.Expr | None]]:
    """The defaults of positional parameters, and one entry for each keyword-only parameter."""
    positional: list[nodes.Expr] = []
    keyword_only: list[nodes.Expr | None] = []
    has_star = False
    for parameter in parameters:
        if parameter.kind == "star":
            has_star = True
        elif parameter.kind == "plain" and has_star:
            keyword_only.append(parameter.default)
        elif parameter.kind == "plain" and parameter.default is not None:
            positional.append(parameter.default)
    return positional, keyword_only


def function_body(
    unit: Unit, parameters: list[nodes.Parameter], body: list[nodes.Statement], at: Place
) -> list[ast.stmt]:
    """The body of a `def` with its prologue."""
    unit.types = infer_types(parameters, body, unit.types)
    code = unit.statements(body)
    setup: list[ast.stmt] = []
    for parameter in parameters:
        if parameter.kind == "double_star" and parameter.name is not None:
            variable = python_name(parameter.name.name)
            setup.append(tree.assign(variable, tree.operator("keyword_dict", [tree.name(variable, at)], at), at))
    return prologue(unit, at) + setup + code or [ast.Pass(**at)]


def define(
    unit: Unit, name: str, parameters: list[nodes.Parameter], body: list[nodes.Statement], at: Place,
    defaults: list[ast.expr], keyword_defaults: list[ast.expr | None],
) -> ast.FunctionDef:  # fmt: skip
    """A generated function named `name`, defined inside `unit`."""
    inner = unit.nested()
    code = function_body(inner, parameters, body, at)
    arguments = parameters_of(parameters, defaults, keyword_defaults, at)
    return _function(name, arguments, code, at)


def _function(name: str, arguments: ast.arguments, body: list[ast.stmt], at: Place) -> ast.FunctionDef:
    extra: dict[str, Any] = {"type_params": []}
    return ast.FunctionDef(name=name, args=arguments, body=body, decorator_list=[], **extra, **at)


@lowers(nodes.Lambda)
def lower_lambda(unit: Unit, node: nodes.Lambda) -> ast.expr:
    at = tree.place(node.span)
    label = unit.label("lambda")
    unit.spend_memory(FUNCTION_BYTES)
    returned: list[nodes.Statement] = [nodes.Return(node.body.span, node.body)]
    unit.hoisted.append(define(unit, label, node.parameters, returned, at, *placeholders(node.parameters, at)))
    function = tree.name(label, at)
    parts = default_parts(unit, node.parameters, at)
    return tree.operator("with_defaults", [function, *parts], at) if parts else function


def default_parts(unit: Unit, parameters: list[nodes.Parameter], at: Place) -> list[ast.expr]:
    """The defaults, evaluated where they stand: a tuple for positional parameters and one of (name, value) pairs
    for keyword-only ones. Empty when there are none."""
    has_star = False
    positional: list[ast.expr] = []
    pairs: list[ast.expr] = []
    values = operands(unit, [parameter.default for parameter in parameters if parameter.default is not None])
    for parameter in parameters:
        has_star = has_star or parameter.kind == "star"
        if parameter.default is None or parameter.name is None:
            continue
        value = values.pop(0)
        if has_star:
            pair: list[ast.expr] = [tree.constant(python_name(parameter.name.name), at), value]
            pairs.append(ast.Tuple(pair, tree.LOAD, **at))
        else:
            positional.append(value)
    if not positional and not pairs:
        return []
    return [ast.Tuple(positional, tree.LOAD, **at), ast.Tuple(pairs, tree.LOAD, **at)]


def placeholders(parameters: list[nodes.Parameter], at: Place) -> tuple[list[ast.expr], list[ast.expr | None]]:
    """None for every default, for a function whose defaults are set after it was made."""
    positional, keyword_only = split_defaults(parameters)
    nothing = tree.constant(None, at)
    return [nothing for _ in positional], [None if default is None else nothing for default in keyword_only]


@lowers(nodes.Comprehension)
def lower_comprehension(unit: Unit, node: nodes.Comprehension) -> ast.expr:
    at = tree.place(node.span)
    first = node.clauses[0]
    assert isinstance(first, nodes.ForClause)
    iterable = unit.expression(first.iterable)
    unit.spend_memory(LIST_BYTES if node.kind == "list" else DICT_BYTES)
    label = unit.label("comprehension")
    inner = unit.nested()
    inner.types = infer_clauses(node.clauses, unit.types)
    result = "%result"
    loop = _clauses(inner, node, 0, result)
    made = ast.List([], tree.LOAD, **at) if node.kind == "list" else tree.operator("Dict", [], at)
    end: ast.expr = tree.name(result, at)
    if node.kind == "list":
        end = tree.operator("List", [end], at)
    body: list[ast.stmt] = [tree.assign(result, made, at), *loop, ast.Return(end, **at)]
    positional_only = [ast.arg(DEPTH, **at), ast.arg("%first", **at)]
    arguments = ast.arguments(
        posonlyargs=positional_only, args=[], vararg=None, kwonlyargs=[], kw_defaults=[], kwarg=None, defaults=[]
    )
    unit.hoisted.append(_function(label, arguments, _comprehension_prologue(inner, at) + body, at))
    return tree.call(tree.name(label, at), [unit.depth(at), iterable], at)


def _comprehension_prologue(unit: Unit, at: Place) -> list[ast.stmt]:
    unit.charge.settle(at)
    return [tree.assign(DEEPER, tree.name(DEPTH, at), at)] if unit.uses_depth else []


def _clauses(unit: Unit, node: nodes.Comprehension, index: int, result: str) -> list[ast.stmt]:
    """The loops and tests from clause `index` on. Hoisted functions stay inside the innermost loop, next to the
    expression that needs them, so that they capture that turn's variables."""
    outer_hoisted, unit.hoisted = unit.hoisted, []
    if index == len(node.clauses):
        code = _element(unit, node, result)
    else:
        clause = node.clauses[index]
        at = tree.place(clause.span)
        if isinstance(clause, nodes.IfClause):
            test = unit.expression(clause.test)
            tests = unit.hoisted
            unit.hoisted = []
            code = [*tests, ast.If(test, _clauses(unit, node, index + 1, result), [], **at)]
        else:
            source = tree.name("%first", at) if index == 0 else unit.expression(clause.iterable)
            code = lower_loop(
                unit, clause.iterable, source, at,
                lambda value: assign_to(unit, clause.target, value, at),
                lambda: _clauses(unit, node, index + 1, result), target=clause.target,
            )  # fmt: skip
    code = unit.hoisted + code
    unit.hoisted = outer_hoisted
    return code


def _element(unit: Unit, node: nodes.Comprehension, result: str) -> list[ast.stmt]:
    at = tree.place(node.element.span)
    unit.spend_memory(COMPREHENSION_ITEM_BYTES if node.kind == "list" else ENTRY_BYTES)
    if node.kind == "list":
        append = tree.attribute(tree.name(result, at), "append", at)
        return [tree.expression(tree.call(append, [unit.expression(node.element)], at), at)]
    assert node.key is not None
    key, value = unit.expression(node.key), unit.expression(node.element)
    setup: list[ast.stmt] = [tree.assign("%key", key, at), tree.assign("%value", value, at)]
    names = tree.name("%key", at), tree.name("%value", at)
    direct = ast.Assign([ast.Subscript(tree.name(result, at), names[0], tree.STORE, **at)], names[1], **at)
    slow = tree.expression(tree.operator("set_index", [tree.name(result, at), *names], at), at)
    static = known_type(unit, node.key)
    if static == "str":
        return [*setup, direct]
    return [*setup, ast.If(is_plain_key(names[0], static, at), [direct], [slow], **at)]
