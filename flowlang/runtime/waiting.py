"""What one run waits for besides actions: timers, messages, the decisions of gates, child runs.

Messages stay in the inbox until somebody receives them. They are given out in the order of their numbers, to the
oldest wait that they fit.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import attrs

from flowlang.runtime.journal.event import Position
from flowlang.runtime.journal.model import Message


@attrs.frozen
class Reception:
    """A wait for a message. `wake_at_ms`: when it times out; `gate_expires`: whether its gate does then, too.
    `is_over`: it was due when the inbox was read, so that no message that was there before can still come."""

    position: Position
    channel: str
    name: str
    wake_at_ms: int | None
    gate_expires: bool = False
    is_over: bool = False


@attrs.define(eq=False)
class Waiting:
    """The waits of one run. `messages`: by channel and number, what is in the inbox and was not received; `seen`: the
    newest of them all."""

    timers: dict[Position, int] = attrs.field(factory=dict)
    receptions: dict[Position, Reception] = attrs.field(factory=dict)
    children: dict[Position, str] = attrs.field(factory=dict)
    gates: dict[str, int | None] = attrs.field(factory=dict)
    decisions: dict[str, bytes] = attrs.field(factory=dict)
    deadline_at_ms: int | None = None
    messages: dict[str, dict[int, Message]] = attrs.field(factory=dict)
    seen: int = 0
    _queue: list[tuple[int, Position]] = attrs.field(factory=list)

    def start_timer(self, position: Position, wake_at_ms: int) -> None:
        """A timer that fires at that time."""
        self.timers[position] = wake_at_ms
        heapq.heappush(self._queue, (wake_at_ms, position))

    def receive(self, position: Position, channel: str, name: str, wake_at_ms: int | None) -> None:
        """A wait for a message, which ends with its gate when that is earlier."""
        expires_at_ms = self.gates.get(name) if channel == "gate" else None
        gate_expires = expires_at_ms is not None and (wake_at_ms is None or expires_at_ms <= wake_at_ms)
        at_ms = expires_at_ms if gate_expires else wake_at_ms
        self.receptions[position] = Reception(position, channel, name, at_ms, gate_expires)

    def forget(self, position: Position) -> None:
        """Nobody waits for this any more."""
        self.timers.pop(position, None)
        self.receptions.pop(position, None)

    def add(self, messages: Sequence[Message]) -> None:
        """The content of the inbox."""
        for message in messages:
            if message.number > self.seen:
                self.messages.setdefault(message.channel, {})[message.number] = message
                self.seen = message.number

    def delivery(self) -> tuple[Message, Reception] | None:
        """The oldest message that somebody waits for, with who receives it; both are gone afterwards."""
        for channel in {each.channel: None for each in self.receptions.values()}:
            for number, message in self.messages.get(channel, {}).items():
                reception = next((each for each in self.receptions.values() if _fits(message, each)), None)
                if reception is not None:
                    del self.messages[channel][number]
                    del self.receptions[reception.position]
                    return message, reception
        return None

    @property
    def is_deliverable(self) -> bool:
        """Whether a message is here that somebody waits for."""
        messages = self.messages
        if not messages:
            return False
        return bool(messages.get("child") or messages.get("cancel")) or any(
            _fits(message, reception)
            for reception in self.receptions.values()
            for message in messages.get(reception.channel, {}).values()
        )

    def take(self, channel: str) -> Message | None:
        """The oldest message of a channel that needs no wait (`cancel`, `child`)."""
        messages = self.messages.get(channel)
        return messages.pop(next(iter(messages))) if messages else None

    def due_timer(self, now_ms: int) -> Position | None:
        """The timer that became due first, if one is; it is gone afterwards."""
        at_ms = self._next_timer_ms()
        if at_ms is None or at_ms > now_ms:
            return None
        _, position = heapq.heappop(self._queue)
        del self.timers[position]
        return position

    def _next_timer_ms(self) -> int | None:
        queue = self._queue
        while queue:
            at_ms, position = queue[0]
            if self.timers.get(position) == at_ms:
                return at_ms
            heapq.heappop(queue)  # withdrawn
        return None

    def is_reception_due(self, now_ms: int) -> bool:
        """Whether a wait for a message is about to time out."""
        if not self.receptions:
            return False
        return any(each.wake_at_ms is not None and each.wake_at_ms <= now_ms for each in self.receptions.values())

    def end_receptions(self, now_ms: int) -> None:
        """The inbox was read and its messages added: what is due now may time out."""
        for position, each in self.receptions.items():
            if each.wake_at_ms is not None and each.wake_at_ms <= now_ms:
                self.receptions[position] = attrs.evolve(each, is_over=True)

    def due_reception(self) -> Reception | None:
        """The wait for a message that times out first, if one does; it is gone afterwards."""
        due = [each for each in self.receptions.values() if each.is_over]
        if not due:
            return None
        reception = min(due, key=lambda each: (each.wake_at_ms, each.position))
        del self.receptions[reception.position]
        return reception

    def next_due_ms(self) -> int | None:
        """When something happens by itself."""
        times = [each.wake_at_ms for each in self.receptions.values()]
        times += (self._next_timer_ms(), self.deadline_at_ms)
        return min((at_ms for at_ms in times if at_ms is not None), default=None)


def _fits(message: Message, reception: Reception) -> bool:
    if message.channel != reception.channel:
        return False
    return message.name == reception.name or (message.channel == "signal" and not reception.name)
