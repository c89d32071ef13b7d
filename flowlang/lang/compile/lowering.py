"""The last stage that looks at a syntax tree: a resolved module becomes a program.

The generated module is one function `%module(%d, /)` that runs the top level; its names are globals of the module
instance. Large modules have several such functions, which run in turn (`piece.py`). Before a tree is compiled it is
checked once more: it may hold nothing that the lowering never makes.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable
from operator import attrgetter
from types import CodeType
from typing import Any, Final

from flowlang.lang.compile import arithmetic, calls, expressions, functions, loops, statements, tree
from flowlang.lang.compile.clones import make_clones
from flowlang.lang.compile.direct import make_direct
from flowlang.lang.compile.naming import clone_name, direct_name, python_name
from flowlang.lang.compile.piece import WHOLE_CHARACTERS_MAX, Piece, cut
from flowlang.lang.compile.program import GuardInfo, LoadedName, Program, source_digest
from flowlang.lang.compile.recursion import NEVER, refuse_recursion
from flowlang.lang.compile.unit import DEEPER, DEPTH, Unit
from flowlang.lang.compile.versions import KnownNames
from flowlang.lang.resolve.binder import How, block_names
from flowlang.lang.resolve.scope import BindingKind, ModuleScope
from flowlang.lang.source import SourceFile
from flowlang.lang.syntax import nodes
from flowlang.lang.syntax.weight import has_versions

STAGES: Final = (arithmetic, calls, expressions, functions, loops, statements)
"""The modules that register how nodes are lowered."""

ALLOWED: Final[frozenset[type[ast.AST]]] = frozenset({
    ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Assign, ast.AugAssign, ast.For, ast.While,
    ast.If, ast.Expr, ast.Pass, ast.Break, ast.Continue, ast.Global, ast.BoolOp, ast.NamedExpr, ast.BinOp, ast.UnaryOp,
    ast.IfExp, ast.Dict, ast.Compare, ast.Call, ast.keyword, ast.Constant, ast.Attribute, ast.Subscript, ast.Starred,
    ast.Slice, ast.Name, ast.List, ast.Tuple,
    ast.Load, ast.Store, ast.And, ast.Or, ast.Not, ast.USub, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod,
    ast.BitAnd, ast.BitOr, ast.BitXor, ast.LShift, ast.RShift, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE,
    ast.Is, ast.IsNot, ast.In, ast.NotIn,
})  # fmt: skip
LEAVES: Final = frozenset(kind for kind in ALLOWED if not kind._fields)
"""Allowed kinds without parts: contexts, operators, `pass`."""


def _reader(fields: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    if not fields:
        return lambda node: ()
    read = attrgetter(*fields)
    return read if len(fields) > 1 else lambda node: (read(node),)


FIELDS: Final = {kind: _reader(kind._fields) for kind in ALLOWED}
"""What a node has in its fields, by its kind."""
ALLOWED_CONSTANTS: Final = frozenset({type(None), bool, int, float, str, bytes})
ALLOWED_ATTRIBUTES: Final = frozenset({
    "steps", "limit", "memory", "checkpoint", "charge", "calls", "refill", "append", "fields", "get", "pop",
    "setdefault", "startswith", "endswith", "lower", "upper", "strip", "lstrip", "rstrip", "isdecimal", "isalpha",
    "islower", "isupper",
})  # fmt: skip


def compile_module(
    file: nodes.File, source: SourceFile, resolve_source: Callable[[str], str], *, may_recurse: bool = True
) -> Program:
    """Lowers and compiles a resolved module without errors. `resolve_source(text)` gives the canonical name of a
    loaded module. Unless it `may_recurse`, a function that is called while it runs is refused."""
    scope = file.scope
    assert isinstance(scope, ModuleScope)
    whole = unit_of(file, len(source.text))
    codes = []
    for piece in cut(file, len(source.text), frozenset(scope.hoisted)):
        module = lower_piece(whole, piece, may_recurse=may_recurse)
        check_tree(module)
        codes.append(_code_of(module, source))
    whole.known.release()
    loads = tuple(
        LoadedName(resolve_source(load.source), binding.original, binding.local.name)
        for load in scope.loads
        for binding in load.bindings
    )
    return Program(
        name=source.name,
        digest=source_digest(source.text),
        codes=tuple(codes),
        exports=_exports(scope),
        loads=loads,
        methods=tuple(sorted(whole.methods)),
        universals=tuple(sorted(whole.universals)),
        predeclared=tuple(sorted(whole.predeclared)),
        guard=GuardInfo(scope.guard.flow, scope.guard.span[0]) if scope.guard is not None else None,
        acts=any(not isinstance(statement, (nodes.Def, nodes.Load, nodes.Pass)) for statement in file.body),
        documentation=file.docstring,
    )


def unit_of(file: nodes.File, length: int) -> Unit:
    """What is known of the whole module, and where its pieces record what they use. `length`: of its text."""
    scope = file.scope
    assert isinstance(scope, ModuleScope)
    is_versioned = length <= WHOLE_CHARACTERS_MAX or has_versions(file)
    known = KnownNames(file.body, is_versioned=is_versioned)
    if is_versioned:
        make_clones(known)
        make_direct(known)
    return Unit(
        is_module=True,
        inference=known.top.inference,
        known=known,
        entry_call=scope.guard.call if scope.guard is not None else None,
        versions=0 if is_versioned else functions.VERSIONS_MAX,
    )


def _exports(scope: ModuleScope) -> tuple[str, ...]:
    bound = (name for name, binding in scope.names.items() if binding.kind is BindingKind.GLOBAL)
    return tuple(name for name in bound if not name.startswith("_"))


def lower_piece(whole: Unit, piece: Piece, *, may_recurse: bool) -> ast.Module:
    """The Python module that defines the function of a piece. What it uses is recorded in `whole`."""
    unit = Unit(
        is_module=True, inference=whole.inference, known=whole.known, methods=whole.methods,
        universals=whole.universals, predeclared=whole.predeclared, entry_call=whole.entry_call,
        versions=whole.versions,
    )  # fmt: skip
    body: list[ast.stmt] = []
    for function in piece.functions:
        body += statements.hoisted_def(unit, function)
    body += unit.statements(piece.statements)
    names = _bound_globals(piece)
    if not may_recurse:
        notes = refuse_recursion(body)
        names += notes
        at = tree.place((1, 0, 1, 0))
        body[:0] = [tree.assign(note, tree.constant(NEVER, at), at) for note in notes]
    return _module(unit, names, body)


def _bound_globals(piece: Piece) -> list[str]:
    """The globals that a piece binds: CPython has to be told, for they are bound inside a function."""
    names = {function.name.name for function in piece.functions}
    names.update(name.name for name, how in block_names(piece.statements) if how is not How.LOAD)
    functions = [function.name.name for function in piece.functions]
    return sorted([*map(python_name, names), *map(clone_name, functions), *map(direct_name, functions)])


def _code_of(module: ast.Module, source: SourceFile) -> CodeType:
    with warnings.catch_warnings():
        # CPython warns of calls such as `(1)(2)` on standard error; the script is told when it gets there.
        warnings.simplefilter("ignore", SyntaxWarning)
        code = compile(module, source.name, "exec", dont_inherit=True, optimize=0)
    return next(constant for constant in code.co_consts if isinstance(constant, CodeType))


def _module(unit: Unit, names: list[str], body: list[ast.stmt]) -> ast.Module:
    at = tree.place((1, 0, 1, 0))
    start: list[ast.stmt] = [ast.Global(names, **at)] if names else []
    unit.charge.settle(at)
    charge = tree.call(
        tree.attribute(tree.name("$m", at), "charge", at),
        [unit.charge.steps_constant, unit.charge.memory_constant], at,
    )  # fmt: skip
    start.append(tree.expression(charge, at))
    if unit.uses_depth:
        deeper = ast.BinOp(tree.name(DEPTH, at), ast.Add(), tree.constant(1, at), **at)
        start.append(tree.assign(DEEPER, deeper, at))
    arguments = ast.arguments(
        posonlyargs=[ast.arg(DEPTH, **at)], args=[], vararg=None, kwonlyargs=[], kw_defaults=[], kwarg=None, defaults=[]
    )
    extra: dict[str, Any] = {"type_params": []}
    function = ast.FunctionDef(name="%module", args=arguments, body=[*start, *body], decorator_list=[], **extra, **at)
    return ast.Module([function], [])


def check_tree(module: ast.Module) -> None:
    """The last wall before `compile`: only listed kinds of nodes, attributes and constants, and no identifier that
    could mean something to the host. A violation is a bug of the compiler."""
    waiting: list[Any] = [module]
    while waiting:
        node = waiting.pop()
        kind = type(node)
        # Names and constants are most of every tree, and have nothing below them.
        if kind is ast.Name:
            if node.id.startswith("__"):
                raise AssertionError(f"the lowering made a name {node.id}")
            if type(node.ctx) not in LEAVES:
                raise AssertionError(f"the lowering made a {type(node.ctx).__name__}")
            continue
        if kind is ast.Constant:
            if type(node.value) not in ALLOWED_CONSTANTS:
                raise AssertionError(f"the lowering made a constant {node.value!r}")
            continue
        if kind not in ALLOWED:
            raise AssertionError(f"the lowering made a {kind.__name__}")
        if kind is ast.Attribute and node.attr not in ALLOWED_ATTRIBUTES:
            raise AssertionError(f"the lowering made an attribute {node.attr}")
        if (kind is ast.FunctionDef and (node.decorator_list or node.returns)) or (kind is ast.arg and node.annotation):
            raise AssertionError("the lowering made a decorator or annotation")
        for value in FIELDS[kind](node):
            if type(value) in LEAVES:
                continue
            for part in value if type(value) is list else (value,):
                if type(part) is str:
                    if part.startswith("__"):
                        raise AssertionError(f"the lowering made a name {part}")
                elif part is not None:
                    waiting.append(part)
