"""Modules as a host sees them: their values, and calls of their functions.

A module has run when the host gets it, and is frozen. Every call is one evaluation under a budget of its own. Modules
can be called from any number of threads at once (`pool.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flowlang.embedding.gate import conversion_error
from flowlang.embedding.pool import Pool
from flowlang.embedding.usage import Usage, Watch
from flowlang.errors import UsageError
from flowlang.lang.compile.naming import python_name
from flowlang.lang.diagnostics.diagnostic import Diagnostic
from flowlang.lang.diagnostics.suggest import nearest
from flowlang.lang.universe.callback import is_callable
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.protocol import type_name


class Module:
    """One module that has run. `name` is its canonical name, `usage` what running it took, `diagnostics` the warnings
    about it and what it loads."""

    def __init__(self, pool: Pool, name: str, watch: Watch) -> None:
        self._pool = pool
        self._watch = watch
        self.name = name

    def __repr__(self) -> str:
        return f"<Module {self.name}>"

    @property
    def usage(self) -> Usage:
        """What running the module took."""
        return self._pool.usage

    @property
    def diagnostics(self) -> Sequence[Diagnostic]:
        """Warnings about the module and what it loads."""
        return self._pool.setting.build.diagnostics

    @property
    def globals(self) -> Mapping[str, Any]:
        """The public names that the module binds, in the order of its text. Each value is converted when it is asked
        for; functions are handles that can be called."""
        return Globals(self._pool, self.name)

    def call(self, name: str, /, *positional: Any, **keywords: Any) -> Any:
        """Calls a public function or flow of the module with Python objects, and gives its result as one. Raises
        EvaluationError when the script fails, UsageError when there is no such function, ConversionError for an
        argument or a result that cannot cross."""
        self._check_name(name)
        return self._pool.call_place((self.name, name), positional, keywords)

    @property
    def script_values(self) -> Mapping[str, Any]:
        """The public names with the script's own values, as `flowlang eval` writes them. Not for hosts: nothing keeps
        such values apart from those of calls that are under way."""
        return self._pool.first.evaluation.modules[self.name].exports()

    def cancel(self) -> None:
        """Ends all evaluations of the module that are under way, with `Cancelled`. Safe from any thread."""
        self._watch.cancel_running()

    def _check_name(self, name: str) -> None:
        exports = self._pool.first.evaluation.modules[self.name].exports()
        if name not in exports:
            similar = nearest(name, [each for each, value in exports.items() if is_callable(value)])
            hint = f"did you mean `{similar}`?" if similar else None
            raise UsageError(f"`{self.name}` has no public name `{name}`", hint=hint)
        if not is_callable(exports[name]):
            raise UsageError(f"`{name}` of `{self.name}` is {type_name(exports[name])}, which cannot be called")


class Globals(Mapping[str, Any]):
    """The public names of a module; see `Module.globals`."""

    def __init__(self, pool: Pool, module: str) -> None:
        self._pool = pool
        self._module = pool.first.evaluation.modules[module]

    def __getitem__(self, name: str) -> Any:
        exports = self._module.program.exports
        stored = python_name(name)
        if name not in exports or stored not in self._module.globals:
            raise KeyError(name)
        gate = self._pool.first.evaluation.gate
        assert gate is not None
        try:
            return gate.leave(self._module.globals[stored], name)
        except Fault as fault:
            raise conversion_error(fault, name) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._module.exports())

    def __len__(self) -> int:
        return len(self._module.exports())

    def __repr__(self) -> str:
        return f"<Globals {', '.join(self)}>"
