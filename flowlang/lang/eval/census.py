"""The census: how much memory the script still reaches.

Charges only grow. When they pass the limit, what is alive is counted by the fixed table of sizes; what is not reached
was garbage and is credited. Alive is what these reach:

- the globals of modules;
- the locals of all frames of all fibers, running, waiting or not begun: those of generated code with the compiler's
  temporaries, and those of builtins and flow calls, which hold arguments, copies and partial results;
- what loops hold by their iterators: copies of dicts and sets, the cursors of streams;
- the tasks of open scopes, with their results;
- what was told to the outside and has not been taken yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from sys import getrefcount
from types import FrameType, GeneratorType, NoneType
from typing import Any, Final

from flowlang.lang.eval.command import CallAction, Command, FlowBegun, FlowEnded, LogLine, Note
from flowlang.lang.eval.fiber import Fiber, Scope
from flowlang.lang.eval.iteration import LongLoop
from flowlang.lang.eval.module import Module
from flowlang.lang.values.atom import ATOMS
from flowlang.lang.values.protocol import VALUE_TYPES
from flowlang.lang.values.size import ELEMENT, FIBER, NOTE, OBJECT, list_size, table_size, text_size

PART: Final = 1 << 14
"""So many children are looked at together."""
SMALL_KINDS: Final = frozenset({int, float, bool, NoneType})
TEXTS: Final = frozenset({str})
SMALL_INT: Final = 1 << 62
SHORT_TEXT: Final = 256


def take_census(
    modules: Iterable[Module], fibers: Iterable[Fiber], running: FrameType, said: Iterable[Command | Note]
) -> tuple[int, int]:
    """The bytes reached, and the steps that finding out took. `running`: the innermost frame of the running fiber."""
    total = sum(map(note_size, said))
    waiting: list[Any] = []
    for module in modules:
        waiting += module.own_values()
    waiting += _locals(running)
    for fiber in fibers:
        total += FIBER
        waiting += fiber.held
        waiting += _locals(fiber.gr_frame)
        waiting += _tasks(fiber.scope)
    count = _Count()
    count.reach(waiting)
    return total + count.total, count.steps


def _references_of_one_holder() -> int:
    """How many references a value has for the host when a list holds it and a variable has taken it from another
    list, as in `_Count.reach`: interpreters differ."""
    holder = [object()]
    waiting = list(holder)
    value = waiting.pop()
    return getrefcount(value)


ONE_HOLDER: Final = _references_of_one_holder()


class _Count:
    """What was reached so far: `total` bytes, for `steps` of work. The census must not take much memory itself, so
    `seen` keeps only what could be reached again: no value that has one holder, and none that is small and holds no
    others. Those are counted once in each part of a container, for there may be millions of them."""

    __slots__ = ("seen", "steps", "total")

    def __init__(self) -> None:
        self.seen: set[int] = set()
        self.total = 0
        self.steps = 0

    def reach(self, waiting: list[Any]) -> None:
        """Counts values and all that they hold."""
        while waiting:
            value = waiting.pop()
            if getrefcount(value) > ONE_HOLDER:
                if id(value) in self.seen:
                    continue
                self.seen.add(id(value))
            self.steps += 1
            kind = type(value)
            if kind is list or kind is dict:
                self.total += list_size(len(value)) if kind is list else table_size(len(value))
                waiting += self.held(value if kind is list else [*value, *value.values()])
                continue
            found = VALUE_TYPES.get(kind)
            if found is None:
                continue
            self.total += OBJECT if found.size is None else found.size(value)
            if kind not in ATOMS and found.children is not None:
                waiting += self.held(found.children(value))

    def held(self, children: Iterable[Any]) -> Iterator[Any]:
        """The children that have to be looked at one by one. The small ones are counted here."""
        iterator = iter(children)
        while part := list(islice(iterator, PART)):
            distinct = list(dict(zip(map(id, part), part, strict=True)).values())
            self.steps += len(part) >> 3
            kinds = set(map(type, distinct))
            if kinds <= SMALL_KINDS and (int not in kinds or _are_small(distinct)):
                self.total += ELEMENT * len(distinct)
                continue
            if kinds == TEXTS and max(map(len, distinct)) <= SHORT_TEXT:
                self.total += sum(map(text_size, distinct))
                continue
            yield from distinct


def _are_small(values: list[Any]) -> bool:
    numbers = [value for value in values if type(value) is int]
    return min(numbers) > -SMALL_INT and max(numbers) < SMALL_INT


def note_size(note: Command | Note) -> int:
    """The bytes of something told."""
    match note:
        case LogLine(text=text):
            return NOTE + text_size(text)
        case FlowEnded(payload=bytes() as data) | CallAction(arguments=data):
            return NOTE + len(data)
        case FlowBegun(preview=text):
            return 2 * NOTE + text_size(text)
    return NOTE


def _tasks(scope: Scope | None) -> Iterator[Any]:
    while scope is not None:
        yield from scope.tasks
        scope = scope.parent


def _locals(frame: FrameType | None) -> Iterator[Any]:
    """The values in the variables of a frame and of those that called it, and in iterators there."""
    while frame is not None:
        variables = frame.f_locals
        for value in list(variables.values()):
            if isinstance(value, GeneratorType):
                yield from _locals_of_generator(value)
            yield value.source if type(value) is LongLoop else value
        if type(variables) is dict:
            # Until CPython 3.12 this is a copy, which the frame would keep.
            variables.clear()
        frame = frame.f_back


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
