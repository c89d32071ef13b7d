"""The pipeline on one screen: read, parse, resolve, compile; and what an evaluation of the result needs.

`build` gives all programs that a script needs, in dependency order, or the diagnostics that say why not. A program
cache makes a second build of the same text a matter of reading: when every module is found in it, nothing is parsed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from importlib.util import MAGIC_NUMBER
from typing import Any, Final, Protocol

import attrs

from flowlang.lang.compile.program import COMPILER_VERSION, Program, dump_program, load_program, source_digest
from flowlang.lang.diagnostics.diagnostic import Diagnostic, Severity
from flowlang.lang.source import SourceFile
from flowlang.lang.universe.core import UNIVERSE as PURE_UNIVERSE
from flowlang.lang.universe.flows import FLOW_UNIVERSE, exported_by_prelude
from flowlang.lang.universe.json_module import JSON
from flowlang.lang.universe.math_module import MATH

LANGUAGE_VERSION: Final = "1"
"""Grows when a script may mean something else than before. Runs are pinned to it."""

UNIVERSE: Final[Mapping[str, Any]] = {**PURE_UNIVERSE, "json": JSON, "math": MATH, **FLOW_UNIVERSE}
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


def build(
    entry: str, read: Callable[[str], SourceFile], prelude: Iterable[str], cache: ProgramCache | None = None
) -> Build:
    """Builds the module `entry`. `read` gives the source of a canonical name or raises LoadProblem; `prelude` names
    the modules whose public names every other module sees."""
    names = list(prelude)
    builder = _Builder(read, cache)
    for name in names:
        builder.add(name, is_prelude=True)
    builder.add(entry, is_prelude=False)
    programs = () if builder.has_errors else tuple(builder.programs.values())
    return Build(entry, programs, names, builder.sources, builder.diagnostics)


class _Builder:
    def __init__(self, read: Callable[[str], SourceFile], cache: ProgramCache | None) -> None:
        self._read = read
        self._cache = cache
        self.programs: dict[str, Program] = {}
        self.sources: dict[str, SourceFile] = {}
        self.diagnostics: list[Diagnostic] = []
        self.has_errors = False
        self._predeclared: set[str] = set()
        self._environment = ""

    def add(self, name: str, *, is_prelude: bool) -> None:
        """Adds a module and all that it loads."""
        if name not in self.programs:
            self._environment = _environment(self._predeclared)
            found = self._from_cache(name) if self._cache is not None else None
            if found is not None:
                self.programs.update(found)
            else:
                self._compile(name)
        if is_prelude and name in self.programs:
            self._predeclared.update(self.programs[name].exports)

    def read(self, name: str) -> SourceFile:
        """The source of a module, read once."""
        source = self.sources.get(name)
        if source is None:
            source = self.sources[name] = self._read(name)
        return source

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
        offered[PRELUDE] = set(exported_by_prelude(self._predeclared))
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
        parts = (self._environment, source.name, source_digest(source.text))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def _compile(self, entry: str) -> None:
        from flowlang.lang.compile.lowering import compile_module
        from flowlang.lang.resolve.dialect import FLOW
        from flowlang.lang.resolve.load_graph import load_modules
        from flowlang.lang.resolve.load_source import resolve_source
        from flowlang.lang.resolve.resolver import resolve
        from flowlang.lang.syntax.parser import parse

        def analyse(source: SourceFile) -> Any:
            file, diagnostics = parse(source)
            found = resolve(
                file, source, is_universal=UNIVERSE.__contains__, is_predeclared=self._predeclared.__contains__,
                candidates=lambda: [*UNIVERSE, *self._predeclared], dialect=FLOW,
            )  # fmt: skip
            broken = [finding for finding in diagnostics if finding.severity is Severity.ERROR]
            return file, [*diagnostics, *(finding for finding in found if _is_sure(finding, source, broken))]

        graph = load_modules(entry, self.read, analyse, prelude_exports=exported_by_prelude(self._predeclared))
        known = set(self.programs)
        self.diagnostics += [finding for finding in graph.diagnostics if _module_of(finding) not in known]
        if graph.has_errors:
            self.has_errors = True
            return
        noisy = {_module_of(finding) for finding in graph.diagnostics}
        for module in graph.modules:
            if module.name in known:
                continue
            program = compile_module(module.file, module.source, partial(resolve_source, from_module=module.name))
            self.programs[module.name] = program
            if self._cache is not None and module.name not in noisy:
                self._cache.put(self._key(module.source), dump_program(program))


def _environment(predeclared: Iterable[str]) -> str:
    """What else than its text decides what a module compiles to."""
    names = ",".join(sorted({*UNIVERSE, *predeclared}))
    return f"{LANGUAGE_VERSION} {COMPILER_VERSION} {MAGIC_NUMBER.hex()} {names}"


def _is_sure(finding: Diagnostic, source: SourceFile, broken: Sequence[Diagnostic]) -> bool:
    """Whether a finding of the resolver stands although parts of the module did not parse: a name is only said to be
    undefined when it does not occur in a line with a syntax error, which may be where it is bound."""
    if not broken or finding.slug != "undefined-name" or finding.primary is None:
        return True
    line, start, _, end = finding.primary.span
    name = source.line(line)[start:end]
    lines = {label.span[0] for diagnostic in broken for label in (diagnostic.primary, *diagnostic.labels) if label}
    stands_in = f"`{name}`" not in finding.message
    return not stands_in and not any(re.search(rf"\b{re.escape(name)}\b", source.line(number)) for number in lines)


def _module_of(finding: Diagnostic) -> str:
    return finding.primary.source.name if finding.primary is not None else ""
