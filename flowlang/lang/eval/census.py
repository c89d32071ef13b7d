"""The census: how much memory the script still reaches.

Charges only grow. When they pass the limit, what is alive is counted by the fixed table of sizes; what is not reached
was garbage and is credited. Alive is what these reach:

- the globals of modules;
- the locals of all frames of all fibers, running, waiting or not begun: those of generated code with the compiler's
  temporaries, and those of builtins and flow calls, which hold arguments, copies and partial results;
- what loops hold by their iterators: copies of dicts and sets, the cursors of streams;
- the tasks of open scopes, and the handlers that run at their end;
- what was told to the outside and has not been taken yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from inspect import CO_OPTIMIZED
from itertools import chain, islice
from sys import getrefcount
from types import FrameType, GeneratorType, NoneType
from typing import Any, Final

from flowlang.lang.eval.command import (
    CallAction,
    ChapterNote,
    Command,
    FlowBegun,
    FlowEnded,
    LogLine,
    Note,
    OpenGate,
    SendMessage,
    SpawnRun,
    StateNote,
    TaskBegun,
)
from flowlang.lang.eval.fiber import Fiber, Scope
from flowlang.lang.eval.iteration import LongLoop
from flowlang.lang.eval.module import Module
from flowlang.lang.values.atom import ATOMS
from flowlang.lang.values.container import Dict, HeldDict, HeldList, HeldSet, List, Set
from flowlang.lang.values.key import ExoticKey, exotic_parts, exotic_size
from flowlang.lang.values.protocol import VALUE_TYPES
from flowlang.lang.values.size import (
    ELEMENT,
    FIBER,
    FUNCTION,
    NOTE,
    OBJECT,
    SLOT,
    int_size,
    list_size,
    table_size,
    text_size,
    tuple_size,
)

PART: Final = 1 << 14
"""So many children are looked at together."""
SMALL_KINDS: Final = frozenset({int, float, bool, NoneType})
SMALL_INT: Final = 1 << 62
SHORT_TEXT: Final = 256
EMPTY_TEXT: Final = text_size("")

SIZES: Final[dict[type, Callable[[int], int]]] = {
    tuple: tuple_size, list: list_size, List: list_size, HeldList: list_size, dict: table_size, Dict: table_size,
    HeldDict: table_size, Set: table_size, HeldSet: table_size,
}  # fmt: skip
"""Containers that the host takes apart: their size by the number of elements."""
TABLES: Final = {dict: True, Dict: True, HeldDict: True, Set: False, HeldSet: False}
"""Those that are host dicts, and whether they have values."""


def take_census(
    modules: Iterable[Module], fibers: Iterable[Fiber], running: FrameType | None, said: Iterable[Command | Note],
    heed: Callable[[], None],
) -> tuple[int, int]:  # fmt: skip
    """The bytes reached, and the steps that finding out took. `running`: the innermost frame of the running fiber, if
    one is running: other frames are the host's. `heed` is called now and then, and may raise to end the census."""
    total = sum(map(note_size, said))
    waiting: list[Any] = []
    for module in modules:
        waiting += module.own_values()
    waiting += _locals(running)
    for fiber in fibers:
        total += FIBER + _handlers_size(fiber.scope)
        waiting += fiber.held
        waiting += _locals(fiber.gr_frame)
        waiting += _held_by_scopes(fiber.scope)
    count = _Count(heed)
    count.reach(waiting)
    return total + count.total, count.steps


def _references_of_one_holder() -> int:
    """How many references a value has for the host when a container holds it and a part of that container was taken,
    as in `_Count.unseen`: interpreters differ."""
    holder = [object()]
    part = list(islice(iter(holder), 1))
    return max(map(getrefcount, part))


ONE_HOLDER: Final = _references_of_one_holder()


class _Count:
    """What was reached so far: `total` bytes, for `steps` of work.

    Values are looked at in parts of many thousands: what a part holds is told apart by type and counted by the host in
    a few calls, because a script near its limit is counted again and again. `pending` are the iterators of what is
    still to be looked at. The census must not take much memory itself, so `seen` keeps only what could be reached
    again: no value that has one holder, and none that is small and holds no others. Those are counted once in each
    part, for there may be millions of them.
    """

    __slots__ = ("heed", "pending", "seen", "steps", "total")

    def __init__(self, heed: Callable[[], None]) -> None:
        self.heed = heed
        self.pending: list[Iterator[Any]] = []
        self.seen: set[int] = set()
        self.total = 0
        self.steps = 0

    def reach(self, values: Iterable[Any]) -> None:
        """Counts values and all that they hold."""
        self.pending.append(iter(values))
        while self.pending:
            part = list(islice(self.pending[-1], PART))
            if len(part) < PART:
                self.pending.pop()
            if part:
                self.heed()
                self.steps += (len(part) >> 2) + 1
                self.add(part)

    def add(self, part: list[Any]) -> None:
        """Counts the values of a part."""
        kinds = set(map(type, part))
        for kind in kinds:
            is_mixed = len(kinds) > 1
            group: list[Any] = [value for value in part if type(value) is kind] if is_mixed else part
            if kind in SMALL_KINDS:
                self.add_small(kind, group)
            elif kind is str:
                self.add_texts(group, ONE_HOLDER + is_mixed)
            elif kind in SIZES:
                self.add_containers(kind, self.unseen(group, ONE_HOLDER + is_mixed))
            elif kind is ExoticKey:
                self.add_stored_keys(self.unseen(group, ONE_HOLDER + is_mixed))
            elif kind in VALUE_TYPES:
                self.add_others(kind, self.unseen(group, ONE_HOLDER + is_mixed))

    def unseen(self, group: list[Any], references_of_one: int) -> list[Any]:
        """The values of a group that were not counted before. `references_of_one`: how many a value has that is
        reached only here."""
        counts = list(map(getrefcount, group))
        if max(counts) <= references_of_one:
            return group
        result = []
        for value, references in zip(group, counts, strict=True):
            if references > references_of_one:
                if id(value) in self.seen:
                    continue
                self.seen.add(id(value))
            result.append(value)
        return result

    def add_small(self, kind: type, group: list[Any]) -> None:
        if kind is float:
            self.total += ELEMENT * len(set(map(id, group)))
        elif kind is int:
            if min(group) > -SMALL_INT and max(group) < SMALL_INT:
                self.total += ELEMENT * len(set(map(id, group)))
            else:
                self.total += sum(map(int_size, dict(zip(map(id, group), group, strict=True)).values()))

    def add_texts(self, group: list[str], references_of_one: int) -> None:
        if max(map(len, group)) <= SHORT_TEXT:
            distinct = list(dict(zip(map(id, group), group, strict=True)).values())
        else:
            distinct = self.unseen(group, references_of_one)
        lengths = sum(map(len, distinct))
        if all(map(str.isascii, distinct)):
            self.total += EMPTY_TEXT * len(distinct) + lengths
        else:
            self.total += sum(map(text_size, distinct))

    def add_containers(self, kind: type, group: list[Any]) -> None:
        size = SIZES[kind]
        if kind in TABLES:
            self.total += sum(map(size, map(len, group)))
            self.pending.append(chain.from_iterable(group))
            if TABLES[kind]:
                self.pending.append(chain.from_iterable(map(dict.values, group)))
        else:
            self.total += size(0) * len(group) + SLOT * sum(map(len, group))
            self.pending.append(chain.from_iterable(group))

    def add_stored_keys(self, group: list[ExoticKey]) -> None:
        self.total += sum(map(exotic_size, group))
        self.pending.append(stored.value for stored in group)
        self.pending.append(chain.from_iterable(map(exotic_parts, group)))

    def add_others(self, kind: type, group: list[Any]) -> None:
        found = VALUE_TYPES[kind]
        self.total += OBJECT * len(group) if found.size is None else sum(map(found.size, group))
        if kind not in ATOMS and found.children is not None:
            self.pending.append(chain.from_iterable(map(found.children, group)))


def note_size(note: Command | Note) -> int:
    """The bytes of something told."""
    match note:
        case TaskBegun():  # there are most of these
            return NOTE
        case LogLine(text=text):
            return NOTE + text_size(text)
        case FlowEnded(payload=bytes() as data) | CallAction(arguments=data) | SpawnRun(arguments=data):
            return NOTE + len(data)
        case OpenGate(payload=data) | SendMessage(payload=data) | StateNote(payload=data) | ChapterNote(state=data):
            return NOTE + len(data)
        case FlowBegun(preview=text):
            return 2 * NOTE + text_size(text)
    return NOTE


def _held_by_scopes(scope: Scope | None) -> Iterator[Any]:
    while scope is not None:
        yield from scope.tasks
        for handler in scope.handlers or ():
            yield handler.function
            yield handler.positional
            yield handler.keywords
        scope = scope.parent


def _handlers_size(scope: Scope | None) -> int:
    """The bytes of handlers themselves, which are no values."""
    total = 0
    while scope is not None:
        total += FUNCTION * len(scope.handlers or ())
        scope = scope.parent
    return total


def _locals(frame: FrameType | None) -> Iterator[Any]:
    """The values in the variables of a frame and of those that called it, and in iterators there."""
    while frame is not None:
        if not _is_counted(frame):
            frame = frame.f_back
            continue
        variables = frame.f_locals
        for value in list(variables.values()):
            if isinstance(value, GeneratorType):
                yield from _locals_of_generator(value)
            yield value.blocks.source if type(value) is LongLoop else value
        if type(variables) is dict and frame.f_code.co_flags & CO_OPTIMIZED:
            # Until CPython 3.12 this is a copy, which the frame would keep. (That of a module would be no copy.)
            variables.clear()
        frame = frame.f_back


def _is_counted(frame: FrameType) -> bool:
    """Whether a frame runs code of a script or of flowlang. What functions of an embedding host hold is the host's: a
    table of its own in a variable is no memory of the script."""
    return "$module" in frame.f_globals or str(frame.f_globals.get("__name__", "")).startswith("flowlang.")


def _locals_of_generator(generator: Any) -> Iterator[Any]:
    pending = [generator]
    while pending:
        frame = pending.pop().gi_frame
        # A generator that is running has its frame on the stack.
        if frame is not None and frame.f_back is None:
            for value in frame.f_locals.values():
                if isinstance(value, GeneratorType):
                    pending.append(value)
                else:
                    yield value
