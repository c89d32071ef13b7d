"""The constants, names and operators that generated programs are made of.

Three languages are generated: all of ours (FULL); the standard dialect with `while` (STANDARD); and the part that means
the same in CPython (SHARED), which has no number or operation on which the two differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

KINDS = (
    "int", "str", "bool", "list", "float", "tuple", "dict", "strings", "lists", "none", "set", "function", "bytes",
    "range", "struct",
)  # fmt: skip
"""The kinds of expressions. `list` has ints in it, `strings` and `lists` are lists of such, a `tuple` is a pair of
ints, a `dict` leads from strings or ints to ints, a `function` takes and gives an int, a `struct` has `p` and `q`."""

SMALL_INTS = ("0", "1", "2", "3", "-1", "5", "7", "-4")
LARGE_INTS = (
    str(2**62), str(2**62 - 1), str(-(2**62)), str(2**30), str(2**30 - 1), str(2**63), str(-(2**31)), str(10**20),
    str(2**61 - 1), str(2**64 + 1), "0xff",
)  # fmt: skip
STRINGS = ('""', '"a"', '"b"', '"abc"', '"a b"', '"é"', '"😿"', '"k"', '"%s"', '("x" * 300)')


@attrs.frozen
class Vocabulary:
    """What the generator may use. `mistakes`: percents of expressions that get a kind that does not fit, one for a
    program. `dialects`: those of which programs are; none for the flow dialect."""

    is_shared: bool
    mistakes: Sequence[int]
    ints: Sequence[str]
    floats: Sequence[str]
    strings: Sequence[str]
    kinds: Sequence[str]
    int_operators: Sequence[str]
    float_operators: Sequence[str]
    comparisons: Sequence[str]
    set_operators: Sequence[str]
    any_operators: Sequence[str]
    in_place: Mapping[str, Sequence[str]]
    dialects: Sequence[str] = ()


FULL = Vocabulary(
    is_shared=False,
    mistakes=(0, 0, 1, 4),
    ints=(*SMALL_INTS, *SMALL_INTS, *LARGE_INTS),
    floats=(
        "0.0", "1.5", "-0.0", "2.0", "-3.25", "1e308", '(float("inf"))', '(float("nan"))', "1e-5",
        "4611686018427387904.0",
    ),
    strings=STRINGS,
    kinds=KINDS,
    int_operators=("+", "-", "*", "//", "%", "&", "|", "^", "<<", ">>"),
    float_operators=("+", "-", "*", "/", "//", "%"),
    comparisons=("==", "<", "!=", "<=", ">", ">="),
    set_operators=("|", "&", "-", "^"),
    any_operators=("+", "-", "*", "/", "//", "%", "&", "|", "^", "<<", ">>", "==", "<", "in", "not in"),
    in_place={
        "int": ("+=", "-=", "*=", "//=", "%=", "&=", "|=", "^=", "<<=", ">>="),
        "float": ("+=", "-=", "*=", "/=", "//=", "%="),
        "str": ("+=", "*=", "%="), "list": ("+=", "*="), "strings": ("+=",), "lists": ("+=",), "tuple": ("+=",),
        "dict": ("|=",), "set": ("|=", "&=", "-=", "^="), "bool": ("+=", "|="), "none": ("+=",), "function": ("+=",),
        "bytes": ("+=", "*="), "range": ("+=",), "struct": ("+=",),
    },
)  # fmt: skip
SHARED = Vocabulary(
    is_shared=True,
    mistakes=(0,),
    ints=(*SMALL_INTS, *SMALL_INTS, *LARGE_INTS),
    floats=("0.0", "1.5", "-0.0", "2.0", "-3.25", "0.125"),
    strings=('""', '"a"', '"b"', '"abc"', '"a b"', '"é"', '"😿"'),
    kinds=("int", "str", "list", "float", "tuple", "dict", "strings", "lists", "function"),
    int_operators=("+", "-", "*", "//", "%", "&", "|", "^"),
    float_operators=("+", "-", "*", "/", "%"),
    comparisons=("==", "<", "!=", "<=", ">", ">="),
    set_operators=(),
    any_operators=(),
    in_place={
        "int": ("+=", "-=", "//=", "%=", "&=", "|=", "^="), "float": ("+=", "-=", "/="), "str": ("+=",),
        "list": ("+=",), "strings": ("+=",), "lists": ("+=",), "tuple": (), "dict": ("|=",), "bool": (), "function": (),
    },
)  # fmt: skip
STANDARD = attrs.evolve(
    FULL,
    dialects=(
        "standard toplevelcontrol globalreassign recursion while",
        "standard toplevelcontrol globalreassign while",
    ),
)
