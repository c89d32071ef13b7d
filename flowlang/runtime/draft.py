"""What one append of a run will hold, while it is put together: events, and what changes with them.

Some of it may be refused by the store, because the world is not as the script thought: a child's id is taken, a run
that a message is for has ended. Then nothing was written; the refused part is taken out, the script's command is
recorded as failed, and the append is made again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from flowlang.lang.eval.command import Answer
from flowlang.lang.values.canonical import encode
from flowlang.lang.values.convert import from_host
from flowlang.runtime.journal.event import (
    COMMANDS,
    DELIVERED,
    ActionFailed,
    AttemptFailed,
    AttemptHeartbeat,
    AttemptStarted,
    Event,
    GateOpened,
    MessageSent,
    Position,
)
from flowlang.runtime.journal.model import NO_EFFECTS, AttributeValue, Effects, NewChild, NewMessage, NewWait

TRUE_FACTS: Final = (*DELIVERED, AttemptHeartbeat, AttemptFailed)
"""Events that say what the outside did. They stay true whatever the script makes of them."""

INTENTS: Final = (*COMMANDS, AttemptStarted)
"""Events of commands that the script has put and that are still to be performed."""


@attrs.define(eq=False)
class Draft:
    """Events and effects of the next append. `is_answering`: some of its commands are answered by their own records.
    `refused`: positions of commands that the store did not accept, with
    what their script is told."""

    events: list[Event] = attrs.field(factory=list)
    taken: list[int] = attrs.field(factory=list)
    opened: dict[Position, NewWait] = attrs.field(factory=dict)
    expired: list[str] = attrs.field(factory=list)
    children: dict[Position, NewChild] = attrs.field(factory=dict)
    sent: dict[Position, NewMessage] = attrs.field(factory=dict)
    cancelled: dict[str, NewMessage] = attrs.field(factory=dict)
    state: str | None = None
    progress: str | None = None
    attributes: dict[str, AttributeValue | None] = attrs.field(factory=dict)
    chapter_index: int | None = None
    is_answering: bool = False
    refused: dict[Position, Mapping[str, Any]] = attrs.field(factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to append."""
        return not (self.events or self.taken or self.children)

    def effects(self, sequence: int, **more: Any) -> Effects:
        """What changes beside the events, which follow the record `sequence`; `more` are other fields of Effects."""
        if not (self.has_effects or any(more.values())):
            return NO_EFFECTS
        return Effects(
            taken=self.taken,
            opened=list(self.opened.values()),
            expired=self.expired,
            children=list(self.children.values()),
            sent=[*self.sent.values(), *self.cancelled.values()],
            state=self.state,
            progress=self.progress,
            attributes=self.attributes,
            chapter=None if self.chapter_index is None else sequence + 1 + self.chapter_index,
            **more,
        )

    @property
    def has_effects(self) -> bool:
        """Whether anything changes beside the events."""
        return bool(
            self.taken or self.opened or self.expired or self.children or self.sent or self.cancelled or self.attributes
            or self.state is not None or self.progress is not None or self.chapter_index is not None
        )  # fmt: skip

    def keep_answers(self) -> None:
        """Drops what the script said: it will say it again when it goes on."""
        self.events = [event for event in self.events if isinstance(event, TRUE_FACTS)]
        self._drop_effects()
        self.state = self.progress = self.chapter_index = None
        self.attributes = {}

    def drop_intents(self) -> None:
        """Drops what was to be performed, and keeps everything else that was said."""
        self.events = [event for event in self.events if not isinstance(event, INTENTS)]
        self._drop_effects()

    def _drop_effects(self) -> None:
        self.opened, self.children, self.sent, self.cancelled = {}, {}, {}, {}
        self.is_answering = False

    def refuse(self, run_id: str, kind: str, message: str) -> bool:
        """Takes out what concerns the run `run_id`, which the store did not accept. Whether there was anything."""
        if self.cancelled.pop(run_id, None) is not None:
            return True  # it has ended already: as good as cancelled
        failure = {"kind": kind, "message": message, "data": {"run_id": run_id}, "retryable": False}
        positions = [position for position, message in self.sent.items() if message.run_id == run_id]
        positions += [position for position, child in self.children.items() if child.run.run_id == run_id]
        for position in positions:
            self.sent.pop(position, None)
            self.children.pop(position, None)
            self.refused[position] = failure
            self.events.append(ActionFailed(position, encode(from_host(failure))))
        return bool(positions)

    def answers_at_once(self, token_of: Any) -> list[tuple[Position, Answer]]:
        """The answers to commands that are performed once their own record is durable, in the order of the records."""
        found: list[tuple[Position, Answer]] = []
        for event in self.events:
            kind = type(event)
            if kind is GateOpened:
                found.append((event.position, Answer(encode(token_of(event)))))  # type: ignore[union-attr]
            elif kind is MessageSent:
                found.append((event.position, Answer(None, self.refused.get(event.position))))  # type: ignore[union-attr]
            elif kind is ActionFailed and event.position in self.refused and not self._was_sent(event.position):  # type: ignore[union-attr]
                found.append((event.position, Answer(None, self.refused[event.position])))  # type: ignore[union-attr]
        return found

    def _was_sent(self, position: Position) -> bool:
        return any(type(event) is MessageSent and event.position == position for event in self.events)
