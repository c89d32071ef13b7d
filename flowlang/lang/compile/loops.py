"""Lowering of loops.

    for x in xs: body       becomes       %s1 = xs
                                          %i1 = $iterate(%s1, steps, memory)
                                          for x in %i1: body
                                          else: $finish(%s1)

`$iterate` charges the turns (of short loops at once, of long ones block by block), locks what must not change
meanwhile, and gives a plain Python iterator, so that a turn costs what it costs in Python. Leaving early gives back
what was charged for turns that did not happen.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Final

from flowlang.lang.compile import tree
from flowlang.lang.compile.naming import python_name
from flowlang.lang.compile.quiet import is_quiet_target
from flowlang.lang.compile.tree import Place
from flowlang.lang.compile.unit import METER, Charge, Loop, Unit, is_simple, names_of, universal_name
from flowlang.lang.syntax import nodes

FRESH: Final = frozenset({"range", "sorted", "enumerate", "zip", "reversed", "list", "dir"})
"""Universal functions whose result nobody else holds: iterating it needs no lock."""
SHORT_LOOP, SHORT_LOOP_BYTES = 1024, 1 << 20
"""Turns of a loop that is charged in place, and the memory that they may take (`eval/iteration.py`)."""
FRESH_METHODS: Final = frozenset({("dict", "keys"), ("dict", "values"), ("dict", "items"), ("str", "split")})


def lower_loop(
    unit: Unit, iterable: nodes.Expr, source: ast.expr, at: Place,
    bind: Callable[[ast.expr], list[ast.stmt]], body: Callable[[], list[ast.stmt]], *, target: nodes.Expr,
    is_quiet: bool,
) -> list[ast.stmt]:  # fmt: skip
    """A loop over `source`; `bind` assigns an item to the target, `body` lowers the body inside the loop. `is_quiet`:
    the body cannot change what the loop goes through (`quiet.py`)."""
    charge = Charge()
    is_quiet = is_quiet and is_quiet_target(unit, target)
    locks = not is_quiet and not _is_fresh(unit, iterable) and not unit.inference.is_plain(iterable)
    # What is not locked here must not be unlocked after an error, for another loop may hold it (`eval/unlock.py`).
    loop = Loop(unit.label("s" if locks else "q"), unit.label("i"), charge, locks)
    outer_charge, unit.charge = unit.charge, charge
    unit.loops.append(loop)
    added = unit.assign(names_of(target))
    if isinstance(target, nodes.Name):
        item: ast.expr = tree.store(python_name(target.name), tree.place(target.span))
        code = body()
    elif _is_known_tuple(unit, iterable, target):
        assert isinstance(target, (nodes.TupleExpr, nodes.ListExpr))
        names = [part for part in target.elements if isinstance(part, nodes.Name)]
        stores: list[ast.expr] = [tree.store(python_name(part.name), tree.place(part.span)) for part in names]
        item = ast.Tuple(stores, tree.STORE, **at)
        code = body()
    else:
        variable = unit.label("t")
        item = tree.store(variable, at)
        code = bind(tree.name(variable, at)) + body()
    unit.assigned.difference_update(added)
    unit.loops.pop()
    unit.charge = outer_charge
    charge.settle(at)
    arguments = [tree.name(loop.source, at), charge.steps_constant, charge.memory_constant]
    source = _parts(_entries(unit, iterable, source, at), at)
    started = tree.operator("iterate" if loop.locks else "iterate_fresh", arguments, at)
    bounds = _range_bounds(source)
    if bounds is not None:
        source = bounds[0] if len(bounds) == 1 else ast.Tuple(bounds, tree.LOAD, **at)
        started = tree.operator("count" if len(bounds) == 1 else "count_between", arguments, at)
    start: list[ast.stmt] = [tree.assign(loop.iterator, started, at)]
    if unit.loops and not loop.is_left and unit.inference.is_plain(iterable) and bounds is None:
        start = _charged_in_place(loop, start, at)
    finish: list[ast.stmt] = [_finish(loop, at)] if loop.locks else []
    return [
        tree.assign(loop.source, source, at),
        *start,
        ast.For(item, tree.name(loop.iterator, at), code or [ast.Pass(**at)], finish, None, **at),
    ]


def _charged_in_place(loop: Loop, otherwise: list[ast.stmt], at: Place) -> list[ast.stmt]:
    """What `$iterate_fresh` does for a plain list, unless it is long: an inner loop is often so short that calling the
    service would take longer than its turns."""
    steps, memory = loop.charge.steps_constant.value, loop.charge.memory_constant.value
    assert isinstance(steps, int)
    assert isinstance(memory, int)
    count, source, meter = tree.name("%c", at), tree.name(loop.source, at), tree.name(METER, at)
    most = min(SHORT_LOOP, SHORT_LOOP_BYTES // memory) if memory else SHORT_LOOP
    length = tree.walrus("%c", tree.call(tree.name("$len", at), [source], at), at)
    charges = [
        _add_product("steps", count, steps, at),
        *([_add_product("memory", count, memory, at)] if memory else []),
    ]
    over = tree.compare(tree.attribute(meter, "steps", at), [ast.Gt()], [tree.attribute(meter, "limit", at)], at)
    look = tree.expression(tree.call(tree.attribute(meter, "checkpoint", at), [], at), at)
    quick = [*charges, ast.If(over, [look], [], **at), tree.assign(loop.iterator, source, at)]
    return [ast.If(tree.compare(length, [ast.LtE()], [tree.constant(most, at)], at), quick, otherwise, **at)]


def _add_product(field: str, count: ast.expr, amount: int, at: Place) -> ast.stmt:
    total = ast.BinOp(count, ast.Mult(), tree.constant(amount, at), **at) if amount != 1 else count
    return ast.AugAssign(ast.Attribute(tree.name(METER, at), field, tree.STORE, **at), ast.Add(), total, **at)


def _range_bounds(source: ast.expr) -> list[ast.expr] | None:
    """The arguments of a loop over the lowered `range(…)`, the commonest of all loops."""
    if isinstance(source, ast.Call) and isinstance(source.func, ast.Name) and source.func.id == "@range":
        _, *arguments = source.args
        is_plain = not any(isinstance(argument, ast.Starred) for argument in arguments)
        if 1 <= len(arguments) <= 3 and is_plain and not source.keywords:
            return arguments
    return None


def _parts(source: ast.expr, at: Place) -> ast.expr:
    """The lowered `text.split("…")` as what is looped over: the parts need not become a value."""
    match source:
        case ast.Call(ast.Name(".str.split"), [_, text, ast.Constant(str() as separator)], []) if separator:
            return tree.operator("cut", [text, tree.constant(separator, at)], at)
    return source


def _entries(unit: Unit, iterable: nodes.Expr, source: ast.expr, at: Place) -> ast.expr:
    """The lowered `x.items()` as what is looped over: of a free or plain dict the pairs need not become a value."""
    match iterable:
        case nodes.Call(function=nodes.Dot(value=nodes.Name() as value, name="items"), arguments=[]):
            if not is_simple(value):
                return source
            receiver = tree.name(python_name(value.name), tree.place(value.span))
            pairs = tree.operator("entries", [receiver], at)
            if unit.inference.is_plain(value):
                return pairs if unit.type_of(value).name == "dict" else source
            return tree.if_expression(tree.is_type(receiver, "Dict", at), pairs, source, at)
    return source


def _is_known_tuple(unit: Unit, iterable: nodes.Expr, target: nodes.Expr) -> bool:
    """Whether each item is certain to be a tuple with a part for each of the names in `target`."""
    if not isinstance(target, (nodes.TupleExpr, nodes.ListExpr)) or not target.elements:
        return False
    item = unit.inference.type_of_items(iterable)
    return len(item.parts) == len(target.elements) and all(isinstance(part, nodes.Name) for part in target.elements)


def _is_fresh(unit: Unit, node: nodes.Expr) -> bool:
    if isinstance(node, (nodes.ListExpr, nodes.TupleExpr, nodes.Comprehension)):
        return True
    if isinstance(node, nodes.Call) and isinstance(node.function, nodes.Dot):
        return (unit.type_of(node.function.value).name, node.function.name) in FRESH_METHODS
    return isinstance(node, nodes.Call) and universal_name(node.function) in FRESH


def _finish(loop: Loop, at: Place) -> ast.stmt:
    return tree.expression(tree.operator("finish", [tree.name(loop.source, at)], at), at)


def leave_loop(loop: Loop, at: Place) -> list[ast.stmt]:
    """What an early exit from the loop owes: the refund and the unlock."""
    loop.is_left = True
    refund = tree.operator("refund", [tree.name(loop.iterator, at), loop.charge.steps_constant], at)
    return [tree.expression(refund, at), *([_finish(loop, at)] if loop.locks else [])]


def lower_while(unit: Unit, node: nodes.While) -> list[ast.stmt]:
    """`while`, where the dialect has it: each turn is charged at its start."""
    at = tree.place(node.header_span)
    charge = Charge()
    outer_charge, unit.charge = unit.charge, charge
    outer_hoisted, unit.hoisted = unit.hoisted, []
    test = unit.flowing(node.test)
    hoisted, unit.hoisted = unit.hoisted, outer_hoisted
    loop = Loop("", "", charge, locks=False)
    unit.loops.append(loop)
    body = unit.statements(node.body)
    unit.loops.pop()
    unit.charge = outer_charge
    charge.settle(at)
    meter_charge = tree.call(
        tree.attribute(tree.name(METER, at), "charge", at), [charge.steps_constant, charge.memory_constant], at
    )
    stop: list[ast.stmt] = [ast.If(ast.UnaryOp(ast.Not(), test, **at), [ast.Break(**at)], [], **at)]
    turn: list[ast.stmt] = [tree.expression(meter_charge, at), *hoisted, *stop, *body]
    return [ast.While(tree.constant(True, at), turn, [], **at)]
