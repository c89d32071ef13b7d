"""Actions: Python functions with effects, as scripts know them.

`@action` reads a function's signature once and gives an `ActionSpec`: its dotted name, its parameters as checks of
script values (`lang/values/parameter.py`), its timeout. Nothing is registered anywhere; whoever wants an action in a
run hands its spec to an `ActionRegistry`.

    @action(name="shop.orders", timeout=timedelta(seconds=30))
    def orders(context: ActionContext, day: str, limit: int = 100) -> list[dict[str, str]]: ...

A spec can still be called like the function it was made from, so that hosts test it as plain Python.

Calls are checked in `bind`, before anything is journaled. Only the arguments that were given are kept: defaults
belong to the action, and are applied when it is performed, so that a new default does not change what a journal
says was asked for.
"""

from __future__ import annotations

import hashlib
import inspect
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from enum import Enum
from typing import Any, Final, Generic, Literal, ParamSpec, TypeAlias, TypeVar, overload

import attrs

from flowlang.lang.diagnostics.suggest import nearest
from flowlang.lang.statically_frozen import statically_frozen
from flowlang.lang.values.convert import PLAIN, Adopt, to_host
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.parameter import Mismatch, Parameter, ParameterType
from flowlang.runtime.action_context import ActionCancelled, ActionContext, ActionError
from flowlang.runtime.retry import Retry
from flowlang.runtime.typed import adopt, annotated_type, build, is_plain

__all__ = [
    "ActionCancelled",
    "ActionContext",
    "ActionError",
    "ActionRegistry",
    "ActionSpec",
    "BoundCall",
    "Retry",
    "action",
    "bind",
    "signature_digest",
    "signature_text",
]

DEFAULT_TIMEOUT: Final = timedelta(seconds=60)
TIMEOUT_ARGUMENT: Final = "timeout"
RETRY_ARGUMENT: Final = "retry"
TIMEOUT_MAX_S: Final = 30 * 24 * 3600

Isolation: TypeAlias = Literal["thread", "process"]

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


@attrs.frozen(eq=False)
class ActionSpec(Generic[Parameters, Result]):
    """One action. `name` is dotted (`files.read_text`). `timeout` limits one attempt, None does not. `inline`: quick
    and never blocking, so it is performed on the evaluator's thread. `takes_context`: the function's first parameter
    is the `ActionContext`. `is_async`: the function is a coroutine function. `retry`: when a failed attempt is
    repeated, unless the call says otherwise. `heartbeat_timeout`: an attempt that is silent for longer fails.
    `isolation`: whether a call gets a process of its own, which can be killed and may crash. `typed`: the parameters
    whose arguments are more to the function than plain data; `gives_typed`: whether the result is."""

    name: str
    function: Callable[Parameters, Result]
    parameters: tuple[Parameter, ...]
    result: ParameterType
    timeout: timedelta | None
    inline: bool
    takes_context: bool
    is_async: bool
    doc: str
    retry: Retry | None = None
    heartbeat_timeout: timedelta | None = None
    isolation: Isolation = "thread"
    typed: Mapping[str, ParameterType] = attrs.field(factory=dict, repr=False)
    gives_typed: bool = False

    @property
    def adopt(self) -> Adopt | None:
        """What makes data of the parts of a result that are none."""
        return adopt if self.gives_typed else None

    def typed_arguments(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The values of a script as what the function asks for. They were checked by `bind`; those of a journal may
        have been checked against another version of the function. Raises Fault `action-argument`."""
        if not self.typed:
            if PLAIN.issuperset(map(type, arguments.values())):
                return dict(arguments)
            plain: dict[str, Any] = to_host(arguments)
            return plain
        made = {}
        for name, value in arguments.items():
            kind = self.typed.get(name)
            if kind is None:
                made[name] = to_host(value)
                continue
            if (found := kind.mismatch(value)) is not None:
                raise _argument_fault(self, f"needs {found.expected} for `{name}{found.path}`, not {found.given}", name)
            made[name] = build(kind, value)
        return made

    def __call__(self, *arguments: Parameters.args, **keywords: Parameters.kwargs) -> Result:
        """Calls the function itself, as Python."""
        return self.function(*arguments, **keywords)


@statically_frozen
class BoundCall:
    """A checked call: the arguments that were given, by name, and the timeout that the script asked for."""

    arguments: dict[str, Any]
    timeout: timedelta | None = None


@overload
def action(function: Callable[Parameters, Result], /) -> ActionSpec[Parameters, Result]: ...


@overload
def action(
    *,
    name: str | None = None,
    timeout: timedelta | float | None = DEFAULT_TIMEOUT,
    inline: bool = False,
    retry: Retry | None = None,
    heartbeat_timeout: timedelta | float | None = None,
    isolation: Isolation = "thread",
) -> Callable[[Callable[Parameters, Result]], ActionSpec[Parameters, Result]]: ...


def action(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    timeout: timedelta | float | None = DEFAULT_TIMEOUT,
    inline: bool = False,
    retry: Retry | None = None,
    heartbeat_timeout: timedelta | float | None = None,
    isolation: Isolation = "thread",
) -> Any:
    """Makes a function an action. Spans are timedeltas or seconds. Raises TypeError for a function whose calls cannot
    be checked or journaled."""

    def declare(function: Callable[..., Any]) -> ActionSpec[..., Any]:
        own_name = name or function.__name__
        if isolation == "process":
            _check_importable(function, own_name, inline)
        if retry is not None and not isinstance(retry, Retry):
            raise TypeError(f"`retry` of action `{own_name}` is a flowlang.Retry, not {type(retry).__name__}")
        if isolation not in typing.get_args(Isolation):
            raise TypeError(f'`isolation` of action `{own_name}` is "thread" or "process", not {isolation!r}')
        spec = _declare(function, own_name, _span(own_name, "timeout", timeout), inline)
        silence = _span(own_name, "heartbeat_timeout", heartbeat_timeout)
        return attrs.evolve(spec, retry=retry, heartbeat_timeout=silence, isolation=isolation)

    return declare if function is None else declare(function)


def bind(spec: ActionSpec[..., Any], positional: Sequence[Any], keywords: Mapping[str, Any]) -> BoundCall:
    """Checks a call by a script. Raises Fault `action-argument`."""
    parameters = spec.parameters
    if not keywords and parameters and len(positional) == len(parameters) and not parameters[-1].keyword_only:
        bound = {}
        for parameter, value in zip(parameters, positional, strict=True):
            if (found := parameter.type.mismatch(value)) is not None:
                raise _type_fault(spec, parameter, found)
            bound[parameter.name] = value
        return BoundCall(bound)
    remaining = dict(keywords)
    timeout = _timeout(spec, remaining.pop(TIMEOUT_ARGUMENT)) if TIMEOUT_ARGUMENT in remaining else None
    open_parameters = [parameter for parameter in spec.parameters if not parameter.keyword_only]
    if len(positional) > len(open_parameters):
        count = len(open_parameters)
        takes = f"at most {count}" if count else "no"
        plural = "" if count == 1 else "s"
        raise _argument_fault(spec, f"takes {takes} positional argument{plural}, {len(positional)} were given")
    given: dict[str, Any] = {}
    for parameter, value in zip(open_parameters, positional, strict=False):
        if parameter.name in remaining:
            raise _argument_fault(spec, f"was given the argument `{parameter.name}` twice", parameter.name)
        given[parameter.name] = value
    for parameter in spec.parameters:
        if parameter.name in remaining:
            given[parameter.name] = remaining.pop(parameter.name)
        elif parameter.required and parameter.name not in given:
            raise _argument_fault(spec, f"needs the argument `{parameter.name}`", parameter.name)
        if parameter.name in given and (found := parameter.type.mismatch(given[parameter.name])) is not None:
            raise _type_fault(spec, parameter, found)
    for name in remaining:
        close = nearest(name, [*(parameter.name for parameter in spec.parameters), TIMEOUT_ARGUMENT, RETRY_ARGUMENT])
        hint = f"did you mean `{close}`?" if close else None
        raise _argument_fault(spec, f"has no argument `{name[:80]}`", name[:80], hint)
    return BoundCall(given, timeout)


def signature_text(spec: ActionSpec[..., Any]) -> str:
    """The signature in the words of the language: `shop.orders(day: string, limit: int = 100) -> list`."""
    shown: list[str] = []
    for index, parameter in enumerate(spec.parameters):
        if parameter.keyword_only and not (index and spec.parameters[index - 1].keyword_only):
            shown.append("*")
        shown.append(parameter.text)
    return f"{spec.name}({', '.join(shown)}) -> {spec.result.text}"


def signature_digest(spec: ActionSpec[..., Any]) -> str:
    """Tells whether an action still takes and gives what it did when a run was pinned."""
    return hashlib.sha256(signature_text(spec).encode()).hexdigest()


class ActionRegistry:
    """The actions of a run, by dotted name. A name is either an action or a namespace, never both."""

    def __init__(self, specs: Iterable[ActionSpec[..., Any]]) -> None:
        self._specs: dict[str, ActionSpec[..., Any]] = {}
        self._namespaces: dict[str, list[str]] = {"": []}
        for spec in specs:
            if spec.name in self._specs:
                raise ValueError(f"there are two actions called `{spec.name}`")
            self._specs[spec.name] = spec
            self._add_to_namespaces(spec.name)
        both = sorted(self._namespaces.keys() & self._specs.keys())
        if both:
            raise ValueError(f"`{both[0]}` is an action, so no other action's name can begin with `{both[0]}.`")

    def __iter__(self) -> typing.Iterator[ActionSpec[..., Any]]:
        return iter(self._specs.values())

    def __contains__(self, name: str) -> bool:
        return name in self._specs

    def __len__(self) -> int:
        return len(self._specs)

    def get(self, name: str) -> ActionSpec[..., Any] | None:
        """The action of that dotted name; None when there is none."""
        return self._specs.get(name)

    def members(self, namespace: str = "") -> Sequence[str] | None:
        """The last names of what is directly in a namespace, in order of declaration; None when it is none."""
        return self._namespaces.get(namespace)

    def lookup(self, name: str) -> ActionSpec[..., Any]:
        """The action of that dotted name. Raises Fault `unknown-action` with the most similar name."""
        found = self._specs.get(name)
        if found is None:
            raise self.unknown(name)
        return found

    def unknown(self, name: str) -> Fault:
        """The Fault for a name that is no action, with the best guess: beside it, or anywhere by its last name."""
        namespace, _, last = name.rpartition(".")
        members = self._namespaces.get(namespace, [])
        close = nearest(last, members)
        guess = f"{namespace}.{close}" if close and namespace else close
        if guess is None:
            guess = next((each for each in self._specs if each.rpartition(".")[2] == last), nearest(name, self._specs))
        if guess is not None:
            hint = f"did you mean `{guess}`?"
        elif members:
            hint = f"`{namespace or 'actions'}` has {', '.join(f'`{each}`' for each in members)}"
        else:
            hint = f"known are {', '.join(f'`{each}`' for each in self._namespaces[''])}"
        return Fault("unknown-action", f"there is no action `{name[:80]}`", hint=hint, data={"action": name[:80]})

    def replaced(self, specs: Iterable[ActionSpec[..., Any]]) -> ActionRegistry:
        """A registry in which these specs stand in for those of the same names, or join them."""
        return ActionRegistry({**self._specs, **{spec.name: spec for spec in specs}}.values())

    def _add_to_namespaces(self, name: str) -> None:
        while name:
            namespace, _, last = name.rpartition(".")
            members = self._namespaces.setdefault(namespace, [])
            if last not in members:
                members.append(last)
            name = namespace


def _declare(function: Callable[..., Any], name: str, timeout: timedelta | None, inline: bool) -> ActionSpec[..., Any]:
    if not all(part.isidentifier() and part.isascii() for part in name.split(".")):
        raise TypeError(f"`{name}` is no name for an action; use identifiers joined by dots")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(f"action `{name}` is a generator; an action gives one value")
    is_async = inspect.iscoroutinefunction(function)
    if is_async and inline:
        raise TypeError(f"action `{name}` is async, so it cannot be performed inline")
    try:
        hints = typing.get_type_hints(function)
    except NameError as problem:
        raise TypeError(f"an annotation of action `{name}` cannot be read: {problem}") from None
    declared = list(inspect.signature(function).parameters.values())
    takes_context = bool(declared) and hints.get(declared[0].name) is ActionContext
    parameters = tuple(_parameter(name, each, hints) for each in declared[1 if takes_context else 0 :])
    result = _read(name, "the result", hints.get("return", Any))
    doc = inspect.cleandoc(function.__doc__ or "")
    typed = {each.name: each.type for each in parameters if not is_plain(each.type)}
    return ActionSpec(
        name, function, parameters, result, timeout, inline, takes_context, is_async, doc, typed=typed,
        gives_typed=not is_plain(result),
    )  # fmt: skip


def _span(name: str, parameter: str, given: object) -> timedelta | None:
    """A span of the declaration, given as a timedelta or in seconds."""
    if given is None:
        return None
    if not isinstance(given, timedelta | int | float) or isinstance(given, bool):
        raise TypeError(f"`{parameter}` of action `{name}` is a timedelta or seconds, not {type(given).__name__}")
    seconds = given.total_seconds() if isinstance(given, timedelta) else given
    if not 0 < seconds <= TIMEOUT_MAX_S:
        raise TypeError(f"`{parameter}` of action `{name}` is above 0 and at most 30 days; None is for no limit")
    return timedelta(seconds=seconds)


def _check_importable(function: Callable[..., Any], name: str, inline: bool) -> None:
    """Another process can find a function by its name only."""
    if inline:
        raise TypeError(f"action `{name}` cannot be performed inline and in a process of its own")
    if "<" in function.__qualname__:
        raise TypeError(f"action `{name}` must stand at the top level of its module, where another process finds it")


def _parameter(name: str, declared: inspect.Parameter, hints: Mapping[str, Any]) -> Parameter:
    if declared.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
        raise TypeError(f"action `{name}` takes `*{declared.name}`; calls of it could not be checked")
    if declared.kind is inspect.Parameter.POSITIONAL_ONLY:
        raise TypeError(f"argument `{declared.name}` of action `{name}` must have a name that calls can use")
    if declared.name in (TIMEOUT_ARGUMENT, RETRY_ARGUMENT):
        raise TypeError(
            f"action `{name}` cannot have an argument `{declared.name}`: every action call takes one already"
        )
    kind = _read(name, f"argument `{declared.name}`", hints.get(declared.name, Any))
    required = declared.default is inspect.Parameter.empty
    keyword_only = declared.kind is inspect.Parameter.KEYWORD_ONLY
    default = declared.default.value if isinstance(declared.default, Enum) else declared.default
    return Parameter(declared.name, kind, required, None if required else default, keyword_only)


def _read(name: str, what: str, annotation: Any) -> ParameterType:
    try:
        return annotated_type(annotation)
    except TypeError as problem:
        raise TypeError(f"{what} of action `{name}`: {problem}") from None


def _timeout(spec: ActionSpec[..., Any], value: Any) -> timedelta | None:
    """The extra keyword that every action call takes, in seconds; None is as good as not given."""
    if value is None:
        return None
    if type(value) not in (int, float) or not 0 < value <= TIMEOUT_MAX_S:
        raise _argument_fault(
            spec, "was given a `timeout` that makes no sense", TIMEOUT_ARGUMENT, "give seconds, like `timeout = 30`"
        )
    return timedelta(seconds=value)


def _type_fault(spec: ActionSpec[..., Any], parameter: Parameter, found: Mismatch) -> Fault:
    problem = f"needs {found.expected} for `{parameter.name}{found.path}`, not {found.given}"
    hint = "use `str(...)` to turn a value into text" if found.expected == "string" else None
    return _argument_fault(spec, problem, parameter.name, hint)


def _argument_fault(
    spec: ActionSpec[..., Any], problem: str, argument: str | None = None, hint: str | None = None
) -> Fault:
    data = {"action": spec.name} if argument is None else {"action": spec.name, "argument": argument}
    hint = hint or f"it is `{signature_text(spec)}`"
    return Fault("action-argument", f"`{spec.name}` {problem}", hint=hint, data=data)
