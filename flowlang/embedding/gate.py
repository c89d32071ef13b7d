"""The gate between a host and one instance: what passes beside data.

Into a script: builtins and value types of the host, and functions that came from a script before. Out of it: values
of the host's own types as they are, and everything that is no data (functions, flows) as a handle.

A function of a script is bound to one instance. On its way back it becomes that instance's own function again: the
same one, or the one of the same global name. A function that only another instance has crosses as a builtin that
calls it there, in an evaluation of its own that is counted against this one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flowlang.embedding.handle import Function, ScriptValue
from flowlang.embedding.host_function import Builtin, foreign_function
from flowlang.embedding.host_value import is_host_value
from flowlang.errors import ConversionError
from flowlang.lang.values.convert import from_host, to_host
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.protocol import MISSING, VALUE_TYPES
from flowlang.lang.values.refusal import Refusal

if TYPE_CHECKING:
    from flowlang.embedding.instance import Instance
    from flowlang.embedding.pool import Pool


class Gate:
    """Conversions for one instance of a pool."""

    __slots__ = ("_instance", "_pool")

    def __init__(self, pool: Pool, instance: Instance) -> None:
        self._pool = pool
        self._instance = instance

    def enter(self, object: Any, name: str) -> Any:
        """The value of the script for an object of the host. Raises Fault."""
        return from_host(object, name, self._adopt)

    def leave(self, value: Any, name: str) -> Any:
        """The object of the host for a value of the script. Raises Fault."""
        return to_host(value, name, self._export)

    def _adopt(self, object: Any) -> Any:
        found = adopt_host_object(object)
        if found is MISSING and isinstance(object, ScriptValue):
            return self._returned(object)
        return found

    def _returned(self, handle: ScriptValue) -> Any:
        handle.settle()
        if handle.instance is self._instance:
            return handle.value
        if self._pool.is_own(handle.instance) and handle.place is not None:
            return self._instance.value_at(handle.place)
        return foreign_function(handle) if isinstance(handle, Function) else MISSING

    def _export(self, value: Any) -> Any:
        kind = type(value)
        if is_host_value(kind):
            return value
        found = VALUE_TYPES.get(kind)
        if found is None:
            return MISSING
        handle = Function if found.callable else ScriptValue
        return handle(self._pool, self._instance, value)


def adopt_host_object(object: Any) -> Any:
    """The value of a script for an object of the host that means the same in every instance; MISSING for others."""
    if type(object) is Builtin:
        return object.value
    return object if is_host_value(type(object)) else MISSING


def conversion_error(fault: Fault, name: str) -> ConversionError:
    """A refused conversion as the host's exception."""
    path = fault.path if isinstance(fault, Refusal) else name
    return ConversionError(fault.message, path=path, hint=fault.hint)
