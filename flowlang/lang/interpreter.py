"""The pipeline on one screen: read, parse, resolve, compile; and what an evaluation of the result needs.

`build` gives all programs that a script needs, in dependency order, or the diagnostics that say why not. A program
cache makes a second build of the same text a matter of reading: when every module is found in it, nothing is parsed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from importlib.util import MAGIC_NUMBER
from typing import Any, Final, Protocol

import attrs

from flowlang.lang.compile.pause import collection_paused
from flowlang.lang.compile.program import COMPILER_VERSION, Program, dump_program, load_program, source_digest
from flowlang.lang.diagnostics.diagnostic import Diagnostic, Severity
from flowlang.lang.resolve.dialect import FLOW, Dialect
from flowlang.lang.source import SourceFile
from flowlang.lang.universe.core import UNIVERSE as PURE_UNIVERSE
from flowlang.lang.universe.flows import FLOW_UNIVERSE, exported_by_prelude
from flowlang.lang.universe.json_module import JSON
from flowlang.lang.universe.math_module import MATH
from flowlang.lang.universe.time_module import TIME

LANGUAGE_VERSION: Final = "1"
"""Grows when a script may mean something else than before. Runs are pinned to it."""

UNIVERSE: Final[Mapping[str, Any]] = {**PURE_UNIVERSE, "json": JSON, "math": MATH, "time": TIME, **FLOW_UNIVERSE}
"""Every name of the language. Which of them a module sees depends on its dialect (`universe_of`)."""

STANDARD_NAMES: Final = frozenset({*UNIVERSE} - {*FLOW_UNIVERSE} | {"print"})
NAME: Final = "__name__"
PRELUDE: Final = "@prelude"


class ProgramCache(Protocol):
    """Where compiled programs are kept. Only its owner may be able to write to it."""

    def get(self, key: str) -> bytes | None: ...

    def put(self, key: str, data: bytes) -> None: ...


@attrs.frozen
class Build:
    """A script with all that it loads. `programs`: the prelude first, each module after those that it loads, the
    script last; empty when there are errors. `sources`: module name to source, for diagnostics and pinning."""

    entry: str
    programs: Sequence[Program]
    prelude: Sequence[str]
    sources: Mapping[str, SourceFile]
    diagnostics: Sequence[Diagnostic]

    @property
    def has_errors(self) -> bool:
        return any(diagnostic.severity is Severity.ERROR for diagnostic in self.diagnostics)

    @property
    def script(self) -> Program:
        """The program of the entry."""
        return next(program for program in self.programs if program.name == self.entry)


def universe_of(dialect: Dialect) -> frozenset[str]:
    """The names of the language that modules of a dialect see."""
    return frozenset(UNIVERSE) if dialect.flows else STANDARD_NAMES


def build(
    entry: str, read: Callable[[str], SourceFile], prelude: Iterable[str], cache: ProgramCache | None = None, *,
    dialect: Dialect = FLOW, predeclared: Iterable[str] = (), resolve: Callable[[str, str], str] | None = None,
) -> Build:  # fmt: skip
    """Builds the module `entry`. `read` gives the source of a canonical name or raises LoadProblem; `prelude` names
    the modules whose public names every other module sees, in a dialect that has flows. `predeclared` are the names
    that the host gives to all modules but those of the prelude and the standard library. `resolve` gives the canonical
    name for the text of a `load` and the module that it stands in, where the host has names of its own for modules;
    such programs are not cached, for it decides what their texts mean."""
    names = list(prelude) if dialect.flows else []
    builder = _Builder(read, cache if resolve is None else None, dialect, predeclared, resolve)
    for name in names:
        builder.add(name, is_prelude=True)
    builder.add(entry, is_prelude=False)
    programs = () if builder.has_errors else tuple(builder.programs.values())
    return Build(entry, programs, names, builder.sources, builder.diagnostics)


class _Builder:
    def __init__(
        self, read: Callable[[str], SourceFile], cache: ProgramCache | None, dialect: Dialect, given: Iterable[str],
        resolve: Callable[[str, str], str] | None,
    ) -> None:  # fmt: skip
        self._own_names = resolve
        self._read = read
        self._cache = cache
        self._dialect = dialect
        self._universe = universe_of(dialect)
        self._given = frozenset(given)
        self.programs: dict[str, Program] = {}
        self.sources: dict[str, SourceFile] = {}
        self.diagnostics: list[Diagnostic] = []
        self.has_errors = False
        self._prelude_names: set[str] = set()

    def add(self, name: str, *, is_prelude: bool) -> None:
        """Adds a module and all that it loads."""
        if name not in self.programs:
            found = self._from_cache(name) if self._cache is not None else None
            if found is not None:
                self.programs.update(found)
            else:
                with collection_paused():
                    self._compile(name)
        if is_prelude and name in self.programs:
            self._prelude_names.update(self.programs[name].exports)

    def predeclared(self, module: str) -> frozenset[str]:
        """The names that a module sees and neither binds nor loads. Bundled modules see none of the host's, which
        may hide names that they rely on."""
        from flowlang.lang.resolve.load_source import library_of

        return frozenset(self._prelude_names if library_of(module) else {*self._prelude_names, *self._given})

    def read(self, name: str) -> SourceFile:
        """The source of a module, read once."""
        source = self.sources.get(name)
        if source is None:
            self._check_library(name)
            source = self.sources[name] = self._read(name)
        return source

    def _resolve(self, text: str, from_module: str) -> str:
        from flowlang.lang.resolve.load_source import library_of, resolve_source

        if self._own_names is None or library_of(from_module):
            return resolve_source(text, from_module)
        return self._own_names(text, from_module)

    def _check_library(self, name: str) -> None:
        from flowlang.lang.resolve.load_source import LoadProblem, library_of

        if not self._dialect.flows and library_of(name):
            raise LoadProblem(
                "load-unknown-package",
                f"the standard dialect has no package `{library_of(name)}`",
                hint="bundled modules are written for flows; use the flow dialect, or load modules of your own",
            )

    def _from_cache(self, entry: str) -> dict[str, Program] | None:
        """The entry and what it loads, in order, if all of it is in the cache and fits together."""
        from flowlang.lang.resolve.load_source import LoadProblem

        found: dict[str, Program] = {}
        state: dict[str, bool] = {}
        stack = [entry]
        while stack:
            name = stack[-1]
            if name == PRELUDE or name in self.programs or state.get(name):
                stack.pop()
                continue
            if name in state:
                state[name] = True
                program = found.pop(name)
                found[name] = program
                stack.pop()
                continue
            try:
                cached = self._cached_program(self.read(name))
            except LoadProblem:
                return None
            if cached is None:
                return None
            state[name] = False
            found[name] = cached
            needed = [load.module for load in cached.loads]
            if any(state.get(module) is False for module in needed):
                return None
            stack += needed
        return found if self._fits(found) else None

    def _fits(self, found: Mapping[str, Program]) -> bool:
        offered = {name: set(program.exports) for name, program in {**self.programs, **found}.items()}
        offered[PRELUDE] = self._offered_by_prelude()
        return all(load.original in offered[load.module] for program in found.values() for load in program.loads)

    def _cached_program(self, source: SourceFile) -> Program | None:
        assert self._cache is not None
        data = self._cache.get(self._key(source))
        if data is None:
            return None
        try:
            return load_program(data)
        except (ValueError, EOFError, TypeError, KeyError):
            return None

    def _key(self, source: SourceFile) -> str:
        environment = _environment(self._dialect, self._universe | self.predeclared(source.name))
        parts = (environment, source.name, source_digest(source.text))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def _offered_by_prelude(self) -> set[str]:
        return set(exported_by_prelude(self._prelude_names)) if self._dialect.flows else set()

    def _compile(self, entry: str) -> None:
        from flowlang.lang.compile.lowering import compile_module
        from flowlang.lang.resolve.after_error import sure_findings
        from flowlang.lang.resolve.load_graph import load_modules
        from flowlang.lang.resolve.resolver import resolve
        from flowlang.lang.syntax.parser import parse

        def analyse(source: SourceFile) -> Any:
            file, diagnostics = parse(source)
            predeclared = self.predeclared(source.name)
            found = resolve(
                file, source, is_universal=self._universe.__contains__, is_predeclared=predeclared.__contains__,
                candidates=lambda: sorted(self._universe | predeclared), dialect=self._dialect,
            )  # fmt: skip
            return file, [*diagnostics, *sure_findings(found, source, diagnostics)]

        graph = load_modules(
            entry, self.read, analyse, prelude_exports=self._offered_by_prelude(), resolve=self._resolve
        )
        known = set(self.programs)
        self.diagnostics += [finding for finding in graph.diagnostics if _module_of(finding) not in known]
        if graph.has_errors:
            self.has_errors = True
            return
        noisy = {_module_of(finding) for finding in graph.diagnostics}
        for module in graph.modules:
            if module.name in known:
                continue
            program = compile_module(
                module.file, module.source, partial(self._resolve, from_module=module.name),
                may_recurse=self._dialect.recursion,
            )  # fmt: skip
            self.programs[module.name] = program
            if self._cache is not None and module.name not in noisy:
                self._cache.put(self._key(module.source), dump_program(program))


@lru_cache(maxsize=64)
def _environment(dialect: Dialect, names: frozenset[str]) -> str:
    """What else than its text decides what a module compiles to."""
    listed = ",".join(sorted(names))
    return f"{LANGUAGE_VERSION} {COMPILER_VERSION} {MAGIC_NUMBER.hex()} {attrs.astuple(dialect)} {listed}"


def _module_of(finding: Diagnostic) -> str:
    return finding.primary.source.name if finding.primary is not None else ""
