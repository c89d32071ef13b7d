"""One generated Python function while it is being built, and the tables that say how each node is lowered.

Charges. Loop turns and calls are charged where they are entered: the constants of a charge are made before the
body is lowered and filled in afterwards, when it is known how much code and how many bytes of literals one turn can
make (`Charge`). A turn costs one step, plus one for each sixteen nodes of straight code in it, plus one for each call.
A small function that calls nothing is paid for by its callers alone, and is as cheap as in Python.

Hoisting. Comprehensions and lambdas become nested functions. Making a function has no effect, so their `def` is put
before the statement that uses them (`Unit.hoisted`), which keeps every expression an expression.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import attrs

from flowlang.lang.compile import tree
from flowlang.lang.compile.inference import Inference
from flowlang.lang.compile.static_type import Type
from flowlang.lang.compile.tree import Place
from flowlang.lang.compile.versions import KnownNames
from flowlang.lang.resolve.scope import Binding, BindingKind
from flowlang.lang.syntax import nodes

NODES_PER_STEP: Final = 16
CALL_NODES: Final = 16
"""What a call of an unknown function counts for, since a small one does not charge for itself."""
LEAF_BYTES_MAX: Final = 128
"""Bytes of small values that one call of a leaf function may make; its callers pay them."""
METER: Final = "$m"
DEPTH: Final = "%d"
DEEPER: Final = "%n"

Lowering = Callable[["Unit", Any], ast.expr]
StatementLowering = Callable[["Unit", Any], list[ast.stmt]]

EXPRESSIONS: Final[dict[type, Lowering]] = {}
STATEMENTS: Final[dict[type, StatementLowering]] = {}


def lowers(node_type: type) -> Callable[[Lowering], Lowering]:
    """Registers how an expression node is lowered."""

    def mark(function: Lowering) -> Lowering:
        EXPRESSIONS[node_type] = function
        return function

    return mark


def lowers_statement(node_type: type) -> Callable[[StatementLowering], StatementLowering]:
    """Registers how a statement node is lowered."""

    def mark(function: StatementLowering) -> StatementLowering:
        STATEMENTS[node_type] = function
        return function

    return mark


@attrs.define(eq=False)
class Charge:
    """What one turn of a loop, or one call of a function, costs. The two constants sit in generated code already and
    are filled in by `settle`."""

    nodes: int = 0
    memory: int = 0
    steps_constant: ast.Constant = attrs.field(factory=lambda: ast.Constant(0))
    memory_constant: ast.Constant = attrs.field(factory=lambda: ast.Constant(0))

    def settle(self, at: Place) -> None:
        self.steps_constant.value = 1 + self.nodes // NODES_PER_STEP
        self.memory_constant.value = self.memory
        for constant in (self.steps_constant, self.memory_constant):
            for field, value in at.items():
                setattr(constant, field, value)


@attrs.define(eq=False)
class Loop:
    """An enclosing loop: the temporaries that hold its source and its iterator, and its charge. `is_left`: early."""

    source: str
    iterator: str
    charge: Charge
    locks: bool
    is_left: bool = False


@attrs.define(eq=False)
class Unit:
    """One generated function. `is_module`: the module's top level, whose names are globals. `inference`: the static
    types of locals and expressions. `known`: the module's names that are bound once. `entry_call`: the one call in the
    main guard, which receives the arguments given from outside. `is_leaf`: it calls nothing that could call a function
    of a script. `assigned`: locals that are sure to have a value where the lowering is, for a statement further up in
    this block or in one around it has given them one; no value is ever taken away again, so inner functions share the
    set. `versions`: how many of the functions around are made in two versions."""

    is_module: bool
    inference: Inference
    known: KnownNames
    charge: Charge = attrs.field(factory=Charge)
    hoisted: list[ast.stmt] = attrs.field(factory=list)
    loops: list[Loop] = attrs.field(factory=list)
    assigned: set[Binding] = attrs.field(factory=set)
    methods: set[str] = attrs.field(factory=set)
    universals: set[str] = attrs.field(factory=set)
    predeclared: set[str] = attrs.field(factory=set)
    entry_call: nodes.Call | None = None
    uses_depth: bool = False
    is_leaf: bool = True
    versions: int = 0
    temporaries: int = 0
    labels: int = 0

    def nested(self) -> Unit:
        """The unit of a function inside this one; what it uses of the module is recorded in one place."""
        return Unit(
            is_module=False, inference=self.inference, known=self.known, methods=self.methods,
            universals=self.universals, predeclared=self.predeclared, assigned=self.assigned, versions=self.versions,
        )  # fmt: skip

    def version(self, inference: Inference) -> Unit:
        """The unit of one version of this function's body."""
        return attrs.evolve(
            self, inference=inference, charge=Charge(), hoisted=[], loops=[], versions=self.versions + 1
        )

    def expression(self, node: nodes.Expr) -> ast.expr:
        """Lowers one expression to a value of the language."""
        code = self.flowing(node)
        if self.inference.is_plain(node):
            return tree.operator("listed", [code], tree.place(node.span))
        return code

    def flowing(self, node: nodes.Expr) -> ast.expr:
        """As `expression`, for a place that takes a plain list as it is (`cell.py`)."""
        self.charge.nodes += 1
        return EXPRESSIONS[type(node)](self, node)

    def type_of(self, node: nodes.Expr) -> Type:
        """What inference knows of an expression."""
        return self.inference.type_of(node)

    def statements(self, body: Sequence[nodes.Statement]) -> list[ast.stmt]:
        """Lowers a block; the `def`s that a statement needs come right before it."""
        result: list[ast.stmt] = []
        added: list[Binding] = []
        for statement in body:
            outer_hoisted, self.hoisted = self.hoisted, []
            self.temporaries = 0
            self.charge.nodes += 1
            lowered = STATEMENTS[type(statement)](self, statement)
            result += self.hoisted
            result += lowered
            self.hoisted = outer_hoisted
            added += self.assign(_bound_by(statement))
        self.assigned.difference_update(added)
        return result

    def assign(self, bindings: Iterable[Binding]) -> list[Binding]:
        """Notes locals that have a value from here on. Gives those that are new, to be taken back where the block
        ends."""
        new = [binding for binding in bindings if binding not in self.assigned]
        self.assigned.update(new)
        return new

    def temporary(self) -> str:
        """A fresh temporary of the statement being lowered."""
        self.temporaries += 1
        return f"%{self.temporaries}"

    def label(self, prefix: str) -> str:
        """A name that is unique in this function and lives longer than one statement."""
        self.labels += 1
        return f"%{prefix}{self.labels}"

    def depth(self, at: Place, *, is_pure: bool = False) -> ast.expr:
        """The depth to pass to a callee. A callee that may be, or call, a function of a script is paid for where it is
        called; `is_pure` ones are builtins that do not call back."""
        self.uses_depth = True
        if not is_pure:
            self.is_leaf = False
            self.charge.nodes += CALL_NODES
            self.charge.memory += LEAF_BYTES_MAX
        return tree.name(DEEPER, at)

    def universal(self, name: str, at: Place) -> ast.Name:
        self.universals.add(name)
        return tree.name("@" + name, at)

    def spend_memory(self, size: int) -> None:
        """Accounts for a literal of at most `size` bytes made by the code being lowered."""
        self.charge.memory += size


def names_of(target: nodes.Expr) -> Iterator[Binding]:
    """What an assignment to a target binds."""
    if isinstance(target, nodes.Name):
        yield target.binding
    elif isinstance(target, (nodes.TupleExpr, nodes.ListExpr)):
        for element in target.elements:
            yield from names_of(element)


def _bound_by(statement: nodes.Statement) -> Iterator[Binding]:
    """What is sure to have a value after a statement."""
    match statement:
        case nodes.Assign(targets=targets):
            for target in targets:
                yield from names_of(target)
        case nodes.AugmentedAssign(target=nodes.Name() as target):
            yield target.binding
        case nodes.Def(name=name):
            yield name.binding


def is_simple(node: nodes.Expr) -> bool:
    """Whether evaluating the node twice costs nothing and cannot give another value."""
    if isinstance(node, nodes.Constant):
        return True
    return isinstance(node, nodes.Name) and node.binding.kind is BindingKind.LOCAL


def is_plain(node: nodes.Expr) -> bool:
    """As `is_simple`, as long as nothing else is evaluated in between (a global may be rebound by its module)."""
    return isinstance(node, (nodes.Constant, nodes.Name))


def universal_name(node: nodes.Expr) -> str | None:
    """The universe's name that the node is certain to mean, if it does."""
    if isinstance(node, nodes.Name) and node.binding.kind is BindingKind.UNIVERSAL:
        return node.name
    return None
