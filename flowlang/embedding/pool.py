"""The pool of a program's instances, from which each call takes one and to which it gives it back.

Calls that do not overlap in time use one instance. For each call that overlaps with others an instance is made, by
running the top level again; being deterministic, it gives the same values. So nothing is ever waited for, with one
exception: a function that is no value of a global name (a closure that a call returned) exists in one instance only.
A thread that holds an instance of any program never waits for another one, or two threads could wait for each other.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from flowlang.embedding.failure import raise_failure
from flowlang.embedding.gate import Gate, conversion_error
from flowlang.embedding.handle import Function, ScriptValue, invoke
from flowlang.embedding.instance import Ended, Instance, Setting, hosted_evaluation
from flowlang.embedding.usage import Usage
from flowlang.errors import ConversionError, UsageError
from flowlang.lang.compile.naming import keyword_name
from flowlang.lang.values.fault import Fault

FREE_MAX: Final = 32
"""Instances that are kept for later calls."""


class Pool:
    """All instances of one program."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.usage = Usage()
        self._condition = threading.Condition()
        self._free: list[Instance] = []
        first = self._make(is_repeated=False)
        self.first = first
        self._give(first)

    @contextmanager
    def taken(self, wanted: Instance | None = None) -> Iterator[Instance]:
        """An instance for the duration of one call: `wanted`, or any. Raises UsageError when `wanted` serves another
        thread and must not be waited for."""
        instance = self._take(wanted)
        try:
            yield instance
        finally:
            self._give(instance)

    def call_place(self, place: tuple[str, str], positional: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
        """Calls what a global name of a module stands for, in an evaluation of its own. Raises EvaluationError, and
        ConversionError for what cannot cross."""
        wanted = _bound_instance([*positional, *keywords.values()], self)
        with self.taken(wanted) as instance:
            call = _Call(instance, instance.value_at(place), positional, keywords)
            return self._outcome(call, instance.run(place[1], call.run))

    def call_handle(self, handle: Function, positional: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
        """Calls a function that may have no global name; see `call_place`."""
        if handle.place is not None:
            return self.call_place(handle.place, positional, keywords)
        with self.taken(handle.instance) as instance:
            call = _Call(instance, handle.value, positional, keywords)
            return self._outcome(call, instance.run(handle.name, call.run))

    def _outcome(self, call: _Call, ended: Ended) -> Any:
        if call.problem is not None:
            raise call.problem
        if not ended.is_success:
            raise_failure(ended, self.setting)
        return call.result

    def is_own(self, instance: Instance) -> bool:
        """Whether the instance belongs to this pool."""
        return instance.setting is self.setting

    def _take(self, wanted: Instance | None) -> Instance:
        with self._condition:
            if wanted is None and self._free:
                wanted = self._free[-1]
            if wanted is not None:
                if wanted.is_taken and hosted_evaluation() is not None:
                    raise UsageError(
                        "a function of a script cannot be called by a function that another thread's script calls, "
                        "while its own module is evaluated there",
                        hint="call it on the thread that it was given to, or by its global name",
                    )
                self._condition.wait_for(lambda: not wanted.is_taken)
                wanted.is_taken = True
                if wanted in self._free:
                    self._free.remove(wanted)
                return wanted
        return self._make(is_repeated=True)

    def _give(self, instance: Instance) -> None:
        with self._condition:
            instance.is_taken = False
            if len(self._free) < FREE_MAX:
                self._free.append(instance)
            self._condition.notify_all()

    def _make(self, *, is_repeated: bool) -> Instance:
        instance = Instance(self.setting)
        instance.evaluation.gate = Gate(self, instance)
        ended = instance.load(is_repeated=is_repeated)
        if not ended.is_success:
            raise_failure(ended, self.setting)
        if not is_repeated:
            self.usage = ended.usage
        return instance


class _Call:
    """One call of a function: its arguments enter, its result leaves, all counted as a part of the evaluation."""

    def __init__(
        self, instance: Instance, function: Any, positional: Sequence[Any], keywords: Mapping[str, Any]
    ) -> None:
        self._gate = instance.evaluation.gate
        self._function = function
        self._positional = positional
        self._keywords = keywords
        self.result: Any = None
        self.problem: ConversionError | None = None

    def run(self, depth: int) -> None:
        """The body of the evaluation. A failure of the script is raised as such, one of a conversion is kept."""
        gate, name = self._gate, "argument"
        assert gate is not None
        try:
            positional = []
            for number, value in enumerate(self._positional, 1):
                name = f"argument {number}"
                positional.append(gate.enter(value, name))
            keywords = {}
            for name, value in self._keywords.items():
                keywords[keyword_name(name)] = gate.enter(value, name)
        except Fault as fault:
            self.problem = conversion_error(fault, name)
            return
        result = invoke(self._function, depth, positional, keywords)
        try:
            self.result = gate.leave(result, "result")
        except Fault as fault:
            self.problem = conversion_error(fault, "result")


def _bound_instance(values: Sequence[Any], pool: Pool) -> Instance | None:
    """The instance that one of the values is bound to, if that is one of the pool: calls of it are cheapest there."""
    for value in values:
        if isinstance(value, ScriptValue) and value.place is None and pool.is_own(value.instance):
            return value.instance
    return None
