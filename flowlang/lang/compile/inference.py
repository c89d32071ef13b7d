"""Local type inference: what types the locals and expressions of a function are certain to have.

Flow-insensitive: a local has a type when everything that flows into it (`dataflow.py`) has that type. It starts from
the assumption that nothing has a value and repeats until nothing changes; a bound of bits that keeps growing is given
up. Parameters are unknown, unless the function begins with a test of their types (`versions.py`). The result only
removes guards that cannot fail: an expression of type `int` either gives an int or does not give anything. `list` and
`dict` say nothing about being held, so stores keep their guards.

No function can rebind a variable of an outer one, so the types of an outer function's locals hold inside as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from flowlang.lang.compile.cell import Cell, settle_shown
from flowlang.lang.compile.dataflow import Dataflow
from flowlang.lang.compile.inflow import ArgumentOf, ItemOf, PartOf, Source, is_setdefault
from flowlang.lang.compile.static_type import (
    BOOL,
    DICT,
    FLOAT,
    INDEX,
    INT,
    LIST,
    NONE,
    NOTHING,
    SHORT,
    STRING,
    TUPLE,
    UNKNOWN,
    Type,
    bounded_int,
    is_plain_key,
    join,
    join_all,
    of_constant,
    of_operation,
    tuple_of,
    widened,
)  # fmt: skip
from flowlang.lang.resolve.scope import Binding, BindingKind
from flowlang.lang.syntax import nodes

SIZE: Final = bounded_int(48)
RESULTS: Final[Mapping[str, Type]] = {
    "len": SIZE, "int": INT, "str": STRING, "float": FLOAT, "repr": STRING, "type": SHORT, "bool": BOOL,
    "ord": bounded_int(21), "chr": SHORT, "list": LIST, "sorted": LIST, "enumerate": LIST, "zip": LIST,
    "reversed": LIST, "dict": DICT, "hash": bounded_int(32), "dir": LIST, "all": BOOL, "any": BOOL, "hasattr": BOOL,
    "tuple": TUPLE,
}  # fmt: skip
"""Types that universal functions give."""
STRING_METHODS: Final[Mapping[str, Type]] = {
    **dict.fromkeys(
        ["capitalize", "format", "join", "lower", "lstrip", "removeprefix", "removesuffix", "replace", "rstrip",
         "strip", "title", "upper"], STRING,
    ),
    **dict.fromkeys(["count", "find", "index", "rfind", "rindex"], SIZE),
    **dict.fromkeys(["split", "rsplit", "splitlines"], LIST),
    **dict.fromkeys(["startswith", "endswith", "isdigit", "isalpha", "isalnum", "isspace", "islower", "isupper"], BOOL),
}  # fmt: skip
KEEPING: Final = frozenset({
    "capitalize", "lower", "lstrip", "removeprefix", "removesuffix", "rstrip", "strip", "title", "upper",
})  # fmt: skip
"""Methods of strings whose result is no longer than a few times the string."""
SPLITS: Final = frozenset({"split", "rsplit", "splitlines"})
_PARTS_OF_STRING: Final[Mapping[str, Type]] = {"elems": SHORT, "codepoints": SHORT}
SHIFT_MAX: Final = 512
WIDENED_AFTER: Final = 3
"""Passes after which a bound of bits may no longer grow."""
PASSES_MAX: Final = 50
"""Assignments that lead from one name to the next, last to first, need a pass each; nobody writes so many of them, and
what is assumed before the last pass is certain of nothing."""


class ModuleTypes(Protocol):
    """What is known of the module's own names (`versions.KnownNames`). `inferences`: all that were made for it."""

    inferences: list[Inference]

    def returns(self, call: nodes.Call, inference: Inference) -> Type:
        """The type of what a call of a function gives."""

    def type_of_global(self, binding: Binding) -> Type:
        """The type of a global's value, whenever it has one."""


class Inference:
    """The types of one function with all that is nested in it, or of a module's top level. `outer`: the inference of
    the code around. `result`: what a clone gives to its callers, which may be the clone itself."""

    def __init__(
        self, flow: Dataflow, module: ModuleTypes, outer: Inference | None = None, *, is_module: bool = False,
        is_joint: bool = False,
    ) -> None:  # fmt: skip
        self.is_module = is_module
        self.flow = flow
        flow.inference = self
        self._outer = outer
        self.module = module
        module.inferences.append(self)
        self._types: dict[Binding, Type] = dict.fromkeys(flow.sources, NOTHING)
        self._cells: list[Cell] = []
        self._memo: dict[int, Type] = {}
        self.result = NOTHING
        if not is_joint:
            solve([self])

    # What the lowering asks

    def type_of(self, node: nodes.Expr) -> Type:
        """The type of an expression; UNKNOWN if nothing is certain."""
        found = self._memo.get(id(node))
        if found is None:
            found = self._type_of(node)
            if found.name == "":
                found = UNKNOWN
            self._memo[id(node)] = found
        return found

    def type_of_binding(self, binding: Binding) -> Type:
        """The type of a local."""
        found = self._types.get(binding)
        if found is not None:
            return found
        return UNKNOWN if self._outer is None else self._outer.type_of_binding(binding)

    def is_plain(self, node: nodes.Expr) -> bool:
        """Whether the value of an expression is a plain list or dict of the host, known to this function alone."""
        if isinstance(node, (nodes.Constant, nodes.Unary)):
            return False
        cell = self._known_cell(node)
        return cell is not None and cell.root().form == self.type_of(node).name

    def clone_of(self, node: nodes.Call) -> Dataflow | None:
        """The clone that a call is certain to reach."""
        return self.flow.clones.get(id(node))

    def returned(self) -> Type:
        """The join of what the function's `return` statements give."""
        return join_all(NONE if value is None else self._type_of(value) for value in self.flow.returns)

    def type_of_items(self, node: nodes.Expr) -> Type:
        """The type of what iterating over an expression gives."""
        return self._type_of_items(node)

    def type_now(self, node: nodes.Expr) -> Type:
        """As `type_of`, also while the types are still being worked out: NOTHING then means not yet."""
        return self._type_of(node)

    # Solving

    def collect(self) -> None:
        """Finds the cells that belong to this function."""
        roots = {id(root): root for root in map(Cell.root, [*self.flow.cells.values(), *self.flow.node_cells.values()])}
        waiting = list(roots.values())
        while waiting:
            content = waiting.pop().content
            if content is not None and id(content.root()) not in roots:
                roots[id(content.root())] = content.root()
                waiting.append(content.root())
        self.roots = list(roots.values())
        self._cells = [cell for cell in self.roots if not cell.has_escaped and (cell.items or cell.keys)]

    def give_up(self) -> None:
        """Nothing is certain."""
        self._types = dict.fromkeys(self._types, UNKNOWN)
        self.result = UNKNOWN
        for cell in self._cells:
            cell.item = cell.key = cell.rest = UNKNOWN
            cell.field_types = dict.fromkeys(cell.fields, UNKNOWN)

    def improve(self, *, is_widening: bool) -> bool:
        """One pass over all names and cells. Whether anything is known to be more than before."""
        changed = False
        types = self._types
        for binding, sources in self.flow.sources.items():
            old = types[binding]
            if old is not UNKNOWN:
                types[binding] = found = self._grown(old, sources, is_widening=is_widening)
                changed = changed or found != old
        for cell in self._cells:
            old_item, old_key = cell.item, cell.key
            item = cell.rest = _in_cell(cell.rest, cell.items, is_widening=is_widening)
            for name, stored in cell.fields.items():
                old = cell.field_types.get(name, NOTHING)
                cell.field_types[name] = found = _in_cell(old, stored, is_widening=is_widening)
                item = join(item, found)
                changed = changed or found != old
            cell.item = item
            cell.key = _in_cell(old_key, cell.keys, is_widening=is_widening)
            changed = changed or cell.item != old_item or cell.key != old_key
        if self.flow.is_clone:
            old = self.result
            found = join(join(old, self.returned()), NOTHING if self.flow.always_returns else NONE)
            self.result = widened(old, found) if is_widening else found
            changed = changed or self.result != old
        return changed

    def _grown(self, old: Type, sources: Iterable[Source], *, is_widening: bool) -> Type:
        """What a name or cell of type `old` may hold as well: types only ever grow, so the passes end."""
        found = old
        for source in sources:
            found = join(found, self.type_of_source(source))
            if found is UNKNOWN:
                return UNKNOWN
        return widened(old, found) if is_widening else found

    def settle_derived(self) -> Iterator[tuple[Cell, str]]:
        """The cells of slices and sums, each with the type it can be plain in. A sum of what is not certain to be lists
        is made by the operators, which want values."""
        for node, lists in self.flow.derived:
            cell = self.flow.cell_of(node).root()
            kind = self._type_of(node).name
            if any(self._type_of(part).name not in ("list", "") for part in lists):
                cell.spoil()
                for part in lists:
                    self.flow.cell_of(part).show()
                    if not isinstance(part, (nodes.Name, nodes.Index)):
                        self.flow.cell_of(part).spoil()
            yield cell, kind

    # Types of sources and expressions

    def type_of_source(self, source: Source) -> Type:
        """The type of what flows somewhere in this function."""
        if isinstance(source, Type):
            return source
        if isinstance(source, ArgumentOf):
            inference: Inference = source.flow.inference
            return inference.type_now(source.node)
        if isinstance(source, ItemOf):
            return self._type_of_items(source.iterable)
        if isinstance(source, PartOf):
            whole = self.type_of_source(source.whole)
            if whole.name == "":
                return NOTHING
            return whole.parts[source.index] if len(whole.parts) == source.count else UNKNOWN
        return self._type_of(source)

    def _known_cell(self, node: nodes.Expr) -> Cell | None:
        """The cell of an expression, if the walk made one."""
        if isinstance(node, nodes.Name):
            cell = self.flow.cells.get(node.binding)
            if cell is None and self._outer is not None:
                return self._outer._known_cell(node)
            return cell
        if isinstance(node, nodes.Index):
            outside = self._known_cell(node.value)
            if outside is None or outside.root().content is None:
                return None
            return outside.inner()
        return self.flow.node_cells.get(id(node))

    def _type_of_items(self, node: nodes.Expr) -> Type:
        """What iterating over an expression gives."""
        if isinstance(node, nodes.Call):
            name = _universal(node.function)
            if name == "range":
                bounds = [self._type_of(argument.value) for argument in node.arguments]
                if any(kind.name == "" for kind in bounds):
                    return NOTHING
                bits = max((kind.bits for kind in bounds), default=INDEX.bits)
                return Type("int", min(INDEX.bits, bits)) if all(kind.name == "int" for kind in bounds) else INDEX
            if name == "enumerate" and len(node.arguments) == 1:
                return tuple_of([SIZE, self._type_of_items(node.arguments[0].value)])
            if name == "zip" and all(argument.kind == "positional" for argument in node.arguments):
                return tuple_of(self._type_of_items(argument.value) for argument in node.arguments)
            if isinstance(node.function, nodes.Dot):
                return self._items_of_method(node, node.function)
        kind = self._type_of(node)
        if kind.name == "":
            return NOTHING
        cell = self._known_cell(node)
        if cell is not None and not cell.root().has_escaped:
            if kind.name == "list":
                return cell.root().item
            if kind.name == "dict":
                return cell.root().key
        return join_all(kind.parts) if kind.parts else UNKNOWN

    def _items_of_method(self, node: nodes.Call, function: nodes.Dot) -> Type:
        receiver = self._type_of(function.value)
        if receiver.name == "":
            return NOTHING
        if receiver.name == "str":
            return _PARTS_OF_STRING.get(function.name, receiver if function.name in SPLITS else UNKNOWN)
        cell = self._known_cell(function.value)
        if receiver.name != "dict" or node.arguments or cell is None or cell.root().has_escaped:
            return UNKNOWN
        key, value = cell.root().key, cell.root().item
        return {"keys": key, "values": value, "items": tuple_of([key, value])}.get(function.name, UNKNOWN)

    def _type_of(self, node: nodes.Expr) -> Type:
        return _RULES[type(node)](self, node)

    def _name(self, node: nodes.Name) -> Type:
        kind = node.binding.kind
        if kind is BindingKind.LOCAL:
            return self.type_of_binding(node.binding)
        if kind is BindingKind.GLOBAL:
            return self.module.type_of_global(node.binding)
        if kind is BindingKind.UNIVERSAL:
            return BOOL if node.name in ("True", "False") else NONE if node.name == "None" else UNKNOWN
        return UNKNOWN

    def _constant(self, node: nodes.Constant) -> Type:
        return of_constant(node.value)

    def _unary(self, node: nodes.Unary) -> Type:
        if node.op == "not":
            return BOOL
        kind = self._type_of(node.operand)
        if kind.name == "int" and node.op == "~":
            return bounded_int(kind.bits + 1)
        return kind if kind.name in ("int", "float", "") and (node.op != "~" or kind.name == "") else UNKNOWN

    def _binary(self, node: nodes.Binary) -> Type:
        """Walks the left spine in a loop: sums may be thousands of terms long."""
        spine = [node]
        while isinstance(spine[-1].left, nodes.Binary):
            spine.append(spine[-1].left)
        kind = self._type_of(spine[-1].left)
        for part in reversed(spine):
            kind = self.of_part(part, kind)
        return kind

    def of_part(self, part: nodes.Binary, left: Type) -> Type:
        """The type of one operation of a chain, whose left side has the type `left`."""
        right = self._type_of(part.right)
        if part.op == "<<" and isinstance(part.right, nodes.Constant) and left.is_bounded and right.name == "int":
            return bounded_int(left.bits + min(SHIFT_MAX, int(part.right.value)))
        if part.op == "&" and isinstance(part.right, nodes.Constant) and left.name == right.name == "int":
            return right
        return of_operation(part.op, left, right)

    def _conditional(self, node: nodes.Conditional) -> Type:
        return join(self._type_of(node.then), self._type_of(node.orelse))

    def _bool_op(self, node: nodes.BoolOp) -> Type:
        return join_all(map(self._type_of, node.operands))

    def _tuple(self, node: nodes.TupleExpr) -> Type:
        return tuple_of(map(self._type_of, node.elements))

    def _index(self, node: nodes.Index) -> Type:
        container = self._type_of(node.value)
        if container.name in ("", "str"):
            return SHORT if container.name else NOTHING
        if container.name == "tuple" and isinstance(node.index, nodes.Constant) and container.parts:
            place = node.index.value
            if type(place) is int and 0 <= place < len(container.parts):
                return container.parts[place]
        cell = self._known_cell(node.value)
        if container.name not in ("list", "dict") or cell is None or cell.root().has_escaped:
            return UNKNOWN
        return cell.root().item_at(node.index)

    def _slice(self, node: nodes.Slice) -> Type:
        kind = self._type_of(node.value)
        return kind if kind.name in ("", "str", "list") else UNKNOWN

    def _call(self, node: nodes.Call) -> Type:
        if isinstance(node.function, nodes.Dot):
            return self._method(node, node.function)
        name = _universal(node.function)
        clone = self.flow.clones.get(id(node))
        if clone is not None:
            inference: Inference = clone.inference
            return inference.result
        if name is None:
            return self.module.returns(node, self)
        if name == "abs" and len(node.arguments) == 1:
            kind = self._type_of(node.arguments[0].value)
            return kind if kind.name in ("int", "float", "") else UNKNOWN
        if name in ("min", "max"):
            return self._extreme(node)
        if name == "str" and len(node.arguments) == 1:
            kind = self._type_of(node.arguments[0].value)
            return SHORT if kind.is_bounded else kind if kind.name in ("str", "") else STRING
        return RESULTS.get(name, UNKNOWN)

    def _extreme(self, node: nodes.Call) -> Type:
        given = [argument.value for argument in node.arguments if argument.kind == "positional"]
        if len(given) + sum(argument.kind == "keyword" for argument in node.arguments) != len(node.arguments):
            return UNKNOWN
        return self._type_of_items(given[0]) if len(given) == 1 else join_all(map(self._type_of, given))

    def _method(self, node: nodes.Call, function: nodes.Dot) -> Type:
        receiver = self._type_of(function.value)
        if receiver.name == "":
            return NOTHING
        if receiver.name == "str":
            return receiver if function.name in KEEPING else STRING_METHODS.get(function.name, UNKNOWN)
        cell = self._known_cell(function.value)
        if receiver.name not in ("list", "dict") or cell is None or cell.root().has_escaped:
            return UNKNOWN
        if function.name == "pop" and (receiver.name == "list" or len(node.arguments) == 1):
            return cell.root().item
        if receiver.name == "dict" and is_setdefault(node):
            return cell.root().item_at(node.arguments[0].value)
        if function.name == "get" and len(node.arguments) == 2:
            return join(cell.root().item_at(node.arguments[0].value), self._type_of(node.arguments[1].value))
        if receiver.name == "dict" and function.name in ("keys", "values", "items"):
            return LIST
        return UNKNOWN


def solve(inferences: Sequence[Inference]) -> None:
    """Works out the types of functions that share cells, or of one alone."""
    for inference in inferences:
        inference.collect()
    for attempt in range(PASSES_MAX):
        is_widening = attempt >= WIDENED_AFTER
        # All of them take part in every pass, so the list is made before it is looked at.
        changes = [inference.improve(is_widening=is_widening) for inference in inferences]
        if not any(changes):
            break
    else:
        for inference in inferences:
            inference.give_up()
    _choose_plain(inferences)


def _choose_plain(inferences: Sequence[Inference]) -> None:
    """Containers that never escape are plain, if all names and elements that may mean them are of one type."""
    kinds: dict[int, str] = {}

    def note(cell: Cell, kind: str) -> None:
        kinds[id(cell)] = kind if kinds.get(id(cell), kind) == kind else UNKNOWN.name

    for inference in inferences:
        for binding, cell in inference.flow.cells.items():
            if binding in inference.flow.sources:
                note(cell.root(), inference.type_of_binding(binding).name)
        for cell in inference.roots:
            if cell.content is not None:
                note(cell.content.root(), cell.item.name)
        for cell, kind in inference.settle_derived():
            note(cell, kind)
        if inference.flow.is_clone:
            note(inference.flow.returned.root(), inference.result.name)
    roots = [cell for inference in inferences for cell in inference.roots]
    settle_shown(roots)
    _hide_contents(roots, kinds)
    for cell in roots:
        cell.form = ""
    for cell in roots:
        kind = kinds.get(id(cell), LIST.name)
        is_possible = cell.is_plain and not cell.has_escaped
        if is_possible and (kind == "list" or (kind == "dict" and _has_plain_keys(cell))):
            cell.form = kind


def _hide_contents(cells: Iterable[Cell], kinds: dict[int, str]) -> None:
    """What is taken out of something of no certain type has no certain type either, whatever was put in."""
    waiting = [cell for cell in cells if kinds.get(id(cell)) == UNKNOWN.name]
    while waiting:
        content = waiting.pop().content
        if content is not None and kinds.get(id(content.root())) != UNKNOWN.name:
            kinds[id(content.root())] = UNKNOWN.name
            waiting.append(content.root())


def _has_plain_keys(cell: Cell) -> bool:
    asked = (flow.inference.type_now(node) for flow, node in cell.asked)
    return is_plain_key(cell.key) and all(is_plain_key(kind, is_stored=False) for kind in asked)


def _in_cell(old: Type, sources: Iterable[tuple[Dataflow, Source]], *, is_widening: bool) -> Type:
    """What a cell that held `old` holds as well."""
    found = old
    for flow, source in sources:
        inference: Inference = flow.inference
        found = join(found, inference.type_of_source(source))
        if found is UNKNOWN:
            return UNKNOWN
    return widened(old, found) if is_widening else found


def _universal(node: nodes.Expr) -> str | None:
    if isinstance(node, nodes.Name) and node.binding.kind is BindingKind.UNIVERSAL:
        return node.name
    return None


_RULES: Final[dict[type, Callable[[Inference, Any], Type]]] = {
    nodes.Name: Inference._name, nodes.Constant: Inference._constant, nodes.Unary: Inference._unary,
    nodes.Binary: Inference._binary, nodes.Conditional: Inference._conditional, nodes.BoolOp: Inference._bool_op,
    nodes.TupleExpr: Inference._tuple, nodes.Index: Inference._index, nodes.Slice: Inference._slice,
    nodes.Call: Inference._call, nodes.ListExpr: lambda inference, node: LIST,
    nodes.DictExpr: lambda inference, node: DICT,
    nodes.Comprehension: lambda inference, node: LIST if node.kind == "list" else DICT,
    nodes.Dot: lambda inference, node: UNKNOWN, nodes.Lambda: lambda inference, node: UNKNOWN,
}  # fmt: skip
