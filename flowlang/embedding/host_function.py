"""Host functions: pure Python functions that scripts call like builtins of the language.

    @builtin
    def rounded(amount: float, digits: int = 2) -> float:
        return round(amount, digits)

What the script sees is a function value of its own, which holds nothing that a script could reach: a name, and a call
that checks the arguments, converts them, and converts the result. A function of the script that is given as argument
becomes a Python callable, which calls back under the budget and the depth of the call that is going on.

That a builtin is pure and deterministic is its author's promise: nothing records its results.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final, Generic, ParamSpec, TypeVar, cast, overload

import attrs

from flowlang.embedding.instance import HostedEvaluation, HostStop, hosted_evaluation
from flowlang.embedding.signature import Signature, read_signature
from flowlang.errors import Cancelled, DeadlineExceeded, EvaluationError, FlowlangError
from flowlang.lang.eval.callback import IN_CALLBACK
from flowlang.lang.eval.failure import too_deep
from flowlang.lang.values.argument import given_names
from flowlang.lang.values.convert import from_host
from flowlang.lang.values.fault import FailSignal, Fault
from flowlang.lang.values.meter import Holding, charge
from flowlang.lang.values.parameter import Anything
from flowlang.lang.values.protocol import builtin as mark_builtin

if TYPE_CHECKING:
    from flowlang.embedding.handle import Function

LOGGER: Final = logging.getLogger("flowlang.embedding")
COST: Final = 10
"""Steps that a call of a host function costs when its author says nothing."""
PASSED_ON: Final = (Fault, FailSignal, RecursionError, MemoryError)
"""What may leave a host function as it is."""

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class BuiltinError(FlowlangError):
    """Raised by a host function to fail with a kind of its own. `message` and `data` are for the script."""

    def __init__(
        self, kind: str, message: str, *, data: Any = None, hint: str | None = None, retryable: bool = False
    ) -> None:
        super().__init__(message, hint=hint)
        self.kind = kind
        self.data = data
        self.retryable = retryable


@attrs.frozen(eq=False)
class Builtin(Generic[Parameters, Result]):
    """A host function. `value` is what scripts get. Python can call it like the function it was made from."""

    name: str
    function: Callable[Parameters, Result]
    signature: Signature = attrs.field(repr=False)
    value: FunctionType = attrs.field(repr=False)

    def __call__(self, *arguments: Parameters.args, **keywords: Parameters.kwargs) -> Result:
        return self.function(*arguments, **keywords)


@overload
def builtin(function: Callable[Parameters, Result], /) -> Builtin[Parameters, Result]: ...


@overload
def builtin(
    *, name: str | None = None, steps: int = COST
) -> Callable[[Callable[Parameters, Result]], Builtin[Parameters, Result]]: ...


def builtin(function: Callable[..., Any] | None = None, /, *, name: str | None = None, steps: int = COST) -> Any:
    """Makes a Python function callable by scripts, under `name` in messages, each call for `steps` steps. Raises
    TypeError for a function whose calls cannot be checked."""
    if steps < 0:
        raise TypeError(f"a call cannot cost {steps} steps")

    def declare(function: Callable[..., Any]) -> Builtin[..., Any]:
        own = name or function.__name__
        signature = read_signature(function, own)
        value = script_function(signature, steps, lambda receiver, positional, named: function(*positional, **named))
        return Builtin(own, function, signature, value)

    return declare if function is None else declare(function)


Perform = Callable[[Any, Sequence[Any], Mapping[str, Any]], Any]
"""Calls Python, with the receiver of a method (else None) and the host's objects."""


def script_function(signature: Signature, steps: int, perform: Perform) -> FunctionType:
    """The function value of a host function."""

    @mark_builtin(signature.name, signature.text)
    def call(depth: int, /, *positional: Any, **keywords: Any) -> Any:
        charge(steps)
        ordered, named = signature.bind(positional, given_names(keywords))
        return call_host(signature.name, depth, perform, None, ordered, named)

    return cast(FunctionType, call)


def script_method(signature: Signature, steps: int, perform: Perform) -> Callable[..., Any]:
    """A method of a host's value type; its first argument is the value."""

    def call(depth: int, receiver: Any, /, *positional: Any, **keywords: Any) -> Any:
        charge(steps)
        ordered, named = signature.bind(positional, given_names(keywords))
        return call_host(signature.name, depth, perform, receiver, ordered, named)

    return call


def call_host(
    name: str, depth: int, perform: Perform, receiver: Any, ordered: Sequence[tuple[str, Any]],
    named: Mapping[str, Any],
) -> Any:  # fmt: skip
    """Calls Python with converted arguments. What it raises becomes a failure of the script."""
    evaluation = hosted_evaluation()
    if evaluation is None or evaluation.ongoing is None:
        raise Fault("no-run", f"`{name}` can only be called while its module is evaluated")
    if depth > evaluation.depth_limit:
        raise too_deep(evaluation.depth_limit)
    gate = evaluation.gate
    assert gate is not None
    with Holding():
        positional = [gate.leave(value, parameter) for parameter, value in ordered]
        keywords = {parameter: gate.leave(value, parameter) for parameter, value in named.items()}
    ongoing, outer_depth = evaluation.ongoing, evaluation.ongoing.depth
    token = IN_CALLBACK.set(name)
    ongoing.depth = depth
    try:
        result = perform(receiver, positional, keywords)
    except PASSED_ON:
        raise
    except Exception as problem:
        raise _failure(name, problem, evaluation) from None
    finally:
        ongoing.depth = outer_depth
        IN_CALLBACK.reset(token)
    with Holding():
        return gate.enter(result, f"{name}(...)")


def _failure(name: str, problem: Exception, evaluation: HostedEvaluation) -> BaseException:
    """What the script gets for an exception of the host: nothing of it, unless it was meant for the script. The text
    of any other exception may hold secrets, and addresses, which differ from machine to machine."""
    if isinstance(problem, BuiltinError):
        data = from_host(problem.data, "data")
        return Fault(problem.kind, problem.message, hint=problem.hint, data=data, retryable=problem.retryable)
    if isinstance(problem, (Cancelled, DeadlineExceeded)):
        return HostStop(problem)
    if isinstance(problem, EvaluationError) and problem.failure is not None:
        if problem.origin is not None:
            return problem.origin
        failure = problem.failure
        data = from_host(failure.data, "data")
        return Fault(failure.kind, failure.message, hint=failure.hint, data=data, retryable=failure.retryable)
    LOGGER.error("the host function `%s` failed", name, exc_info=problem)
    fault = Fault(
        "host-error", f"`{name}` failed in the host", hint="the host knows why; its log has the Python exception"
    )
    evaluation.host_error = problem
    return fault


def foreign_function(handle: Function) -> FunctionType:
    """The function value for a function of another instance."""
    signature = Signature(handle.name, (), rest=Anything(), others=Anything())
    return script_function(signature, COST, lambda receiver, positional, named: handle(*positional, **named))


def enter_result(name: str, ask: Callable[[], Any]) -> Any:
    """What Python gives for a question about a value of the host, converted. Outside of an evaluation, too: the host
    may ask for the text of such a value."""
    evaluation = hosted_evaluation()
    gate = None if evaluation is None else evaluation.gate
    if evaluation is None or gate is None:
        return ask()
    try:
        result = ask()
    except PASSED_ON:
        raise
    except Exception as problem:
        raise _failure(name, problem, evaluation) from None
    return gate.enter(result, name)
