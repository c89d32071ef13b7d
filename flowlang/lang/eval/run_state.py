"""What a run says of itself while it goes on: a status text, attributes to search by, and progress.

These are notes, like log lines: they never suspend a run nor make it diverge, and reach the store with the next append.
"""

from __future__ import annotations

from math import isfinite
from typing import Any, Final

from flowlang.lang.eval.command import StateNote
from flowlang.lang.eval.context import RUNTIME_ACTIONS
from flowlang.lang.eval.fiber import acting_fiber
from flowlang.lang.values.argument import string_argument, wrong_type, wrong_value
from flowlang.lang.values.canonical import encode
from flowlang.lang.values.container import AnyDict
from flowlang.lang.values.key import dict_items, dict_of_texts
from flowlang.lang.values.protocol import builtin, type_name
from flowlang.lang.values.quote import clip

STATUS_MAX: Final = 500
"""Characters of a status, and of the message beside progress: one line of a list of runs."""
ATTRIBUTES_MAX: Final = 16
ATTRIBUTE_NAME_BYTES: Final = 64
ATTRIBUTE_VALUE_BYTES: Final = 256
ATTRIBUTES_BYTES: Final = 2048
"""Of all names and values of one call together."""


@builtin("set_status", "set_status(text)")
def set_status_action(depth: int, /, text: Any) -> None:
    """Says what the run is doing, for lists of runs."""
    string_argument("set_status", "text", text)
    _tell("set_status", "status", _short("set_status", text))


@builtin("set_attributes", "set_attributes(attributes)")
def set_attributes_action(depth: int, /, attributes: Any) -> None:
    """Sets attributes that runs can be searched by. Others stay as they are; None removes one."""
    checked_attributes("set_attributes", attributes)
    _tell("set_attributes", "attributes", attributes)


@builtin("progress", 'progress(done, total = None, message = "")')
def progress_action(depth: int, /, done: Any, total: Any = None, message: Any = "") -> None:
    """Says how far the run has come."""
    for parameter, value in (("done", done), ("total", total)):
        if parameter == "total" and value is None:
            continue
        if type(value) not in (int, float):
            raise wrong_type("progress", parameter, "a number", value)
        if not isfinite(value) or value < 0:
            raise wrong_value("progress", f"`{parameter}` is a number from 0 upwards")
    string_argument("progress", "message", message)
    told = dict_of_texts({"done": done, "total": total, "message": _short("progress", message)})
    _tell("progress", "progress", told)


def checked_attributes(function: str, attributes: Any) -> None:
    """Refuses what cannot be searched by, or is too large for an index."""
    if not isinstance(attributes, AnyDict):
        raise wrong_type(function, "attributes", "a dict", attributes, 'such as `{"region": "eu"}`')
    if len(attributes) > ATTRIBUTES_MAX:
        raise wrong_value(
            function, f"{len(attributes)} attributes are more than {ATTRIBUTES_MAX}",
            "keep what nobody searches for in the payload or a table",
        )  # fmt: skip
    total = 0
    for name, value in dict_items(attributes):
        total += _attribute_bytes(function, name, value)
    if total > ATTRIBUTES_BYTES:
        raise wrong_value(
            function, f"the attributes take {total:,} bytes, more than {ATTRIBUTES_BYTES:,}", "shorten the texts"
        )


def _attribute_bytes(function: str, name: Any, value: Any) -> int:
    if type(name) is not str or not _is_attribute_name(name):
        raise wrong_value(
            function, f"`{clip(name)[1:-1] if type(name) is str else type_name(name)}` is no name of an attribute",
            f"letters, digits, `_`, `-` and `.`, a letter first, at most {ATTRIBUTE_NAME_BYTES}",
        )  # fmt: skip
    if type(value) is str:
        size = len(value.encode(errors="replace"))
    elif (
        value is None
        or type(value) is bool
        or (type(value) is int and value.bit_length() < 64)
        or (type(value) is float and isfinite(value))
    ):
        size = 8
    else:
        raise wrong_value(
            function, f"the attribute `{name}` cannot be {type_name(value)}",
            "give a string, an int of 64 bits, a finite float, a bool, or None to remove it",
        )  # fmt: skip
    if size > ATTRIBUTE_VALUE_BYTES:
        raise wrong_value(
            function, f"the attribute `{name}` takes {size} bytes, more than {ATTRIBUTE_VALUE_BYTES}",
            "shorten it, or give a digest",
        )  # fmt: skip
    return len(name) + size


def _is_attribute_name(name: str) -> bool:
    allowed = name.replace("_", "").replace("-", "").replace(".", "")
    return name[:1].isalpha() and name.isascii() and allowed.isalnum() and len(name) <= ATTRIBUTE_NAME_BYTES


def _short(function: str, text: str) -> str:
    if len(text) > STATUS_MAX:
        raise wrong_value(function, f"the text has {len(text):,} characters, more than {STATUS_MAX}", "use `log`")
    return text


def _tell(function: str, field: str, value: Any) -> None:
    fiber = acting_fiber(f"`{function}`")
    fiber.evaluation.tell(StateNote(fiber.scope.line_position(), field, encode(value)))


RUNTIME_ACTIONS["set_status"] = set_status_action
RUNTIME_ACTIONS["set_attributes"] = set_attributes_action
RUNTIME_ACTIONS["progress"] = progress_action
