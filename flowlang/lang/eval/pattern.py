"""Argument patterns: what a flow says about its arguments (`args.string(default = …, doc = …)`).

A pattern checks a value given by a script, and reads a text given from outside (`--arg name=text`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import attrs

from flowlang.lang.diagnostics.suggest import nearest
from flowlang.lang.eval.inbox_ref import InboxRef
from flowlang.lang.values.canonical import copy_by_value, encode
from flowlang.lang.values.container import AnyDict, AnyList
from flowlang.lang.values.convert import from_host
from flowlang.lang.values.display import repr_value
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.protocol import ValueType, register, type_name
from flowlang.lang.values.quote import clip

REQUIRED: Final = object()
SHOWN_MAX: Final = 8
"""So many choices stand in a message."""
TRUTHS: Final = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}


@attrs.frozen(eq=False)
class ArgPattern:
    """One declared argument. `kind`: string, int, float, bool, list, dict, json, inbox or enum; `event` and `state`
    make a flow event-driven (`event_flow.py`). `choices`: of an enum; of an event, the name of its signals, if any."""

    kind: str
    default: Any
    documentation: str
    choices: tuple[str, ...] = ()

    def accepts(self, value: Any) -> bool:
        """Whether a value of the script fits."""
        match self.kind:
            case "string":
                return type(value) is str
            case "int":
                return type(value) is int
            case "float":
                return type(value) in (int, float)
            case "bool":
                return type(value) is bool
            case "list":
                return isinstance(value, (AnyList, tuple))
            case "dict":
                return isinstance(value, AnyDict)
            case "enum":
                return type(value) is str and value in self.choices
            case "inbox":
                return type(value) is InboxRef
        return True

    def expects(self) -> str:
        """What fits, for messages."""
        if self.kind == "enum":
            shown = [clip(choice) for choice in self.choices[:SHOWN_MAX]]
            return "one of " + ", ".join(shown) + (", …" if len(self.choices) > SHOWN_MAX else "")
        if self.kind == "inbox":
            return "an inbox (the id of a run, from outside)"
        article = "an" if self.kind in ("int",) else "a"
        return "any JSON value" if self.kind == "json" else f"{article} {self.kind}"

    def read(self, text: str) -> Any:
        """The value that a text from outside stands for. Raises ValueError."""
        match self.kind:
            case "string" | "enum":
                value: Any = text
            case "int":
                value = int(text)
            case "float":
                value = float(text)
            case "bool":
                value = TRUTHS.get(text.lower())
            case "inbox":
                value = InboxRef(text)
            case _:
                value = from_host(json.loads(text))
        if not self.accepts(value):
            raise ValueError(text)
        return value


EVENT_OF_CALL: Final = ArgPattern("json", REQUIRED, "the event")
"""Who calls an event-driven flow hands it the event that it would receive."""


def bind_declared(
    flow: str, patterns: Mapping[str, ArgPattern], positional: Sequence[Any], keywords: Mapping[str, Any]
) -> dict[str, Any]:
    """The declared arguments of one call, by name; defaults filled in. Raises Fault in the caller."""
    names = list(patterns)
    if len(positional) > len(names):
        raise Fault(
            "flow-arguments", f"flow `{flow}` declares {len(names)} arguments, {len(positional)} given",
            hint=f"declared: {', '.join(names)}" if names else None,
        )  # fmt: skip
    given = dict(zip(names, positional, strict=False))
    for name, value in keywords.items():
        if name not in patterns:
            similar = nearest(name, names)
            hint = f"did you mean `{similar}`?" if similar else f"declared: {', '.join(names) or 'none'}"
            raise Fault("flow-arguments", f"flow `{flow}` has no argument `{name}`", hint=hint)
        if name in given:
            raise Fault("flow-arguments", f"flow `{flow}` got argument `{name}` twice")
        given[name] = value
    return {name: _checked(flow, name, pattern, given.get(name, REQUIRED)) for name, pattern in patterns.items()}


def _checked(flow: str, name: str, pattern: ArgPattern, value: Any) -> Any:
    if value is REQUIRED:
        if pattern.default is REQUIRED:
            hint = f"`{name}` takes {pattern.expects()}"
            raise Fault("flow-arguments", f"flow `{flow}` needs the argument `{name}`", hint=hint)
        return pattern.default
    if not pattern.accepts(value):
        given = repr_value(value)
        given = given if len(given) <= 60 else given[:57] + "..."
        raise Fault(
            "flow-arguments",
            f"argument `{name}` of flow `{flow}` takes {pattern.expects()}, not {type_name(value)} {given}",
        )
    return value


class ArgPatterns:
    """The value `args`: a namespace whose methods make patterns."""

    __slots__ = ()


def _pattern_method(kind: str) -> Callable[..., ArgPattern]:
    def make(depth: int, self: ArgPatterns, /, default: Any = REQUIRED, *, doc: str = "") -> ArgPattern:
        pattern = ArgPattern(kind, REQUIRED, _text(doc))
        if default is REQUIRED:
            return pattern
        if default is not None and not pattern.accepts(default):
            raise Fault(
                "flow-arguments", f"the default of `args.{kind}` must be {pattern.expects()}, not {type_name(default)}"
            )
        return attrs.evolve(pattern, default=copy_by_value(default))

    make.__qualname__ = f"args.{kind}"
    return make


def _enum(depth: int, self: ArgPatterns, choices: Any, /, default: Any = REQUIRED, *, doc: str = "") -> ArgPattern:
    if not isinstance(choices, (AnyList, tuple)) or not choices or any(type(choice) is not str for choice in choices):
        raise Fault("flow-arguments", "`args.enum` takes a list of strings", hint='write `args.enum(["a", "b"])`')
    pattern = ArgPattern("enum", REQUIRED, _text(doc), tuple(choices))
    if default is not REQUIRED and default is not None and not pattern.accepts(default):
        raise Fault("flow-arguments", f"the default of `args.enum` must be {pattern.expects()}")
    return attrs.evolve(pattern, default=default)


_enum.__qualname__ = "args.enum"


def _event(depth: int, self: ArgPatterns, /, name: str = "", *, doc: str = "") -> ArgPattern:
    if type(name) is not str:
        raise Fault("flow-arguments", f"`args.event` takes the name of a signal, not {type_name(name)}")
    return ArgPattern(EVENT, REQUIRED, _text(doc), (name,) if name else ())


_event.__qualname__ = "args.event"


def _state(depth: int, self: ArgPatterns, /, initial: Any = None, *, doc: str = "") -> ArgPattern:
    encode(initial)  # a register keeps data, and its first value is no exception
    return ArgPattern(STATE, copy_by_value(initial), _text(doc))


_state.__qualname__ = "args.state"


def _text(doc: Any) -> str:
    if type(doc) is not str:
        raise Fault("flow-arguments", f"`doc` takes a string, not {type_name(doc)}")
    return doc


EVENT: Final = "event"
STATE: Final = "state"
KINDS: Final = ("string", "int", "float", "bool", "list", "dict", "json", "inbox")
ARGS: Final = ArgPatterns()
register(
    ArgPattern,
    ValueType(
        name="arg",
        display=lambda pattern, nested: f"<arg {pattern.kind}>",
        children=lambda pattern: () if pattern.default is REQUIRED else (pattern.default,),
    ),
)
register(
    ArgPatterns,
    ValueType(
        name="args",
        methods={**{kind: _pattern_method(kind) for kind in KINDS}, "enum": _enum, "event": _event, "state": _state},
        display=lambda value, nested: "<args>",
    ),
)
