"""Frames of a paused evaluation, as the script's author sees them: functions, lines and named values.

Generated code holds the script's locals in Python locals under the script's own names (`compile/naming.py`), beside
names of the compiler's own. A list or dict that never leaves its function may be a plain one of the host; it is
shown as the list or dict that it stands for.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import FrameType
from typing import Any, Final

import attrs

from flowlang.lang.compile.naming import is_script_name, script_name
from flowlang.lang.eval.traceback import EARLY, TOP_LEVEL, is_generated, span_at
from flowlang.lang.source import Span
from flowlang.lang.values.container import Dict, List

COMPREHENSION: Final = "%comprehension"
LAMBDA: Final = "%lambda"
MODULE: Final = "%module"


@attrs.frozen(eq=False)
class FrameView:
    """One call of a fiber. `span`: what is being evaluated in it; of the innermost one of a fiber that stands at the
    begin of a line, that line. `inner`: frames of comprehensions in it, whose variables belong to it."""

    module: str
    function: str
    span: Span
    frame: FrameType = attrs.field(repr=False)
    inner: tuple[FrameType, ...] = attrs.field(default=(), repr=False)

    @property
    def line(self) -> int:
        return self.span[0]

    @property
    def is_top_level(self) -> bool:
        return self.function == TOP_LEVEL

    def locals(self) -> dict[str, Any]:
        """The local variables that have a value; at the top level of a module, none."""
        found: dict[str, Any] = {}
        for frame in (self.frame, *self.inner):
            if not frame.f_code.co_name.startswith(MODULE):
                found |= bound_names(frame.f_locals)
        return found

    def globals(self) -> dict[str, Any]:
        """The names that the module bound so far."""
        return bound_names(self.frame.f_globals)


def frames_outwards(frame: FrameType | None, *, at_line: bool) -> list[FrameView]:
    """The frames of a script from `frame` outwards, the innermost first. `at_line`: the innermost one stands at the
    begin of a line, not inside of what it calls."""
    views: list[FrameView] = []
    inner: tuple[FrameType, ...] = ()
    innermost: Span | None = None
    for current in _generated(frame):
        code = current.f_code
        span = _line_span(current) if at_line and not views and not inner else span_at(code, current.f_lasti)
        if code.co_name.startswith(COMPREHENSION):
            innermost = innermost or span
            inner = (current, *inner)
            continue
        function = function_of(current)
        views.append(FrameView(current.f_globals["$module"].name, function, innermost or span, current, inner))
        inner, innermost = (), None
    return views


def function_of(frame: FrameType) -> str:
    """The name of the function that a frame of generated code runs."""
    name = frame.f_code.co_name
    if name == MODULE:
        return TOP_LEVEL
    return "lambda" if name.startswith(LAMBDA) else script_name(name)


def presented(value: Any) -> Any:
    """A value as the language has it: plain lists and dicts of generated code become its own. They are copied."""
    if type(value) is list:
        return List(presented(item) for item in value)
    if type(value) is dict:
        return Dict({key: presented(item) for key, item in value.items()})
    return value


def _generated(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        if is_generated(frame) and frame.f_code.co_name != EARLY:
            yield frame
        frame = frame.f_back


def _line_span(frame: FrameType) -> Span:
    line = frame.f_lineno or frame.f_code.co_firstlineno
    return (line, 0, line, 0)


def bound_names(names: dict[str, Any]) -> dict[str, Any]:
    """What of a Python namespace are the script's own names, as it writes them."""
    return {
        script_name(name): value
        for name, value in names.items()
        if name and is_script_name(name) and name != "__builtins__"
    }
