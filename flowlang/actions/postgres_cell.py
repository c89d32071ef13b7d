"""What PostgreSQL keeps in a cell, as data of a script."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from flowlang.lang.values.protocol import MISSING
from flowlang.runtime.typed import adopt

PLAIN: Final = frozenset({type(None), bool, int, float, str})


def host_cell(cell: Any) -> Any:
    """Numbers without a fraction become ints, other exact numbers text, which keeps every digit; moments become
    times, spans durations, days and local times text in ISO form; JSON and arrays what they hold."""
    if type(cell) in PLAIN:
        return cell
    match cell:
        case bytes() | bytearray() | memoryview():
            return bytes(cell)
        case Decimal():
            return (
                int(cell)
                if cell.is_finite() and cell == cell.to_integral_value() and cell.as_tuple().exponent == 0
                else str(cell)
            )
        case datetime() | timedelta():
            adopted = adopt(cell)
            return cell.isoformat() if adopted is MISSING and isinstance(cell, datetime) else adopted
        case date() | time():
            return cell.isoformat()
        case list() | tuple():
            return [host_cell(each) for each in cell]
        case dict():
            return {str(key): host_cell(value) for key, value in cell.items()}
    return str(cell)
