"""What failing generated code was about to do, read back from the instruction where it stopped.

Compiled code indexes a list by an int, and a dict by a string, with the host's own subscript; what the host then says
(`KeyError`, `IndexError`) names neither the container nor its length. But the generated code keeps operands in
variables or constants, and the two instructions before the subscript push them, so both can be looked up in the frame
that failed. Where the operands were pushed otherwise, there is no answer, and the message stays general. The same for
a division by zero, which the host words differently in each of its versions: the instruction says which division.
"""

from __future__ import annotations

import operator
from functools import lru_cache
from opcode import opmap
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, Final

import attrs

from flowlang.lang.values.protocol import MISSING

if TYPE_CHECKING:
    from dis import Instruction

SUBSCRIPTS: Final = ("BINARY_SUBSCR", "STORE_SUBSCR")
NAMED: Final = ("LOAD_FAST", "LOAD_NAME", "LOAD_GLOBAL", "LOAD_DEREF")
"""Beginnings of the names of instructions that push a variable. Their later forms push two at once."""

LOAD_FAST: Final = opmap["LOAD_FAST"]
NEVER_FAILING: Final = frozenset({opmap["STORE_FAST"], opmap["LOAD_CONST"]})
WITHOUT_EFFECT: Final = ("CACHE", "EXTENDED_ARG", "NOP", "PRECALL", "PUSH_NULL")
"""What may stand between two pushes."""
LENGTH: Final = "$len"
ELEMENT: Final = "[]"
CALCULATIONS: Final = {"+": operator.add, "-": operator.sub, "*": operator.mul}
INT_MAX: Final = 1 << 64


@attrs.frozen
class _Push:
    """One value that instructions push: a variable, a constant, or what `operation` makes of `parts`: an operator of
    ints, `len`, or an element of a list or tuple."""

    name: str | None = None
    constant: Any = None
    operation: str = ""
    parts: tuple[_Push, ...] = ()


def subscript_operands(frame: FrameType, instruction: int) -> tuple[Any, Any] | None:
    """The container and the index of the subscript at `instruction`; None if they cannot be told."""
    pushes = _pushes_before(frame.f_code, instruction)
    if pushes is None:
        return None
    container, index = (_value(frame, push) for push in pushes)
    return None if container is MISSING or index is MISSING else (container, index)


def failing_instruction(frame: FrameType, instruction: int) -> int:
    """The instruction that failed, given the one at which the host says that it stopped. CPython 3.11 runs pairs of
    loads and stores that have become hot as one, and when the second is the load of a variable that has no value, it
    names the first, which cannot have failed: so the place of an error would depend on what ran before."""
    code = frame.f_code
    opcode, argument = code.co_code[instruction], code.co_code[instruction + 1]
    is_bound = opcode == LOAD_FAST and argument < len(code.co_varnames) and code.co_varnames[argument] in frame.f_locals
    return instruction + 2 if opcode in NEVER_FAILING or is_bound else instruction


@lru_cache(512)
def operator_at(code: CodeType, instruction: int) -> str:
    """The symbol of the binary operator at `instruction`; empty if there is none."""
    import dis

    for each in dis.get_instructions(code):
        if each.offset == instruction:
            return each.argrepr.removesuffix("=") if each.opname == "BINARY_OP" else ""
    return ""


def _value(frame: FrameType, push: _Push) -> Any:
    """What was pushed; MISSING where that cannot be told without doing what a script could notice."""
    if push.operation:
        return _computed(push.operation, [_value(frame, part) for part in push.parts])
    if push.name is None:
        return push.constant
    for variables in (frame.f_locals, frame.f_globals):
        if push.name in variables:
            return variables[push.name]
    return MISSING


def _computed(operation: str, values: list[Any]) -> Any:
    if operation == LENGTH:
        return len(values[0]) if isinstance(values[0], list | dict | str) else MISSING
    if operation == ELEMENT:
        container, index = values
        is_there = isinstance(container, list | tuple) and type(index) is int and 0 <= index < len(container)
        return container[index] if is_there else MISSING
    if any(type(value) is not int or abs(value) > INT_MAX for value in values):
        return MISSING
    return CALCULATIONS[operation](*values)


@lru_cache(512)
def _pushes_before(code: CodeType, instruction: int) -> tuple[_Push, _Push] | None:
    import dis

    pushes: list[_Push] = []
    # An operand that is also kept in a temporary is copied and stored, which leaves the stack as it was.
    is_copied = False
    for each in dis.get_instructions(code):
        if each.is_jump_target:
            # What was pushed before may be something else on the other way to here.
            pushes.clear()
        if each.offset == instruction:
            is_subscript = each.opname in SUBSCRIPTS or each.argrepr == ELEMENT
            return (pushes[-2], pushes[-1]) if is_subscript and len(pushes) >= 2 else None
        if each.opname == "COPY" and each.arg == 1:
            is_copied = True
            continue
        if not (is_copied and each.opname.startswith("STORE_")) and each.opname not in WITHOUT_EFFECT:
            _follow(pushes, each)
        is_copied = False
    return None


def _follow(pushes: list[_Push], instruction: Instruction) -> None:
    """What is known to be pushed after one more instruction."""
    name = instruction.opname
    if name.startswith(NAMED):
        names = instruction.argval if isinstance(instruction.argval, tuple) else (instruction.argval,)
        pushes += [_Push(name) for name in names]
    elif name.startswith("LOAD_CONST") or name == "LOAD_SMALL_INT":
        pushes.append(_Push(constant=instruction.argval))
    elif name == "BINARY_OP" and instruction.argrepr in CALCULATIONS and len(pushes) >= 2:
        pushes[-2:] = [_Push(operation=instruction.argrepr, parts=(pushes[-2], pushes[-1]))]
    elif (name == "BINARY_SUBSCR" or instruction.argrepr == ELEMENT) and len(pushes) >= 2:
        pushes[-2:] = [_Push(operation=ELEMENT, parts=(pushes[-2], pushes[-1]))]
    elif name == "CALL" and instruction.arg == 1 and len(pushes) >= 2 and pushes[-2].name == LENGTH:
        pushes[-2:] = [_Push(operation=LENGTH, parts=(pushes[-1],))]
    else:
        pushes.clear()
