"""Results: what calling a flow gives. `Ok(value)` or `Err(error)`, one type with two forms.

An Err carries two things. `error` is what the script gave, as it was given. `failure` always has the fields that
an operator, a retry policy and a journal need: kind, message, hint, data, retryable and trace. For an error that a
script made up itself they are synthesised, so nobody who handles an Err has to ask first what it is.

Equality looks at the value or the error and never at the trace: a test may compare an Err with the one it expects.
The host's `==` and `hash` do the same, by the host's own rules for what is inside; scripts never reach them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from flowlang.lang.values.container import FROZEN, AnyList, List, hold
from flowlang.lang.values.display import preview
from flowlang.lang.values.mutation import method, methods
from flowlang.lang.values.protocol import MISSING, ValueType, register
from flowlang.lang.values.size import OBJECT
from flowlang.lang.values.struct import Struct

ERROR_KIND: Final = "error"
"""The kind of a failure that a script made from a value of its own."""
MESSAGE_MAX: Final = 10_000
"""Characters of a message that a script gave as text."""
SHOWN_MAX: Final = 1000
"""Characters of a message that shows a value."""
FAILURE_FIELDS: Final = ("data", "hint", "kind", "message", "retryable", "trace")


class Failure:
    """Why something failed. `kind` is a slug, `message` a text for people, `hint` what to do about it (a text or
    None), `data` a value for scripts, `trace` a frozen list of frames (structs with path, line, column, name),
    outermost first. It never changes."""

    __slots__ = ("data", "hint", "kind", "message", "retryable", "trace")

    def __init__(
        self,
        kind: str,
        message: str,
        data: Any = None,
        retryable: bool = False,
        trace: Iterable[Struct] = (),
        hint: str | None = None,
    ) -> None:
        self.hint: Final = hint
        self.kind: Final = kind
        self.message: Final = message
        self.data: Final = data
        self.retryable: Final = retryable
        frames = List(trace)
        hold(frames, FROZEN)
        self.trace: Final[AnyList] = frames

    def __eq__(self, other: object) -> bool:
        if type(other) is not Failure:
            return NotImplemented
        return (self.kind, self.message, self.retryable) == (other.kind, other.message, other.retryable) and bool(
            self.data == other.data
        )

    def __hash__(self) -> int:
        return hash((Failure, self.kind, self.message, self.retryable))

    def __repr__(self) -> str:
        return f"<Failure {self.kind}: {self.message}>"


class Ok:
    """A result that is a success. For the host: `case Ok(value)`. Scripts never see its repr."""

    __slots__ = ("value",)
    __match_args__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value: Final = value

    def __eq__(self, other: object) -> bool:
        return bool(self.value == other.value) if type(other) is Ok else NotImplemented

    def __hash__(self) -> int:
        return hash((Ok, self.value))

    def __repr__(self) -> str:
        return f"Ok({self.value!r})"


class Err:
    """A result that is a failure. For the host: `case Err(failure)`."""

    __slots__ = ("error", "failure")
    __match_args__ = ("failure",)

    def __init__(self, error: Any, failure: Failure | None = None) -> None:
        self.error: Final = error
        self.failure: Final = failure or failure_of(error)

    def __eq__(self, other: object) -> bool:
        return bool(self.error == other.error) if type(other) is Err else NotImplemented

    def __hash__(self) -> int:
        return hash((Err, self.error))

    def __repr__(self) -> str:
        return f"Err({self.error!r})"


def trace_frame(path: str, line: int, column: int, name: str) -> Struct:
    """One frame of a failure's trace, as scripts see it."""
    return Struct({"path": path, "line": line, "column": column, "name": name})


def failure_of(error: Any) -> Failure:
    """The failure for an error that a script gave: the failure that it is, or one with the error's text. A long text
    is cut: messages are for people, and `error` has it all."""
    if type(error) is Failure:
        return error
    if type(error) is not str:
        return Failure(ERROR_KIND, preview(error, SHOWN_MAX))
    return Failure(ERROR_KIND, error if len(error) <= MESSAGE_MAX else f"{error[:MESSAGE_MAX]}…")


@method("Result.is_ok")
def is_ok(depth: int, self: Ok | Err, /) -> bool:
    """Whether the result is an Ok."""
    return type(self) is Ok


@method("Result.is_err")
def is_err(depth: int, self: Ok | Err, /) -> bool:
    """Whether the result is an Err."""
    return type(self) is Err


@method("Result.unwrap_or")
def unwrap_or(depth: int, self: Ok | Err, default: Any, /) -> Any:
    """The value of an Ok, the default for an Err."""
    return self.value if isinstance(self, Ok) else default


def _result_fields(value: Ok | Err) -> Sequence[str]:
    return ("value",) if isinstance(value, Ok) else ("error", "failure")


def _result_field(value: Ok | Err, name: str) -> Any:
    if isinstance(value, Ok):
        return value.value if name == "value" else MISSING
    if name == "error":
        return value.error
    return value.failure if name == "failure" else MISSING


def _display_result(value: Ok | Err, nested: Callable[[Any], str]) -> str:
    return f"Ok({nested(value.value)})" if isinstance(value, Ok) else f"Err({nested(value.error)})"


def _equal_results(left: Ok | Err, right: Ok | Err, equal: Callable[[Any, Any], bool]) -> bool:
    if isinstance(left, Ok):
        return isinstance(right, Ok) and equal(left.value, right.value)
    return isinstance(right, Err) and equal(left.error, right.error)


def _result_children(value: Ok | Err) -> Iterable[Any]:
    return (value.value,) if isinstance(value, Ok) else (value.error, value.failure)


def _failure_field(value: Failure, name: str) -> Any:
    return getattr(value, name) if name in FAILURE_FIELDS else MISSING


def _display_failure(value: Failure, nested: Callable[[Any], str]) -> str:
    shown = ("kind", "message", "data", "retryable")
    return f"failure({', '.join(f'{name} = {nested(_failure_field(value, name))}' for name in shown)})"


def _equal_failures(left: Failure, right: Failure, equal: Callable[[Any, Any], bool]) -> bool:
    return (left.kind, left.message, left.retryable) == (right.kind, right.message, right.retryable) and equal(
        left.data, right.data
    )


RESULT: Final = ValueType(
    "Result",
    methods=methods(is_ok, is_err, unwrap_or),
    field_names=_result_fields,
    get_field=_result_field,
    display=_display_result,
    equal=_equal_results,
    hashable=False,
    children=_result_children,
    size=lambda value: OBJECT,
)

register(Ok, RESULT)
register(Err, RESULT)
register(
    Failure,
    ValueType(
        "failure",
        field_names=lambda value: FAILURE_FIELDS,
        get_field=_failure_field,
        display=_display_failure,
        equal=_equal_failures,
        hashable=False,
        children=lambda value: (value.message, value.data, value.trace),
        size=lambda value: 2 * OBJECT,
    ),
)
