"""What flows where in a function: the sources of each local name, and the cells of containers (`cell.py`).

One walk over the function and all that is nested in it, without any order of execution. It notes for each local all
that is ever bound to it, merges the cells of names that may mean the same container, puts what is stored into a
container into its cell, and lets cells escape where a container is handed to anything that is not known to only read
it. Reading through a copy does no harm, so a use as a plain value only spoils the containers *inside*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from flowlang.lang.compile import inflow
from flowlang.lang.compile.cell import Cell, merge
from flowlang.lang.compile.inflow import ArgumentOf, ItemOf, PartOf, Source, always_returns, is_literal, parallel
from flowlang.lang.compile.origin import new_cell, summands, use_of
from flowlang.lang.compile.sharing import Sharing
from flowlang.lang.compile.static_type import UNKNOWN, Type
from flowlang.lang.resolve.scope import Binding, BindingKind
from flowlang.lang.syntax import nodes


class Dataflow:
    """The walk. `sources`, `cells`: by local binding. `returns`: what the outermost function returns. `operations`,
    `indexes`: the binary operations and the indexing; `hot`: the ids of those in loops, `inner_operations`: of those in
    nested functions; `derived`: slices and sums with what they are made of. `called`: the names called.
    `own`: the names of a nested function walked on its own; all others belong to the code around it. `clones`: the
    dataflow of the clone that a call reaches, by the id of the call; `direct`: the ids of calls of direct versions.
    `inference`: what was last solved for it."""

    def __init__(
        self, own: Iterable[Binding] | None = None, clones: Mapping[int, Dataflow] = MappingProxyType({})
    ) -> None:
        self.sources: dict[Binding, list[Source]] = {}
        self.cells: dict[Binding, Cell] = {}
        self.node_cells: dict[int, Cell] = {}
        self.returns: list[nodes.Expr | None] = []
        self.kept: list[nodes.Expr] = []
        self.operations: list[nodes.Binary] = []
        self.inner_operations: set[int] = set()
        self.derived: list[tuple[nodes.Expr, Sequence[nodes.Expr]]] = []
        self.indexes: list[nodes.Index] = []
        self.hot: set[int] = set()
        self.called: set[Binding] = set()
        self.calls: list[nodes.Call] = []
        self.clones = clones
        self.direct: set[int] = set()
        self.returned = Cell()
        self.is_clone = self.always_returns = False
        self.inference: Any = None
        self.crossed: list[Cell] = []
        self.parameters: list[Binding] = []
        self.size = 0
        self._loops = 0
        self._own = None if own is None else set(own)
        self._inner: list[set[Binding]] = []
        self.sharing = Sharing(self)

    def function(
        self, parameters: Iterable[nodes.Parameter], body: Iterable[nodes.Statement], given: dict[Binding, Type]
    ) -> None:
        """Walks a function. `given`: types of parameters that are certain."""
        self._parameters(parameters, given)
        self.block(body)
        self.sharing.settle()

    def clone(self, body: Sequence[nodes.Statement]) -> None:
        """Walks a function of which all callers are known; they give its parameters (`receive`)."""
        self.is_clone = True
        self.always_returns = always_returns(body)
        self.block(body)
        self.sharing.settle()

    def receive(self, binding: Binding, argument: ArgumentOf, cell: Cell) -> None:
        """A call gives `argument` to a parameter of this clone."""
        self.sources.setdefault(binding, []).append(argument)
        merge(self.cell_of_binding(binding), cell)

    def module(self, body: Iterable[nodes.Statement]) -> None:
        """Walks the top level of a module, whose functions are walked on their own."""
        self.block(statement for statement in body if not isinstance(statement, nodes.Def))
        self.sharing.settle()

    def _parameters(self, parameters: Iterable[nodes.Parameter], given: dict[Binding, Type]) -> None:
        for parameter in parameters:
            if parameter.default is not None:
                self.escape(parameter.default)
            if parameter.name is not None:
                binding = parameter.name.binding
                self.sources.setdefault(binding, []).append(given.get(binding, UNKNOWN))
                self.cell_of_binding(binding).escape()

    # Cells

    def cell_of_binding(self, binding: Binding) -> Cell:
        cell = self.cells.get(binding)
        if cell is None:
            cell = self.cells[binding] = Cell(has_escaped=binding.kind is not BindingKind.LOCAL)
        return cell

    def cell_of(self, node: nodes.Expr) -> Cell:
        """The cell of what an expression gives."""
        if isinstance(node, nodes.Name) and not is_literal(node):
            return self.cell_of_binding(node.binding)
        if isinstance(node, nodes.Index):
            return self.cell_of(node.value).inner()
        cell = self.node_cells.get(id(node))
        if cell is None:
            cell = self.node_cells[id(node)] = new_cell(self, node)
        return cell

    def put(self, cell: Cell, element: nodes.Expr, key: nodes.Expr | None = None) -> None:
        """The containers of a cell get an element, under a key if they are dicts."""
        cell.root().sources_at(key).append((self, element))
        merge(cell.inner(), self.cell_of(element))

    def pour(self, cell: Cell, iterable: nodes.Expr) -> None:
        """The containers of a cell get all that another one holds."""
        cell.root().items.append((self, ItemOf(iterable)))
        merge(cell.inner(), self.cell_of(iterable).inner())

    # Uses

    def escape(self, node: nodes.Expr) -> None:
        """Somebody unknown gets the value."""
        self.visit(node)
        self.cell_of(node).escape()

    def read(self, node: nodes.Expr) -> None:
        """The value is looked at and not kept: a copy would do."""
        self.visit(node)
        if not isinstance(node, nodes.Constant):
            cell = self.cell_of(node)
            cell.show()
            if not isinstance(node, (nodes.Name, nodes.Index)):
                cell.spoil()

    def visit(self, node: nodes.Expr) -> None:
        """Walks an expression whose value goes where the caller says."""
        self.size += 1
        _VISITS[type(node)](self, node)

    def glance(self, node: nodes.Expr) -> None:
        """Walks an expression whose value goes nowhere."""
        self.size += 1
        walk: Callable[[Dataflow, Any], None] = Dataflow._name if isinstance(node, nodes.Name) else _VISITS[type(node)]
        walk(self, node)

    # Statements

    def block(self, body: Iterable[nodes.Statement]) -> None:
        for statement in body:
            match statement:
                case nodes.ExprStatement(value=value):
                    self.visit(value)
                case nodes.Assign(targets=targets, value=value):
                    self._assign(targets, value)
                case nodes.AugmentedAssign():
                    self._augment(statement)
                case nodes.If(branches=branches, orelse=orelse):
                    for branch in branches:
                        self.visit(branch.test)
                        self.block(branch.body)
                    self.block(orelse)
                case nodes.For(target=target, iterable=iterable, body=inner):
                    self.loop(target, iterable, lambda inner=inner: self.block(inner))  # type: ignore[misc]
                case nodes.While(test=test, body=inner):
                    self._loops += 1
                    self.visit(test)
                    self.block(inner)
                    self._loops -= 1
                case nodes.Return(value=value):
                    if self.is_clone and not self._inner and value is not None:
                        self.glance(value)
                        merge(self.returned, self.cell_of(value))
                    elif value is not None:
                        parts = value.elements if isinstance(value, nodes.TupleExpr) else [value]
                        for part in parts:
                            self.read(part)
                        self.sharing.give_together(parts)
                    if not self._inner:
                        self.returns.append(value)
                case nodes.Def():
                    self._definition(statement)

    def loop(self, target: nodes.Expr, iterable: nodes.Expr, body: Callable[[], None]) -> None:
        """A `for`, of a statement or of a comprehension."""
        self.glance(iterable)
        self._loops += 1
        self.sharing.iterated.append(use_of(self, iterable))
        self.bind(target, ItemOf(iterable), self.cell_of(iterable).inner())
        body()
        self.sharing.iterated.pop()
        self._loops -= 1

    def _definition(self, node: nodes.Def) -> None:
        binding = node.name.binding
        self.sources.setdefault(binding, []).append(UNKNOWN)
        self.cell_of_binding(binding).escape()
        self._inner.append(set(node.scope.names.values()))
        self._parameters(node.parameters, {})
        self.block(node.body)
        self._inner.pop()

    def _assign(self, targets: list[nodes.Expr], value: nodes.Expr) -> None:
        if len(targets) == 1 and (pairs := parallel(targets[0], value)):
            for target, part in pairs:
                self.visit(part)
                self.bind(target, part, self.cell_of(part))
            return
        self.visit(value)
        for target in targets:
            self.bind(target, value, self.cell_of(value))

    def bind(self, target: nodes.Expr, source: Source, cell: Cell) -> None:
        """`source` flows into a target; `cell` is the one of the value."""
        match target:
            case nodes.Name(binding=binding):
                self.sources.setdefault(binding, []).append(source)
                merge(self.cell_of_binding(binding), cell)
            case nodes.TupleExpr(elements=elements) | nodes.ListExpr(elements=elements):
                for index, element in enumerate(elements):
                    self.bind(element, PartOf(source, index, len(elements)), cell.inner())
                cell.spoil()
            case nodes.Index(value=value, index=index):
                self.glance(value)
                self.read(index)
                container = self.cell_of(value).root()
                container.sources_at(index).append((self, source))
                container.keys.append((self, index))
                self.sharing.change(value)
                merge(container.inner(), cell)
            case nodes.Dot(value=value):
                self.escape(value)
                cell.escape()

    def _augment(self, node: nodes.AugmentedAssign) -> None:
        result = nodes.Binary(node.span, node.op[:-1], node.target, node.value, node.span)
        self.kept.append(result)
        self.operations.append(result)
        self._warm(result)
        self.read(node.value)
        match node.target:
            case nodes.Name(binding=binding):
                self.sources.setdefault(binding, []).append(result)
                cell = self.cell_of_binding(binding)
                if node.op == "+=":
                    self.pour(cell, node.value)
                    cell.spoil()
                else:
                    cell.escape()
                    self.cell_of(node.value).inner().escape()
            case nodes.Index(value=value, index=index):
                self.visit(value)
                self.read(index)
                container = self.cell_of(value).root()
                container.sources_at(index).append((self, result))
                container.asked.append((self, index))
                # A list or dict that is changed in place there may get anything that the other one holds.
                container.inner().escape()
                self.cell_of(node.value).inner().escape()
                self.sharing.change(value)
            case nodes.Dot(value=value):
                self.escape(value)
                self.cell_of(node.value).escape()

    # Expressions

    def _warm(self, *parts: nodes.Expr) -> None:
        if self._loops:
            self.hot.update(map(id, parts))

    def _passed_name(self, node: nodes.Name) -> None:
        self.sharing.passed_on.add(node.binding)
        self._name(node)

    def _name(self, node: nodes.Name) -> None:
        own = self._inner[-1] if self._inner else self._own
        if own is not None and node.binding.kind is BindingKind.LOCAL and node.binding not in own:
            self.cell_of_binding(node.binding).escape()

    def _list(self, node: nodes.ListExpr) -> None:
        for element in node.elements:
            self.visit(element)
        self.cell_of(node)

    def _tuple(self, node: nodes.TupleExpr) -> None:
        for element in node.elements:
            self.escape(element)

    def _dict(self, node: nodes.DictExpr) -> None:
        for entry in node.entries:
            self.read(entry.key)
            self.visit(entry.value)
        self.cell_of(node)

    def _unary(self, node: nodes.Unary) -> None:
        (self.visit if node.op == "not" else self.read)(node.operand)

    def _binary(self, node: nodes.Binary) -> None:
        spine = [node]
        while isinstance(spine[-1].left, nodes.Binary):
            spine.append(spine[-1].left)
        self.operations += spine
        if self._inner:
            self.inner_operations.update(map(id, spine))
        self._warm(*spine)
        self.size += len(spine)
        if parts := summands(node):
            self._derive(node, parts)
            return
        repeats = node.op == "*" and isinstance(node.left, nodes.ListExpr) and len(spine) == 1
        if repeats:
            self.visit(node.left)
        else:
            self.read(spine[-1].left)
        for part in spine:
            self.read(part.right)
            if part.op in ("in", "not in") and isinstance(part.right, (nodes.Name, nodes.Index)):
                self.cell_of(part.right).root().asked.append((self, part.left))
        if not repeats:
            # Parts of a sum of lists are shared with the sum.
            for side in (spine[-1].left, *(part.right for part in spine)):
                if not isinstance(side, nodes.Constant):
                    self.cell_of(side).inner().escape()

    def _bool_op(self, node: nodes.BoolOp) -> None:
        for operand in node.operands:
            self.read(operand)
            self.cell_of(operand).escape()

    def _conditional(self, node: nodes.Conditional) -> None:
        self.visit(node.test)
        for branch in (node.then, node.orelse):
            self.escape(branch)

    def _call(self, node: nodes.Call) -> None:
        function = node.function
        if isinstance(function, nodes.Name) and function.binding.kind is BindingKind.UNIVERSAL:
            if function.name in inflow.READERS:
                self._read_arguments(node, function.name)
                return
        elif isinstance(function, nodes.Dot):
            self._method(node, function)
            return
        if isinstance(function, nodes.Name):
            self.called.add(function.binding)
            if not self._inner:
                self.calls.append(node)
                if id(node) in self.clones:
                    self._call_clone(node, self.clones[id(node)])
                    return
        self.visit(function)
        for argument in node.arguments:
            self.escape(argument.value)

    def _call_clone(self, node: nodes.Call, clone: Dataflow) -> None:
        for binding, argument in zip(clone.parameters, node.arguments, strict=True):
            self.visit(argument.value)
            clone.receive(binding, ArgumentOf(self, argument.value), self.cell_of(argument.value))
        self.node_cells[id(node)] = clone.returned
        self.crossed += [cell for cell, _ in self.sharing.iterated]

    def _read_arguments(self, node: nodes.Call, name: str) -> None:
        for argument in node.arguments:
            if name == "len":
                self.glance(argument.value)
                continue
            if len(node.arguments) == 1 and name in inflow.COPIERS and isinstance(argument.value, nodes.Name):
                self.visit(argument.value)
                continue
            self.read(argument.value)
            if name in inflow.CHOOSERS and len(node.arguments) > 1:
                self.cell_of(argument.value).escape()
            if name not in inflow.COPIERS or len(node.arguments) > 1:
                # What is inside comes out again, alone or in tuples, or is given to a key function.
                self.cell_of(argument.value).inner().escape()
        self.cell_of(node)

    def _method(self, node: nodes.Call, function: nodes.Dot) -> None:
        receiver = function.value
        (self.glance if function.name in ("append", "pop", "setdefault") else self.visit)(receiver)
        cell = self.cell_of(receiver)
        is_one = len(node.arguments) == 1 and node.arguments[0].kind == "positional"
        if function.name == "append" and is_one:
            element = node.arguments[0].value
            self.visit(element)
            self.sharing.change(receiver)
            self.put(cell, element)
            if not isinstance(receiver, (nodes.Name, nodes.Index)) and not inflow.is_setdefault(receiver):
                cell.spoil()
            return
        if inflow.is_setdefault(node):
            key, default = (argument.value for argument in node.arguments)
            self.read(key)
            self.visit(default)
            self.sharing.change(receiver)
            self.put(cell, default, key)
            cell.root().keys.append((self, key))
            merge(self.node_cells.setdefault(id(node), Cell()), cell.inner())
            return
        if function.name == "pop" and isinstance(receiver, nodes.Name):
            self.sharing.change(receiver)
            cell.inner().spoil()
            result = self.node_cells[id(node)] = Cell()
            merge(result, cell.inner())
            if node.arguments:
                cell.spoil()
                for argument in node.arguments:
                    self.escape(argument.value)
            return
        if is_one and function.name == "join" and isinstance(receiver, nodes.Constant):
            self.read(node.arguments[0].value)
            return
        if function.name in inflow.DICT_READS and isinstance(receiver, nodes.Name):
            cell.inner().escape()
            if function.name == "get":
                cell.root().asked += [(self, argument.value) for argument in node.arguments[:1]]
        else:
            cell.escape()
        for argument in node.arguments:
            self.escape(argument.value)

    def _index(self, node: nodes.Index) -> None:
        self.indexes.append(node)
        self._warm(node)
        self.glance(node.value)
        self.read(node.index)
        cell = self.cell_of(node.value)
        cell.root().asked.append((self, node.index))
        if not isinstance(node.value, (nodes.Name, nodes.Index)):
            cell.spoil()

    def _slice(self, node: nodes.Slice) -> None:
        self._derive(node, [node.value])
        for part in (node.start, node.stop, node.step):
            if part is not None:
                self.read(part)

    def _derive(self, node: nodes.Expr, lists: Sequence[nodes.Expr]) -> None:
        """A slice or a sum. What is known of it rests on all of `lists` being lists, which types tell later on
        (`Inference.settle_derived`)."""
        for part in lists:
            self.visit(part)
        self.derived.append((node, lists))
        self.cell_of(node)

    def _comprehension(self, node: nodes.Comprehension) -> None:
        own = self._inner[-1] if self._inner else self._own
        if own is not None:
            own.update(node.scope.names.values())
        self._clauses(node, 0)
        self.cell_of(node)

    def _clauses(self, node: nodes.Comprehension, index: int) -> None:
        if index == len(node.clauses):
            if node.key is not None:
                self.read(node.key)
            self.visit(node.element)
            return
        clause = node.clauses[index]
        if isinstance(clause, nodes.IfClause):
            self.visit(clause.test)
            self._clauses(node, index + 1)
        else:
            self.loop(clause.target, clause.iterable, lambda: self._clauses(node, index + 1))

    def _lambda(self, node: nodes.Lambda) -> None:
        self._inner.append(set(node.scope.names.values()))
        self._parameters(node.parameters, {})
        self.escape(node.body)
        self._inner.pop()


_VISITS: Final[dict[type, Callable[[Dataflow, Any], None]]] = {
    nodes.Name: Dataflow._passed_name, nodes.Constant: lambda flow, node: None, nodes.ListExpr: Dataflow._list,
    nodes.TupleExpr: Dataflow._tuple, nodes.DictExpr: Dataflow._dict, nodes.Unary: Dataflow._unary,
    nodes.Binary: Dataflow._binary, nodes.BoolOp: Dataflow._bool_op, nodes.Conditional: Dataflow._conditional,
    nodes.Call: Dataflow._call, nodes.Dot: lambda flow, node: flow.escape(node.value), nodes.Index: Dataflow._index,
    nodes.Slice: Dataflow._slice, nodes.Comprehension: Dataflow._comprehension, nodes.Lambda: Dataflow._lambda,
}  # fmt: skip
