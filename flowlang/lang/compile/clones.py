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
from flowlang.lang.compile.static_type import Type
from flowlang.lang.compile.versions import SIZE_MAX, KnownFunction, KnownNames
from flowlang.lang.resolve.scope import Binding
from flowlang.lang.syntax import nodes

CONTAINERS: Final = frozenset({"list", "dict"})
MAKING: Final = (nodes.Name, nodes.ListExpr, nodes.Comprehension, nodes.Binary, nodes.Index, nodes.Slice)
"""Expressions that make containers, or pass on what was made here."""


def make_clones(known: KnownNames) -> None:
    """Finds the calls that can reach clones, and solves the types of clones and their callers together."""
    trials = _trials(known)
    if not trials:
        return
    for function in known.functions:
        if function in trials:
            function.clone = Dataflow()
            function.clone.parameters = function.parameters
    flows: list[Dataflow] = []

    def walked(old: Dataflow, walk: Callable[[Dataflow], None]) -> Dataflow:
        reaching = {id(call): clone for call, clone in _reaching(known, old)}
        if not reaching:
            return old
        flow = Dataflow(clones=reaching)
        flows.append(flow)
        walk(flow)
        return flow

    for function in known.functions:
        node = function.definition
        if function.clone is not None:
            function.clone.clones = {id(call): clone for call, clone in _reaching(known, trials[function])}
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
        flow.sharing.settle()
    crossed = {id(cell.root()) for flow in flows for cell in flow.crossed}
    for flow in flows:
        for cell, changed in flow.sharing.changed:
            if id(cell.root()) in crossed and not flow.sharing.is_private(changed):
                cell.spoil()


def _trials(known: KnownNames) -> dict[KnownFunction, Dataflow]:
    """The functions that receive containers of which the caller knows all, each walked as if these parameters were
    containers: so it is found what they pass on in turn."""
    passed: dict[KnownFunction, dict[Binding, Type]] = {}
    trials: dict[KnownFunction, Dataflow] = {}
    waiting = [known.top, *(function.typed for function in known.functions)]
    while waiting:
        flow = waiting.pop()
        for function, call in _known_calls(known, flow):
            given = passed.setdefault(function, {})
            new = {
                binding: Type(flow.inference.type_of(argument.value).name)
                for binding, argument in zip(function.parameters, call.arguments, strict=True)
                if binding not in given and _is_container(flow, argument.value)
            }
            if new:
                given.update(new)
                node = function.definition
                trials[function] = Dataflow()
                trials[function].function(node.parameters, node.body, given)
                Inference(trials[function], known)
                waiting.append(trials[function])
    return trials


def _reaching(known: KnownNames, flow: Dataflow) -> Iterator[tuple[nodes.Call, Dataflow]]:
    """The calls of a function that reach clones."""
    for function, call in _known_calls(known, flow):
        if function.clone is not None and any(_is_container(flow, argument.value) for argument in call.arguments):
            yield call, function.clone


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
    if isinstance(node, nodes.Call):
        is_copy = isinstance(node.function, nodes.Name) and node.function.name == "list"
        return is_copy and flow.inference.type_of(node).name in CONTAINERS
    return isinstance(node, MAKING) and flow.inference.type_of(node).name in CONTAINERS
