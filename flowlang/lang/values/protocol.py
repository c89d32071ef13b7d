"""What a type of value can do: one table per exact Python type, and nothing reachable beside it.

A script value is an instance of one of a closed set of exact types. Every operation on a value asks the table of
its exact type (`VALUE_TYPES[type(value)]`); no operation of a script ever reaches Python's `getattr`. Host types
join by registering a table.

Plain Python objects serve as values where their meaning agrees: None, bool, int, float, str, bytes, tuple, range,
and functions. Mutable containers are subclasses with two classes each, swapped in place by assigning `__class__`:
the plain one (`List`) while anybody may change the value, the held one (`HeldList`) while it is frozen or being
iterated. So the one type test that the fast path needs anyway also proves that the value may be changed.

Calling convention: every callable value takes the call depth as first positional argument, which no script can
name: generated functions use it to bound recursion, builtins pass it on to functions they call back. Methods are
called as `method(depth, self, *arguments)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import FunctionType, MappingProxyType
from typing import Any, Final

import attrs

Method = Callable[..., Any]
EMPTY: Final[Mapping[str, Method]] = MappingProxyType({})


@attrs.define
class ValueType:
    """The operations of one type. An absent operation is an error of the script with a message of ours.

    `name`: what `type(x)` gives. `methods`: by name. `field_names`/`get_field`: fields that are not methods;
    `get_field` returns `MISSING` for an unknown name. `set_field` only for types with assignable fields.
    `display(value, nested)`: the repr, asking `nested(child)` for children. `equal(a, b, equal)`: deep equality of two
    values of the type, identity when absent. `less(a, b, less)`: ordering within the type. `hashable`: whether
    values may be keys as they are (by Python's own hash and equality); tuples and bools are special-cased.
    `length`, `iterate` (gives a list, tuple, range or other Python iterable; None: not iterable), `index`,
    `set_index`, `slice`, `contains`. `truth`: when absent every value is true. `children`: the values that it holds,
    for freezing and for the census. `freeze`: makes this one value (not its children) immutable. `size`: bytes
    of this one value by the fixed table of sizes. `call`: whether values are callable (Python's call, with depth).
    """

    name: str
    methods: Mapping[str, Method] = EMPTY
    field_names: Callable[[Any], Sequence[str]] | None = None
    get_field: Callable[[Any, str], Any] | None = None
    set_field: Callable[[Any, str, Any], None] | None = None
    display: Callable[[Any, Callable[[Any], str]], str] | None = None
    equal: Callable[[Any, Any, Callable[[Any, Any], bool]], bool] | None = None
    less: Callable[[Any, Any, Callable[[Any, Any], bool]], bool] | None = None
    hashable: bool = True
    truth: Callable[[Any], bool] | None = None
    length: Callable[[Any], int] | None = None
    iterate: Callable[[Any], Iterable[Any]] | None = None
    index: Callable[[Any, Any], Any] | None = None
    set_index: Callable[[Any, Any, Any], None] | None = None
    slice: Callable[[Any, Any, Any, Any], Any] | None = None
    contains: Callable[[Any, Any], bool] | None = None
    children: Callable[[Any], Iterable[Any]] | None = None
    freeze: Callable[[Any], None] | None = None
    size: Callable[[Any], int] | None = None
    callable: bool = False


class _Missing:
    """What `get_field` returns for a name that the value does not have."""

    __slots__ = ()


MISSING: Final = _Missing()
VALUE_TYPES: Final[dict[type, ValueType]] = {}


def register(python_type: type, value_type: ValueType) -> None:
    """Makes instances of exactly `python_type` script values. Each type registers once."""
    if python_type in VALUE_TYPES:
        raise ValueError(f"{python_type} is already a value type")
    VALUE_TYPES[python_type] = value_type


@attrs.frozen
class BuiltinInfo:
    """What is known of a builtin function: its name and how its parameters read in messages."""

    name: str
    signature: str = ""


def builtin(name: str, signature: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Marks a Python function as a builtin of the language under `name`. Its first parameter is the call depth.
    Parameters that Starlark has positional-only are positional-only in Python, too."""

    def mark(function: Callable[..., Any]) -> Callable[..., Any]:
        assert type(function) is FunctionType
        function.__dict__["flowlang_builtin"] = BuiltinInfo(name, signature)
        # The host's complaints about arguments carry this name: a colon tells modules from types with methods.
        function.__qualname__ = name.replace(".", ":")
        return function

    return mark


def builtin_info(function: Any) -> BuiltinInfo | None:
    """The info of a builtin function; None for functions of scripts and for everything else."""
    return function.__dict__.get("flowlang_builtin") if type(function) is FunctionType else None


class BoundMethod:
    """A method taken as a value (`f = items.append`). Called like any function, with the depth first."""

    __slots__ = ("function", "name", "receiver")

    def __init__(self, receiver: Any, function: Method, name: str) -> None:
        self.receiver = receiver
        self.function = function
        self.name = name

    def __call__(self, depth: int, /, *arguments: Any, **keywords: Any) -> Any:
        return self.function(depth, self.receiver, *arguments, **keywords)


def type_name(value: Any) -> str:
    """The name that `type(value)` gives in a script."""
    if type(value) is FunctionType and builtin_info(value) is not None:
        return "builtin_function_or_method"
    found = VALUE_TYPES.get(type(value))
    return found.name if found is not None else "unknown"
