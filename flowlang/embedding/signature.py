"""Signatures of host functions: how calls by scripts are bound to Python's parameters.

Python would bind them itself, but its messages speak of Python. So calls are checked here, by the function's signature
and its annotations, in the words that the language's own builtins use; then the Python function is called with
arguments that are known to fit. Defaults stay Python's.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Callable as AbstractCallable
from typing import Any, Final

import attrs

from flowlang.embedding.host_value import host_value_name
from flowlang.lang.diagnostics.suggest import nearest
from flowlang.lang.universe.callback import is_callable
from flowlang.lang.values.argument import wrong_type
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.parameter import (
    Anything,
    Mismatch,
    Parameter,
    ParameterType,
    Reader,
    parameter_type,
)
from flowlang.lang.values.protocol import type_name
from flowlang.lang.values.quote import clip
from flowlang.lang.values.wording import article

NAME_MAX: Final = 60
"""Longer names are nobody's mistyped parameter."""


@attrs.frozen
class CallableOf:
    """A function of the script, or anything else that it can call."""

    text: str = "function"

    def mismatch(self, value: Any) -> Mismatch | None:
        return None if is_callable(value) else Mismatch("", self.text, type_name(value))


@attrs.frozen
class InstanceOf:
    """A value of a type of the host."""

    python_type: type
    text: str

    def mismatch(self, value: Any) -> Mismatch | None:
        return None if type(value) is self.python_type else Mismatch("", self.text, type_name(value))


@attrs.frozen
class Signature:
    """`parameters` in order; the first `positional_only` of them cannot be given by name. `rest` is the kind of each
    argument of `*args`, `others` of `**kwargs`; None where there is no such parameter. `receiver` is how Python calls
    the object of a method, a name that no argument may have."""

    name: str
    parameters: tuple[Parameter, ...]
    positional_only: int = 0
    rest: ParameterType | None = None
    others: ParameterType | None = None
    receiver: str | None = None

    def bind(
        self, positional: Sequence[Any], keywords: Mapping[str, Any]
    ) -> tuple[list[tuple[str, Any]], dict[str, Any]]:
        """The arguments to give by position, each with its name in messages, and by name. Raises Fault."""
        places = [parameter for parameter in self.parameters if not parameter.keyword_only]
        if len(positional) > len(places) and self.rest is None:
            raise self._too_many(places, len(positional))
        ordered: list[tuple[str, Any]] = []
        for parameter, value in zip(places, positional, strict=False):
            self._check(parameter.name, parameter.type, value)
            ordered.append((parameter.name, value))
        if self.rest is not None:
            for number, value in enumerate(positional[len(places) :], len(places) + 1):
                self._check(f"argument {number}", self.rest, value)
                ordered.append((f"argument {number}", value))
        given = {parameter.name for parameter, _ in zip(places, positional, strict=False)}
        return ordered, self._named(given, keywords)

    def _named(self, given: set[str], keywords: Mapping[str, Any]) -> dict[str, Any]:
        named: dict[str, Any] = {}
        by_name = {parameter.name: parameter for parameter in self.parameters[self.positional_only :]}
        for name, value in keywords.items():
            shown = clip(name)[1:-1]
            parameter = by_name.get(name)
            if parameter is not None and name in given:
                raise self._wrong(f"got more than one value for the parameter `{shown}`")
            if parameter is None and (self.others is None or name == self.receiver):
                raise self._unknown(name, shown, by_name)
            self._check(shown, self.others if parameter is None else parameter.type, value)
            named[name] = value
        absent = [
            f"`{parameter.name}`"
            for parameter in self.parameters
            if parameter.required and parameter.name not in given and parameter.name not in named
        ]
        if absent:
            raise self._wrong(f"is missing the argument{'s' if len(absent) > 1 else ''} {', '.join(absent)}")
        return named

    def _check(self, name: str, kind: ParameterType | None, value: Any) -> None:
        found = None if kind is None else kind.mismatch(value)
        if found is None:
            return
        if not found.path and type_name(value) == found.given:
            raise wrong_type(self.name, name, _with_article(found.expected), value, _advice(found))
        raise Fault(
            "type-mismatch",
            f"`{self.name}` needs {_with_article(found.expected)} for `{name}{found.path}`, "
            f"not {_with_article(found.given)}",
            hint=_advice(found),
        )

    def _too_many(self, places: Sequence[Parameter], given: int) -> Fault:
        least, most = len([each for each in places if each.required]), len(places)
        if most == 0:
            return self._wrong(f"takes no positional arguments, {given} given")
        takes = f"{most}" if least == most else f"{least} to {most}"
        return self._wrong(f"takes {takes} positional argument{'s' if most > 1 else ''}, {given} given")

    def _unknown(self, name: str, shown: str, known: Mapping[str, Parameter]) -> Fault:
        if any(parameter.name == name for parameter in self.parameters[: self.positional_only]):
            return self._wrong(f"takes `{shown}` by position only", "give the value without a name")
        similar = nearest(name, known) if len(name) <= NAME_MAX else None
        return self._wrong(f"has no parameter `{shown}`", f"did you mean `{similar}`?" if similar else None)

    def _wrong(self, problem: str, hint: str | None = None) -> Fault:
        return Fault("wrong-arguments", f"`{self.name}` {problem}", hint=hint)

    @property
    def text(self) -> str:
        """In the words of the language: `price(amount: float, *, rate: float = 0.1)`."""
        shown: list[str] = []
        for number, parameter in enumerate(self.parameters):
            if number == self.positional_only and number:
                shown.append("/")
            if parameter.keyword_only and (not number or not self.parameters[number - 1].keyword_only):
                shown.append("*" if self.rest is None else "*args")
            shown.append(parameter.text)
        if self.rest is not None and "*args" not in shown:
            shown.append("*args")
        return f"{self.name}({', '.join([*shown, *(['**kwargs'] if self.others is not None else [])])})"


def read_signature(function: Callable[..., Any], name: str, owner: type | None = None) -> Signature:
    """The signature of a Python function, or of a method of `owner`. Raises TypeError for one that scripts could not
    call."""
    for what, test in (("a generator", inspect.isgeneratorfunction), ("async", inspect.iscoroutinefunction)):
        if test(function):
            raise TypeError(f"`{name}` is {what}; a function for scripts gives one value, at once")
    hints = _annotations(function, name, owner)
    parameters: list[Parameter] = []
    positional_only = 0
    rest: ParameterType | None = None
    others: ParameterType | None = None
    written = list(inspect.signature(function).parameters.values())
    receiver = None if owner is None or not written else written.pop(0).name
    for declared in written:
        kind = _kind(name, declared.name, hints.get(declared.name, Any))
        if declared.kind is inspect.Parameter.VAR_POSITIONAL:
            rest = kind
        elif declared.kind is inspect.Parameter.VAR_KEYWORD:
            others = kind
        else:
            required = declared.default is inspect.Parameter.empty
            default = None if required else declared.default
            keyword_only = declared.kind is inspect.Parameter.KEYWORD_ONLY
            positional_only += declared.kind is inspect.Parameter.POSITIONAL_ONLY
            parameters.append(Parameter(declared.name, kind, required, default, keyword_only))
    return Signature(name, tuple(parameters), positional_only, rest, others, receiver)


def _annotations(function: Callable[..., Any], name: str, owner: type | None) -> dict[str, Any]:
    """The annotations of the parameters. A class has no name yet while its methods are read."""
    plain = inspect.unwrap(function)
    written = {each: text for each, text in getattr(plain, "__annotations__", {}).items() if each != "return"}
    names = {} if owner is None else {owner.__name__: owner}
    try:
        return typing.get_type_hints(
            types.SimpleNamespace(__annotations__=written), getattr(plain, "__globals__", {}), names
        )
    except NameError as problem:
        raise TypeError(f"an annotation of `{name}` cannot be read: {problem}") from None


def _kind(function: str, parameter: str, annotation: Any) -> ParameterType:
    try:
        return parameter_type(annotation, SPECIAL)
    except TypeError as problem:
        raise TypeError(f"parameter `{parameter}` of `{function}`: {problem}") from None


def _special(annotation: Any) -> ParameterType | None:
    origin = typing.get_origin(annotation) or annotation
    if origin is AbstractCallable:
        return CallableOf()
    if isinstance(origin, typing.TypeVar):
        return Anything()
    name = host_value_name(origin)
    return None if name is None else InstanceOf(origin, name)


SPECIAL: Final[Reader] = _special


def _with_article(text: str) -> str:
    if text == "NoneType" or text == "None":
        return "`None`"
    return text if text[:1] in "\"'-0123456789" else article(text)


def _advice(found: Mismatch) -> str | None:
    if found.expected == "string" and found.given in ("int", "float", "bool"):
        return "use `str(...)` to turn a value into text"
    if found.expected in ("int", "float") and found.given == "string":
        return f"use `{found.expected}(...)` to turn it into a number"
    return None
