"""Value types of the host: instances of a Python class as values of scripts.

    @value_type(fields=("amount", "currency"), methods=("converted",))
    class Money: ...

A script reaches exactly the fields and methods that are named, and nothing else of the object: no other attribute, no
operator, no iteration. Fields are read and methods called like host functions, so what they give is converted, what
they raise becomes a failure, and methods check their arguments by their annotations. The object itself crosses as it
is: it is shared with the host, not copied.

Equality is identity, and values are no keys, unless the class says more. The script cannot change an object but by its
methods; `freeze` names the method that makes it immutable, which is called when the module that holds it has run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import isfunction
from typing import Any, Final, TypeVar

from flowlang.embedding.host_function import enter_result, script_method
from flowlang.embedding.host_value import HOST_VALUES
from flowlang.embedding.signature import read_signature
from flowlang.lang.values import registration as registration  # the language's own types come first
from flowlang.lang.values.canonical import REFERENCES
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.meter import charge
from flowlang.lang.values.protocol import MISSING, VALUE_TYPES, ValueType, register
from flowlang.lang.values.size import OBJECT, text_size

DATA: Final = (str, bytes, int, float, list, tuple, dict, set, frozenset, type(None))
"""Instances of these, and of classes below them, are data already."""
METHOD_STEPS: Final = 10
TEXT_MAX: Final = 1000

Class = TypeVar("Class", bound=type)


def value_type(
    *, name: str | None = None, fields: Sequence[str] = (), methods: Sequence[str] = (), equality: bool = False,
    key: bool = False, text: Callable[[Any], str] | None = None, freeze: str | None = None,
    size_bytes: int = OBJECT, steps: int = METHOD_STEPS,
) -> Callable[[Class], Class]:  # fmt: skip
    """Makes the instances of exactly this class values of scripts. `equality`: `==` asks the class's own `__eq__`;
    `key`: values can be keys of dicts, by the class's `__eq__` and `__hash__`; `text` gives what `str(x)` shows;
    `steps`: what a call of a method costs. Raises TypeError for a class that cannot be one."""

    def declare(python_type: Class) -> Class:
        own = name or python_type.__name__
        _check(python_type, own, fields, methods, freeze)
        if key and python_type.__hash__ is None:
            raise TypeError(f"`{own}` cannot be a key: the class has no `__hash__`")
        HOST_VALUES[python_type] = own  # methods may take values of the type itself
        try:
            read = {method: _method(python_type, own, method, steps) for method in methods}
        except TypeError:
            del HOST_VALUES[python_type]
            raise
        described = ValueType(
            name=own,
            methods=read,
            field_names=lambda value: tuple(sorted(fields)),
            get_field=_field_reader(own, frozenset(fields)),
            display=_display(own, text),
            equal=_equal(own) if equality or key else None,
            hashable=key,
            freeze=None if freeze is None else _caller(own, freeze),
            size=lambda value: size_bytes,
        )
        register(python_type, described)
        REFERENCES.add(python_type)
        return python_type

    return declare


def _check(python_type: type, name: str, fields: Sequence[str], methods: Sequence[str], freeze: str | None) -> None:
    if python_type in VALUE_TYPES:
        raise TypeError(f"`{name}` is a type of values already")
    if issubclass(python_type, DATA):
        raise TypeError(f"instances of `{name}` are data, which enters scripts as what it is")
    names = [*fields, *methods]
    for each in names:
        if not each.isidentifier() or not each.isascii():
            raise TypeError(f"`{each}` of `{name}` is no name that a script could write")
    if len(set(names)) != len(names):
        raise TypeError(f"a name of `{name}` is given twice")
    for method in [*methods, *([] if freeze is None else [freeze])]:
        if not isfunction(getattr(python_type, method, None)):
            raise TypeError(f"`{name}` has no method `{method}`")


def _method(python_type: type, name: str, method: str, steps: int) -> Callable[..., Any]:
    function = getattr(python_type, method)
    signature = read_signature(function, f"{name}.{method}", python_type)
    return script_method(signature, steps, lambda receiver, positional, named: function(receiver, *positional, **named))


def _field_reader(name: str, fields: frozenset[str]) -> Callable[[Any, str], Any]:
    def get_field(value: Any, field: str) -> Any:
        if field not in fields:
            return MISSING
        charge(1)
        return enter_result(f"{name}.{field}", lambda: getattr(value, field))

    return get_field


def _caller(name: str, method: str) -> Callable[[Any], None]:
    def perform(value: Any) -> None:
        getattr(value, method)()

    def call(value: Any) -> None:
        enter_result(f"{name}.{method}", lambda: perform(value))

    return call


def _equal(name: str) -> Callable[[Any, Any, Callable[[Any, Any], bool]], bool]:
    def equal(left: Any, right: Any, nested: Callable[[Any, Any], bool]) -> bool:
        charge(1)
        return bool(enter_result(f"{name}.__eq__", lambda: bool(left == right)))

    return equal


def _display(name: str, text: Callable[[Any], str] | None) -> Callable[[Any, Callable[[Any], str]], str]:
    def display(value: Any, nested: Callable[[Any], str]) -> str:
        if text is None:
            # Not the class's own text, which may hold an address.
            return f"<{name}>"
        shown = enter_result(f"str of {name}", lambda: text(value))
        if type(shown) is not str:
            raise Fault("host-error", f"the text of a {name} is no text")
        shown = shown if len(shown) <= TEXT_MAX else shown[:TEXT_MAX] + "…"
        charge(1, text_size(shown))
        return shown

    return display
