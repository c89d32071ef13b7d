"""The entry of an evaluation: which module or flow is run, and the arguments that come from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from flowlang.lang.compile.naming import python_name
from flowlang.lang.eval.flow import Flow
from flowlang.lang.eval.pattern import ArgPattern, bind_declared
from flowlang.lang.values.fault import Fault, Stop


class EntryMismatch(Stop):
    """The arguments or the flow given from outside do not fit the script. Nothing has been asked for yet."""

    def __init__(self, message: str, hint: str | None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@attrs.frozen
class Entry:
    """What to run: the module `module`, and in it the flow `flow`, or its top level as the root flow when `flow` is
    empty. `arguments` and `texts` are given to the flow, or to the one call in the main guard; `texts` are read by
    the flow's argument patterns. With `call`, positional and named arguments as a script gave them (to `spawn` or
    `continue_as`), these are the arguments."""

    module: str
    flow: str = ""
    arguments: Mapping[str, Any] = attrs.field(factory=dict)
    texts: Mapping[str, str] = attrs.field(factory=dict)
    call: tuple[Sequence[Any], Mapping[str, Any]] | None = None


def entry_name(entry: Entry) -> str:
    """What the root flow is called."""
    return entry.flow or entry.module.rpartition("/")[2].removesuffix(".flow")


def entry_keywords(
    entry: Entry, function: Any, positional: Sequence[Any], keywords: Mapping[str, Any]
) -> dict[str, Any]:
    """The arguments from outside, read and checked against what the flow declares. Raises EntryMismatch."""
    given: dict[str, Any] = {**entry.arguments, **entry.texts}
    if type(function) is Flow and function.patterns is not None:
        for name, text in entry.texts.items():
            pattern = function.patterns.get(name)
            if pattern is not None:
                given[name] = _read(function.name, name, pattern, text)
        try:
            bind_declared(function.name, function.patterns, positional, {**keywords, **given})
        except Fault as fault:
            raise EntryMismatch(fault.message, fault.hint) from None
    elif given and type(function) is Flow:
        names = ", ".join(given)
        hint = 'declare them: `flow(implementation = …, args = {"name": args.string()})`'
        raise EntryMismatch(f"flow `{function.name}` declares no arguments, {names} given", hint)
    return {python_name(name): value for name, value in given.items()}


def _read(flow: str, name: str, pattern: ArgPattern, text: str) -> Any:
    try:
        return pattern.read(text)
    except ValueError:
        shown = text if len(text) <= 60 else text[:59] + "…"
        message = f"argument `{name}` of flow `{flow}` takes {pattern.expects()}, not `{shown}`"
        raise EntryMismatch(message, pattern.documentation or None) from None
