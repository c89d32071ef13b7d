"""After an error: ends the locks of the loops that it left.

A loop unlocks what it iterates when it ends, by itself or by `break` and `return`. An error leaves it without a word.
Wherever the error is caught and the script goes on, its values must be as free as before. (What a failed flow could
reach is frozen or a copy, so mostly this matters when the host called a function of a script and catches the error.)

Which loops were running is read off the traceback: a frame's instruction stands inside certain loops of its code, and
each of them has its source in a local `%s…` beside the iterator `%i…` (`compile/loops.py`). So loops pay nothing for
it.
"""

from __future__ import annotations

import dis
from functools import lru_cache
from itertools import pairwise
from types import CodeType
from typing import Final

import attrs

from flowlang.lang.eval.iteration import finish
from flowlang.lang.eval.traceback import is_generated

ITERATOR: Final = "%i"
SOURCE: Final = "%s"


@attrs.frozen
class LoopRange:
    """The instructions of a loop's turns, from `start` to before `end`, and the local that holds what it iterates."""

    start: int
    end: int
    source: str


def unlock_after(error: BaseException) -> None:
    """Ends the locks of all loops that the error has left on its way here."""
    traceback = error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        if is_generated(frame):
            for loop in _loops(frame.f_code):
                if loop.start <= traceback.tb_lasti < loop.end and loop.source in frame.f_locals:
                    finish(frame.f_locals[loop.source])
        traceback = traceback.tb_next


@lru_cache(maxsize=256)
def _loops(code: CodeType) -> tuple[LoopRange, ...]:
    if not any(name.startswith(SOURCE) for name in code.co_varnames):
        return ()
    instructions = [found for found in dis.get_instructions(code) if found.opname not in ("CACHE", "EXTENDED_ARG")]
    found = []
    variable = ""
    for before, instruction in pairwise(instructions):
        if instruction.opname == "GET_ITER":
            # One instruction of newer Pythons loads what another has just stored.
            names = before.argval if isinstance(before.argval, tuple) else (before.argval,)
            variable = str(names[-1])
        elif instruction.opname == "FOR_ITER" and variable.startswith(ITERATOR):
            # The labels of source and iterator are made one after the other.
            number = int(variable.removeprefix(ITERATOR)) - 1
            found.append(LoopRange(instruction.offset, instruction.argval, f"{SOURCE}{number}"))
    return tuple(found)
