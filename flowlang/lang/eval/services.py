"""What generated code finds under names that begin with `$` and `.`: operators, types, loops and method tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import FunctionType, GeneratorType, NoneType
from typing import Any, Final

from flowlang.lang.compile.naming import MARK, keyword_name, script_name
from flowlang.lang.eval import operators
from flowlang.lang.eval.attribute import attribute, unknown_attribute
from flowlang.lang.eval.callback import passes_calls_on
from flowlang.lang.eval.failure import too_deep
from flowlang.lang.eval.flow import Flow
from flowlang.lang.eval.iteration import iteration_services
from flowlang.lang.eval.recursion import once
from flowlang.lang.eval.traceback import EARLY
from flowlang.lang.values import text
from flowlang.lang.values.argument import count_elements, drained
from flowlang.lang.values.container import AnyDict, AnyList, Dict, HeldDict, HeldList, HeldSet, List, Set
from flowlang.lang.values.display import preview
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.key import EMPTY_ITEMS, ITEM, dict_has, dict_items, dict_of_texts, dict_set
from flowlang.lang.values.list import concatenate
from flowlang.lang.values.meter import Meter, charge
from flowlang.lang.values.protocol import VALUE_TYPES, Method, type_name
from flowlang.lang.values.search import SHORT as SHORT_TEXT
from flowlang.lang.values.sequence import span, span_length
from flowlang.lang.values.size import ELEMENT, SLOT, list_size, table_size
from flowlang.lang.values.struct import Struct

INT_BITS_MAX: Final = 1 << 17
EMPTY_LIST: Final = list_size(0)
SHORT_COPY: Final = 8
"""Copies of fewer elements take no step, and too little memory to look at it now."""


FIELDLESS: Final = frozenset({
    NoneType, bool, int, float, str, bytes, tuple, List, HeldList, Dict, HeldDict, Set, HeldSet,
})  # fmt: skip
"""Types whose values have methods and no fields."""


SEQUENCES: Final = frozenset({List, HeldList, tuple, str})


class MethodTable(dict[type, Method]):
    """All methods of one name, by the exact type of the receiver. Types join at their first call."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __missing__(self, kind: type) -> Method:
        found = VALUE_TYPES.get(kind)
        method = found.methods.get(self.name) if found is not None else None
        if method is None:
            if kind in FIELDLESS:
                # Before the arguments are evaluated; an empty value of the type is told the same as the value.
                raise unknown_attribute(kind(), self.name)
            method = _field_call(self.name)
        self[kind] = method
        return method


def _field_call(name: str) -> Method:
    """A call of whatever the field `name` holds; of a value without it, the error that says so."""

    @passes_calls_on
    def call(depth: int, self: Any, /, *positional: Any, **keywords: Any) -> Any:
        return attribute(self, name)(depth, *positional, **keywords)

    return call


def field_call(value: Any, name: str) -> Method:
    """The field `name` of a value, to be called as if it were a method."""
    found = attribute(value, name)

    @passes_calls_on
    def call(depth: int, self: Any, /, *positional: Any, **keywords: Any) -> Any:
        return found(depth, *positional, **keywords)

    return call


METHOD_TABLES: Final[dict[str, MethodTable]] = {}
METHOD_TABLES_MAX: Final = 4096
"""Scripts may call methods of any name, and a process may run scripts for years."""


def method_table(name: str) -> MethodTable | Method:
    """The table that `x.name(…)` uses, one for all modules; for `str.name` the method of strings itself."""
    if "." in name:
        return VALUE_TYPES[str].methods[name.removeprefix("str.")]
    table = METHOD_TABLES.get(name)
    if table is None:
        table = MethodTable(name)
        if len(METHOD_TABLES) < METHOD_TABLES_MAX:
            METHOD_TABLES[name] = table
    return table


def large(number: int) -> int:
    """Charges for a large int, or refuses it. It exists already: one operation makes at most twice the limit."""
    bits = number.bit_length()
    if bits > INT_BITS_MAX:
        raise Fault("integer-too-large", f"an integer of more than {INT_BITS_MAX} bits")
    charge(bits >> 9, bits >> 3)
    return number


def spread(value: Any) -> Any:
    """The items of a `*` argument."""
    items = operators.iterate(value)
    if type(items) is GeneratorType:
        return drained(items)
    count = count_elements(value)
    charge(count >> 3, (SLOT + ELEMENT) * count)
    return items


def keywords(value: Any) -> dict[str, Any]:
    """The keywords of a `**` argument, as generated code names them."""
    if not isinstance(value, AnyDict):
        raise Fault("type-mismatch", f"the argument after `**` must be a dict, not {type_name(value)}")
    charge(len(value) >> 1, table_size(len(value)))
    result = {}
    for name, item in dict_items(value):
        if type(name) is not str:
            raise Fault("type-mismatch", f"keywords given by `**` must be strings, not {type_name(name)}")
        result[keyword_name(name)] = item
    return result


def keyword_dict(given: dict[str, Any]) -> Dict:
    """The value of a `**kwargs` parameter."""
    charge(len(given) >> 3, table_size(len(given)))
    if any(name.startswith(MARK) for name in given):
        return dict_of_texts({script_name(name): value for name, value in given.items()})
    return dict_of_texts(given)


def dict_literal(parts: tuple[Any, ...]) -> Dict:
    """A dict display: keys and values in turn. A key given twice is a mistake."""
    result = Dict()
    for index in range(0, len(parts), 2):
        key = parts[index]
        if dict_has(result, key):
            raise Fault("duplicate-key", f"key {preview(key)} occurs twice in the dict", hint="remove one of the two")
        dict_set(result, key, parts[index + 1])
    return result


def plain(value: Any) -> list[Any] | dict[Any, Any]:
    """What a new list or dict holds, for a function that will keep it to itself."""
    count = len(value)
    if isinstance(value, AnyDict):
        charge(count >> 3, table_size(count))
        return dict(value)
    charge(count >> 3, list_size(count))
    return list(value)


def long_key(text: str) -> str:
    """Charges for looking up a very long key."""
    charge(len(text) >> 8)
    return text


def repeat(left: Any, right: Any) -> list[Any]:
    """`[…] * count` as a plain list; `left` or `right` is the list."""
    items, count = (left, right) if isinstance(left, list) else (right, left)
    if type(count) is not int:
        operators.multiply(List(items), count)
    if not items:
        return []
    size = len(items) * max(0, count)
    charge(size >> 3, list_size(size))
    return [*items] * count


def with_defaults(function: FunctionType, positional: tuple[Any, ...], pairs: tuple[tuple[str, Any], ...]) -> Any:
    """Gives a function its defaults."""
    function.__defaults__ = positional or None
    function.__kwdefaults__ = dict(pairs) or None
    return function


def name_flow(value: Any, name: str) -> Any:
    """`name = flow(…)` at top level: a flow that was given no name of its own takes the variable's."""
    if type(value) is Flow and not value.is_named:
        value.name, value.is_named = name, True
    return value


def early_call(name: str) -> None:
    """A function with defaults was called before its `def` ran."""
    raise Fault(
        "called-before-def",
        f"`{name}` has defaults, so it cannot be called before its `def` has run",
        hint=f"call it below the `def` of `{name}`",
    )


def postpone(function: FunctionType) -> None:
    """Makes a function that has defaults uncallable until `complete` gives it its defaults."""
    function.__dict__["flowlang_code"] = function.__code__
    constants = tuple(function.__name__ if constant == "" else constant for constant in _EARLY_CODE.co_consts)
    function.__code__ = _EARLY_CODE.replace(co_name=EARLY, co_consts=constants)


def complete(function: FunctionType, positional: tuple[Any, ...], pairs: tuple[tuple[str, Any], ...]) -> None:
    """The `def` of a postponed function has run."""
    function.__code__ = function.__dict__.pop("flowlang_code")
    with_defaults(function, positional, pairs)


def _early(*positional: Any, **keywords: Any) -> None:
    early_call("")


_EARLY_CODE: Final = _early.__code__.replace(co_names=("$early_call",))


def _operators() -> dict[str, Callable[..., Any]]:
    named = {name: getattr(operators, name) for name in operators.__all__}
    named["slice"] = operators.slice_value
    return {"$" + name: function for name, function in named.items()}


TYPE_NAMES: Final[Mapping[type, str]] = {kind: VALUE_TYPES[kind].name for kind in FIELDLESS}
"""What `type` calls the values of the commonest types; the names of functions depend on the function."""

STATIC_SERVICES: Final[Mapping[str, Any]] = {
    **_operators(),
    "$type": type, "$len": len, "$int": int, "$float": float, "$str": str, "$tuple": tuple,
    "$List": List, "$Dict": Dict, "$AnyList": AnyList, "$AnyDict": AnyDict, "$Struct": Struct, "$bool": bool,
    "$SEQUENCES": SEQUENCES,
    "$isinstance": isinstance, "$plain": plain, "$repeat": repeat, "$long_key": long_key,
    "$concatenate": concatenate,
    "$field_call": field_call,
    "$large": large, "$spread": spread, "$keywords": keywords, "$keyword_dict": keyword_dict,
    "$dict_literal": dict_literal, "$with_defaults": with_defaults, "$postpone": postpone, "$complete": complete,
    "$early_call": early_call, "$once": once, "$names": TYPE_NAMES, "$name_flow": name_flow,
}  # fmt: skip


def copying_services(meter: Meter) -> dict[str, Callable[..., Any]]:
    """The services of one evaluation that copy, bound to its meter."""

    def listed(items: list[Any] | dict[Any, Any]) -> List | Dict:
        """A plain list or dict, which its function kept to itself (`compile/cell.py`), as a value."""
        count = len(items)
        if type(items) is dict:
            meter.charge(count >> 3, table_size(count))
            return Dict(items)
        if count < SHORT_COPY:
            meter.memory += EMPTY_LIST + SLOT * count
        else:
            meter.charge(count >> 3, list_size(count))
        return List(items)

    def sliced(items: list[Any], start: Any, stop: Any, step: Any) -> list[Any]:
        """`items[start:stop:step]` as a plain list; `items` is a list of any kind."""
        part = span(len(items), start, stop, step)
        count = span_length(len(items), part)
        if count > SHORT_COPY:
            meter.charge(count >> 3, list_size(count))
        return items[part]

    def joined(left: list[Any], right: list[Any]) -> list[Any]:
        """`left + right` as a plain list; both are lists of any kind."""
        count = len(left) + len(right)
        if count < SHORT_COPY:
            meter.memory += EMPTY_LIST + SLOT * count
        else:
            meter.charge(count >> 3, list_size(count))
        return list.__add__(left, right)

    def entries(table: dict[Any, Any]) -> list[tuple[Any, Any]]:
        """What `x.items()` gives, of a dict whose keys are the script's own, for a loop that nobody else sees."""
        count = len(table)
        meter.charge(count >> 3, EMPTY_ITEMS + ITEM * count)
        return list(table.items())

    def cut(value: str, separator: str) -> list[str]:
        """What `value.split(separator)` gives, for a loop that nobody else sees."""
        if len(value) > SHORT_TEXT:
            parts: list[str] = text.split(0, value, separator)
            return parts
        parts = value.split(separator)
        meter.charge(0, text.SHORT_PARTS + text.SHORT_PART * len(parts))
        return parts

    return {"$listed": listed, "$sliced": sliced, "$joined": joined, "$entries": entries, "$cut": cut}


def evaluation_services(meter: Meter, depth_limit: int) -> dict[str, Any]:
    """All services of one evaluation, for the globals of its modules."""

    def refuse_depth() -> None:
        raise too_deep(depth_limit)

    return {
        **STATIC_SERVICES, **iteration_services(meter), "$m": meter, "$depth": depth_limit, "$too_deep": refuse_depth,
        **copying_services(meter),
    }  # fmt: skip
