"""Handles: values of a script that are no data, as the host holds them.

A handle names its value and shows nothing of it. A function can be called, which is one evaluation with a budget of
its own; unless the call comes from inside an evaluation of the same instance, by a host function that was given the
handle as an argument: then it is a part of that evaluation. Given back to a script, a handle is its value again.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from flowlang.embedding.failure import failure_error
from flowlang.embedding.instance import Instance, hosted_evaluation
from flowlang.embedding.ongoing import DEPTH_OF_CALLBACK
from flowlang.errors import UsageError
from flowlang.lang.compile.naming import keyword_name
from flowlang.lang.eval.callback import passes_calls_on
from flowlang.lang.eval.failure import failed
from flowlang.lang.eval.flow import callable_name
from flowlang.lang.eval.module import freeze_with_globals
from flowlang.lang.values.display import preview
from flowlang.lang.values.protocol import type_name

if TYPE_CHECKING:
    from flowlang.embedding.pool import Pool

SHOWN: Final = 200


class ScriptValue:
    """A value of a script that has no counterpart in Python: a flow's context, a pattern, a module such as `json`.
    It can be given back to scripts of the program that it comes from."""

    __slots__ = ("_call", "instance", "place", "pool", "value")

    def __init__(self, pool: Pool, instance: Instance, value: Any) -> None:
        self.pool: Final = pool
        self.instance: Final = instance
        self.value: Final = value
        self.place: Final = instance.place_of(value)
        self._call: Final = instance.ongoing

    @property
    def type(self) -> str:
        """What `type(value)` gives in the script."""
        return type_name(self.value)

    def settle(self) -> None:
        """Freezes the value, once the call is over in which it left: from then on other threads may have it, and calls
        come in any order."""
        call = self._call
        if call is None or call.is_over:
            freeze_with_globals((self.value,))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ScriptValue):
            return NotImplemented
        if self.place is not None:
            return self.pool is other.pool and self.place == other.place
        return self.value is other.value

    def __hash__(self) -> int:
        return hash((id(self.pool), self.place)) if self.place is not None else id(self.value)

    def __str__(self) -> str:
        return preview(self.value, SHOWN)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"


class Function(ScriptValue):
    """Something that a script can call: a function, a flow, a builtin. Call it with Python objects; it gives Python
    objects, or raises EvaluationError. Flows give Ok or Err."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """Its name in the script; `lambda` when it has none."""
        return callable_name(self.value)

    def __call__(self, /, *positional: Any, **keywords: Any) -> Any:
        call = self._call
        thread = threading.get_ident()
        if call is not None and not call.is_over and call.thread != thread:
            raise UsageError(
                f"`{self.name}` was given to a host function, which called it on another thread",
                hint="a function of a script can only be called back on the thread that its script runs on",
            )
        self.settle()
        ongoing = self.instance.ongoing
        if ongoing is None or ongoing.thread != thread:
            return self.pool.call_handle(self, positional, keywords)
        running = hosted_evaluation()
        if running is self.instance.evaluation or running is None or running.ongoing is None:
            return self._call_back(ongoing.depth + DEPTH_OF_CALLBACK, positional, keywords)
        depth = max(ongoing.depth, running.ongoing.depth) + DEPTH_OF_CALLBACK
        return self.instance.enter(lambda: self._call_back(depth, positional, keywords))

    def _call_back(self, depth: int, positional: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
        gate = self.instance.evaluation.gate
        assert gate is not None
        try:
            entered = [gate.enter(value, f"argument {number}") for number, value in enumerate(positional, 1)]
            named = {keyword_name(name): gate.enter(value, name) for name, value in keywords.items()}
            return gate.leave(invoke(self.value, depth, entered, named), "the result")
        except Exception as error:
            # Raises what ends the evaluation, which passes through the host function like any other exit.
            failure = failed(error).failure
            raise failure_error(failure, self.pool.setting.build.sources, origin=error) from None


@passes_calls_on
def invoke(function: Any, depth: int, positional: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
    """Calls a function of the script, with its hidden depth."""
    return function(depth, *positional, **keywords)
