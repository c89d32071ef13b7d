"""Functions of the reference evaluator: made from their parameters and body, called with bound arguments.

A function value is a host function, as values of that type have to be, so builtins such as `sorted(key = f)` can call
it. Its name is all that a script sees of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flowlang.lang.eval.failure import too_deep
from flowlang.lang.resolve.scope import Scope
from flowlang.lang.syntax import nodes
from flowlang.lang.values.container import Dict
from flowlang.lang.values.fault import Fault
from reference.environment import Environment

if TYPE_CHECKING:
    from reference.expression import Walker

Defaults = dict[str, Any]


def evaluate_defaults(walker: Walker, parameters: Sequence[nodes.Parameter], environment: Environment) -> Defaults:
    """The defaults by the names of their parameters, evaluated once, in order, where the function is made."""
    return {
        parameter.name.name: walker.evaluate(parameter.default, environment)
        for parameter in parameters
        if parameter.name is not None and parameter.default is not None
    }


def make_function(
    walker: Walker, name: str, parameters: Sequence[nodes.Parameter], body: list[nodes.Statement], scope: Scope,
    environment: Environment, defaults: Defaults | None,
) -> Any:  # fmt: skip
    """A function value. `defaults` None: the function exists already, but its `def` has yet to give it defaults
    (`give_defaults`); until then it cannot be called."""
    from reference.statement import execute_function

    given: list[Defaults | None] = [defaults]

    def call(depth: int, /, *positional: Any, **keywords: Any) -> Any:
        if given[0] is None:
            raise Fault("called-before-def", f"`{name}` has defaults, and is called before its `def` has run")
        inner = environment.inside(scope, depth)
        inner.caller, walker.calling = walker.calling, None
        inner.entry = bind(name, parameters, given[0], positional, keywords)
        inner.values.update(inner.entry)
        if depth > walker.depth_limit:
            raise too_deep(walker.depth_limit)
        if walker.may_recurse:
            return execute_function(walker, body, inner)
        if any(scope is entered for entered in walker.running):
            raise Fault("recursion", f"`{name}` is called while it runs")
        walker.running.append(scope)
        try:
            return execute_function(walker, body, inner)
        finally:
            walker.running.pop()

    call.__name__ = call.__qualname__ = name
    call.__dict__["reference_defaults"] = given
    return call


def give_defaults(function: Any, defaults: Defaults) -> None:
    """The `def` of a function that existed before it has run."""
    function.__dict__["reference_defaults"][0] = defaults


def bind(
    name: str, parameters: Sequence[nodes.Parameter], defaults: Defaults, positional: Sequence[Any],
    keywords: Mapping[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """The values of the parameters. Positional arguments fill the parameters before the star from left to right,
    what is left over goes to the star; keywords go to the parameter of their name, or to the double star."""
    plain, keyword_only, rest, others = sort_parameters(parameters)
    values: dict[str, Any] = dict(zip(plain, positional, strict=False))
    if rest is not None:
        values[rest] = tuple(positional[len(plain) :])
    elif len(positional) > len(plain):
        raise Fault("wrong-arguments", f"`{name}` takes {len(plain)} positional arguments, {len(positional)} given")
    collected: dict[str, Any] = {}
    for keyword, value in keywords.items():
        if keyword not in plain and keyword not in keyword_only:
            if others is None:
                raise Fault("wrong-arguments", f"`{name}` has no parameter `{keyword}`")
            collected[keyword] = value
        elif keyword in values:
            raise Fault("wrong-arguments", f"`{name}` got more than one value for the parameter `{keyword}`")
        else:
            values[keyword] = value
    if others is not None:
        values[others] = Dict(collected)
    for parameter in [*plain, *keyword_only]:
        if parameter not in values:
            if parameter not in defaults:
                raise Fault("wrong-arguments", f"`{name}` is missing the argument `{parameter}`")
            values[parameter] = defaults[parameter]
    return values


def sort_parameters(
    parameters: Sequence[nodes.Parameter],
) -> tuple[list[str], list[str], str | None, str | None]:
    """The names of parameters given by position or name, of those given by name only, of the star and of the double
    star."""
    plain: list[str] = []
    keyword_only: list[str] = []
    rest: str | None = None
    others: str | None = None
    has_star = False
    for parameter in parameters:
        name = parameter.name.name if parameter.name is not None else None
        if parameter.kind == "star":
            has_star, rest = True, name
        elif parameter.kind == "double_star":
            others = name
        elif name is not None:
            (keyword_only if has_star else plain).append(name)
    return plain, keyword_only, rest, others
