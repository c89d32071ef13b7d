"""Attributes: fields and methods, by the table of the value's exact type and nothing else.

This is the only way from a dot in a script to anything. The host's own attributes of a value are never looked at,
so there is no list of forbidden names: what no table names does not exist.
"""

from __future__ import annotations

from typing import Any, Final

from flowlang.lang.diagnostics.suggest import nearest
from flowlang.lang.eval.foreign_attribute import HABITS
from flowlang.lang.eval.mismatch import RESULT_HINT
from flowlang.lang.values.container import Dict, List
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.meter import charge
from flowlang.lang.values.protocol import MISSING, VALUE_TYPES, BoundMethod, type_name
from flowlang.lang.values.result import Err, Ok
from flowlang.lang.values.size import OBJECT
from flowlang.lang.values.wording import kind_of

NAMES_LISTED_MAX: Final = 8
"""So many attributes are listed when none is like the one that is not there."""


def attribute(value: Any, name: str) -> Any:
    """`value.name`."""
    found = VALUE_TYPES.get(type(value))
    if found is not None:
        function = found.methods.get(name)
        if function is not None:
            charge(0, OBJECT)
            return BoundMethod(value, function, name)
        if found.get_field is not None:
            field = found.get_field(value, name)
            if field is not MISSING:
                return field
    raise unknown_attribute(value, name)


def has_attribute(value: Any, name: str) -> bool:
    """Whether `value.name` exists."""
    found = VALUE_TYPES.get(type(value))
    if found is None:
        return False
    if name in found.methods:
        return True
    return found.get_field is not None and found.get_field(value, name) is not MISSING


def attribute_names(value: Any) -> list[str]:
    """The names of all fields and methods, sorted."""
    found = VALUE_TYPES.get(type(value))
    if found is None:
        return []
    fields = found.field_names(value) if found.field_names is not None else ()
    return sorted({*found.methods, *fields})


def set_attribute(value: Any, name: str, field: Any) -> None:
    """`value.name = field`."""
    found = VALUE_TYPES.get(type(value))
    if found is None or found.set_field is None:
        hint = 'only values that say so can change; keep data in a dict: `table["name"] = value`'
        if type_name(value) == "struct":
            hint = "make a new struct, such as `old + struct(field = value)`"
        raise Fault("type-mismatch", f"cannot assign to field `{name}` of {kind_of(value)}", hint=hint)
    found.set_field(value, name, field)


def unknown_attribute(value: Any, name: str) -> Fault:
    """The Fault for a name that the value does not have."""
    shown = name if len(name) <= 60 else name[:60] + "…"
    return Fault("unknown-attribute", f"{kind_of(value)} has no attribute `{shown}`", hint=advice(value, name))


def advice(value: Any, name: str) -> str | None:
    """What the author probably wants instead."""
    habit = HABITS.get((type_name(value), name))
    if habit is not None:
        return habit
    if isinstance(value, Ok):
        if name in ("error", "failure"):
            return f"an `Ok` has no `{name}`: ask `is_ok()` first"
        return (
            RESULT_HINT
            if has_attribute(value.value, name)
            else "an `Ok` has `value`, `is_ok()`, `is_err()` and `unwrap_or(...)`"
        )
    if isinstance(value, Err) and name == "value":
        return "an `Err` has no `value`: ask `is_ok()` first, or use `unwrap(...)`"
    if name in ("is_ok", "is_err", "unwrap_or"):
        return "only the call of a flow gives a Result; functions and actions give their values themselves"
    if value is None:
        return "a function that ends without `return` gives None"
    if type_name(value) == "dict":
        similar = nearest(name, attribute_names(value)) if len(name) <= 60 else None
        return f"did you mean `{similar}`?" if similar else f'for the entry under a key write `["{name[:60]}"]`'
    names = attribute_names(value)
    similar = nearest(name, names) if len(name) <= 60 else None
    if similar is not None:
        return f"did you mean `{similar}`?"
    if not names:
        found = VALUE_TYPES.get(type(value))
        is_function = found is not None and found.callable
        if is_function and any(name in VALUE_TYPES[each].methods for each in (str, List, Dict)):
            return f"a method is called on a value: `x.{name}(...)`"
        return f"{kind_of(value)} has no attributes at all; pass it to a builtin such as `str(x)`"
    if len(names) <= NAMES_LISTED_MAX:
        return f"it has {', '.join(f'`{each}`' for each in names)}"
    return "`dir(x)` lists the attributes of a value"
