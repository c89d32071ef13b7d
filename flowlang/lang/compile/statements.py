"""Lowering of statements."""

from __future__ import annotations

import ast
from typing import Final

from flowlang.lang.compile import tree
from flowlang.lang.compile.arithmetic import augmented
from flowlang.lang.compile.expressions import index_of
from flowlang.lang.compile.functions import (
    FUNCTION_BYTES,
    default_parts,
    define,
    define_version,
    placeholders,
    split_defaults,
)  # fmt: skip
from flowlang.lang.compile.guards import Pair, first_type, flowing_operands, operands
from flowlang.lang.compile.loops import leave_loop, lower_loop, lower_while
from flowlang.lang.compile.naming import clone_name, direct_name, python_name
from flowlang.lang.compile.quiet import is_quiet_block
from flowlang.lang.compile.static_type import UNKNOWN
from flowlang.lang.compile.targets import assign_to, held, held_pair, plain_key, store_index
from flowlang.lang.compile.tree import Place
from flowlang.lang.compile.unit import Unit, lowers_statement, universal_name
from flowlang.lang.syntax import nodes

BRANCH_PIECE: Final = 30


@lowers_statement(nodes.ExprStatement)
def lower_expression_statement(unit: Unit, node: nodes.ExprStatement) -> list[ast.stmt]:
    """At top level, a call whose value is an Err ends a root flow: `$statement` looks at it."""
    at = tree.place(node.span)
    if isinstance(node.value, nodes.Constant):
        return []
    value = unit.expression(node.value)
    if unit.is_module and isinstance(node.value, nodes.Call):
        value = tree.operator("statement", [value], at)
    return [tree.expression(value, at)]


@lowers_statement(nodes.Assign)
def lower_assign(unit: Unit, node: nodes.Assign) -> list[ast.stmt]:
    at = tree.place(node.span)
    value = assigned_value(unit, node)
    if unit.is_module and isinstance(node.value, nodes.Call) and universal_name(node.value.function) == "flow":
        first = node.targets[0]
        if isinstance(first, nodes.Name):
            value = tree.operator("name_flow", [value, tree.constant(first.name, at)], at)
    if len(node.targets) == 1:
        return assign_to(unit, node.targets[0], value, at)
    shared = unit.label("a")
    code: list[ast.stmt] = [tree.assign(shared, value, at)]
    for target in node.targets:
        code += assign_to(unit, target, tree.name(shared, at), at)
    return code


def assigned_value(unit: Unit, node: nodes.Assign) -> ast.expr:
    """The value to assign. The parts of a tuple that is unpacked at once flow into its targets as they are."""
    target, value = node.targets[0], node.value
    if not isinstance(value, nodes.TupleExpr) or not isinstance(target, (nodes.TupleExpr, nodes.ListExpr)):
        return unit.flowing(value)
    if len(node.targets) > 1 or len(target.elements) != len(value.elements):
        return unit.expression(value)
    unit.charge.nodes += 1
    return ast.Tuple(flowing_operands(unit, value.elements), tree.LOAD, **tree.place(value.span))


@lowers_statement(nodes.AugmentedAssign)
def lower_augmented_assign(unit: Unit, node: nodes.AugmentedAssign) -> list[ast.stmt]:
    at = tree.place(node.span)
    op = node.op[:-1]
    target = node.target
    if isinstance(target, nodes.Name):
        variable = python_name(target.name)
        target_type = first_type(unit, target, node.value)
        value = augmented(unit, op, tree.name(variable, at), target_type, node.value, at)
        return [ast.Assign([tree.store(variable, at)], value, **at)]
    current, result = unit.label("c"), unit.label("c")
    if isinstance(target, nodes.Index):
        container, index = held_pair(unit, target)
        read = _read_index(unit, target, container[1], index[1], at)
        value = augmented(unit, op, tree.name(current, at), unit.type_of(target), node.value, at)
        stored = store_index(unit, target, container[1], index[1], tree.name(result, at), at)
        return [*container[0], *index[0], tree.assign(current, read, at), tree.assign(result, value, at), *stored]
    assert isinstance(target, nodes.Dot)
    setup, receiver = held(unit, target.value)
    field = tree.constant(target.name, at)
    read = tree.operator("attribute", [receiver, field], at)
    value = augmented(unit, op, tree.name(current, at), UNKNOWN, node.value, at)
    write = tree.operator("set_attribute", [receiver, field, tree.name(result, at)], at)
    return [*setup, tree.assign(current, read, at), tree.assign(result, value, at), tree.expression(write, at)]


def _read_index(unit: Unit, target: nodes.Index, container: ast.expr, index: ast.expr, at: Place) -> ast.expr:
    """The old value of `container[index]`, both of which may be repeated."""
    static = unit.type_of(target.index)
    if unit.inference.is_plain(target.value):
        if unit.type_of(target.value).name == "dict":
            return tree.subscript(container, plain_key(unit, target.index, index, at), at)
        direct = tree.subscript(container, index, at)
        if static.name == "int":
            return direct
        refused = tree.operator("index", [tree.operator("listed", [container], at), index], at)
        return tree.if_expression(tree.is_type(index, "int", at), direct, refused, at)
    pair = Pair(container, index, container, index, right_is_bound=False)
    return index_of(pair, unit.type_of(target.value), static, at)


@lowers_statement(nodes.If)
def lower_if(unit: Unit, node: nodes.If) -> list[ast.stmt]:
    """An `elif` chain nests in Python's tree, so long ones are cut into pieces that follow one another."""
    at = tree.place(node.span)
    tests: list[tuple[ast.expr, list[ast.stmt], Place]] = []
    for branch in node.branches:
        place = tree.place(branch.test.span)
        test = unit.flowing(branch.test)
        tests.append((test, unit.statements(branch.body), place))
    orelse = unit.statements(node.orelse)
    if len(tests) <= BRANCH_PIECE:
        return _chain(tests, orelse)
    undecided = unit.label("b")
    code: list[ast.stmt] = [tree.assign(undecided, tree.constant(True, at), at)]
    for begin in range(0, len(tests), BRANCH_PIECE):
        piece = [
            (test, [tree.assign(undecided, tree.constant(False, at), at), *body], place)
            for test, body, place in tests[begin : begin + BRANCH_PIECE]
        ]
        code.append(ast.If(tree.name(undecided, at), _chain(piece, []), [], **at))
    if orelse:
        code.append(ast.If(tree.name(undecided, at), orelse, [], **at))
    return code


def _chain(tests: list[tuple[ast.expr, list[ast.stmt], Place]], orelse: list[ast.stmt]) -> list[ast.stmt]:
    for test, body, at in reversed(tests):
        orelse = [ast.If(test, body or [ast.Pass(**at)], orelse, **at)]
    return orelse


@lowers_statement(nodes.For)
def lower_for(unit: Unit, node: nodes.For) -> list[ast.stmt]:
    at = tree.place(node.header_span)
    source = unit.flowing(node.iterable)
    return lower_loop(
        unit, node.iterable, source, at,
        lambda value: assign_to(unit, node.target, value, at),
        lambda: unit.statements(node.body), target=node.target, is_quiet=is_quiet_block(unit, node.body),
    )  # fmt: skip


@lowers_statement(nodes.While)
def lower_while_statement(unit: Unit, node: nodes.While) -> list[ast.stmt]:
    return lower_while(unit, node)


@lowers_statement(nodes.Def)
def lower_def(unit: Unit, node: nodes.Def) -> list[ast.stmt]:
    """A function that exists from the module's start was made there; its `def` only evaluates its defaults."""
    at = tree.place(node.header_span)
    name = python_name(node.name.name)
    if node.name.binding.is_function:
        parts = default_parts(unit, node.parameters, at)
        return [tree.expression(tree.operator("complete", [tree.name(name, at), *parts], at), at)] if parts else []
    unit.spend_memory(FUNCTION_BYTES)
    positional, keyword_only = split_defaults(node.parameters)
    defaults = operands(unit, positional)
    keyword_defaults = [None if default is None else unit.expression(default) for default in keyword_only]
    return [define(unit, node, name, at, defaults, keyword_defaults)]


def hoisted_def(unit: Unit, node: nodes.Def) -> list[ast.stmt]:
    """The function of a top-level `def`, made at the module's start. When it has defaults it cannot be called
    until its `def` has run: `$postpone` sees to that."""
    at = tree.place(node.header_span)
    positional, keyword_only = placeholders(node.parameters, at)
    name = python_name(node.name.name)
    code: list[ast.stmt] = []
    known = unit.known.get(node.name)
    others = ((known.clone, clone_name), (known.direct, direct_name)) if known is not None else ()
    for flow, name_of in others:
        if flow is not None:
            code.append(define_version(unit, node, flow, at))
            code.append(tree.assign(name_of(node.name.name), tree.name(name, at), at))
    code.append(define(unit, node, name, at, positional, keyword_only))
    if positional or any(keyword_only):
        code.append(tree.expression(tree.operator("postpone", [tree.name(name, at)], at), at))
    return code


@lowers_statement(nodes.Return)
def lower_return(unit: Unit, node: nodes.Return) -> list[ast.stmt]:
    at = tree.place(node.span)
    if node.value is None:
        value: ast.expr = tree.constant(None, at)
    else:
        value = unit.flowing(node.value) if unit.inference.flow.is_clone else unit.expression(node.value)
    loops = [loop for loop in unit.loops if loop.source]
    if not loops:
        return [ast.Return(value, **at)]
    code: list[ast.stmt] = [tree.assign("%value", value, at)]
    for loop in reversed(loops):
        code += leave_loop(loop, at)
    return [*code, ast.Return(tree.name("%value", at), **at)]


@lowers_statement(nodes.Break)
def lower_break(unit: Unit, node: nodes.Break) -> list[ast.stmt]:
    at = tree.place(node.span)
    loop = unit.loops[-1]
    return [*(leave_loop(loop, at) if loop.source else []), ast.Break(**at)]


@lowers_statement(nodes.Continue)
def lower_continue(unit: Unit, node: nodes.Continue) -> list[ast.stmt]:
    return [ast.Continue(**tree.place(node.span))]


@lowers_statement(nodes.Pass)
def lower_pass(unit: Unit, node: nodes.Pass) -> list[ast.stmt]:
    return []


@lowers_statement(nodes.Load)
def lower_load(unit: Unit, node: nodes.Load) -> list[ast.stmt]:
    """Loads are bound when the module is linked, before its first statement."""
    return []
