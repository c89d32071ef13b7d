"""What a new container holds: the cell (`cell.py`) of an expression that makes one.

Displays and comprehensions hold their elements. Copies, slices and sums hold what the lists hold that they are made of;
only the containers inside are shared with those. Of anything else nothing is known, so its cell has escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from flowlang.lang.compile import inflow
from flowlang.lang.compile.cell import Cell
from flowlang.lang.compile.inflow import ItemOf
from flowlang.lang.resolve.scope import Binding, BindingKind
from flowlang.lang.syntax import nodes

if TYPE_CHECKING:
    from flowlang.lang.compile.dataflow import Dataflow

SUMMANDS_MAX: Final = 8
MAKERS: Final = (nodes.ListExpr, nodes.DictExpr, nodes.Comprehension, nodes.Slice, nodes.Binary)
"""Expressions that give no container which was there before."""

Use = tuple[Cell, Binding | None]
"""The cell of what is changed or gone through, and the name that stands for it there, if one does."""


def use_of(flow: Dataflow, node: nodes.Expr) -> Use:
    """The use that an expression is put to."""
    return flow.cell_of(node), node.binding if isinstance(node, nodes.Name) else None


def new_cell(flow: Dataflow, node: nodes.Expr) -> Cell:
    """The cell of what an expression makes."""
    cell = Cell()
    match node:
        case nodes.ListExpr(elements=elements):
            for element in elements:
                flow.put(cell, element)
        case nodes.DictExpr(entries=entries):
            for entry in entries:
                cell.keys.append((flow, entry.key))
                flow.put(cell, entry.value, entry.key)
        case nodes.Comprehension(element=element, key=key):
            flow.put(cell, element)
            if key is not None:
                cell.keys.append((flow, key))
        case nodes.Binary(op="*", left=left, right=right) if isinstance(left, nodes.ListExpr):
            flow.pour(cell, left)
        case nodes.Binary(op="*", left=left, right=right) if isinstance(right, nodes.ListExpr):
            flow.pour(cell, right)
        case nodes.Binary(op="+") if parts := summands(node):
            for part in parts:
                flow.pour(cell, part)
        case nodes.Slice(value=value):
            flow.pour(cell, value)
        case nodes.Call(function=nodes.Name(name=name, binding=binding), arguments=[argument, *_]) if (
            binding.kind is BindingKind.UNIVERSAL and name in inflow.COPIERS and argument.kind == "positional"
        ):
            if isinstance(argument.value, nodes.Name):
                cell.items.append((flow, ItemOf(argument.value)))
                flow.sharing.copied.append((cell, argument.value))
            else:
                flow.pour(cell, argument.value)
            # Long lists are sorted; another copy would be as long.
            cell.is_plain = name != "sorted"
        case nodes.Call(function=nodes.Dot(name="split")):
            cell.items.append((flow, ItemOf(node)))
            # Of a struct, it may be any function; a string gives strings.
            cell.inner().escape()
        case nodes.Constant() | nodes.Unary() | nodes.Name():
            pass
        case _:
            cell.has_escaped = True
    return cell


def summands(node: nodes.Binary) -> Sequence[nodes.Expr]:
    """The parts of `a + b + …` if it looks like a sum of lists, which one display, slice or comprehension among them
    tells; none otherwise."""
    parts: list[nodes.Expr] = []
    left: nodes.Expr = node
    while isinstance(left, nodes.Binary) and left.op == "+" and len(parts) < SUMMANDS_MAX:
        parts.append(left.right)
        left = left.left
    parts.append(left)
    parts.reverse()
    is_long = isinstance(left, nodes.Binary) and left.op == "+"
    return parts if not is_long and any(map(_looks_like_list, parts)) else ()


def _looks_like_list(node: nodes.Expr) -> bool:
    if isinstance(node, nodes.Comprehension):
        return node.kind == "list"
    return isinstance(node, (nodes.ListExpr, nodes.Slice))
