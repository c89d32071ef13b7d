"""The resolver: finds out where each name of a module lives, and all static errors at once.

It works scope by scope. On entering a scope all names that it binds are collected (`binder.py`), so that a use may
stand before its binding; only then are the uses looked up, outwards through the enclosing scopes, then among the
names that the host predeclares and those of the language. What those two sets hold is asked through predicates,
so the resolver needs to know neither the universe nor the host.

Scopes are lexical: the module, each function, each lambda, and each comprehension as one block, however many clauses it
has; only the iterable of its first `for` is evaluated outside of it. A default value belongs to the scope around the
function, a type annotation likewise.

Nothing here recurses along expressions: operands wait on a list, bodies of functions and comprehensions in a queue. A
sum of ten thousand terms is as deep as a sum of two. Only blocks recurse, which the parser keeps shallow.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import attrs

from flowlang.lang.diagnostics.diagnostic import Diagnostic
from flowlang.lang.resolve import checks
from flowlang.lang.resolve.binder import bind_function, bind_locals, bind_module, target_names
from flowlang.lang.resolve.dialect import Dialect
from flowlang.lang.resolve.findings import Findings
from flowlang.lang.resolve.main_guard import NAME, check_guard_text, find_main_guard
from flowlang.lang.resolve.scope import Binding, BindingKind, ModuleScope, Scope
from flowlang.lang.resolve.type_comparison import is_suspect, report_type_comparisons
from flowlang.lang.resolve.undefined_name import UndefinedNames
from flowlang.lang.source import SourceFile
from flowlang.lang.syntax.nodes import (
    Assign,
    AugmentedAssign,
    Binary,
    BoolOp,
    Break,
    Call,
    Comprehension,
    Conditional,
    Constant,
    Continue,
    Def,
    DictExpr,
    Dot,
    Expr,
    ExprStatement,
    File,
    For,
    ForClause,
    If,
    Index,
    Lambda,
    ListExpr,
    Load,
    Name,
    Parameter,
    Return,
    Slice,
    Statement,
    TupleExpr,
    Unary,
    While,
)


def resolve(
    file: File,
    source: SourceFile,
    *,
    is_universal: Callable[[str], bool],
    is_predeclared: Callable[[str], bool],
    candidates: Callable[[], Iterable[str]],
    dialect: Dialect,
) -> list[Diagnostic]:
    """Write `binding` on every name and `scope` on the file, functions, lambdas and comprehensions of `file`.

    Gives all static errors and warnings, sorted by place. A predeclared name goes before a universal one.
    `candidates` lists both kinds and is called only when a name is not found. The name `__name__` is predeclared in
    every module.
    """
    resolver = _Resolver(
        findings=Findings(source),
        is_universal=is_universal,
        is_predeclared=is_predeclared,
        dialect=dialect,
        undefined=UndefinedNames(candidates),
    )
    return resolver.module(file)


@attrs.frozen
class _Place:
    """What a statement stands in. `nested`: inside an `if` or a loop."""

    scope: Scope
    in_function: bool = False
    in_loop: bool = False
    nested: bool = False


@attrs.define
class _Resolver:
    findings: Findings
    is_universal: Callable[[str], bool]
    is_predeclared: Callable[[str], bool]
    dialect: Dialect
    undefined: UndefinedNames
    outside: dict[str, Binding] = attrs.field(factory=dict)
    functions: deque[Def] = attrs.field(factory=deque)
    type_comparisons: list[Binary] = attrs.field(factory=list)

    def module(self, file: File) -> list[Diagnostic]:
        scope = ModuleScope(parent=None)
        file.scope = scope
        augmented = bind_module(scope, file.body, self.dialect, self.findings)
        self._refuse_augmented(augmented, scope)
        self._block(file.body, _Place(scope))
        while self.functions:
            self._function_body(self.functions.popleft())
        if self.dialect.flows:
            scope.guard = find_main_guard(file)
        self.undefined.report(self.findings)
        report_type_comparisons(self.type_comparisons, self.findings)
        return self.findings.sorted()

    # Statements

    def _block(self, body: list[Statement], place: _Place) -> None:
        for statement in body:
            self._statement(statement, place)

    def _statement(self, statement: Statement, place: _Place) -> None:
        match statement:
            case ExprStatement(value=value):
                self._expressions([value], place.scope)
            case Assign():
                self._assign(statement, place.scope)
            case AugmentedAssign(value=value):
                reads = checks.check_augmented_target(statement, self.findings)
                self._expressions([*reads, value], place.scope)
            case If():
                self._if(statement, place)
            case For(target=target, iterable=iterable, body=body):
                self._check_top_level_control("for", statement, place)
                self._expressions([iterable, *checks.check_target(target, self.findings)], place.scope)
                self._block(body, attrs.evolve(place, in_loop=True, nested=True))
            case While():
                self._while(statement, place)
            case Def():
                self._function_header(statement, place.scope)
            case Return(value=value):
                self._check_return(statement, place)
                if value is not None:
                    self._expressions([value], place.scope)
            case Break() | Continue():
                self._check_loop_control(statement, place)
            case Load():
                self._load(statement, place)

    def _assign(self, statement: Assign, scope: Scope) -> None:
        reads = [statement.value]
        for target in statement.targets:
            reads += checks.check_target(target, self.findings)
        if len(statement.targets) > 1 and not self.dialect.chained_assignment:
            self.findings.add(
                "chained-assignment",
                "this dialect assigns to one target at a time",
                statement.targets[1].span,
                "a second target",
                hint="write one assignment per line",
            )
        if statement.annotation is not None:
            self._annotation(statement.annotation, scope)
            if not isinstance(statement.targets[0], Name):
                self.findings.add(
                    "invalid-target",
                    "only a name can have a type annotation",
                    statement.targets[0].span,
                    "not a name",
                    hint="remove the annotation",
                )
        self._expressions(reads, scope)

    def _if(self, statement: If, place: _Place) -> None:
        self._check_top_level_control("if", statement, place)
        inner = attrs.evolve(place, nested=True)
        for branch in statement.branches:
            self._expressions([branch.test], place.scope)
            self._block(branch.body, inner)
        self._block(statement.orelse, inner)

    def _while(self, statement: While, place: _Place) -> None:
        if not self.dialect.while_loops:
            waits = self._find_outside("poll") is not None and self._find_outside("forever") is not None
            self.findings.add(
                "while-loop",
                "there is no `while` in this language",
                statement.header_span,
                "a loop without a bound",
                hint="bound it with `for _ in range(1000):` and `break`"
                + ("; to wait for something use `poll`, to go on without end `forever`" if waits else ""),
            )
        else:
            self._check_top_level_control("while", statement, place)
        self._expressions([statement.test], place.scope)
        self._block(statement.body, attrs.evolve(place, in_loop=True, nested=True))

    def _function_header(self, function: Def, scope: Scope) -> None:
        checks.check_parameters(function.parameters, self.findings)
        for parameter in function.parameters:
            if parameter.annotation is not None:
                self._annotation(parameter.annotation, scope)
        if function.returns is not None:
            self._annotation(function.returns, scope)
        self._expressions(_defaults(function.parameters), scope)
        function.scope = Scope(parent=scope)
        bind_locals(function.scope, _names(function.parameters), self.findings)
        self.functions.append(function)

    def _function_body(self, function: Def) -> None:
        scope: Scope = function.scope
        self.undefined.inner_scopes.append((scope, f"the function `{function.name.name}`"))
        augmented = bind_function(scope, function.body, self.findings)
        self._refuse_augmented(augmented, scope)
        self._block(function.body, _Place(scope, in_function=True))

    def _load(self, statement: Load, place: _Place) -> None:
        checks.check_load(statement, self.findings)
        if place.in_function or place.nested:
            self.findings.add(
                "load-not-top-level",
                "`load` must stand at the top level of a module",
                statement.span,
                "inside a function" if place.in_function else "inside a block",
                hint="move it to the beginning of the file; what it loads is known before anything runs",
            )
        elif isinstance(place.scope, ModuleScope):
            place.scope.loads.append(statement)

    def _check_return(self, statement: Return, place: _Place) -> None:
        if not place.in_function:
            self.findings.add(
                "return-outside-function",
                "`return` stands outside of a function",
                statement.span,
                "nothing to return from",
                hint="to end a script early put its work into a function; to end it with an error call `fail(...)`",
            )

    def _check_loop_control(self, statement: Break | Continue, place: _Place) -> None:
        if not place.in_loop:
            word = "break" if isinstance(statement, Break) else "continue"
            self.findings.add(
                f"{word}-outside-loop",
                f"`{word}` stands outside of a loop",
                statement.span,
                "no loop around it in this function" if place.in_function else "no loop around it",
                hint="leave a function with `return`" if place.in_function else "remove it, or put it inside a `for`",
            )

    def _check_top_level_control(self, word: str, statement: If | For | While, place: _Place) -> None:
        if self.dialect.top_level_control or place.in_function or place.nested:
            return
        span = statement.branches[0].test.span if isinstance(statement, If) else statement.header_span
        self.findings.add(
            "top-level-control",
            f"`{word}` stands outside of a function",
            span,
            "not allowed at the top level in this dialect",
            hint="put it into a function and call that",
        )

    def _refuse_augmented(self, augmented: list[Name], scope: Scope) -> None:
        if not self.dialect.static_augmented_assignment:
            return
        for name in augmented:
            text = name.name
            outer = None if scope.parent is None else _find(text, scope.parent)
            if outer is not None and outer.kind is BindingKind.LOCAL:
                self.findings.add(
                    "outer-name-in-function",
                    f"`{text}` belongs to the function around this one and cannot be changed from here",
                    name.span,
                    "would be a new local name without a value",
                    hint="return the new value, or keep it in a list or dict and change that",
                )
            elif outer is not None:
                self.findings.add(
                    "global-in-function",
                    f"`{text}` is a global and cannot be changed from a function",
                    name.span,
                    "would be a new local name without a value",
                    hint=f"return the new value and write `{text} = ...` at the top level, or use another name",
                    others=[] if outer.first is None else [(outer.first, "the global is bound here")],
                )
            elif self._find_outside(text) is not None:
                self.findings.add(
                    "global-in-function",
                    f"`{text}` is not a variable of this module and cannot be changed",
                    name.span,
                    "would be a new name without a value",
                    hint="use a name of your own, and give it a value first",
                )
            else:
                self.undefined.uses.append((name, scope))

    # Expressions

    def _annotation(self, annotation: Expr, scope: Scope) -> None:
        if not self.dialect.annotations:
            self.findings.add(
                "type-annotation",
                "this dialect has no type annotations",
                annotation.span,
                "a type",
                hint="remove it, or say it in the docstring",
            )
        self._expressions([annotation], scope)

    def _expressions(self, expressions: list[Expr], scope: Scope) -> None:
        """Look up every name in `expressions`, and in everything inside them."""
        waiting: list[tuple[list[Expr], Scope]] = [(expressions, scope)]
        while waiting:
            pending, scope = waiting.pop()
            while pending:
                node = pending.pop()
                kind = type(node)
                if kind is Name:
                    self._use(node, scope)  # type: ignore[arg-type]
                elif kind is Call:
                    self._call(node, pending)  # type: ignore[arg-type]
                elif kind is Comprehension:
                    waiting.append(self._comprehension(node, scope, pending))  # type: ignore[arg-type]
                elif kind is Lambda:
                    waiting.append(self._lambda(node, scope, pending))  # type: ignore[arg-type]
                elif kind is not Constant:
                    if kind is Binary:
                        check_guard_text(node, self.findings)  # type: ignore[arg-type]
                        if is_suspect(node):  # type: ignore[arg-type]
                            self.type_comparisons.append(node)  # type: ignore[arg-type]
                    pending.extend(_OPERANDS[kind](node))

    def _use(self, name: Name, scope: Scope) -> None:
        text = name.name
        binding = scope.names.get(text)
        if binding is None:
            binding = None if scope.parent is None else _find(text, scope.parent)
            if binding is None:
                binding = self._find_outside(text)
                if binding is None:
                    self.undefined.uses.append((name, scope))
            elif binding.kind is BindingKind.LOCAL:
                binding.is_captured = True
        name.binding = binding

    def _call(self, call: Call, pending: list[Expr]) -> None:
        checks.check_arguments(call.arguments, self.findings)
        pending.append(call.function)
        for argument in call.arguments:
            pending.append(argument.value)

    def _comprehension(self, node: Comprehension, scope: Scope, pending: list[Expr]) -> tuple[list[Expr], Scope]:
        inner = Scope(parent=scope)
        node.scope = inner
        self.undefined.inner_scopes.append((inner, "a comprehension"))
        parts = [node.element] if node.key is None else [node.key, node.element]
        for position, clause in enumerate(node.clauses):
            if isinstance(clause, ForClause):
                bind_locals(inner, target_names(clause.target), self.findings)
                parts += checks.check_target(clause.target, self.findings)
                (pending if position == 0 else parts).append(clause.iterable)
            else:
                parts.append(clause.test)
        return parts, inner

    def _lambda(self, node: Lambda, scope: Scope, pending: list[Expr]) -> tuple[list[Expr], Scope]:
        checks.check_parameters(node.parameters, self.findings)
        inner = Scope(parent=scope)
        node.scope = inner
        self.undefined.inner_scopes.append((inner, "a lambda"))
        bind_locals(inner, _names(node.parameters), self.findings)
        pending.extend(_defaults(node.parameters))
        return [node.body], inner

    def _find_outside(self, text: str) -> Binding | None:
        """A name from outside the file. All its uses in a module share one binding."""
        binding = self.outside.get(text)
        if binding is None:
            if (text == NAME and self.dialect.flows) or self.is_predeclared(text):
                binding = Binding(text, BindingKind.PREDECLARED)
            elif self.is_universal(text):
                binding = Binding(text, BindingKind.UNIVERSAL)
            else:
                return None
            self.outside[text] = binding
        return binding


def _find(text: str, scope: Scope) -> Binding | None:
    inner: Scope | None = scope
    while inner is not None:
        binding = inner.names.get(text)
        if binding is not None:
            return binding
        inner = inner.parent
    return None


def _names(parameters: list[Parameter]) -> list[Name]:
    return [parameter.name for parameter in parameters if parameter.name is not None]


def _defaults(parameters: list[Parameter]) -> list[Expr]:
    return [parameter.default for parameter in parameters if parameter.default is not None]


def _dict_parts(node: DictExpr) -> list[Expr]:
    return [part for entry in node.entries for part in (entry.key, entry.value)]


def _slice_parts(node: Slice) -> list[Expr]:
    return [part for part in (node.value, node.start, node.stop, node.step) if part is not None]


_OPERANDS: dict[type, Callable[[Any], Iterable[Expr]]] = {
    ListExpr: lambda node: node.elements,
    TupleExpr: lambda node: node.elements,
    DictExpr: _dict_parts,
    Unary: lambda node: (node.operand,),
    Binary: lambda node: (node.left, node.right),
    BoolOp: lambda node: node.operands,
    Conditional: lambda node: (node.test, node.then, node.orelse),
    Dot: lambda node: (node.value,),
    Index: lambda node: (node.value, node.index),
    Slice: _slice_parts,
}
"""The expressions directly inside one that has no rule of its own."""
