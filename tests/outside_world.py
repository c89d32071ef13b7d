"""The outside of a run under test: it sends signals as soon as the run exists, and decides gates when they open.

Everything happens on the thread that drives the run, after what it reacts to is durable, so nothing depends on timing:
signals are there before the script asks for them, decisions before it awaits the gate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from flowlang.lang.values.canonical import encode
from flowlang.lang.values.convert import from_host
from flowlang.runtime.clock import Clock
from flowlang.runtime.gate_token import decide_position
from flowlang.runtime.hooks import Hooks
from flowlang.runtime.journal.event import GateOpened, LogWritten, Record, RunStarted, position_text
from flowlang.runtime.journal.journal import Journal
from flowlang.runtime.message import signal_message


@attrs.define(eq=False)
class OutsideWorld(Hooks):
    """`signals` (name and payload) are for the first run; `decisions` are the payloads of decisions, by the name of the
    gate. `lines` is what all runs logged, `records` what became durable."""

    signals: Sequence[tuple[str, Any]] = ()
    decisions: Mapping[str, Any] = attrs.field(factory=dict)
    lines: list[str] = attrs.field(factory=list)
    records: dict[str, list[Record]] = attrs.field(factory=dict)
    journal: Journal | None = None
    clock: Clock | None = None

    def line(self, run_id: str, line: LogWritten) -> None:
        self.lines.append(line.text)

    def recorded(self, run_id: str, record: Record) -> None:
        is_first = not self.records
        self.records.setdefault(run_id, []).append(record)
        event = record.event
        if isinstance(event, RunStarted) and is_first:
            for name, payload in self.signals:
                assert self.journal is not None
                self.journal.post(signal_message(run_id, name, encode(from_host(payload))))
        if isinstance(event, GateOpened) and event.name in self.decisions:
            assert self.journal is not None
            decision = encode(from_host(self.decisions[event.name]))
            position = position_text(event.position)
            decide_position(self.journal, run_id, position, decision, by="ann", reason="looks good", clock=self.clock)
