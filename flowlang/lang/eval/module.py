"""Module instances: a program with its values, in one evaluation.

A module runs once per evaluation and is frozen afterwards. Its globals live in one Python dict, together with the
services that its code names (`naming.py` keeps the two apart).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import islice
from types import CodeType, FunctionType
from typing import Any

from flowlang.lang.compile.naming import CLONE, DIRECT, is_script_name, python_name
from flowlang.lang.compile.program import Program
from flowlang.lang.values.fault import FailSignal
from flowlang.lang.values.freeze import freeze_all
from flowlang.lang.values.result import Err


class Module:
    """One module of one evaluation. `name` is its canonical name; `is_finished` after its top level ran, `is_silent`
    when that told nobody anything: then another evaluation with the same meter can take the module as it is."""

    __slots__ = ("given", "globals", "is_finished", "is_silent", "name", "program")

    def __init__(self, program: Program, names: dict[str, Any]) -> None:
        self.program = program
        self.name = program.name
        self.globals = names
        self.is_finished = False
        self.is_silent = False
        names["$module"] = self
        names["__builtins__"] = {}
        self.given = len(names)

    def run(self, depth: int = 0) -> None:
        """Runs the top level."""
        for code in self.program.codes:
            FunctionType(code, self.globals)(depth)

    def finish(self) -> None:
        """Freezes the module's values, after its top level ran (or failed)."""
        self.is_finished = True
        freeze_all(self.own_values())

    def own_values(self) -> Iterator[Any]:
        """The values of the names that the script bound, which come after all that the module was given."""
        bound = islice(self.globals.items(), self.given, None)
        return (value for name, value in bound if is_script_name(name))

    def exports(self) -> Mapping[str, Any]:
        """What other modules may load: bound public names."""
        names = self.globals
        return {name: names[python_name(name)] for name in self.program.exports if python_name(name) in names}


def freeze_with_globals(values: Iterable[Any]) -> None:
    """Freezes values and, for each function that they reach, the globals that its code refers to while its module
    is still running: a flow must not see changes, nor leave any behind. Finished modules are frozen already."""
    functions: list[FunctionType] = []
    seen: set[FunctionType] = set()
    freeze_all(values, functions.append)
    while functions:
        function = functions.pop()
        if function not in seen:
            seen.add(function)
            freeze_all(_referred_globals(function), functions.append)


def _referred_globals(function: FunctionType) -> list[Any]:
    module = function.__globals__.get("$module")
    if module is None or module.is_finished:
        return []
    names: set[str] = set()
    codes = [function.__code__]
    while codes:
        code = codes.pop()
        names.update(name.removeprefix(CLONE).removeprefix(DIRECT) for name in code.co_names)
        codes += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return [module.globals[name] for name in sorted(names) if is_script_name(name) and name in module.globals]


_known: tuple[Sequence[Program], Set[str], Sequence[Program]] | None = None
"""What was asked for last, with the answer: many runs of the same programs come one after the other."""


def needed_programs(programs: Sequence[Program], prelude: Set[str]) -> Sequence[Program]:
    """All but those of the prelude that no other one refers to: their top levels only bind names."""
    global _known
    known = _known
    if known is not None and known[0] is programs and known[1] == prelude:
        return known[2]
    needed = _find_needed(programs, prelude)
    _known = programs, prelude, needed
    return needed


def _find_needed(programs: Sequence[Program], prelude: Set[str]) -> Sequence[Program]:
    names: set[str] = set()
    modules: set[str] = set()
    needed = []
    for program in reversed(programs):
        if program.name in prelude and program.name not in modules and names.isdisjoint(program.exports):
            continue
        needed.append(program)
        names.update(program.predeclared)
        for load in program.loads:
            modules.add(load.module)
            names.add(load.original)
    return needed[::-1]


def plain_statement(value: Any) -> Any:
    """A statement that is an expression, anywhere but at the top level of the root flow."""
    return value


def root_statement(value: Any) -> Any:
    """The same at the top level of the root flow: an Err that nobody looks at ends the run with it."""
    if type(value) is Err:
        raise FailSignal(value.error, value.failure)
    return value
