"""The check at the start of functions in a dialect without recursion (`compile/recursion.py` puts it there).

What runs is found on the Python stack, which is exact whatever way a call has ended. Functions are told apart by the
name of their note, which stands for a place in the text: a combinator makes new function values of the same text, and
one text may be compiled in two versions. The globals are compared as well, for each evaluation has modules of its own,
and one may run inside another.
"""

from __future__ import annotations

from sys import _getframe as getframe
from typing import Final

from flowlang.lang.compile.naming import script_name
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.meter import charge

FRAMES_PER_STEP: Final = 16
MODULE: Final = "%module"
"""The code of the top level, which refers to all notes to begin them."""


def once(depth: int, note: str) -> None:
    """Refuses a call of a function that is running already. `note` is the name that only its code refers to."""
    charge(depth // FRAMES_PER_STEP)
    frame = getframe(1)
    code, names = frame.f_code, frame.f_globals
    outer = frame.f_back
    while outer is not None:
        around = outer.f_code
        if outer.f_globals is names and note in around.co_names and around.co_name != MODULE:
            name = "lambda" if code.co_name.startswith("%lambda") else script_name(code.co_name)
            raise Fault(
                "recursion",
                f"`{name}` is called while it is still running",
                hint="this dialect has no recursion; use a loop, with a list of what is left to do",
            )
        outer = outer.f_back
