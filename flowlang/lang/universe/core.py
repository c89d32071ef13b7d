"""The universe: the names that every module sees without loading anything.

These are the pure ones. `print` and everything that belongs to flows is added by the host of an evaluation, for it
needs somebody to talk to. The builtins are written in the modules beside this one, by what they are about; each is
an ordinary function value whose first parameter is the call depth.
"""

from __future__ import annotations

from typing import Any, Final

from flowlang.lang.universe import collection, conversion, order, reflection
from flowlang.lang.values.protocol import builtin_info

BUILTINS: Final = (
    conversion.abs_,
    collection.all_,
    collection.any_,
    conversion.bool_,
    conversion.bytes_,
    conversion.chr_,
    collection.dict_,
    reflection.dir_,
    collection.enumerate_,
    conversion.fail_,
    conversion.float_,
    reflection.getattr_,
    reflection.hasattr_,
    conversion.hash_,
    conversion.int_,
    collection.len_,
    collection.list_,
    order.max_,
    order.min_,
    conversion.ord_,
    collection.range_,
    conversion.repr_,
    collection.reversed_,
    collection.set_,
    order.sorted_,
    conversion.str_,
    reflection.struct_,
    collection.tuple_,
    reflection.type_,
    collection.zip_,
)


def _named_builtins() -> dict[str, Any]:
    named: dict[str, Any] = {"None": None, "True": True, "False": False}
    for function in BUILTINS:
        info = builtin_info(function)
        assert info is not None
        named[info.name] = function
    return named


UNIVERSE: Final[dict[str, Any]] = _named_builtins()
"""Every pure builtin by the name that scripts use."""
