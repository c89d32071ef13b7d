"""Lowering of everything that can stand on the left of an assignment: one function for all binding forms."""

from __future__ import annotations

import ast

from flowlang.lang.compile import tree
from flowlang.lang.compile.guards import is_certain
from flowlang.lang.compile.naming import python_name
from flowlang.lang.compile.static_type import PLAIN_BITS, Type
from flowlang.lang.compile.tree import Place
from flowlang.lang.compile.unit import Unit, is_plain, is_simple
from flowlang.lang.syntax import nodes

STORE_BYTES = 64
NEW_ENTRY_BYTES = 176
"""A new entry of a dict, whose table may have to be made larger."""
KEY_MAX = 65_536
"""A dict with a key of so many characters is held for ever: looking it up has to be charged."""
LONG_KEY = 1024
"""Methods of dicts charge for hashing keys of more characters (`values/key.py`)."""
PLAIN_INT = 1 << PLAIN_BITS


def assign_to(unit: Unit, target: nodes.Expr, value: ast.expr, at: Place) -> list[ast.stmt]:
    """Statements that assign `value` (evaluated once, first) to a target."""
    place = tree.place(target.span)
    match target:
        case nodes.Name():
            return [ast.Assign([tree.store(python_name(target.name), place)], value, **at)]
        case nodes.TupleExpr() | nodes.ListExpr():
            return _unpack(unit, target.elements, value, at)
        case nodes.Index():
            container, index = held_pair(unit, target)
            is_bare = not container[0] and not index[0] and unit.inference.is_plain(target.value)
            if is_bare and unit.type_of(target.index).name == "int":
                return store_index(unit, target, container[1], index[1], value, place)
            bound = unit.label("v")
            setup: list[ast.stmt] = [tree.assign(bound, value, at), *container[0], *index[0]]
            return setup + store_index(unit, target, container[1], index[1], tree.name(bound, at), place)
        case nodes.Dot():
            bound = unit.label("v")
            parts = [unit.expression(target.value), tree.constant(target.name, place), tree.name(bound, at)]
            stored = tree.operator("set_attribute", parts, place)
            return [tree.assign(bound, value, at), tree.expression(stored, place)]
    raise AssertionError(f"no target: {type(target).__name__}")


Held = tuple[list[ast.stmt], ast.expr]


def held(unit: Unit, node: nodes.Expr) -> Held:
    """A use of `node` that may be repeated, and the statements that must come first."""
    return _held(unit, node, unit.flowing(node))


def _held(unit: Unit, node: nodes.Expr, code: ast.expr) -> Held:
    if is_simple(node):
        return [], code
    at = tree.place(node.span)
    variable = unit.label("h")
    return [tree.assign(variable, code, at)], tree.name(variable, at)


def held_pair(unit: Unit, target: nodes.Index) -> tuple[Held, Held]:
    """Container and index of a target, both held. A container that may have no value yet is looked at first."""
    container = held(unit, target.value)
    index = _held(unit, target.index, unit.expression(target.index))
    if not is_plain(target.index) and not is_certain(unit, target.value):
        look = tree.expression(container[1], tree.place(target.value.span))
        container = ([*container[0], look], container[1])
    return container, index


def store_index(
    unit: Unit, target: nodes.Index, container: ast.expr, index: ast.expr, value: ast.expr, at: Place
) -> list[ast.stmt]:
    """`container[index] = value`: directly for plain lists, for free lists by int, and for free dicts by string or
    ordinary int."""
    kind, static = unit.type_of(target.value).name, unit.type_of(target.index)
    unit.spend_memory(STORE_BYTES if kind == "list" else NEW_ENTRY_BYTES)
    direct: list[ast.stmt] = [ast.Assign([ast.Subscript(container, index, tree.STORE, **at)], value, **at)]
    if unit.inference.is_plain(target.value):
        if kind == "dict":
            key = plain_key(unit, target.index, index, at)
            return [ast.Assign([ast.Subscript(container, key, tree.STORE, **at)], value, **at)]
        if static.name == "int":
            return direct
        shown = tree.operator("listed", [container], at)
        refused = tree.expression(tree.operator("set_index", [shown, index, value], at), at)
        return [ast.If(tree.is_type(index, "int", at), direct, [refused], **at)]
    slow: list[ast.stmt] = [tree.expression(tree.operator("set_index", [container, index, value], at), at)]
    list_test: ast.expr = tree.is_type(container, "List", at)
    dict_test: ast.expr = tree.is_type(container, "Dict", at)
    if static.name != "int":
        list_test = tree.both(list_test, tree.is_type(index, "int", at), at)
    key_test = is_plain_key(index, static, at)
    if key_test is not None:
        dict_test = tree.both(dict_test, key_test, at)
    if kind == "list":
        return [ast.If(list_test, direct, slow, **at)]
    if kind == "dict" or static.name == "str":
        return [ast.If(dict_test, direct, slow, **at)]
    return [ast.If(list_test, direct, [ast.If(dict_test, direct, slow, **at)], **at)]


def plain_key(unit: Unit, node: nodes.Expr, key: ast.expr, at: Place) -> ast.expr:
    """The key of a plain dict, which is certain to mean the same to the host. A very long one is charged for."""
    if unit.type_of(node).name != "str" or unit.type_of(node).is_short:
        return key
    use = key
    if not isinstance(key, ast.Name):
        temporary = unit.temporary()
        key, use = tree.walrus(temporary, key, at), tree.name(temporary, at)
    length = tree.call(tree.name("$len", at), [key], at)
    is_short = tree.compare(length, [ast.Lt()], [tree.constant(KEY_MAX, at)], at)
    return tree.if_expression(is_short, use, tree.operator("long_key", [use], at), at)


def is_plain_key(key: ast.expr, static: Type, at: Place) -> ast.expr | None:
    """Whether a dict may store `key` as it is: a string that is not very long, or an int whose hash is the int itself.
    None: certainly."""
    if static.is_short or (static.name == "int" and static.bits <= PLAIN_BITS):
        return None
    bounds = [key, tree.constant(PLAIN_INT, at)]
    small: ast.expr = tree.compare(tree.constant(-PLAIN_INT, at), [ast.Lt(), ast.Lt()], bounds, at)
    length = tree.call(tree.name("$len", at), [key], at)
    short: ast.expr = tree.compare(length, [ast.Lt()], [tree.constant(KEY_MAX, at)], at)
    if static.name == "int":
        return small
    if static.name == "str":
        return short
    small = tree.both(tree.is_type(key, "int", at), small, at)
    return ast.BoolOp(ast.Or(), [tree.both(tree.is_type(key, "str", at), short, at), small], **at)


def _unpack(unit: Unit, targets: list[nodes.Expr], value: ast.expr, at: Place) -> list[ast.stmt]:
    """`a, b = value`: a tuple display of the same length and a tuple value unpack as in Python. Targets are served from
    left to right, so a name behind a target of another form waits for it, which may use the name's old value."""
    matching = isinstance(value, ast.Tuple) and len(value.elts) == len(targets)
    if not matching:
        whole = unit.temporary()
        count = tree.constant(len(targets), at)
        slow = tree.operator("unpack", [tree.name(whole, at), count], at)
        test = tree.is_type(tree.walrus(whole, value, at), "tuple", at)
        value = tree.if_expression(test, tree.name(whole, at), slow, at)
    stores: list[ast.expr] = []
    later: list[ast.stmt] = []
    for target in targets:
        place = tree.place(target.span)
        if isinstance(target, nodes.Name) and not later:
            stores.append(tree.store(python_name(target.name), place))
        else:
            part = unit.label("u")
            stores.append(tree.store(part, place))
            later += assign_to(unit, target, tree.name(part, place), place)
    if not targets:
        return [tree.expression(tree.operator("unpack", [value, tree.constant(0, at)], at), at)]
    return [ast.Assign([ast.Tuple(stores, tree.STORE, **at)], value, **at), *later]
