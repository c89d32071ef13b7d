"""What an evaluation gives back when it can go on no more by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import attrs

from flowlang.lang.eval.command import Command, Note
from flowlang.lang.eval.traceback import Frame
from flowlang.lang.statically_frozen import statically_frozen
from flowlang.lang.values.fault import Stop
from flowlang.lang.values.result import Err, Ok


@statically_frozen
class Suspended:
    """All fibers wait. `said`: notes and commands in the order in which they came up; at least one command of this
    or an earlier step is unanswered."""

    said: Sequence[Command | Note]


@attrs.frozen
class Completed:
    """The script ended. `result` is its outcome, `payload` the same as canonical bytes (None: not data). `cancelled`:
    the kind of what ended it from outside, `cancelled` or `timeout`; empty when it came to its own end."""

    said: Sequence[Command | Note]
    result: Ok | Err
    payload: bytes | None
    cancelled: str = ""


@attrs.frozen
class Continued:
    """The script ended this chapter of the run, and another one is to begin with the arguments in `payload`: canonical
    bytes of a dict of `positional` (list) and `named` (dict)."""

    said: Sequence[Command | Note]
    payload: bytes


@attrs.frozen
class Stopped:
    """The evaluation was ended by a budget, an interruption or a defect (`cause`), at the innermost of `frames`."""

    said: Sequence[Command | Note]
    cause: Stop
    frames: tuple[Frame, ...] = ()


Step: TypeAlias = Suspended | Completed | Continued | Stopped


@attrs.frozen
class Chapter:
    """Which part of its life a run is in, counted from 1. `state`: canonical bytes of what the one before handed on."""

    number: int = 1
    state: bytes | None = None
