"""Functions in two versions: one for arguments of the types that its code suggests, one for all others.

    def f(%d, /, n, x):
        if type(n) is $int and type(x) is $float: … code without guards on n and x …
        else:                                     … the same with guards …

A parameter's likely type is read from what the function does with it: `n % 2`, `range(n)` and `items[n]` want an int,
`x * 0.5` a float. The guess costs speed when it is wrong, never the meaning.

The functions of a module that are bound once, by a `def` at top level, are known to those that call them
(`KnownNames`): how their parameters are called, and what the version for likely types returns. `fib(n - 1) +
fib(n - 2)` is then a sum of ints, for both calls are certain to reach the version for an int.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import attrs

from flowlang.lang.compile.dataflow import Dataflow
from flowlang.lang.compile.inference import Inference
from flowlang.lang.compile.inflow import always_returns, literal_type
from flowlang.lang.compile.static_type import (
    FLOAT,
    INT,
    NONE,
    NOTHING,
    SEQUENCE,
    STRING,
    UNKNOWN,
    Type,
    join,
    of_constant,
)
from flowlang.lang.resolve.scope import Binding, BindingKind
from flowlang.lang.syntax import nodes

HOT_WEIGHT: Final = 8
"""What a guard in a loop counts for, when it could be left out."""
WEIGHT_MIN: Final = 8
SMALL_SIZE: Final = 60
"""Functions up to this size are likely to be called from loops."""
SIZE_MAX: Final = 600
"""Larger functions are not made in two versions: they spend their time in what they call."""
GUESSES_MAX: Final = 6
"""So often is a guess of the parameters' types made better."""
ROUNDS_MAX: Final = 8
"""Rounds in which the functions of a module find out what they return."""
HINTS: Final = frozenset({"int", "float", "str"})
"""Types that a default value or an annotation may tell of."""
GROWING: Final = frozenset(["+", "-", "*"])
"""What is done with a parameter that it pays to know the size of."""
SMALL_INT: Final = Type("int", 30)
ONLY_INTS: Final = frozenset(["//", "%", "&", "|", "^", "<<", ">>"])
KINDS: Final[Mapping[frozenset[str], Type]] = {
    frozenset({"int"}): INT, frozenset({"float"}): FLOAT, frozenset({"int", "float"}): FLOAT,
    frozenset({"str"}): STRING, frozenset({"sequence"}): SEQUENCE, frozenset({"int", "str"}): STRING,
}  # fmt: skip


def likely_types(parameters: Iterable[nodes.Parameter], flow: Dataflow, inference: Inference) -> dict[Binding, Type]:
    """The types that a function seems to expect of its parameters; none if knowing them would save too little."""
    votes: dict[Binding, set[str]] = {
        parameter.name.binding: set()
        for parameter in parameters
        if parameter.kind == "plain" and parameter.name is not None
    }
    for parameter in parameters:
        if parameter.name is not None and parameter.name.binding in votes:
            hint = literal_type(parameter.default).name
            if isinstance(parameter.annotation, nodes.Name):
                hint = parameter.annotation.name
            if hint in HINTS:
                votes[parameter.name.binding].add(hint)
    weight = 0

    def vote(part: nodes.Expr, node: nodes.Expr, kind: str) -> None:
        nonlocal weight
        if kind and isinstance(node, nodes.Name) and node.binding in votes:
            votes[node.binding].add(kind)
            weight += HOT_WEIGHT if id(part) in flow.hot else 1

    added: set[Binding] = set()
    for operation in flow.operations:
        for side, other in ((operation.left, operation.right), (operation.right, operation.left)):
            if isinstance(side, nodes.Name) and side.binding in votes:
                kind = _wanted(operation.op, inference.type_of(other).name)
                if not kind and operation.op in GROWING and id(operation) in flow.inner_operations:
                    # A function is made once and called often: its captured variables are looked at when it is made.
                    kind = "int"
                vote(operation, side, kind)
                if operation.op in GROWING or (operation.op == "%" and side is operation.right):
                    added.add(side.binding)
    for indexed in flow.indexes:
        if inference.type_of(indexed.index).name == "int" and id(indexed) in flow.hot:
            vote(indexed, indexed.value, "sequence")
        if inference.type_of(indexed.value).name in ("list", "str") or id(indexed) in flow.hot:
            vote(indexed, indexed.index, "int")
    if weight < WEIGHT_MIN and flow.size > SMALL_SIZE:
        return {}
    found = {binding: KINDS.get(frozenset(kinds)) for binding, kinds in votes.items()}
    return {
        binding: SMALL_INT if kind is INT and binding in added else kind
        for binding, kind in found.items()
        if kind is not None
    }


def _wanted(op: str, other: str) -> str:
    """What an operation with a value of type `other` wants of its other side; empty if it may be much."""
    if op in ("in", "not in"):
        return ""
    if op in ONLY_INTS:
        return "int" if other in ("int", "?") else ""
    return other if other in ("int", "float", "str") else ""


def version_for(
    parameters: list[nodes.Parameter], body: list[nodes.Statement], flow: Dataflow, inference: Inference,
    own: Iterable[Binding] | None, outer: Inference | None,
) -> tuple[dict[Binding, Type], Dataflow] | None:  # fmt: skip
    """The types to test for, and the dataflow of the version for them; None if one version is enough. A parameter
    that is bound to something else in the function is left alone."""
    if flow.size > SIZE_MAX:
        return None
    given = likely_types(parameters, flow, inference)
    refused: set[Binding] = set()
    for _ in range(GUESSES_MAX):
        if not given:
            return None
        typed = Dataflow(own)
        typed.function(parameters, body, given)
        found = Inference(typed, inference.module, outer)
        wrong = {binding for binding, kind in given.items() if found.type_of_binding(binding).name != kind.name}
        refused |= wrong
        # What is known of some parameters may tell what is wanted of others.
        more = {} if wrong else likely_types(parameters, typed, found)
        new = {binding: kind for binding, kind in more.items() if binding not in given and binding not in refused}
        if not wrong and not new:
            return given, typed
        given = {binding: kind for binding, kind in (given | new).items() if binding not in wrong}
    return None


@attrs.define(eq=False)
class KnownFunction:
    """A function bound once, by a `def` at top level. `plain`: its dataflow; `typed`: that of the version for `given`.
    `result`: what it returns to arguments of these types, ints of any size among them, whatever version that is."""

    definition: nodes.Def
    plain: Dataflow
    given: dict[Binding, Type]
    typed: Dataflow
    returning: Dataflow
    result: Type = NOTHING
    clone: Dataflow | None = None
    direct: Dataflow | None = None

    @property
    def parameters(self) -> list[Binding]:
        """The bindings of the parameters."""
        return [part.name.binding for part in self.definition.parameters if part.name is not None]

    def wanted(self, arguments: list[nodes.Expr | None]) -> Iterator[tuple[Type, nodes.Parameter, nodes.Expr | None]]:
        """The types that the version for likely types asks for, each with its parameter and what a call gives it."""
        for parameter, value in zip(self.definition.parameters, arguments, strict=True):
            wanted = None if parameter.name is None else self.given.get(parameter.name.binding)
            if wanted is not None:
                yield wanted, parameter, value

    def arguments(self, call: nodes.Call) -> list[nodes.Expr | None] | None:
        """The expressions that a call gives to the parameters, in their order (None: the default). None if the call
        does not fit, or if it takes a look at run time to tell."""
        parameters = self.definition.parameters
        if any(parameter.kind != "plain" for parameter in parameters):
            return None
        names = [parameter.name.name for parameter in parameters if parameter.name is not None]
        result: list[nodes.Expr | None] = [None] * len(names)
        for place, argument in enumerate(call.arguments):
            if argument.kind == "keyword" and argument.name in names:
                place = names.index(argument.name)
            elif argument.kind != "positional" or place >= len(names):
                return None
            if result[place] is not None:
                return None
            result[place] = argument.value
        fits = all(
            value is not None or parameter.default is not None
            for value, parameter in zip(result, parameters, strict=True)
        )
        return result if fits else None


class KnownNames:
    """The names of a module that are bound once, at its top level: functions, and numbers and strings. `top`: the
    dataflow of the top level itself."""

    def __init__(self, body: Sequence[nodes.Statement], *, is_versioned: bool) -> None:
        self.body = body
        self.inferences: list[Inference] = []
        self._is_versioned = is_versioned
        self._functions: dict[Binding, KnownFunction] = {}
        self._constants: dict[Binding, Type] = {}
        for statement in body:
            match statement:
                case nodes.Assign(targets=[nodes.Name(binding=binding)], value=nodes.Constant(value=value)):
                    if binding.kind is BindingKind.GLOBAL and not binding.is_rebound:
                        self._constants[binding] = of_constant(value)
        for statement in body:
            if isinstance(statement, nodes.Def):
                binding = statement.name.binding
                if binding.kind is BindingKind.GLOBAL and not binding.is_rebound:
                    self._functions[binding] = self._first_look(statement)
        self._settle()
        for function in self._functions.values():
            if not self._is_closed(function):
                Inference(function.plain, self)
                if function.given:
                    Inference(function.typed, self)
        self.top = Dataflow()
        self.top.module(body)
        Inference(self.top, self, is_module=True)

    def release(self) -> None:
        """Lets go of all that was found out. It is full of cycles, and the host's collector would take a good while to
        find them."""
        for inference in self.inferences:
            vars(inference.flow).clear()
            vars(inference).clear()
        self.inferences.clear()

    @property
    def functions(self) -> Iterable[KnownFunction]:
        """All known functions."""
        return self._functions.values()

    def type_of_global(self, binding: Binding) -> Type:
        """The type of a global's value, whenever it has one."""
        return self._constants.get(binding, UNKNOWN)

    def get(self, node: nodes.Expr) -> KnownFunction | None:
        """The function that an expression is certain to mean."""
        return self._functions.get(node.binding) if isinstance(node, nodes.Name) else None

    def returns(self, call: nodes.Call, inference: Inference) -> Type:
        """The type of a call's result."""
        function = self.get(call.function)
        if function is None:
            return UNKNOWN
        arguments = function.arguments(call)
        if arguments is None:
            return UNKNOWN
        for wanted, _, value in function.wanted(arguments):
            kind = UNKNOWN if value is None else inference.type_now(value)
            if kind.name == "":
                return NOTHING
            if kind.name != wanted.name:
                return UNKNOWN
        return function.result

    def _settle(self) -> None:
        """Repeats until nobody's result changes: functions may call one another."""
        waiting = list(self._functions.values())
        for _ in range(ROUNDS_MAX):
            changed = False
            for function in waiting:
                inference = function.returning.inference
                if inference is None or not self._is_closed(function):
                    inference = Inference(function.returning, self)
                found = inference.returned()
                if not always_returns(function.definition.body):
                    found = join(found, NONE)
                if found.name == "int":
                    found = INT
                found = join(function.result, found)
                changed = changed or found != function.result
                function.result = found
            if not changed:
                break
            waiting = [function for function in waiting if not self._is_closed(function)]
        else:
            for function in self._functions.values():
                function.result = UNKNOWN

    def _is_closed(self, function: KnownFunction) -> bool:
        """Whether a function calls no known one, so that its types were right at first sight."""
        return function.plain.called.isdisjoint(self._functions)

    def _first_look(self, node: nodes.Def) -> KnownFunction:
        flow = Dataflow()
        flow.function(node.parameters, node.body, {})
        inference = Inference(flow, self)
        version = None
        if self._is_versioned:
            version = version_for(node.parameters, node.body, flow, inference, None, None)
        if version is None:
            return KnownFunction(node, flow, {}, flow, flow)
        given, typed = version
        returning = typed
        if SMALL_INT in given.values():
            returning = Dataflow()
            wide = {binding: INT if kind is SMALL_INT else kind for binding, kind in given.items()}
            returning.function(node.parameters, node.body, wide)
        return KnownFunction(node, flow, given, typed, returning)
