"""Direct versions: functions without the test of their arguments, for callers that are sure of them.

    def fib(n):
        if n < 2: return n
        return fib(n - 1) + fib(n - 2)

Whoever calls `fib` with something that inference knows to be a small int reaches a version that begins without a test
and is sure of its own calls in turn. As all calls of it are known, so are the types of its parameters: the join of
what these calls give. A recursion that adds a little each time makes an int that grows linearly (`static_type.py`).

Which calls are sure is decided first, as if such ints could be as large as any that grows linearly; only then are the
types made exact, so that no call can turn out to be sure later on.
"""

from __future__ import annotations

from collections.abc import Iterable

from flowlang.lang.compile.dataflow import Dataflow
from flowlang.lang.compile.inference import Inference, solve
from flowlang.lang.compile.inflow import ArgumentOf, literal_type
from flowlang.lang.compile.static_type import LINEAR, NOTHING, Type
from flowlang.lang.compile.versions import SMALL_INT, KnownFunction, KnownNames
from flowlang.lang.syntax import nodes
from flowlang.lang.syntax.weight import calls_something

SEQUENCES = frozenset({"list", "tuple", "str", "sequence"})


def make_direct(known: KnownNames) -> None:
    """Makes direct versions of the functions that have such callers. The types of all others are settled."""
    sites: list[tuple[Dataflow, nodes.Call, KnownFunction]] = []
    trials: dict[KnownFunction, Dataflow] = {}
    first_call = _first_call(known.body)
    waiting = [known.top, *(function.plain for function in known.functions)]
    waiting += [function.typed for function in known.functions if function.given]
    waiting += [function.clone for function in known.functions if function.clone is not None]
    while waiting:
        flow = waiting.pop()
        for call in flow.calls:
            function = known.get(call.function)
            if function is None or not _may_be_direct(function, first_call):
                continue
            if not _is_sure(function, call, flow.inference):
                continue
            sites.append((flow, call, function))
            if function not in trials:
                trials[function] = _trial(function)
                Inference(trials[function], known)
                waiting.append(trials[function])
    final: dict[Dataflow, Dataflow] = {}
    for function, trial in trials.items():
        function.direct = final[trial] = Dataflow()
        nothing = dict.fromkeys(function.parameters, NOTHING)
        function.direct.function(function.definition.parameters, function.definition.body, nothing)
    for flow, call, function in sites:
        _connect(final.get(flow, flow), call, function)
    solve([Inference(flow, known, is_joint=True) for flow in final.values()])


def _connect(flow: Dataflow, call: nodes.Call, function: KnownFunction) -> None:
    """A call in `flow` reaches the direct version of a function."""
    arguments = function.arguments(call)
    assert arguments is not None
    assert function.direct is not None
    flow.direct.add(id(call))
    for parameter, value in zip(function.definition.parameters, arguments, strict=True):
        assert parameter.name is not None
        source = literal_type(parameter.default) if value is None else ArgumentOf(flow, value)
        function.direct.sources[parameter.name.binding].append(source)


def _may_be_direct(function: KnownFunction, first_call: tuple[int, ...]) -> bool:
    """Not before the `def` has run and evaluated the defaults, unless there are none: that is an error of the call."""
    node = function.definition
    is_joined = bool(function.plain.clones or function.typed.clones)
    is_there = node.span < first_call or all(parameter.default is None for parameter in node.parameters)
    return bool(function.given) and node.name.binding.is_function and not is_joined and is_there


def _first_call(body: Iterable[nodes.Statement]) -> tuple[int, ...]:
    """The first statement of the top level that calls anything. What stands before is there when a function runs."""
    for statement in body:
        parts = statement.parameters if isinstance(statement, nodes.Def) else [statement]
        if any(calls_something(part) for part in parts):
            return statement.span
    return (1 << 31,)


def _trial(function: KnownFunction) -> Dataflow:
    """The version for arguments that are as large as can be."""
    flow = Dataflow()
    given = {binding: Type("int", LINEAR) if kind == SMALL_INT else kind for binding, kind in function.given.items()}
    flow.function(function.definition.parameters, function.definition.body, given)
    return flow


def _is_sure(function: KnownFunction, call: nodes.Call, inference: Inference) -> bool:
    """Whether a call is certain to give the function what its version for likely types asks for."""
    arguments = function.arguments(call)
    if arguments is None:
        return False
    for wanted, parameter, value in function.wanted(arguments):
        kind = literal_type(parameter.default) if value is None else inference.type_of(value)
        if wanted == SMALL_INT:
            if not kind.is_small:
                return False
        elif kind.name != wanted.name and not (wanted.name == "sequence" and kind.name in SEQUENCES):
            return False
    return True
