"""The syntax tree: what the parser makes and every later stage reads.

Nodes are plain mutable records without behaviour. Each has a `span`, the exact place of its text: first line
(from 1), first column (from 0, in code points), last line, column after its last character. A later stage never
changes a node except to write the fields that the resolver owns (`Name.binding`, `Def.scope` and the like).

Chains that people write flat are kept flat, so that no pass has to recurse along them: `and`/`or` hold all their
operands, an `elif` chain is one `If`. A left-deep sum is a chain of `Binary` nodes; passes walk its spine in a loop.
"""

from __future__ import annotations

from typing import Any, TypeAlias, TypeVar, dataclass_transform

import attrs

from flowlang.lang.source import Span

NodeClass = TypeVar("NodeClass", bound=type)


@dataclass_transform(eq_default=False)
def node(class_: NodeClass) -> NodeClass:
    """Makes a class of nodes: slots, compared by identity."""
    return attrs.define(class_, eq=False, slots=True)


# Expressions


@node
class Name:
    """A use or a binding of a name. `binding` is written by the resolver."""

    span: Span
    name: str
    binding: Any = None


@node
class Constant:
    """A literal. `value` is None, bool, int, float, str or bytes; None, True and False are names of the universe
    in Starlark and arrive as `Name`, so here only numbers, strings and bytes occur."""

    span: Span
    value: int | float | str | bytes


@node
class ListExpr:
    """`[a, b]`."""

    span: Span
    elements: list[Expr]


@node
class TupleExpr:
    """`(a, b)`, `()` or an unparenthesised `a, b`; the span includes the parentheses when there are any."""

    span: Span
    elements: list[Expr]
    parenthesised: bool


@node
class DictEntry:
    """`key: value` in a dict."""

    span: Span
    key: Expr
    value: Expr


@node
class DictExpr:
    """`{key: value}`."""

    span: Span
    entries: list[DictEntry]


@node
class Unary:
    """`op` is one of `+ - ~ not`."""

    span: Span
    op: str
    operand: Expr


@node
class Binary:
    """`op` is one of `+ - * / // % & | ^ << >> == != < <= > >= in` or `not in`. Comparisons do not chain."""

    span: Span
    op: str
    left: Expr
    right: Expr
    op_span: Span


@node
class BoolOp:
    """`a and b and c` or `a or b or c`, flattened; `op` is `and` or `or`."""

    span: Span
    op: str
    operands: list[Expr]


@node
class Conditional:
    """`then if test else orelse`."""

    span: Span
    test: Expr
    then: Expr
    orelse: Expr


@node
class Argument:
    """One argument of a call. `kind` is `positional`, `keyword` (then `name` is set), `star` or `double_star`."""

    span: Span
    kind: str
    value: Expr
    name: str | None = None
    name_span: Span | None = None


@node
class Call:
    """`function(arguments)`."""

    span: Span
    function: Expr
    arguments: list[Argument]


@node
class Dot:
    """`value.name`."""

    span: Span
    value: Expr
    name: str
    name_span: Span


@node
class Index:
    """`value[index]`; `x[1, 2]` has a `TupleExpr` as index."""

    span: Span
    value: Expr
    index: Expr


@node
class Slice:
    """`value[start:stop:step]`, each part may be missing."""

    span: Span
    value: Expr
    start: Expr | None
    stop: Expr | None
    step: Expr | None


@node
class ForClause:
    """`for target in iterable` inside a comprehension."""

    span: Span
    target: Expr
    iterable: Expr


@node
class IfClause:
    """`if test` inside a comprehension."""

    span: Span
    test: Expr


@node
class Comprehension:
    """`[element for …]` (kind `list`) or `{key: element for …}` (kind `dict`, `key` is set).
    `scope` is written by the resolver."""

    span: Span
    kind: str
    key: Expr | None
    element: Expr
    clauses: list[ForClause | IfClause]
    scope: Any = None


@node
class Lambda:
    """`lambda parameters: body`. `scope` is written by the resolver."""

    span: Span
    parameters: list[Parameter]
    body: Expr
    scope: Any = None


Expr: TypeAlias = (
    Name
    | Constant
    | ListExpr
    | TupleExpr
    | DictExpr
    | Unary
    | Binary
    | BoolOp
    | Conditional
    | Call
    | Dot
    | Index
    | Slice
    | Comprehension
    | Lambda
)


# Functions


@node
class Parameter:
    """One parameter. `kind` is `plain` (required or, with `default`, optional), `star` (`*args`; a bare `*` has
    `name` None) or `double_star`. A `plain` parameter after a `star` is keyword-only. `name` is a `Name` node so
    that the resolver can bind it."""

    span: Span
    kind: str
    name: Name | None
    default: Expr | None = None
    annotation: Expr | None = None


# Statements


@node
class ExprStatement:
    """An expression as a statement."""

    span: Span
    value: Expr


@node
class Assign:
    """`a = b = value`: one or more targets, assigned from left to right. `annotation` only with one `Name`
    target (`x: int = 1`)."""

    span: Span
    targets: list[Expr]
    value: Expr
    annotation: Expr | None = None


@node
class AugmentedAssign:
    """`target op value` with `op` such as `+=`."""

    span: Span
    target: Expr
    op: str
    value: Expr


@node
class IfBranch:
    """`if test: body` or `elif test: body`, without what follows."""

    span: Span
    test: Expr
    body: list[Statement]


@node
class If:
    """The whole `if`/`elif`/`else` chain, flat."""

    span: Span
    branches: list[IfBranch]
    orelse: list[Statement]


@node
class For:
    """`for target in iterable: body`. `header_span` covers the line up to the colon."""

    span: Span
    target: Expr
    iterable: Expr
    body: list[Statement]
    header_span: Span


@node
class While:
    """`while test: body`, which the resolver refuses unless the dialect has it. `header_span` as in `For`."""

    span: Span
    test: Expr
    body: list[Statement]
    header_span: Span


@node
class Def:
    """`docstring` is the text of a leading string statement (which stays in `body`). `header_span` covers
    `def name(...)` up to the colon."""

    span: Span
    name: Name
    parameters: list[Parameter]
    returns: Expr | None
    body: list[Statement]
    header_span: Span
    docstring: str | None = None
    scope: Any = None


@node
class Return:
    """`return` or `return value`."""

    span: Span
    value: Expr | None


@node
class Break:
    """`break`."""

    span: Span


@node
class Continue:
    """`continue`."""

    span: Span


@node
class Pass:
    """`pass`; also the stand-in for a statement that could not be parsed."""

    span: Span


@node
class LoadBinding:
    """One name of a load: `"a"` or `local = "a"`. `local` is the Name bound in the loading file, `original` the
    name in the loaded module with the place of its string."""

    span: Span
    local: Name
    original: str
    original_span: Span


@node
class Load:
    """`load(source, bindings)`."""

    span: Span
    source: str
    source_span: Span
    bindings: list[LoadBinding]


Statement: TypeAlias = (
    ExprStatement | Assign | AugmentedAssign | If | For | While | Def | Return | Break | Continue | Pass | Load
)


@node
class File:
    """A parsed module. `docstring` is the text of a leading string statement. `scope` is the resolver's."""

    span: Span
    body: list[Statement]
    docstring: str | None = None
    scope: Any = None
