"""Whether a builtin is calling back a function of the script right now, and what passes a call on.

Between the script and a function that `sorted(key = f)` calls stands a frame of the host, which can neither be
suspended nor rebuilt in a replay. So actions and flows are refused there.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from types import CodeType, FunctionType
from typing import Any, Final, TypeVar

from flowlang.lang.values.protocol import BoundMethod

IN_CALLBACK: Final[ContextVar[str | None]] = ContextVar("flowlang-in-callback", default=None)
"""The name of the innermost builtin that is calling back; None outside."""

PASSES_CALLS_ON: Final[set[CodeType]] = set()
"""Host code that calls functions of scripts: a call that does not fit is the script's mistake, not its own."""

Function = TypeVar("Function", bound=Callable[..., Any])


def passes_calls_on(function: Function) -> Function:
    """Marks host code that calls functions of scripts with arguments that the script chose."""
    assert isinstance(function, FunctionType)
    PASSES_CALLS_ON.add(function.__code__)
    # A comprehension in it is a frame of its own until CPython 3.12.
    PASSES_CALLS_ON.update(constant for constant in function.__code__.co_consts if isinstance(constant, CodeType))
    return function


passes_calls_on(BoundMethod.__call__)
