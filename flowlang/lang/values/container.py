"""The mutable containers: two exact classes each, one layout.

`List`, `Dict` and `Set` may be changed by whoever holds them. When a value is frozen, is being iterated, or (dict
and set) holds a key that needs a wrapper, its class is swapped to `HeldList`, `HeldDict` or `HeldSet` and `state`
says why; every mutation of a held value goes the slow way, which looks at `state`. When the last reason ends, the
class is swapped back.

A Set is a dict from key to None: sets keep insertion order. Keys of dicts and sets are Python's own where Python
agrees with the language; the rest (True and False, which Python takes for 1 and 0, NaN, tuples that hold such, very
large ints) are wrapped (`key.py`), which sets the bit EXOTIC for as long as the container lives, because then
iteration must unwrap.

`gaps` of a dict or set counts what was removed from it since it was last packed (`key.note_removal`); it is not there
before the first removal.
"""

from __future__ import annotations

from typing import Any, Final

FROZEN: Final = 1
EXOTIC: Final = 2
ITERATION: Final = 4
"""`state` counts running iterations in units of ITERATION."""


class AnyList(list[Any]):
    __slots__ = ("state",)
    __hash__ = None
    state: int


class List(AnyList):
    __slots__ = ()


class HeldList(AnyList):
    __slots__ = ()


class AnyDict(dict[Any, Any]):
    __slots__ = ("gaps", "state")
    __hash__ = None
    gaps: int
    state: int


class Dict(AnyDict):
    __slots__ = ()


class HeldDict(AnyDict):
    __slots__ = ()


class AnySet(dict[Any, None]):
    __slots__ = ("gaps", "state")
    __hash__ = None
    gaps: int
    state: int


class Set(AnySet):
    __slots__ = ()


class HeldSet(AnySet):
    __slots__ = ()


HELD: Final[dict[type, type]] = {List: HeldList, Dict: HeldDict, Set: HeldSet}
FREE: Final[dict[type, type]] = {HeldList: List, HeldDict: Dict, HeldSet: Set}


def state_of(container: AnyList | AnyDict | AnySet) -> int:
    """Why the container is held; 0 when it is not."""
    return container.state if type(container) in FREE else 0


def hold(container: AnyList | AnyDict | AnySet, reason: int) -> None:
    """Adds `reason` (FROZEN, EXOTIC or one more ITERATION). Only for exact container types."""
    held = HELD.get(type(container))
    if held is not None:
        container.state = reason
        container.__class__ = held
    elif reason == ITERATION:
        container.state += ITERATION
    else:
        container.state |= reason


def release(container: AnyList | AnyDict | AnySet) -> None:
    """Ends one iteration; the container becomes free again when no reason is left."""
    container.state -= ITERATION
    if container.state == 0:
        container.__class__ = FREE[type(container)]
