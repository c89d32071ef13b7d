"""References to inboxes: the right to send signals to one run, and nothing else.

A reference is data, so it can be an argument, travel in a message and stand in a journal. Nobody can read an inbox
through one.
"""

from __future__ import annotations

from typing import Any, Final

from flowlang.lang.values.canonical import register_codec
from flowlang.lang.values.display import repr_value
from flowlang.lang.values.protocol import MISSING, Method, ValueType, register
from flowlang.lang.values.size import OBJECT, text_size


class InboxRef:
    """The inbox of the run `run_id`, to send to."""

    __slots__ = ("run_id",)

    def __init__(self, run_id: str) -> None:
        self.run_id: Final = run_id

    def __eq__(self, other: object) -> bool:
        return type(other) is InboxRef and self.run_id == other.run_id

    def __hash__(self) -> int:
        return hash(f"inbox {self.run_id}")


INBOX_METHODS: Final[dict[str, Method]] = {}
"""Methods of references, which join where sending is (`inbox.py`)."""


def _field(reference: InboxRef, name: str) -> Any:
    return reference.run_id if name == "run_id" else MISSING


def _from_data(data: Any) -> InboxRef:
    if type(data) is not str:
        raise TypeError("not the id of a run")
    return InboxRef(data)


register(
    InboxRef,
    ValueType(
        name="inbox",
        methods=INBOX_METHODS,
        field_names=lambda reference: ("run_id",),
        get_field=_field,
        display=lambda reference, nested: f"<inbox of {repr_value(reference.run_id)}>",
        equal=lambda left, right, equal: left.run_id == right.run_id,
        size=lambda reference: OBJECT + text_size(reference.run_id),
    ),
)
register_codec("inbox", InboxRef, lambda reference: reference.run_id, _from_data)
