"""Errors about operands that do not go together, with the advice that a beginner needs.

Every operator ends here when no type knows what to do. The message names both types; the hint depends on the pair,
because nearly every such error is one of a few habits: text and number joined without `str`, a function without
`return`, a Result used as its value, an operator of Python that the language spells otherwise.
"""

from __future__ import annotations

from typing import Any, Final

from flowlang.lang.values.fault import Fault
from flowlang.lang.values.operation import right_types, unsupported_text
from flowlang.lang.values.protocol import type_name
from flowlang.lang.values.wording import article

RESULT_HINT: Final = "calling a flow gives a Result: take the value out with `unwrap(...)` or `.value`"
NONE_HINT: Final = (
    "one side is None: a function that ends without `return` gives None, and so does a method like `append`"
)
READ_HINT: Final = "use `int(...)` or `float(...)` to read the string as a number"
PAIR_HINTS: Final[dict[tuple[str, str, str], str]] = {
    ("+", "dict", "dict"): "use `|` to merge dicts",
    ("+", "set", "set"): "use `|` to unite sets",
    ("-", "string", "string"): "remove a part with `replace`, `removeprefix` or `removesuffix`",
    ("-", "dict", "dict"): "keep the others with `{k: v for k, v in a.items() if k not in b}`",
    ("*", "string", "float"): READ_HINT,
    ("*", "float", "string"): READ_HINT,
    ("*", "string", "string"): READ_HINT,
    ("-", "list", "list"): "keep the others with `[x for x in a if x not in b]`, or use sets",
    ("|", "list", "list"): "use `+` to join lists",
    ("+", "list", "tuple"): "use `list(...)` to turn the tuple into a list",
    ("+", "tuple", "list"): "use `tuple(...)` to turn the list into a tuple",
    ("+", "string", "bytes"): "use `str(...)` to decode the bytes",
    ("+", "bytes", "string"): "use `bytes(...)` to encode the string",
}
UNARY_HINTS: Final = {
    "Result": RESULT_HINT,
    "bool": "use `int(...)` to make a number of it, or `not` to negate it",
    "string": "use `int(...)` or `float(...)` to read the string as a number",
    "NoneType": "a function that ends without `return` gives None",
    "float": "use `int(...)` to make an int of it",
    "list": "use `reversed(...)` to turn a list around, or a comprehension to negate its elements",
}
"""By the operand of `-`, `+` or `~`."""
NUMERIC: Final = ("int", "float")
CALCULATIONS: Final = ("-", "/", "//", "%")
"""Operators that have no meaning for strings, so that a string beside a number was meant as one."""


def unsupported(symbol: str, left: Any, right: Any) -> Fault:
    """The Fault for `left symbol right`."""
    return Fault("type-mismatch", unsupported_text(symbol, left, right), hint=advice(symbol, left, right))


def unsupported_unary(symbol: str, operand: Any) -> Fault:
    """The Fault for `symbol operand`."""
    name = type_name(operand)
    return Fault("type-mismatch", f"unsupported operation: {symbol}{name}", hint=UNARY_HINTS.get(name))


def advice(symbol: str, left: Any, right: Any) -> str | None:
    """What the author probably wants instead."""
    names = (type_name(left), type_name(right))
    found = PAIR_HINTS.get((symbol, *names))
    if found is not None:
        return found
    if "Result" in names:
        return RESULT_HINT
    if left is None or right is None:
        return NONE_HINT
    if symbol == "+" and names[0] == "list":
        return f"use `append`, or put the {names[1]} in brackets: `+ [value]`"
    if symbol == "+" and "string" in names:
        other = names[1] if names[0] == "string" else names[0]
        return f"use `str(...)` to turn the {other} into text"
    if "bool" in names and set(names) <= {"bool", *NUMERIC}:
        return "a bool is not a number: use `int(...)` to make 0 or 1 of it"
    if symbol in CALCULATIONS and "string" in names and set(names) & {*NUMERIC}:
        return READ_HINT
    if symbol == "in":
        return "the right side of `in` needs to be a collection or a string"
    rights = right_types(symbol, left)
    if rights:
        return f"the right side of `{symbol}` needs to be {' or '.join(map(article, rights))} here"
    return None
