"""A reference evaluator that holds the compiler's type inference to what it claims.

While a module is compiled, every answer of inference is kept, with the version of the function that it was given for.
Then the reference evaluator runs the same tree, and wherever it has the value of an expression, the claims about that
expression must be true of it: those of the plain version always, those of a typed version when the function was
entered with arguments of these types, those of clones and direct versions when it was entered by a call that reaches
them. Generated code leaves out tests where a claim was made, so a wrong one may go unnoticed for long.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flowlang.lang.compile import functions
from flowlang.lang.compile.inference import Inference
from flowlang.lang.compile.static_type import LINEAR, SHORT_MAX, Type
from flowlang.lang.compile.versions import KnownFunction, KnownNames
from flowlang.lang.resolve.scope import Scope
from flowlang.lang.syntax import nodes
from flowlang.lang.values.container import AnyDict, AnyList
from reference.environment import Environment
from reference.expression import Walker

PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,), "float": (float,), "str": (str,), "bool": (bool,), "bytes": (bytes,), "NoneType": (type(None),),
    "list": (AnyList,), "dict": (AnyDict,), "tuple": (tuple,), "sequence": (AnyList, tuple, str),
}  # fmt: skip


class Claims:
    """The answers of inference about each expression, with who gave them. `definitions`: the function of each.
    `versions`: all that were lowered. `called`: those that only certain calls reach, with their functions."""

    def __init__(self) -> None:
        self.about: dict[int, list[tuple[Inference, Type]]] = {}
        self.definitions: dict[int, nodes.Def] = {}
        self.versions: dict[int, Inference] = {}
        self.called: dict[int, KnownFunction] = {}
        self.kept: list[Any] = []


@contextmanager
def recorded() -> Iterator[Claims]:
    """Keeps what inference says inside, which the compiler would let go of when a module is done."""
    claims = Claims()
    type_of, version, release = Inference.type_of, functions._version, KnownNames.release

    def keep(inference: Inference, node: nodes.Expr) -> Type:
        found = type_of(inference, node)
        claims.versions[id(inference)] = inference
        if found.name not in ("", "?"):
            claims.about.setdefault(id(node), []).append((inference, found))
            claims.kept += [node, inference]
        return found

    def keep_version(unit: Any, inference: Inference, node: nodes.Def, at: Any) -> Any:
        claims.definitions[id(inference)] = node
        known = unit.known.get(node.name)
        if known is not None and (inference.flow is known.clone or inference.flow is known.direct):
            claims.called[id(inference)] = known
        return version(unit, inference, node, at)

    Inference.type_of, functions._version = keep, keep_version  # type: ignore[method-assign]
    KnownNames.release = lambda names: None  # type: ignore[method-assign]
    try:
        yield claims
    finally:
        Inference.type_of, functions._version = type_of, version  # type: ignore[method-assign]
        KnownNames.release = release  # type: ignore[method-assign]


class ClaimChecker(Walker):
    """Evaluates, and checks every claim. `checked` counts them."""

    def __init__(self, depth_limit: int, claims: Claims) -> None:
        super().__init__(depth_limit)
        self.claims = claims
        self.checked = 0
        self.found: dict[tuple[int, int], tuple[Environment, bool]] = {}

    def evaluate(self, node: nodes.Expr, environment: Environment) -> Any:
        value = super().evaluate(node, environment)
        for inference, claim in self.claims.about.get(id(node), ()):
            if self.holds(inference, environment):
                self.checked += 1
                assert is_true_of(claim, value), (claim, value, node)
        return value

    def holds(self, inference: Inference, environment: Environment) -> bool:
        """Whether the code that an inference is about is what runs here: its parameters had the types it was given."""
        definition = self.claims.definitions.get(id(inference))
        if definition is not None:
            found = entry_of(definition.scope, environment)
            if found is None:
                return False
            function = self.claims.called.get(id(inference))
            if function is not None:
                key = (id(inference), id(found))
                if key not in self.found:
                    self.found[key] = found, self.is_reached(inference, function, found.caller)
                return self.found[key][1]
            given = inference.flow.sources
            for parameter in definition.parameters:
                if parameter.name is None or parameter.kind != "plain":
                    continue
                first = given[parameter.name.binding][0]
                if (
                    isinstance(first, Type)
                    and first.name != "?"
                    and not is_true_of(first, found.entry[parameter.name.name])
                ):
                    return False
        return inference._outer is None or self.holds(inference._outer, environment)

    def is_reached(
        self, inference: Inference, function: KnownFunction, caller: tuple[nodes.Call, Environment] | None
    ) -> bool:
        """Whether a call stands in a version, being run, that has it reach this version of the function."""
        if caller is None or getattr(caller[0].function, "binding", None) is not function.definition.name.binding:
            return False
        call, environment = caller
        for version in self.claims.versions.values():
            flow = version.flow
            reaches = id(call) in flow.direct if inference.flow is function.direct else id(call) in flow.clones
            if reaches and self.holds(version, environment):
                return True
        return False


def entry_of(scope: Scope, environment: Environment | None) -> Environment | None:
    """Where the function of a scope was entered; None outside of it, as where its defaults stand."""
    while environment is not None and environment.scope is not scope:
        environment = environment.parent
    return environment


def is_true_of(claim: Type, value: Any) -> bool:
    """Whether a claim is true of a value."""
    expected = PYTHON_TYPES.get(claim.name)
    if expected is None:
        return True
    if not isinstance(value, expected) or (type(value) is bool and bool not in expected):
        return False
    if claim.name == "int":
        return value.bit_length() <= claim.bits or claim.bits > LINEAR
    if claim.name == "str":
        return len(value) < SHORT_MAX or claim.bits > 0
    if claim.name == "tuple" and claim.parts:
        return len(value) == len(claim.parts) and all(map(is_true_of, claim.parts, value))
    return True
