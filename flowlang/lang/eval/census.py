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
from types import FrameType, GeneratorType
from typing import Any

from flowlang.lang.eval.command import CallAction, Command, FlowBegun, FlowEnded, LogLine, Note
from flowlang.lang.eval.fiber import Fiber, Scope
from flowlang.lang.eval.iteration import LongLoop
from flowlang.lang.eval.module import Module
from flowlang.lang.values.atom import ATOMS
from flowlang.lang.values.protocol import VALUE_TYPES
from flowlang.lang.values.size import FIBER, NOTE, OBJECT, list_size, table_size, text_size

HOST_CONTAINERS = (list, dict)


def take_census(
    modules: Iterable[Module], fibers: Iterable[Fiber], running: FrameType, said: Iterable[Command | Note]
) -> tuple[int, int]:
    """The bytes reached, and how many values were visited. `running`: the innermost frame of the running fiber."""
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
    seen: set[int] = set()
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        kind = type(value)
        if kind in HOST_CONTAINERS:
            total += list_size(len(value)) if kind is list else table_size(len(value))
            waiting += value if kind is list else value.values()
            continue
        found = VALUE_TYPES.get(kind)
        if found is None:
            continue
        total += OBJECT if found.size is None else found.size(value)
        if kind not in ATOMS and found.children is not None:
            waiting += found.children(value)
    return total, len(seen)


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
