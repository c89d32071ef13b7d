"""The tables of None, bool, int and float: no methods, no fields, no elements.

Their equality, ordering and arithmetic are special cases of `compare.py`, `key.py` and the operators, because they
are the fast paths there.
"""

from __future__ import annotations

from types import NoneType
from typing import Final

from flowlang.lang.values.protocol import ValueType, register
from flowlang.lang.values.size import ELEMENT, int_size

ATOMS: Final = frozenset({NoneType, bool, int, float, str, bytes, range})
"""The types whose values hold no others and never change."""

register(NoneType, ValueType("NoneType", size=lambda value: 0))
register(bool, ValueType("bool", size=lambda value: 0))
register(int, ValueType("int", size=int_size))
register(float, ValueType("float", size=lambda value: ELEMENT))
