"""Runs that were recorded in memory, for tests that replay them: a project folder, a shop of actions, a journal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs

from flowlang.lang.interpreter import Build
from flowlang.runtime.action import ActionRegistry, ActionSpec, action
from flowlang.runtime.compatibility import Verdict, check_run
from flowlang.runtime.driver import RunDriver
from flowlang.runtime.dry_replay import Recording, recording_of
from flowlang.runtime.hooks import Hooks
from flowlang.runtime.journal.event import ReceiveStarted, Record
from flowlang.runtime.journal.journal import Journal
from flowlang.runtime.journal.memory import MemoryJournal
from flowlang.runtime.outcome import RunOutcome
from flowlang.runtime.project import Project
from flowlang.testing.clock import VirtualClock


class Shop:
    """Actions whose results follow from their arguments. `performed` holds every call of them."""

    def __init__(self) -> None:
        self.performed: list[tuple[Any, ...]] = []

    def specs(self) -> Sequence[ActionSpec[..., Any]]:
        """The actions."""

        @action(name="shop.price", inline=True)
        def price(item: Any, count: Any = 1) -> int:
            self.performed.append(("price", item, count))
            return len(str(item)) * 10 + len(str(count))

        @action(name="shop.stock", inline=True)
        def stock(item: Any, count: Any = 1) -> int:
            self.performed.append(("stock", item, count))
            return len(str(item))

        @action(name="shop.order", inline=True)
        def order(item: Any, count: Any = 1) -> str:
            self.performed.append(("order", item, count))
            return f"{item}-{count}"

        @action(name="shop.refuse", inline=True)
        def refuse(item: Any) -> str:
            self.performed.append(("refuse", item))
            raise ValueError("refused")

        return (price, stock, order, refuse)


class Watching(Hooks):
    """Tells of each record."""

    def __init__(self, watch: Callable[[str, Record], None]) -> None:
        self._watch = watch

    def recorded(self, run_id: str, record: Record) -> None:
        self._watch(run_id, record)


class RecordedRun:
    """A project whose `main.flow` was run to its end, or until it was stopped."""

    def __init__(self, root: Path, script: str) -> None:
        self.root = root
        self.script = script
        self.shop = Shop()
        self.clock = VirtualClock()
        self.journal: Journal = MemoryJournal(clock=self.clock)
        self.registry = ActionRegistry(self.shop.specs())
        self.write(script)

    def write(self, script: str) -> None:
        """Changes the script."""
        (self.root / "main.flow").write_text(script)

    def start(self, run_id: str = "run", **options: Any) -> RunOutcome:
        """Starts a run and drives it as far as it goes."""
        watching = Watching(self.recorded)
        driver = RunDriver(self.root, self.journal, clock=self.clock, actions=list(self.registry), hooks=watching)
        try:
            return driver.start(self.build(), run_id=run_id, **options)
        finally:
            driver.close()

    def recorded(self, run_id: str, record: Record) -> None:
        """Told of each record of a run that is being driven."""

    def suspend(self, run_id: str = "run") -> RunOutcome:
        """Starts a run and drives it until it waits for a message; then it is given back."""
        driver: RunDriver

        def stop(run_id: str, record: Record) -> None:
            if isinstance(record.event, ReceiveStarted):
                driver.request_stop()

        driver = RunDriver(self.root, self.journal, clock=self.clock, actions=list(self.registry), hooks=Watching(stop))
        try:
            return driver.start(self.build(), run_id=run_id)
        finally:
            driver.close()

    def build(self) -> Build:
        """The code as it is now."""
        made = Project(self.root).build(self.root / "main.flow")
        assert not made.has_errors, made.diagnostics[0].message
        return made

    def recording(self, run_id: str = "run") -> Recording:
        """What was recorded."""
        return recording_of(self.journal, run_id)

    def check(self, script: str | None = None, run_id: str = "run") -> Verdict:
        """Compares the run with a script, or with its own."""
        self.write(self.script if script is None else script)
        return check_run(self.recording(run_id), self.build(), self.registry)

    def check_copy(self, run_id: str = "run") -> Verdict:
        """Compares the run with its own script from its records alone, as on another machine."""
        self.write(self.script)
        return check_run(attrs.evolve(self.recording(run_id), token_of=None), self.build(), self.registry)
