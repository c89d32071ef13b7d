"""What each statement does, by walking the tree.

A statement tells how the block goes on: not at all (None), to the end or the next turn of the loop, or out of the
function with a value. What iterates a container holds it until the loop is left, on whatever way.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any, TypeAlias

import attrs

from flowlang.lang.eval import operators
from flowlang.lang.resolve.scope import ModuleScope
from flowlang.lang.syntax import nodes
from flowlang.lang.values.fault import FailSignal, Fault, Stop
from reference import function
from reference.environment import Environment
from reference.expression import BINARY, Walker, held

IN_PLACE = {
    **BINARY, "+": operators.add_in_place, "|": operators.or_in_place, "&": operators.and_in_place,
    "^": operators.xor_in_place, "-": operators.subtract_in_place,
}  # fmt: skip


class Jump(Enum):
    """Where a loop goes on."""

    BREAK = "break"
    CONTINUE = "continue"


@attrs.frozen
class Returned:
    """The function ends with a value."""

    value: Any


Completion: TypeAlias = Jump | Returned | None


def execute_module(walker: Walker, file: nodes.File, environment: Environment) -> None:
    """Runs a module's top level. Functions that exist from the start are made first."""
    scope = file.scope
    assert isinstance(scope, ModuleScope)
    for statement in file.body:
        if isinstance(statement, nodes.Def) and statement.name.name in scope.hoisted:
            has_defaults = any(parameter.default is not None for parameter in statement.parameters)
            made = _function(walker, statement, environment, None if has_defaults else {})
            environment.assign(statement.name, made)
    execute_block(walker, file.body, environment)


def execute_function(walker: Walker, body: Sequence[nodes.Statement], environment: Environment) -> Any:
    """Runs a function's body and gives what it returns."""
    completion = execute_block(walker, body, environment)
    return completion.value if isinstance(completion, Returned) else None


def execute_block(walker: Walker, body: Sequence[nodes.Statement], environment: Environment) -> Completion:
    """Runs statements in order, up to the first that leads away."""
    for statement in body:
        try:
            completion = _execute(walker, statement, environment)
        except (Fault, FailSignal, Stop):
            walker.failed_at = walker.failed_at or statement.span
            raise
        if completion is not None:
            return completion
    return None


def _execute(walker: Walker, statement: nodes.Statement, environment: Environment) -> Completion:
    match statement:
        case nodes.ExprStatement():
            walker.evaluate(statement.value, environment)
        case nodes.Assign():
            value = walker.evaluate(statement.value, environment)
            for target in statement.targets:
                walker.assign(target, value, environment)
        case nodes.AugmentedAssign():
            _augment(walker, statement, environment)
        case nodes.If():
            return _if(walker, statement, environment)
        case nodes.For():
            return _for(walker, statement, environment)
        case nodes.While():
            return _while(walker, statement, environment)
        case nodes.Def():
            _define(walker, statement, environment)
        case nodes.Return():
            return Returned(None if statement.value is None else walker.evaluate(statement.value, environment))
        case nodes.Break():
            return Jump.BREAK
        case nodes.Continue():
            return Jump.CONTINUE
        case nodes.Pass():
            pass
        case _:
            raise AssertionError(statement)
    return None


def _augment(walker: Walker, statement: nodes.AugmentedAssign, environment: Environment) -> None:
    """The target's parts are evaluated once, then its old value, then the right side."""
    operation = IN_PLACE[statement.op[:-1]]
    target = statement.target
    if isinstance(target, nodes.Name):
        old = walker.evaluate(target, environment)
        environment.assign(target, operation(old, walker.evaluate(statement.value, environment)))
    elif isinstance(target, nodes.Index):
        container = walker.evaluate(target.value, environment)
        index = walker.evaluate(target.index, environment)
        old = operators.index(container, index)
        new = operation(old, walker.evaluate(statement.value, environment))
        operators.set_index(container, index, new)
    else:
        assert isinstance(target, nodes.Dot)
        receiver = walker.evaluate(target.value, environment)
        old = operators.attribute(receiver, target.name)
        new = operation(old, walker.evaluate(statement.value, environment))
        operators.set_attribute(receiver, target.name, new)


def _if(walker: Walker, statement: nodes.If, environment: Environment) -> Completion:
    for branch in statement.branches:
        if walker.evaluate(branch.test, environment):
            return execute_block(walker, branch.body, environment)
    return execute_block(walker, statement.orelse, environment)


def _for(walker: Walker, statement: nodes.For, environment: Environment) -> Completion:
    source = walker.evaluate(statement.iterable, environment)
    with held(source):
        for item in operators.iterate(source):
            walker.assign(statement.target, item, environment)
            completion = execute_block(walker, statement.body, environment)
            if completion is Jump.BREAK:
                break
            if isinstance(completion, Returned):
                return completion
    return None


def _while(walker: Walker, statement: nodes.While, environment: Environment) -> Completion:
    while walker.evaluate(statement.test, environment):
        completion = execute_block(walker, statement.body, environment)
        if completion is Jump.BREAK:
            break
        if isinstance(completion, Returned):
            return completion
    return None


def _define(walker: Walker, statement: nodes.Def, environment: Environment) -> None:
    defaults = function.evaluate_defaults(walker, statement.parameters, environment)
    if statement.name.binding.is_function:
        function.give_defaults(environment.read(statement.name), defaults)
    else:
        environment.assign(statement.name, _function(walker, statement, environment, defaults))


def _function(
    walker: Walker, statement: nodes.Def, environment: Environment, defaults: function.Defaults | None
) -> Any:
    return function.make_function(
        walker, statement.name.name, statement.parameters, statement.body, statement.scope, environment, defaults
    )
