"""Binary operators by the exact types of their operands.

Each type enters what it knows (`register_operation`): lists their `+` and `*`, sets their `|`, numbers their
arithmetic. A pair of types without entry is an error of the script. Nothing is ever asked of the host's own operator
methods, so True never counts as 1 and no host object can take part unless it was registered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from flowlang.lang.values.protocol import VALUE_TYPES, type_name

Operation = Callable[[Any, Any], Any]

SYMBOLS: Final = ("+", "-", "*", "/", "//", "%", "|", "&", "^", "<<", ">>")
OPERATIONS: Final[dict[str, dict[tuple[type, type], Operation]]] = {symbol: {} for symbol in SYMBOLS}


def register_operation(symbol: str, lefts: Iterable[type], rights: Iterable[type], operation: Operation) -> None:
    """Defines `left symbol right` for every pair of the given exact types."""
    table = OPERATIONS[symbol]
    for left in lefts:
        for right in tuple(rights):
            if (left, right) in table:
                raise ValueError(f"`{symbol}` is already defined for {left} and {right}")
            table[left, right] = operation


def right_types(symbol: str, left: Any) -> list[str]:
    """The names of the types that may stand right of the operator when `left` stands left of it."""
    kinds = (right for of, right in OPERATIONS.get(symbol, ()) if of is type(left))
    return sorted({VALUE_TYPES[kind].name for kind in kinds if kind in VALUE_TYPES})


def unsupported_text(symbol: str, left: Any, right: Any) -> str:
    """The message for operands that do not go together."""
    return f"unsupported operation: {type_name(left)} {symbol} {type_name(right)}"
