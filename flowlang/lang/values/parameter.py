"""Parameters of host functions (actions, builtins): what a Python annotation says, as a check of script values.

An annotation is read once, when the function is declared, into a small tree of kinds (`Scalar`, `ListOf`, ...). Each
kind knows its text (in the words of the language: `string`, not `str`) and finds the first part of a value that
does not fit, with the path to it. So a wrong call is refused at the line of the script that made it, before
anything is journaled, and the Python function behind never sees a value that it did not ask for.

Exact types are compared, because to Python a bool is an int and a set of ours is a dict. An int is welcome where a
float is asked for, as anybody writing `timeout = 3` expects; the function gets it as it is.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final, Literal, Protocol

import attrs

from flowlang.lang.values import registration as registration  # type names are known only after it
from flowlang.lang.values.container import AnyDict, AnyList, AnySet
from flowlang.lang.values.key import unkey
from flowlang.lang.values.protocol import type_name
from flowlang.lang.values.quote import clip

SCALAR_NAMES: Final[Mapping[Any, str]] = {
    type(None): "None",
    bool: "bool",
    int: "int",
    float: "float",
    str: "string",
    bytes: "bytes",
}
LITERAL_TYPES: Final = (str, int, bool)
CONSTANT_MAX: Final = 40


@attrs.frozen
class Mismatch:
    """The first part of a value that does not fit: the path below the argument (`[3]["delay"]`) and both sides."""

    path: str
    expected: str
    given: str


class ParameterType(Protocol):
    """One kind of value."""

    @property
    def text(self) -> str:
        """The kind in the words of the language."""
        ...

    def mismatch(self, value: Any) -> Mismatch | None:
        """The first part of `value` that is of another kind."""
        ...


@attrs.frozen
class Anything:
    """`Any`: every value that is data."""

    text: str = "any"

    def mismatch(self, value: Any) -> Mismatch | None:
        return None


@attrs.frozen
class Scalar:
    """One of the types without parts."""

    python_type: type

    @property
    def text(self) -> str:
        return SCALAR_NAMES[self.python_type]

    def mismatch(self, value: Any) -> Mismatch | None:
        given = type(value)
        if given is self.python_type or (self.python_type is float and given is int):
            return None
        return Mismatch("", self.text, type_name(value))


@attrs.frozen
class Choice:
    """One of a few constants (`Literal`)."""

    constants: tuple[Any, ...]

    @property
    def text(self) -> str:
        return " or ".join(_constant_text(constant) for constant in self.constants)

    def mismatch(self, value: Any) -> Mismatch | None:
        for constant in self.constants:
            if type(value) is type(constant) and value == constant:
                return None
        shown = _constant_text(value) if type(value) in LITERAL_TYPES else type_name(value)
        return Mismatch("", self.text, shown)


@attrs.frozen
class ListOf:
    """A list with elements of one kind."""

    element: ParameterType

    @property
    def text(self) -> str:
        return "list" if isinstance(self.element, Anything) else f"list[{self.element.text}]"

    def mismatch(self, value: Any) -> Mismatch | None:
        if not isinstance(value, AnyList):
            return Mismatch("", self.text, type_name(value))
        return _element_mismatch(self.element, value)


@attrs.frozen
class TupleOf:
    """A tuple: of fixed parts, or (`rest`) of any number of one kind."""

    parts: tuple[ParameterType, ...]
    rest: ParameterType | None = None

    @property
    def text(self) -> str:
        if self.rest is not None:
            return "tuple" if isinstance(self.rest, Anything) else f"tuple[{self.rest.text}, ...]"
        return f"tuple[{', '.join(part.text for part in self.parts)}]"

    def mismatch(self, value: Any) -> Mismatch | None:
        if type(value) is not tuple:
            return Mismatch("", self.text, type_name(value))
        if self.rest is not None:
            return _element_mismatch(self.rest, value)
        if len(value) != len(self.parts):
            return Mismatch("", self.text, f"{type_name(value)} of {len(value)}")
        for index, (part, item) in enumerate(zip(self.parts, value, strict=True)):
            if (found := part.mismatch(item)) is not None:
                return attrs.evolve(found, path=f"[{index}]{found.path}")
        return None


@attrs.frozen
class DictOf:
    """A dict from strings to values of one kind."""

    value: ParameterType

    @property
    def text(self) -> str:
        return "dict" if isinstance(self.value, Anything) else f"dict[string, {self.value.text}]"

    def mismatch(self, value: Any) -> Mismatch | None:
        if not isinstance(value, AnyDict):
            return Mismatch("", self.text, type_name(value))
        for key, item in value.items():
            if type(key) is not str:
                return Mismatch("", "dict with string keys", "dict with other keys")
            if (found := self.value.mismatch(item)) is not None:
                return attrs.evolve(found, path=f"[{_constant_text(key)}]{found.path}")
        return None


@attrs.frozen
class SetOf:
    """A set with elements of one kind."""

    element: ParameterType

    @property
    def text(self) -> str:
        return "set" if isinstance(self.element, Anything) else f"set[{self.element.text}]"

    def mismatch(self, value: Any) -> Mismatch | None:
        if not isinstance(value, AnySet):
            return Mismatch("", self.text, type_name(value))
        return _element_mismatch(self.element, [unkey(stored) for stored in value])


@attrs.frozen
class OneOf:
    """A union. The mismatch of the only member that could have fitted is the one worth telling."""

    members: tuple[ParameterType, ...]

    @property
    def text(self) -> str:
        return " or ".join(member.text for member in self.members)

    def mismatch(self, value: Any) -> Mismatch | None:
        deeper: list[Mismatch] = []
        for member in self.members:
            found = member.mismatch(value)
            if found is None:
                return None
            if found.path:
                deeper.append(found)
        return deeper[0] if len(deeper) == 1 else Mismatch("", self.text, type_name(value))


Reader = Callable[[Any], ParameterType | None]
"""Reads annotations that mean something to one kind of host functions only; None for all others."""


@attrs.frozen
class Parameter:
    """One parameter of a host function. `default` means something only when the parameter is not required."""

    name: str
    type: ParameterType
    required: bool = True
    default: Any = None
    keyword_only: bool = False

    @property
    def text(self) -> str:
        """As it stands in a signature: `limit: int = 10`."""
        if self.required:
            return f"{self.name}: {self.type.text}"
        return f"{self.name}: {self.type.text} = {_constant_text(self.default)}"


def parameter_type(annotation: Any, special: Reader = lambda annotation: None) -> ParameterType:
    """Reads one annotation. `special` is asked first, for it and for each part of it. Raises TypeError for what can
    never be data."""
    found = special(annotation)
    if found is not None:
        return found
    if annotation is Any or annotation is object:
        return Anything()
    if annotation is None or _is_scalar(annotation):
        return Scalar(type(None) if annotation is None else annotation)
    origin = typing.get_origin(annotation) or annotation
    arguments = typing.get_args(annotation)
    if origin is Literal:
        if not all(type(constant) in LITERAL_TYPES for constant in arguments):
            raise TypeError("the constants of a `Literal` must be text, ints or bools")
        return Choice(arguments)
    if origin in (typing.Union, types.UnionType):
        return OneOf(tuple(parameter_type(member, special) for member in arguments))
    if origin in (list, Sequence):
        return ListOf(parameter_type(arguments[0], special) if arguments else Anything())
    if origin in (set, frozenset, AbstractSet):
        return SetOf(parameter_type(arguments[0], special) if arguments else Anything())
    if origin in (dict, Mapping):
        if arguments and arguments[0] is not str:
            raise TypeError("the keys of a dict must be annotated as `str`")
        return DictOf(parameter_type(arguments[1], special) if arguments else Anything())
    if origin is tuple:
        return _tuple_type(arguments, special)
    raise TypeError(
        f"{annotation!r} cannot be the type of data; use None, bool, int, float, str, bytes, list[...], set[...], "
        "dict[str, ...], tuple[...], Literal[...], a union of them, or Any"
    )


def _is_scalar(annotation: Any) -> bool:
    return isinstance(annotation, type) and annotation in SCALAR_NAMES


def _element_mismatch(element: ParameterType, values: Sequence[Any]) -> Mismatch | None:
    """Elements of a list or tuple; a list of scalars, the usual case, is checked without a call per element."""
    if isinstance(element, Anything):
        return None
    if isinstance(element, Scalar) and set(map(type, values)) <= {element.python_type}:
        return None
    for index, item in enumerate(values):
        if (found := element.mismatch(item)) is not None:
            return attrs.evolve(found, path=f"[{index}]{found.path}")
    return None


def _tuple_type(arguments: tuple[Any, ...], special: Reader) -> TupleOf:
    if not arguments:
        return TupleOf((), Anything())
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return TupleOf((), parameter_type(arguments[0], special))
    return TupleOf(tuple(parameter_type(part, special) for part in arguments))


def _constant_text(value: Any) -> str:
    """A constant as the language writes it: text in double quotes."""
    return clip(value, CONSTANT_MAX) if type(value) is str else repr(value)
