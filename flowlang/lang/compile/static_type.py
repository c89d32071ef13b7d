"""Static types: what is known of a value before the script runs.

Ints carry a bound of their size in bits. What only ever grows by adding bounded ints is LINEAR: no script lives long
enough to make a large int that way, so it needs no look at its size, as little as bounded ints do. Only other sums and
products can grow fast, and only they are compared with a limit (`operation.py`).

Tuples carry the types of their parts. Lists and dicts carry nothing here: what they hold is a matter of all names that
may mean them, and is kept by `cell.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

UNBOUNDED: Final = 1 << 20
"""Bits of an int of which no bound is known."""
BITS_MAX: Final = 512
"""Bounds beyond this are given up; results of bounded operands need no look all the same."""
LINEAR: Final = 600
"""Bits that a sum of bounded ints stays below, however long a script runs."""
SUMMAND_MAX: Final = 128
"""Larger ints are not summed up as LINEAR: nobody would pay for the memory of such sums."""


class Type(NamedTuple):
    """One static type. `name`: of a type of the language, or one of the two below. `bits`: of an int; of a string
    UNBOUNDED, or 0 for one that is certainly short. `parts`: of a tuple whose length is known."""

    name: str
    bits: int = 0
    parts: tuple[Type, ...] = ()

    @property
    def is_short(self) -> bool:
        """Whether the value is a short string."""
        return self.name == "str" and self.bits == 0

    @property
    def is_bounded(self) -> bool:
        """Whether the value is an int with a bound."""
        return self.name == "int" and self.bits <= BITS_MAX

    @property
    def is_small(self) -> bool:
        """Whether the value is an int that takes no more than a few words."""
        return self.name == "int" and self.bits <= LINEAR


SHORT_MAX: Final = 4096
"""Characters that are compared for free."""

NOTHING: Final = Type("")
"""No value reaches here, as far as is known yet."""
UNKNOWN: Final = Type("?")
INT: Final = Type("int", UNBOUNDED)
INDEX: Final = Type("int", 64)
"""What `range` gives: its bounds are within 2**63."""
FLOAT: Final = Type("float")
STRING: Final = Type("str", UNBOUNDED)
SHORT: Final = Type("str")
"""A string of a few characters, which may be compared without being charged for."""
BOOL: Final = Type("bool")
LIST: Final = Type("list")
DICT: Final = Type("dict")
TUPLE: Final = Type("tuple")
SEQUENCE: Final = Type("sequence")
"""A list, a tuple or a string."""
NONE: Final = Type("NoneType")

PLAIN_BITS: Final = 60
"""The host's hash of an int up to here is the int itself."""
TUPLE_BITS: Final = 20
TUPLE_NUMBERS_MAX: Final = 4
NUMBERS: Final = frozenset({"int", "float"})
INT_OPERATORS: Final = frozenset(["+", "-", "*", "//", "%", "&", "|", "^", "<<", ">>"])
COMPARISONS: Final = frozenset(["==", "!=", "<", "<=", ">", ">=", "in", "not in"])


def of_constant(value: object) -> Type:
    """The type of a literal."""
    if type(value) is int:
        return bounded_int(value.bit_length())
    if type(value) is str:
        return SHORT if len(value) < SHORT_MAX else STRING
    return Type(type(value).__name__)


def bounded_int(bits: int) -> Type:
    """An int of at most so many bits."""
    return Type("int", bits) if bits <= BITS_MAX else INT


def tuple_of(parts: Iterable[Type]) -> Type:
    """A tuple of these parts; what is inside of tuples inside is not looked at."""
    return Type("tuple", 0, tuple(TUPLE if any(inner.parts for inner in part.parts) else part for part in parts))


def join(left: Type, right: Type) -> Type:
    """The type of a value that has one type or the other."""
    if left == right or right is NOTHING or right.name == "":
        return left
    if left.name == "":
        return right
    if left.name != right.name:
        return UNKNOWN
    if left.name == "tuple":
        if len(left.parts) != len(right.parts):
            return TUPLE
        return Type("tuple", 0, tuple(map(join, left.parts, right.parts)))
    return left if left.bits >= right.bits else right


def join_all(types: Iterable[Type]) -> Type:
    """The join of all types; NOTHING for none."""
    result = NOTHING
    for one in types:
        result = join(result, one)
        if result is UNKNOWN:
            break
    return result


def widened(old: Type, new: Type) -> Type:
    """A bound of bits that has grown is given up: first for linear growth, then for any."""
    if new.name == "int" and old.name == "int" and new.bits > old.bits:
        is_linear = old.bits < LINEAR and (new.bits <= SUMMAND_MAX or new.bits == LINEAR)
        return Type("int", LINEAR) if is_linear else INT
    if new.name == "tuple" and len(new.parts) == len(old.parts):
        return Type("tuple", 0, tuple(map(widened, old.parts, new.parts)))
    return new


def of_operation(op: str, left: Type, right: Type) -> Type:
    """The type of an operation that succeeds."""
    if op in COMPARISONS:
        return BOOL
    if left.name == "" or right.name == "":
        return NOTHING
    if left.name == "int" and right.name == "int":
        return _of_ints(op, left.bits, right.bits)
    if (left.name == "float" and op in "+-/") or (right.name == "float" and op in "+-"):
        return FLOAT
    if op == "*" and "float" in (left.name, right.name):
        # A float times a duration is a duration.
        return FLOAT if NUMBERS.issuperset((left.name, right.name)) else UNKNOWN
    if left.name in NUMBERS and right.name == "float" and op in ("//", "%"):
        return FLOAT
    if left.name == "float" and op in ("//", "%"):
        return FLOAT
    if op == "/" and left.name in NUMBERS:
        return FLOAT
    if ("str" in (left.name, right.name) and op == "+") or (left.name == "str" and op == "%"):
        return STRING
    if left.name == "list" and op in "+*":
        return LIST
    return UNKNOWN


def _of_ints(op: str, left: int, right: int) -> Type:
    if op == "/":
        return FLOAT
    if op not in INT_OPERATORS:
        return UNKNOWN
    if op == "%":
        return Type("int", right)
    if op in ("//", ">>"):
        return Type("int", left)
    if op in "+-" and max(left, right) == LINEAR and min(left, right) <= SUMMAND_MAX:
        return Type("int", LINEAR)
    if max(left, right) > BITS_MAX:
        return INT
    if op in "+-":
        return bounded_int(max(left, right) + 1)
    if op == "*":
        return bounded_int(left + right)
    return bounded_int(max(left, right) + 1) if op in "&|^" else INT


def is_plain_key(kind: Type, *, is_stored: bool = True) -> bool:
    """Whether the host's dicts treat all keys of a type as the language does. A larger int can be looked up like any
    other where none is stored, and so can tuples. The host's hash of tuples is easily made to collide, and it compares
    the strings in them at once; so what stands in a stored one is small (`values/key.py`)."""
    if kind.name == "tuple":
        parts = kind.parts
        numbers = sum(part.name == "int" for part in parts)
        if is_stored and (numbers > TUPLE_NUMBERS_MAX or any(part.bits > TUPLE_BITS for part in parts)):
            return False
        return bool(parts) and all(part.name != "tuple" and is_plain_key(part, is_stored=is_stored) for part in parts)
    return kind.name in ("str", "") or (kind.name == "int" and (kind.bits <= PLAIN_BITS or not is_stored))
