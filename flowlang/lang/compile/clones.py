"""Clones: functions that are only called with containers that their callers keep to themselves.

    def fill(rows, value): …            def run(n):
                                            rows = [[0] * n for _ in range(n)]
                                            fill(rows, 1)

Anybody may call `fill` with anything, so its code can be sure of nothing. But this call in `run` is known, and `rows`
is a list that nobody else knows. So the function is made once more, for calls of this kind alone: its parameters hold
what these calls give, `rows` does not escape by being passed to it, and lists stay plain on both sides.

A clone has another name in generated code (`naming.CLONE`) and the same name in tracebacks. Functions with defaults or
with other than plain parameters have none, nor have those that do not exist from the module's start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from flowlang.lang.compile.dataflow import Dataflow
from flowlang.lang.compile.inference import Inference, solve
from flowlang.lang.compile.versions import SIZE_MAX, KnownFunction, KnownNames
from flowlang.lang.resolve.scope import Binding
from flowlang.lang.syntax import nodes

CONTAINERS: Final = frozenset({"list", "dict"})


def make_clones(known: KnownNames) -> None:
    """Finds the calls that can reach clones, and solves the types of clones and their callers together."""
    passed = _passed_containers(known)
    if not passed:
        return
    for function in known.functions:
        if not passed.isdisjoint(function.parameters):
            function.clone = Dataflow()
            function.clone.parameters = function.parameters
    flows: list[Dataflow] = []

    def walked(old: Dataflow, walk: Callable[[Dataflow], None]) -> Dataflow:
        reaching = {id(call): clone for call, clone in _reaching(known, old, frozenset())}
        if not reaching:
            return old
        flow = Dataflow(clones=reaching)
        flows.append(flow)
        walk(flow)
        return flow

    for function in known.functions:
        node = function.definition
        if function.clone is not None:
            inside = frozenset(passed.intersection(function.parameters))
            function.clone.clones = {id(call): clone for call, clone in _reaching(known, function.plain, inside)}
            flows.append(function.clone)
            function.clone.clone(node.body)
        # Where there is a version for likely types, the other one is sure of too little.
        given = function.given
        function.typed = walked(
            function.typed,
            lambda flow, node=node, given=given: flow.function(node.parameters, node.body, given),  # type: ignore[misc]
        )
        if not given:
            function.plain = function.typed
    known.top = walked(known.top, lambda flow: flow.module(known.body))
    _keep_locks(flows)
    solve([Inference(flow, known, is_module=flow is known.top, is_joint=True) for flow in flows])


def _keep_locks(flows: list[Dataflow]) -> None:
    """A container that is passed to a clone in a loop over it, and is changed by any, must be able to say no."""
    for flow in flows:
        flow.settle()
    crossed = {id(cell.root()) for flow in flows for cell in flow.crossed}
    for flow in flows:
        for cell in flow.changed:
            if id(cell.root()) in crossed:
                cell.spoil()


def _passed_containers(known: KnownNames) -> set[Binding]:
    """The parameters that receive containers of which the caller knows all."""
    passed: set[Binding] = set()
    for flow in [known.top, *(function.typed for function in known.functions)]:
        for function, call in _known_calls(known, flow):
            for binding, argument in zip(function.parameters, call.arguments, strict=True):
                if _is_container(flow, argument.value):
                    passed.add(binding)
    changed = bool(passed)
    while changed:
        before = len(passed)
        for outer in known.functions:
            for function, call in _known_calls(known, outer.plain):
                for binding, argument in zip(function.parameters, call.arguments, strict=True):
                    value = argument.value
                    if isinstance(value, nodes.Name) and value.binding in passed:
                        passed.add(binding)
        changed = len(passed) > before
    return passed


def _reaching(known: KnownNames, flow: Dataflow, inside: frozenset[Binding]) -> Iterator[tuple[nodes.Call, Dataflow]]:
    """The calls of a function that reach clones. `inside`: its own parameters that are known containers."""
    for function, call in _known_calls(known, flow):
        if function.clone is None:
            continue
        for argument in call.arguments:
            value = argument.value
            is_inside = isinstance(value, nodes.Name) and value.binding in inside
            if is_inside or _is_container(flow, value):
                yield call, function.clone
                break


def _known_calls(known: KnownNames, flow: Dataflow) -> Iterator[tuple[KnownFunction, nodes.Call]]:
    """The calls in a function whose callee could have a clone."""
    for call in flow.calls:
        function = known.get(call.function)
        if function is None or not _may_have_clone(function) or len(call.arguments) != len(function.parameters):
            continue
        if all(argument.kind == "positional" for argument in call.arguments):
            yield function, call


def _may_have_clone(function: KnownFunction) -> bool:
    node = function.definition
    return (
        node.name.binding.is_function
        and function.plain.size <= SIZE_MAX
        and all(part.kind == "plain" and part.default is None for part in node.parameters)
    )


def _is_container(flow: Dataflow, node: nodes.Expr) -> bool:
    """Whether the value is a container that was made here, as far as one function tells."""
    if not isinstance(node, (nodes.Name, nodes.ListExpr, nodes.Comprehension, nodes.Binary, nodes.Index)):
        return False
    return flow.inference.type_of(node).name in CONTAINERS
