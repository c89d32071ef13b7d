"""The part of the universe that belongs to flows, and `print`.

Names that are only good as annotations (`FlowContext`, `Result`) are values without operations.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from flowlang.lang.eval import chapter, child, gate, inbox, run_state, version
from flowlang.lang.eval.attempt import policy_argument, retry_policy
from flowlang.lang.eval.cleanup import on_exit, on_failure
from flowlang.lang.eval.context import RUNTIME_ACTIONS, context_of
from flowlang.lang.eval.event_flow import make_stop, split_patterns
from flowlang.lang.eval.fiber import current_fiber
from flowlang.lang.eval.flow import Flow, callable_name, with_timeout
from flowlang.lang.eval.pattern import ARGS, ArgPattern
from flowlang.lang.eval.period import span_ms
from flowlang.lang.eval.stream import stream
from flowlang.lang.eval.waiting import parallel_map
from flowlang.lang.values.argument import bool_argument, count_elements, string_argument, wrong_value
from flowlang.lang.values.container import AnyDict
from flowlang.lang.values.display import str_value
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.key import dict_items
from flowlang.lang.values.meter import charge
from flowlang.lang.values.protocol import VALUE_TYPES, ValueType, builtin, register, type_name
from flowlang.lang.values.quote import clip
from flowlang.lang.values.result import Err, Failure, Ok
from flowlang.lang.values.size import FAILURE, FLOW, table_size

NAME_MAX: Final = 100
"""Names stand in every line of a journal and of a list of runs."""
KIND: Final = re.compile(r"[a-z][a-z0-9]{0,30}(-[a-z0-9]{1,30}){0,5}")
"""The kinds of failures: those of the language look the same."""

ACTION_MODULES: Final = (chapter, child, gate, inbox, run_state, version)
"""Each adds to the actions that belong to the language itself (`context.RUNTIME_ACTIONS`)."""


class TypeNameValue:
    """A name for annotations."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


register(TypeNameValue, ValueType(name="type", display=lambda value, nested: value.name))


@builtin(
    "flow", "flow(implementation, args = None, name = None, doc = None, timeout = None, retry = None, on_error = None)"
)
def make_flow(
    depth: int, /, implementation: Any = None, args: Any = None, name: Any = None, doc: Any = None,
    timeout: Any = None, retry: Any = None, on_error: Any = None,
) -> Flow:  # fmt: skip
    """Makes a flow from a function whose first parameter is the FlowContext."""
    if implementation is None:
        raise Fault("flow-arguments", "`flow` needs the argument `implementation`", hint="`flow(implementation = f)`")
    found = VALUE_TYPES.get(type(implementation))
    if found is None or not found.callable:
        hint = None
        if type(implementation) in (Ok, Err) or implementation is None:
            hint = "give the function itself, without calling it"
        raise Fault("type-mismatch", f"`implementation` takes a function, not {type_name(implementation)}", hint=hint)
    for parameter, value in (("name", name), ("doc", doc)):
        if value is not None and type(value) is not str:
            raise Fault("type-mismatch", f"`{parameter}` takes a string, not {type_name(value)}")
    if name is not None and len(name) > NAME_MAX:
        raise Fault("flow-arguments", f"the name of a flow has {len(name)} characters, more than {NAME_MAX}")
    charge(1, FLOW + (0 if args is None else table_size(2 * count_elements(args))))
    shown = name or _flow_name(callable_name(implementation))
    patterns, events = split_patterns(_patterns(args), on_error)
    if events is not None and retry is not None:
        hint = "call a flow that has a `retry` in it"
        raise Fault("flow-arguments", "an event-driven flow takes each event once, so it has no `retry`", hint=hint)
    return Flow(
        implementation, patterns, shown, doc or "", is_named=name is not None, events=events,
        timeout_ms=None if timeout is None else span_ms("flow", "timeout", timeout, is_positive=True),
        retry=policy_argument("flow", retry),
    )  # fmt: skip


def _flow_name(function: str) -> str:
    """`_etl_impl` and `etl_impl` name the flow `etl`."""
    return function.removeprefix("_").removesuffix("_impl").removesuffix("_implementation") or function


def _patterns(args: Any) -> dict[str, ArgPattern] | None:
    if args is None:
        return None
    if not isinstance(args, AnyDict):
        raise Fault("type-mismatch", f"`args` takes a dict of patterns, not {type_name(args)}")
    patterns = {}
    for name, pattern in dict_items(args):
        if type(name) is not str or not name.isidentifier():
            raise Fault("flow-arguments", "names of arguments are identifiers")
        if type(pattern) is not ArgPattern:
            hint = 'such as `{"day": args.string(default = "2013-01-01")}`'
            raise Fault("flow-arguments", f"argument `{name}` needs a pattern, not {type_name(pattern)}", hint=hint)
        patterns[name] = pattern
    return patterns


@builtin("Ok", "Ok(value = None)")
def make_ok(depth: int, value: Any = None, /) -> Ok:
    """A successful Result."""
    return Ok(value)


@builtin("Err", "Err(error)")
def make_err(depth: int, error: Any, /) -> Err:
    """A failed Result."""
    charge(1, FAILURE)
    return Err(error)


@builtin("failure", "failure(kind, message, data = None, retryable = False, hint = None)")
def make_failure(
    depth: int, /, kind: Any, message: Any, data: Any = None, retryable: Any = False, hint: Any = None
) -> Failure:
    """An error with a kind of its own, for `fail(...)` and `Err(...)`."""
    string_argument("failure", "kind", kind)
    string_argument("failure", "message", message)
    if KIND.fullmatch(kind) is None:
        raise wrong_value(
            "failure", f"{clip(kind)} is no kind: lower-case words joined by `-`", "such as `not-in-stock`"
        )
    if hint is not None:
        string_argument("failure", "hint", hint)
    charge(1, FAILURE)
    return Failure(kind, message, data, bool_argument("failure", "retryable", retryable), (), hint)


@builtin("current_flow", "current_flow()")
def current_flow(depth: int, /) -> Any:
    """The context of the running flow."""
    fiber = current_fiber()
    if fiber is None or not fiber.scope.may_act:
        raise Fault(
            "no-run", "no flow is running here", hint="call it inside a flow, not while the module is being loaded"
        )
    return context_of(fiber, fiber.scope)


@builtin("print", 'print(*values, sep = " ")')
def print_values(depth: int, /, *values: Any, sep: str = " ") -> None:
    """Writes a line to the run's log, once, also when the run is resumed."""
    string_argument("print", "sep", sep)
    fiber = current_fiber()
    if fiber is not None:
        texts: list[str] = []
        for value in values:
            texts.append(str_value(value))
        length = sum(map(len, texts)) + len(sep) * len(texts)
        charge((length >> 8) + 1, length)
        fiber.evaluation.write_line("print", sep.join(texts))


AS_NAMES: Final = (
    "run", "wait", "wait_any", "wait_all", "cancel", "receive", "try_receive", "send", "gate", "await_gate",
    "try_await_gate", "spawn", "set_status", "set_attributes", "progress", "continue_as", "version",
)  # fmt: skip
"""Actions of the language itself that scripts may also call by their bare names."""

FLOW_UNIVERSE: Final[dict[str, Any]] = {
    "args": ARGS,
    "flow": make_flow,
    "Ok": make_ok,
    "Err": make_err,
    "failure": make_failure,
    "Stop": make_stop,
    "Result": TypeNameValue("Result"),
    "FlowContext": TypeNameValue("FlowContext"),
    "current_flow": current_flow,
    "print": print_values,
    "stream": stream,
    "retry_policy": retry_policy,
    "with_timeout": with_timeout,
    "parallel_map": parallel_map,
    "on_exit": on_exit,
    "on_failure": on_failure,
    **{name: RUNTIME_ACTIONS[name] for name in AS_NAMES},
}


def exported_by_prelude(prelude: Iterable[str]) -> list[str]:
    """The names that `load("pkg.flowmetal.io/v1/prelude", …)` offers."""
    return sorted({*prelude, *FLOW_UNIVERSE, "fail"})
