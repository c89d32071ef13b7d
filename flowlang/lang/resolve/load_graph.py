"""The load graph: every module that a program needs, in an order in which each comes after what it loads.

`load` is static, so the whole graph is known before anything runs, and so are all of its mistakes: sources that cannot
be loaded, modules that load each other in a circle, names that a module does not bind. All of them are collected;
a module with a mistake stays in the graph, and an edge that cannot be followed is left out.

The search goes depth first with a stack of its own. A module is `open` while it is on the stack: a load of an open
module closes a circle, and the stack from there on is the circle's path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

import attrs

from flowlang.lang.diagnostics.diagnostic import Diagnostic, Label, Severity, replacement
from flowlang.lang.diagnostics.suggest import nearest
from flowlang.lang.resolve.load_source import PRELUDE, LoadProblem, resolve_source
from flowlang.lang.resolve.scope import Binding, BindingKind, ModuleScope
from flowlang.lang.source import SourceFile, Span
from flowlang.lang.syntax.nodes import File, Load

CHAIN_LENGTH_MAX: Final = 64
"""Modules in a chain in which each loads the next."""

MODULES_MAX: Final = 1024

PATHS_HINT: Final = "a module is searched beside the file that loads it; with `//` in front, from the root folder"

Resolve: TypeAlias = Callable[[str, str], str]


@attrs.frozen(eq=False)
class LoadedModule:
    """One module of the graph. `targets`: canonical names by the text of the load source; sources that could not be
    resolved or read are absent, `@prelude` stands for the names of the prelude."""

    name: str
    source: SourceFile
    file: File
    targets: Mapping[str, str]
    has_errors: bool


@attrs.frozen(eq=False)
class LoadGraph:
    """`modules`: in dependency order, the entry last. `diagnostics`: of all modules, module by module in that order,
    each by place; without an error every load can be carried out."""

    entry: str
    modules: tuple[LoadedModule, ...]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def has_errors(self) -> bool:
        """Whether the program must not run."""
        return any(diagnostic.severity is Severity.ERROR for diagnostic in self.diagnostics)

    def by_name(self) -> dict[str, LoadedModule]:
        """The modules under their canonical names, in dependency order."""
        return {module.name: module for module in self.modules}


def load_modules(
    entry: str,
    read: Callable[[str], SourceFile],
    analyse: Callable[[SourceFile], tuple[File, list[Diagnostic]]],
    *,
    prelude_exports: Iterable[str] = (),
    resolve: Resolve = resolve_source,
) -> LoadGraph:
    """Read and analyse `entry` and all that it loads.

    `read` gives the text of a canonical name or raises LoadProblem. `analyse` parses and resolves one module; it may
    leave `scope` empty when the text did not parse. `prelude_exports` are the names that `@prelude` gives. `resolve`
    gives the canonical name for the text of a `load` and the module that it stands in, or raises LoadProblem.
    """
    search = _Search(read, analyse, frozenset(prelude_exports), resolve)
    try:
        source = read(entry)
    except LoadProblem as problem:
        return LoadGraph(entry, (), (_diagnostic(problem, None),))
    search.run(entry, source)
    return LoadGraph(entry, tuple(search.finished.values()), tuple(search.all_diagnostics()))


def exported_names(file: File) -> frozenset[str]:
    """The names that other modules may load from `file`: its own globals without those that begin with `_`."""
    scope = file.scope
    names: Mapping[str, Binding] = scope.names if isinstance(scope, ModuleScope) else MappingProxyType({})
    return frozenset(
        name for name, binding in names.items() if binding.kind is BindingKind.GLOBAL and not name.startswith("_")
    )


@attrs.define(eq=False)
class _Open:
    """A module on the stack: what is known of it so far."""

    name: str
    source: SourceFile
    file: File
    diagnostics: list[Diagnostic]
    loads: Iterator[Load]
    has_errors: bool
    targets: dict[str, str] = attrs.field(factory=dict)


@attrs.define(eq=False)
class _Search:
    read: Callable[[str], SourceFile]
    analyse: Callable[[SourceFile], tuple[File, list[Diagnostic]]]
    prelude_exports: frozenset[str]
    resolve: Resolve
    finished: dict[str, LoadedModule] = attrs.field(factory=dict)
    exports: dict[str, frozenset[str]] = attrs.field(factory=dict)
    diagnostics: dict[str, list[Diagnostic]] = attrs.field(factory=dict)
    unreadable: dict[str, LoadProblem] = attrs.field(factory=dict)
    stack: list[_Open] = attrs.field(factory=list)

    def run(self, entry: str, source: SourceFile) -> None:
        self._open(entry, source)
        while self.stack:
            module = self.stack[-1]
            statement = next(module.loads, None)
            if statement is None:
                self._finish(self.stack.pop())
            else:
                self._follow(module, statement)

    def all_diagnostics(self) -> list[Diagnostic]:
        return [diagnostic for found in self.diagnostics.values() for diagnostic in found]

    def _open(self, name: str, source: SourceFile) -> None:
        file, diagnostics = self.analyse(source)
        loads = [statement for statement in file.body if isinstance(statement, Load)]
        has_errors = any(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)
        self.stack.append(_Open(name, source, file, list(diagnostics), iter(loads), has_errors))

    def _follow(self, module: _Open, statement: Load) -> None:
        """Note where one load leads, and open that module when it is new."""
        try:
            name = self.resolve(statement.source, module.name)
            if name != PRELUDE and name not in self.finished:
                self._check_circle(module, statement, name)
                self._enter(name)
        except LoadProblem as problem:
            module.diagnostics.append(_diagnostic(problem, Label(module.source, statement.source_span, "loaded here")))
            return
        module.targets[statement.source] = name

    def _check_circle(self, module: _Open, statement: Load, name: str) -> None:
        chain = [opened.name for opened in self.stack]
        if name in chain:
            path = [*chain[chain.index(name) :], name]
            raise LoadProblem(
                "load-cycle",
                f"modules load each other in a circle: {_shown(path)}",
                hint="what a module binds itself needs no `load`"
                if len(path) == 2
                else "move what both need into a module of its own",
            )

    def _enter(self, name: str) -> None:
        if name in self.unreadable:
            raise self.unreadable[name]
        if len(self.stack) >= CHAIN_LENGTH_MAX:
            raise LoadProblem(
                "load-too-deep",
                f"{CHAIN_LENGTH_MAX} modules load one another in a chain",
                hint="load what is needed directly, in place of module by module",
            )
        if len(self.stack) + len(self.finished) >= MODULES_MAX:
            raise LoadProblem(
                "load-too-many",
                f"the program has more than {MODULES_MAX} modules",
                hint="join small modules",
            )
        try:
            source = self.read(name)
        except LoadProblem as problem:
            self.unreadable[name] = problem
            raise
        self._open(name, source)

    def _finish(self, module: _Open) -> None:
        """All modules that this one loads are finished now, so the names it takes from them can be checked."""
        for statement in module.file.body:
            target = module.targets.get(statement.source) if isinstance(statement, Load) else None
            if target is not None and isinstance(statement, Load):
                module.diagnostics.extend(self._missing_names(module.source, statement, target))
        module.diagnostics.sort(key=_place)
        self.diagnostics[module.name] = module.diagnostics
        self.finished[module.name] = LoadedModule(
            module.name, module.source, module.file, MappingProxyType(module.targets), module.has_errors
        )
        self.exports[module.name] = exported_names(module.file)

    def _missing_names(self, source: SourceFile, statement: Load, target: str) -> Iterator[Diagnostic]:
        if target == PRELUDE:
            exports, loaded, shown = self.prelude_exports, None, "the prelude"
        else:
            loaded, exports, shown = self.finished[target], self.exports[target], f"`{target}`"
            if loaded.has_errors:
                # It may bind the name in a part that could not be read.
                return
        for binding in statement.bindings:
            name = binding.original
            if name in exports or name.startswith("_") or not (name.isascii() and name.isidentifier()):
                # Private and impossible names were refused where they stand.
                continue
            near = nearest(name, sorted(exports))
            yield Diagnostic(
                "missing-load-name",
                f"`{name}` is not in {shown}",
                primary=Label(source, binding.original_span, "not bound there"),
                hint=_missing_hint(name, near, exports, loaded),
                fix=None if near is None else replacement(binding.original_span, f'"{near}"', is_safe=False),
            )


def _missing_hint(name: str, near: str | None, exports: frozenset[str], loaded: LoadedModule | None) -> str | None:
    if loaded is not None:
        for statement in loaded.file.body:
            if isinstance(statement, Load) and name in {binding.local.name for binding in statement.bindings}:
                origin = loaded.targets.get(statement.source, statement.source)
                origin = origin if origin.startswith("@") else f"//{origin}"
                return f"that module only loads it itself; load it from `{origin}`"
    if near is not None:
        return f"did you mean `{near}`?"
    few = sorted(exports)
    if 0 < len(few) <= 8:
        return "it has " + ", ".join(f"`{export}`" for export in few)
    return None


def _shown(path: list[str]) -> str:
    shown = path if len(path) <= 10 else [*path[:5], "…", *path[-4:]]
    return " -> ".join(shown)


def _diagnostic(problem: LoadProblem, label: Label | None) -> Diagnostic:
    fix = None
    if label is not None and problem.instead is not None and not {'"', "\\"} & set(problem.instead):
        fix = replacement(label.span, f'"{problem.instead}"', is_safe=problem.is_sure)
    hint = problem.hint or (PATHS_HINT if problem.slug == "load-not-found" else None)
    return Diagnostic(problem.slug, problem.message, primary=label, hint=hint, fix=fix)


def _place(diagnostic: Diagnostic) -> Span:
    return diagnostic.primary.span if diagnostic.primary is not None else (0, 0, 0, 0)
