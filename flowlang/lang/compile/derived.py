"""Slices and sums of lists, made as plain lists of the host.

    xs[:i] + xs[i + 1:]     becomes     xs[:i] + xs[i + 1:] if $len(xs) <= 8 else $joined($sliced(…), $sliced(…))

The host's operators give plain lists whatever kinds of lists they are given, so all that has to be certain is that
these are lists. Where a value of the language is wanted, one is made of the result, which is also the fastest way to
get there. What is short is paid for beforehand; `$sliced`, `$joined` and `$concatenate` charge for the rest.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from itertools import islice
from typing import Final

from flowlang.lang.compile import tree
from flowlang.lang.compile.guards import is_certain, is_unnoticed, kept_visible
from flowlang.lang.compile.origin import summands
from flowlang.lang.compile.tree import Place
from flowlang.lang.compile.unit import Unit, is_plain, is_simple
from flowlang.lang.syntax import nodes

SHORT: Final = 8
"""Lists of so many elements are paid for beforehand (`eval/services.py`)."""
SHORT_BYTES: Final = 152
SPLICED_BYTES: Final = 216
"""What the sum of two slices of a short list takes."""
DISPLAY_NODES: Final = 24
"""A list display of more nodes is not written twice."""


def is_list_slice(unit: Unit, node: nodes.Expr) -> bool:
    """Whether the node is a slice of what is certain to be a list."""
    return isinstance(node, nodes.Slice) and unit.type_of(node.value).name == "list"


def is_list_sum(unit: Unit, node: nodes.Expr) -> bool:
    """Whether the node is a sum of what are certain to be lists."""
    if not isinstance(node, nodes.Binary) or node.op != "+":
        return False
    parts = summands(node)
    return bool(parts) and all(unit.type_of(part).name == "list" for part in parts)


def lower_list_slice(unit: Unit, node: nodes.Slice) -> ast.expr:
    """`xs[start:stop:step]`."""
    return _as_wanted(unit, node, _host_list_slice(unit, node))


def lower_list_sum(unit: Unit, node: nodes.Binary) -> ast.expr:
    """`xs + ys + …`. A long sum that has to be a value is made as one, for another copy would be as long."""
    at = tree.place(node.span)
    parts = summands(node)
    unit.charge.nodes += len(parts) - 1
    slow = "joined" if unit.inference.is_plain(node) else "concatenate"
    quick = _spliced(unit, parts, slow, at)
    if quick is None:
        # Sums within sums would take for ever if each were lowered more than once.
        codes = [unit.flowing(part) for part in parts]
        quick = _spread(unit, parts, codes, slow, at)
    if quick is not None:
        quick.body = _as_wanted(unit, node, quick.body)
        return quick
    codes = kept_visible(unit, parts, codes)
    result = codes[0]
    for code in codes[1:]:
        result = tree.operator(slow, [result, code], at)
    return result


def _as_wanted(unit: Unit, node: nodes.Expr, code: ast.expr) -> ast.expr:
    """A plain list as a value, where the list must be one."""
    return code if unit.inference.is_plain(node) else tree.operator("List", [code], tree.place(node.span))


def _host_list_slice(unit: Unit, node: nodes.Slice) -> ast.expr:
    at = tree.place(node.span)
    unit.spend_memory(SHORT_BYTES)
    given = [part for part in (node.start, node.stop, node.step) if part is not None]
    codes = [unit.flowing(node.value), *(unit.expression(part) for part in given)]
    value, *codes = kept_visible(unit, [node.value, *given], codes)
    parts = [tree.constant(None, at) if part is None else codes.pop(0) for part in (node.start, node.stop, node.step)]
    slow = tree.operator("sliced", [value, *parts], at)
    if not _is_quick_slice(unit, node):
        return slow
    is_short = _is_short(tree.call(tree.name("$len", at), [value], at), SHORT, at)
    return tree.if_expression(is_short, _host_slice(value, parts, at), slow, at)


def _is_quick_slice(unit: Unit, node: nodes.Expr) -> bool:
    """Whether nobody notices when, or how often, the parts of a slice are evaluated."""
    if not isinstance(node, nodes.Slice) or node.step is not None:
        return False
    given = [part for part in (node.start, node.stop) if part is not None]
    is_name = is_simple(node.value) and is_certain(unit, node.value)
    return is_name and all(unit.type_of(part).name == "int" and is_unnoticed(unit, part) for part in given)


def _host_slice(value: ast.expr, parts: Sequence[ast.expr], at: Place) -> ast.expr:
    bounds = [None if isinstance(part, ast.Constant) and part.value is None else part for part in parts[:2]]
    return tree.subscript(value, ast.Slice(*bounds, **at), at)


def _is_short(length: ast.expr, most: int, at: Place) -> ast.expr:
    return tree.compare(length, [ast.LtE()], [tree.constant(most, at)], at)


def _spliced(unit: Unit, parts: Sequence[nodes.Expr], slow: str, at: Place) -> ast.IfExp | None:
    """`xs[:i] + xs[j:]` of one short list; None for sums of other kinds."""
    if len(parts) != 2 or not all(_is_quick_slice(unit, part) for part in parts):
        return None
    left, right = parts
    assert isinstance(left, nodes.Slice)
    assert isinstance(right, nodes.Slice)
    if not (isinstance(left.value, nodes.Name) and isinstance(right.value, nodes.Name)):
        return None
    if left.value.binding is not right.value.binding:
        return None
    codes = [_host_list_slice(unit, left), _host_list_slice(unit, right)]
    unit.spend_memory(SPLICED_BYTES)
    assert isinstance(codes[0], ast.IfExp)
    assert isinstance(codes[1], ast.IfExp)
    short = ast.BinOp(codes[0].body, ast.Add(), codes[1].body, **at)
    return ast.IfExp(codes[0].test, short, tree.operator(slow, [codes[0].orelse, codes[1].orelse], at), **at)


def _spread(
    unit: Unit, parts: Sequence[nodes.Expr], codes: Sequence[ast.expr], slow: str, at: Place
) -> ast.IfExp | None:  # fmt: skip
    """`[x, …] + local` and `local + [x, …]` as one display, `[x, …, *local]`, while the other list is short; None for
    sums of other kinds. The local has a value, so nobody notices that it is looked at first. `codes`: the parts,
    lowered."""
    if len(parts) != 2:
        return None
    left, right = parts
    display, other = (left, right) if isinstance(left, nodes.ListExpr) else (right, left)
    if not isinstance(display, nodes.ListExpr) or not display.elements or len(display.elements) >= SHORT:
        return None
    if display is right and not all(map(is_plain, display.elements)):
        # They may change the other list, which would be spread before.
        return None
    if not (is_simple(other) and isinstance(other, nodes.Name) and other.binding in unit.assigned):
        return None
    code, name = codes if display is left else reversed(codes)
    elements = _elements(code)
    if elements is None or any(True for _ in islice(ast.walk(code), DISPLAY_NODES, None)):
        return None
    unit.spend_memory(SHORT_BYTES)
    spread = ast.Starred(name, tree.LOAD, **at)
    direct = ast.List([*elements, spread] if display is left else [spread, *elements], tree.LOAD, **at)
    length = tree.call(tree.name("$len", at), [name], at)
    test = _is_short(length, SHORT - len(elements), at)
    return ast.IfExp(test, direct, tree.operator(slow, [*codes], at), **at)


def _elements(code: ast.expr) -> list[ast.expr] | None:
    """The elements of a lowered list display, plain or made from a tuple."""
    match code:
        case ast.List(elts=elements):
            return elements
        case ast.Call(args=[ast.Tuple(elts=elements)]):
            return elements
    return None
