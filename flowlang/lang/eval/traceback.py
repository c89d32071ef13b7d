"""From a Python exception to what the script did wrong, and where.

Generated code carries its spans in CPython's position tables, so the frames of a Python traceback that belong to
generated code are the flow traceback, caret ranges included. Python's own exceptions can only come from generated
code in a few ways, each of which is put into the language's words here; any other exception is a bug of ours.
"""

from __future__ import annotations

import re
from itertools import islice
from types import CodeType, FrameType, TracebackType
from typing import Any

import attrs

from flowlang.lang.compile.naming import script_name
from flowlang.lang.eval.arithmetic import division_by_zero, negative_shift, quotient_too_large
from flowlang.lang.eval.callback import PASSES_CALLS_ON
from flowlang.lang.eval.indexing import unpacking_hint
from flowlang.lang.eval.operand import failing_instruction, operator_at, subscript_operands
from flowlang.lang.eval.recursion import once
from flowlang.lang.eval.wrong_call import explain_type_error
from flowlang.lang.source import Span
from flowlang.lang.values.container import AnyDict, Dict
from flowlang.lang.values.dict import KEY_ADVICE, missing_key
from flowlang.lang.values.fault import BudgetExceeded, FailSignal, Fault
from flowlang.lang.values.protocol import type_name
from flowlang.lang.values.scalar import int_too_large_for_float
from flowlang.lang.values.sequence import index_out_of_range

POSITIONAL = (list, tuple, str, bytes, range)
TOP_LEVEL = "<toplevel>"
EARLY = "%early"
"""The code of a function that is called before its `def` ran: no place in the script is its own."""


@attrs.frozen
class Frame:
    """One call in a flow traceback: module name, function name and the span being evaluated."""

    module: str
    function: str
    span: Span


_spans: dict[tuple[CodeType, int], Span] = {}


def span_at(code: CodeType, instruction: int) -> Span:
    """The span of the script that an instruction of generated code belongs to."""
    found = _spans.get((code, instruction))
    if found is None:
        line, end_line, column, end_column = next(islice(code.co_positions(), instruction // 2, None), (None,) * 4)
        line = line or code.co_firstlineno
        found = (line, column or 0, end_line or line, end_column or (column or 0) + 1)
        if len(_spans) > 100_000:
            _spans.clear()
        _spans[code, instruction] = found
    return found


def is_generated(frame: FrameType) -> bool:
    """Whether a Python frame runs code of a script."""
    return "$module" in frame.f_globals


def frames_of(traceback: TracebackType | None) -> list[Frame]:
    """The script's frames of a traceback, outermost first. A comprehension is no frame of its own: it shows where
    inside it the function is."""
    frames: list[Frame] = []
    while traceback is not None:
        frame = traceback.tb_frame
        if is_generated(frame):
            code = frame.f_code
            is_innermost = traceback.tb_next is None
            span = span_at(code, failing_instruction(frame, traceback.tb_lasti) if is_innermost else traceback.tb_lasti)
            name = code.co_name
            if name.startswith("%comprehension") and frames:
                name = frames.pop().function
            if name != EARLY and not _is_refused_at_start(traceback):
                frames.append(Frame(frame.f_globals["$module"].name, _display_name(name), span))
        traceback = traceback.tb_next
    return frames


def _is_refused_at_start(traceback: TracebackType) -> bool:
    """Whether a function was not let in: what is wrong is the call of it."""
    return traceback.tb_next is not None and traceback.tb_next.tb_frame.f_code is once.__code__


def _display_name(name: str) -> str:
    if name == "%module" or name.startswith("%comprehension"):
        return TOP_LEVEL
    return "lambda" if name.startswith("%lambda") else script_name(name)


def calling_frame(frame: FrameType | None) -> Frame | None:
    """The innermost script frame on the Python stack from `frame` outwards. A frame of a bundled module counts only
    when there is no other: people want to know where in their own script something was asked for."""
    bundled: FrameType | None = None
    while frame is not None:
        if is_generated(frame):
            if not frame.f_globals["$module"].name.startswith("@"):
                return _frame_at(frame)
            bundled = bundled or frame
        frame = frame.f_back
    return _frame_at(bundled) if bundled is not None else None


_frames: dict[tuple[int, int, str], tuple[CodeType, Frame]] = {}
"""By the identity of the code, which is kept alive: the hash of code looks through all of it, every time."""


def _frame_at(frame: FrameType) -> Frame:
    code, instruction, module = frame.f_code, frame.f_lasti, frame.f_globals["$module"].name
    found = _frames.get((id(code), instruction, module))
    if found is None:
        if len(_frames) > 100_000:
            _frames.clear()
        found = code, Frame(module, _display_name(code.co_name), span_at(code, instruction))
        _frames[id(code), instruction, module] = found
    return found[1]


def explain(error: BaseException) -> Fault | FailSignal | None:
    """What an exception means in the language's words; None when it is a bug of the implementation."""
    if isinstance(error, (Fault, FailSignal)):
        return error
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return None
    if not is_generated(traceback.tb_frame):
        passes_on = isinstance(error, TypeError) and traceback.tb_frame.f_code in PASSES_CALLS_ON
        return explain_type_error(str(error), traceback.tb_frame) if passes_on else None
    return _explain_host_error(error, traceback)


def _explain_host_error(error: BaseException, traceback: TracebackType) -> Fault | None:
    frame = traceback.tb_frame
    match error:
        case KeyError() | IndexError():
            return _wrong_subscript(error, subscript_operands(frame, traceback.tb_lasti))
        case ZeroDivisionError():
            return division_by_zero(operator_at(frame.f_code, traceback.tb_lasti) or "/")
        case NameError():
            return _unbound(error, frame)
        case OverflowError():
            return quotient_too_large() if "division" in str(error) else int_too_large_for_float()
        case ValueError():
            return negative_shift() if "shift" in str(error) else _wrong_unpacking(str(error))
        case TypeError():
            return explain_type_error(str(error), frame)
    return None


def _wrong_subscript(error: KeyError | IndexError, operands: tuple[Any, Any] | None) -> Fault:
    """The Fault of a key or an index that is not there; `operands` is what was looked up where, if that is known."""
    container, index = operands or (None, None)
    if isinstance(error, KeyError):
        wanted = error.args[0]
        return missing_key(container if isinstance(container, AnyDict) else Dict(), wanted, KEY_ADVICE)
    if isinstance(container, POSITIONAL) and type(index) is int and not -len(container) <= index < len(container):
        # Lists that never leave a function are plain ones of the host.
        return index_out_of_range("list" if type(container) is list else type_name(container), len(container), index)
    return Fault("index-out-of-range", "index is out of range", hint="`len(x)` tells how many items there are")


def _unbound(error: NameError, frame: FrameType) -> Fault:
    # CPython leaves `name` out of errors about locals and variables of enclosing functions; their text has it.
    quoted = re.search(r"'([^']+)'", str(error))
    name = script_name(error.name or (quoted[1] if quoted else ""))
    where = "local variable" if name in frame.f_code.co_varnames else "name"
    return Fault(
        "used-before-assignment",
        f"{where} `{name}` is used before it is assigned",
        hint=f"assign `{name}` on every way that leads here",
    )


def _wrong_unpacking(text: str) -> Fault | None:
    found = re.fullmatch(r"(not enough|too many) values to unpack \(expected (\d+)(?:, got (\d+))?\)", text)
    if found is None:
        return None
    how, expected, given = found.groups()
    size = given or f"more than {expected}"
    return Fault(
        "unpack-mismatch",
        f"cannot unpack a tuple of {size} into {expected} target{'' if expected == '1' else 's'}",
        hint=unpacking_hint(is_too_many=how == "too many"),
    )


def stop_of(error: BaseException) -> BudgetExceeded | None:
    """Host limits that generated code can run into in spite of the budget, as budgets."""
    if isinstance(error, RecursionError):
        return BudgetExceeded("depth", "calls are nested too deeply")
    if isinstance(error, MemoryError):
        return BudgetExceeded("memory", "the machine has no memory left")
    return None
