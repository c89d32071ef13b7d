"""Where names keep their values while the reference evaluator runs.

An environment belongs to one execution of a scope of the resolver: the module, one call of a function, one evaluation
of a comprehension. A name is looked for in the nearest environment whose scope is the one that binds it, which is all
that lexical scoping means. Values are found through the environment when they are needed and never copied, so
closures see later assignments by themselves.
"""

from __future__ import annotations

from typing import Any

import attrs

from flowlang.lang.resolve.scope import Binding, BindingKind, Scope
from flowlang.lang.syntax.nodes import Call, Name
from flowlang.lang.values.fault import Fault


@attrs.define(eq=False)
class Environment:
    """The values of one scope's names. `depth`: how many calls are open. `universe`: the names of the language.
    `entry`: the arguments with which a function was entered. `caller`: the call that entered it, and where that stands;
    None of calls by builtins."""

    scope: Scope
    parent: Environment | None
    depth: int
    universe: dict[str, Any]
    values: dict[str, Any] = attrs.field(factory=dict)
    entry: dict[str, Any] = attrs.field(factory=dict)
    caller: tuple[Call, Environment] | None = None

    def inside(self, scope: Scope, depth: int) -> Environment:
        """A new environment within this one."""
        return Environment(scope, self, depth, self.universe)

    def read(self, name: Name) -> Any:
        """The value of a name, or the Fault that it has none yet."""
        binding = name.binding
        if binding.kind in (BindingKind.UNIVERSAL, BindingKind.PREDECLARED):
            return self.universe[name.name]
        home = self._home(binding)
        if name.name not in home.values:
            raise Fault("used-before-assignment", f"`{name.name}` is used before it is assigned")
        return home.values[name.name]

    def assign(self, name: Name, value: Any) -> None:
        """Gives a name its value."""
        self._home(name.binding).values[name.name] = value

    def _home(self, binding: Binding) -> Environment:
        environment = self
        while environment.scope.names.get(binding.name) is not binding:
            assert environment.parent is not None, binding
            environment = environment.parent
        return environment
