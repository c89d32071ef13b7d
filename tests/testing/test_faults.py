"""Something between a journal and its callers, and what it makes go wrong."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from flowlang.errors import JournalUnavailable
from flowlang.runtime.journal.codec import manifest_digest
from flowlang.runtime.journal.event import ActionCompleted, RunStarted
from flowlang.runtime.journal.memory import MemoryJournal
from flowlang.runtime.journal.model import CodeManifest, Counters, NewRun, RunStatus
from flowlang.testing.clock import VirtualClock
from flowlang.testing.crash import CrashingJournal
from flowlang.testing.faults import Chance, FaultyJournal, WorkerDied
from flowlang.testing.interpose import InterposedJournal

MANIFEST = CodeManifest({"main.flow": "0"}, "1", "3.11", "linux", {})
STARTED = RunStarted("main.flow", "", manifest_digest(MANIFEST), b"{}")


class Watched(InterposedJournal):
    """Notes which methods are called."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.calls: list[str] = []

    def around(self, method: str, call: Callable[[], Any], arguments: Any) -> Any:
        self.calls.append(method)
        return call()


def create(journal: Any) -> Any:
    run = NewRun("run", "main.flow", "", "0", MANIFEST, {"main.flow": "pass\n"})
    return journal.create(run, journal.new_owner(), [STARTED], Counters(), RunStatus.RUNNING)


def test_every_call_goes_through_one_function() -> None:
    """Methods that exist now, and those that will."""
    journal = Watched(MemoryJournal(VirtualClock()))
    lease = create(journal)
    journal.append(lease, 1, [ActionCompleted((0,), b"1")], Counters(), status=RunStatus.SUSPENDED)
    assert [record.sequence for record in journal.read("run", after=1)] == [2]
    assert journal.calls == ["new_owner", "create", "append", "read"]
    with pytest.raises(AttributeError):
        journal.no_such_method  # noqa: B018


def test_a_chosen_write_ends_it_and_the_others_do_not() -> None:
    """Renewals are not counted, because they come when the clock says."""
    deaths: list[int] = []
    journal = CrashingJournal(MemoryJournal(VirtualClock()), 2, "before", lambda: deaths.append(journal.writes))
    lease: Any = create(journal)
    journal.renew(lease)
    assert deaths == []
    journal.append(lease, 1, [ActionCompleted((0,), b"1")], Counters())
    assert (deaths, journal.points) == ([2], ["create", "append"])


@pytest.mark.parametrize(
    ("kind", "raised", "written"),
    [
        ("die-before", WorkerDied, False),
        ("die-after", WorkerDied, True),
        ("refused", JournalUnavailable, False),
        ("lost", JournalUnavailable, True),
        ("slow", None, True),
        ("late", None, True),
        ("pause", None, True),
    ],
)
def test_a_fault_is_what_it_says(kind: str, raised: type[BaseException] | None, written: bool) -> None:
    """What is written, and what the caller hears, are two things."""
    inner, happened = MemoryJournal(VirtualClock()), []
    chance = Chance(Random(1), 1.0, [kind], is_calm=True)
    journal: Any = FaultyJournal(
        inner, chance, [], VirtualClock(), lambda: happened.append("time"), lambda: happened.append("pause")
    )
    lease = create(journal)
    chance.is_calm = False
    if raised is None:
        assert journal.append(lease, 1, [ActionCompleted((0,), b"1")], Counters()) == 2
    else:
        with pytest.raises(raised):
            journal.append(lease, 1, [ActionCompleted((0,), b"1")], Counters())
    assert len(inner.read("run")) == 1 + written
    assert happened == {"slow": ["time"], "late": ["time"], "pause": ["pause"]}.get(kind, [])
    assert chance.hits == {("append", kind): 1}


def test_what_the_store_did_is_noted() -> None:
    """Also when nobody is told, because a checker judges by what is so."""
    history: list[Any] = []
    chance = Chance(Random(1), 0.0)
    journal: Any = FaultyJournal(
        MemoryJournal(VirtualClock()), chance, history, VirtualClock(), lambda: None, lambda: None
    )
    lease = create(journal)
    journal.append(lease, 1, [ActionCompleted((0, 1), b"1")], Counters(), RunStatus.SUSPENDED)
    assert [fact.what for fact in history] == ["granted", "accepted", "answered", "released"]
    assert history[2].position == "0.1"
