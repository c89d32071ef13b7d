"""What an append changes beside its records, all or nothing, and what the end of a run tells others."""

from __future__ import annotations

import json
import random
from typing import Any

import attrs
import pytest
from journal_store import STARTED, new_run, start, step

from flowlang.errors import MessageConflict, RunAlreadyExists, RunEnded, RunNotFound, UsageError
from flowlang.lang.values.canonical import decode
from flowlang.lang.values.result import Err
from flowlang.runtime.journal.event import ChapterStarted, RunCompleted, RunStopped
from flowlang.runtime.journal.journal import (
    Counters,
    Effects,
    Journal,
    Lease,
    NewChild,
    NewMessage,
    NewWait,
    ParentLink,
    Placement,
    RunFilter,
    RunStatus,
)

ENDED = RunCompleted(True, b'{"$ok":1}')


def child(run_id: str = "child", *, position: str = "0.1", on_close: str = "cancel", **changes: Any) -> NewChild:
    parent = ParentLink("run", position, on_close, "run")
    return NewChild(attrs.evolve(new_run(run_id), parent=parent, **changes), [STARTED])


def append(journal: Journal, lease: Lease, sequence: int = 1, **effects: Any) -> int:
    return journal.append(lease, sequence, step(sequence), Counters(), effects=Effects(**effects))


def end(journal: Journal, lease: Lease, sequence: int, outcome: bytes | None = b'{"$ok":1}') -> None:
    effects = Effects(outcome=outcome, reason="" if outcome else "deadline")
    status = RunStatus.COMPLETED if outcome else RunStatus.FAILED
    journal.append(lease, sequence, [ENDED], Counters(), status, effects)


def test_a_child_is_a_run_for_any_worker(store: Any, journal: Journal) -> None:
    append(journal, start(journal), children=[child(placement=Placement(queue="mail", priority=2))])
    run = journal.run("child")
    assert (run.status, run.owner, run.token, run.sequence) == (RunStatus.SUSPENDED, "", 1, 1)
    assert (run.parent, run.parent_position, run.on_parent_close, run.root) == ("run", "0.1", "cancel", "run")
    assert (run.queue, run.priority, run.due_at_ms) == ("mail", 2, store.clock.now_ms())
    assert [each.run_id for each in journal.children("run")] == ["child"]
    assert journal.children("child") == []
    assert journal.read("child")[0].event == STARTED
    (claim,) = store.open().claim_due(journal.new_owner(), limit=5, queues=("mail",))
    assert claim.lease.run_id == "child"


def test_the_same_call_creates_its_child_once(journal: Journal) -> None:
    lease = start(journal)
    sequence = append(journal, lease, children=[child()])
    sequence = append(journal, lease, sequence, children=[child(), child("second", position="0.2")])
    assert [each.run_id for each in journal.children("run")] == ["child", "second"]
    assert sequence == 5


@pytest.mark.parametrize("other", [{"position": "0.2"}, {"flow": "other"}, {"arguments_digest": "other"}])
def test_another_call_with_the_id_of_a_child_writes_nothing(journal: Journal, other: dict[str, Any]) -> None:
    lease = start(journal)
    sequence = append(journal, lease, children=[child()])
    wanted = [child("fresh", position="0.5"), child(**other)]
    with pytest.raises(RunAlreadyExists, match="`child`") as caught:
        append(journal, lease, sequence, children=wanted, state="x", opened=[NewWait("0.9", "g", None, b"1")])
    assert caught.value.run_id == "child"
    assert (journal.run("run").sequence, journal.run("run").state) == (sequence, "")
    assert [each.run_id for each in journal.runs()] == ["child", "run"]
    assert journal.waits() == []
    assert append(journal, lease, sequence) == sequence + 2


def test_the_parent_is_told_how_its_child_ended(store: Any, journal: Journal) -> None:
    lease = start(journal)
    sequence = append(journal, lease, children=[child(), child("late", position="0.2")])
    journal.append(lease, sequence, step(9), Counters(), RunStatus.WAITING, Effects())
    owner = journal.new_owner()
    claims = journal.claim_due(owner, limit=5)
    store.clock.advance(4)
    end(journal, claims[0].lease, 1)
    assert journal.run("run").due_at_ms == store.clock.now_ms()
    end(journal, claims[1].lease, 1, None)
    first, second = journal.open_messages("run")
    assert (first.channel, first.name, first.payload) == ("child", "0.1 child", b'{"$ok":1}')
    outcome = decode(second.payload)
    assert second.name == "0.2 late"
    assert isinstance(outcome, Err)
    assert outcome.failure.kind == "deadline"


def test_a_call_that_is_repeated_after_a_reset_hears_of_the_end_again(journal: Journal) -> None:
    lease = start(journal)
    sequence = append(journal, lease, children=[child()])
    (claim,) = journal.claim_due(journal.new_owner(), limit=5)
    end(journal, claim.lease, 1)
    (told,) = journal.open_messages("run")
    sequence = append(journal, lease, sequence, taken=[told.number])
    append(journal, lease, sequence, children=[child()])
    (again,) = journal.open_messages("run")
    assert (again.channel, again.name, again.payload) == ("child", "0.1 child", b'{"$ok":1}')


def test_the_end_of_a_parent_cancels_those_who_are_to_end_with_it(journal: Journal) -> None:
    lease = start(journal)
    kinds = ("cancel", "abandon", "wait")
    children = [child(kind, position=f"0.{at}", on_close=kind) for at, kind in enumerate(kinds)]
    sequence = append(journal, lease, children=[*children, child("done", position="0.7")])
    done = journal.claim("done", journal.new_owner())
    end(journal, done, 1)
    end(journal, lease, sequence)
    (message,) = journal.open_messages("cancel")
    assert message.channel == "cancel"
    assert json.loads(message.payload)["by"] == "run"
    assert [journal.open_messages(name) for name in ("abandon", "wait", "done")] == [[], [], []]


def test_the_end_of_a_child_whose_parent_is_gone_tells_nobody(journal: Journal) -> None:
    lease = start(journal)
    sequence = append(journal, lease, children=[child(on_close="abandon"), child("b", position="0.2")])
    end(journal, lease, sequence)
    claim, second = journal.claim_due(journal.new_owner(), limit=2)
    end(journal, claim.lease, 1)
    journal.delete("run")
    end(journal, second.lease, 1)
    assert journal.run("child").status is RunStatus.COMPLETED


def test_a_terminated_run_ends_like_any_other(journal: Journal) -> None:
    lease = start(journal)
    append(journal, lease, children=[child()], opened=[NewWait("0.3", "g", None, b"1")])
    child_lease = journal.claim("child", journal.new_owner())
    append(journal, child_lease, children=[])
    journal.terminate("child", [RunStopped("terminated", b"null")])
    (told,) = journal.open_messages("run")
    outcome = decode(told.payload)
    assert outcome.failure.kind == "terminated"
    journal.terminate("run", [RunStopped("cancelled", b"null")])
    run = journal.run("run")
    assert (run.status, run.reason, run.owner) == (RunStatus.CANCELLED, "cancelled", "")
    assert [gate.decided_by for gate in journal.waits(only_open=False)] == ["closed"]


def test_messages_are_sent_with_the_append_or_not_at_all(journal: Journal) -> None:
    lease = start(journal)
    start(journal, "other")
    sequence = append(journal, lease, sent=[NewMessage("other", "signal", "s", "k", b"1")])
    sequence = append(journal, lease, sequence, sent=[NewMessage("other", "signal", "s", "k", b"1")])
    assert len(journal.open_messages("other")) == 1
    done = start(journal, "done")
    end(journal, done, 1)
    good = NewMessage("other", "signal", "good", "", b"1")
    for bad, error in (
        (NewMessage("nobody", "signal", "s", "", b"1"), RunNotFound),
        (NewMessage("done", "signal", "s", "", b"1"), RunEnded),
        (NewMessage("other", "signal", "s", "k", b"2"), MessageConflict),
    ):
        with pytest.raises(error) as caught:
            append(journal, lease, sequence, sent=[good, bad], state="never")
        assert caught.value.run_id == bad.run_id
    assert journal.run("run").sequence == sequence
    assert journal.run("run").state == ""
    assert len(journal.open_messages("other")) == 1


def test_a_run_may_send_to_itself_and_to_a_new_child(journal: Journal) -> None:
    lease = start(journal)
    to_child = NewMessage("child", "cancel", "", "", b"1")
    append(journal, lease, children=[child()], sent=[NewMessage("run", "signal", "s", "", b"1"), to_child])
    assert len(journal.open_messages("run")) == len(journal.open_messages("child")) == 1


def test_state_progress_and_attributes_are_seen_from_outside(journal: Journal) -> None:
    run = attrs.evolve(new_run(), attributes={"region": "eu", "size": 3}, correlation="order-7")
    lease = journal.create(run, journal.new_owner(), [STARTED], Counters(), RunStatus.RUNNING)
    assert journal.attributes("run") == {"region": "eu", "size": 3}
    changes = {"size": 2**60 + 1, "rate": 0.5, "paid": True, "region": None, "note": "a\nb"}
    sequence = append(journal, lease, state="half\0way", progress='{"done":1}', attributes=changes)
    record = journal.run("run")
    assert (record.state, record.progress, record.correlation) == ("half\0way", '{"done":1}', "order-7")
    assert journal.attributes("run") == {"size": 2**60 + 1, "rate": 0.5, "paid": True, "note": "a\nb"}
    assert [type(value) for value in journal.attributes("run").values()] == [str, bool, float, int]
    append(journal, lease, sequence, state="")
    assert (journal.run("run").state, journal.run("run").progress) == ("", '{"done":1}')


@pytest.mark.parametrize("bad", [{"x": float("nan")}, {"x": float("inf")}, {"x" * 2000: 1}, {"x": "y" * 2000}, {"": 1}])
def test_attributes_that_cannot_be_searched_are_refused(journal: Journal, bad: dict[str, Any]) -> None:
    lease = start(journal)
    with pytest.raises(UsageError):
        append(journal, lease, attributes=bad)
    assert journal.run("run").sequence == 1


@pytest.mark.parametrize(
    "long",
    [
        {"correlation": "{}"},
        {"placement": Placement(queue="{}")},
        {"placement": Placement(queue="{}", partition="p")},
        {"attributes": {"{}": "a"}},
        {"attributes": {"a": "{}"}},
    ],
)
@pytest.mark.parametrize("letter", ["a", "\N{GRINNING FACE}", "\a"])
def test_what_is_searched_by_has_the_same_limit_everywhere(journal: Journal, long: dict[str, Any], letter: str) -> None:
    """Some length is refused by all stores, with what to do; and the longest one that is not can be stored by all."""
    whole = _fill(long, _noise(letter, 2_600))
    with pytest.raises(UsageError, match="longer than"):
        journal.create_many([NewChild(attrs.evolve(new_run(), **whole), [STARTED])])
    limit = 1_024 if "attributes" in long else 2_499
    stored = {"a": 1, "\N{GRINNING FACE}": 4, "\a": 6}[letter]
    length = min(limit, (2_500 - 4) // (12 if letter == "\a" else stored))
    longest = attrs.evolve(new_run(), **_fill(long, _noise(letter, length)))
    journal.create_many([NewChild(longest, [STARTED])])
    assert journal.run("run").correlation == longest.correlation


def _noise(letter: str, length: int) -> str:
    """A text that begins with the letter and cannot be compressed, of characters that take as many bytes."""
    choose = random.Random(7)
    alphabets = {"a": range(33, 126), "\N{GRINNING FACE}": range(0x20000, 0x2A6D0), "\a": range(0x20000, 0x2A6D0)}
    return letter + "".join(chr(choose.choice(alphabets[letter])) for _ in range(length - 1))


def _fill(template: dict[str, Any], text: str) -> dict[str, Any]:
    """The template with the text for each `{}`."""

    def filled(value: Any) -> Any:
        if isinstance(value, Placement):
            return attrs.evolve(value, queue=filled(value.queue), partition=filled(value.partition))
        if isinstance(value, dict):
            return {filled(name): filled(each) for name, each in value.items()}
        return text if value == "{}" else value

    return {name: filled(value) for name, value in template.items()}


def test_effects_without_events_keep_the_counters(journal: Journal) -> None:
    lease = start(journal)
    sequence = journal.append(lease, 1, step(0), Counters(5, 6, 7))
    journal.post(NewMessage("run", "signal", "s", "", b"1"))
    taken = [journal.open_messages("run")[0].number]
    assert journal.append(lease, sequence, [], Counters(9, 9, 9), effects=Effects(taken=taken)) == sequence
    assert journal.open_messages("run") == []
    journal.append(lease, sequence, [], Counters(9, 9, 9), RunStatus.WAITING, Effects(wake_at_ms=77))
    run = journal.run("run")
    assert (run.steps, run.memory, run.actions_completed, run.due_at_ms) == (5, 6, 7, 77)
    assert len(journal.read("run")) == sequence


def test_a_chapter_is_read_alone(journal: Journal) -> None:
    lease = start(journal)
    sequence = append(journal, lease)
    events = [*step(7), ChapterStarted(2, "salt", b"{}"), *step(8)]
    journal.append(lease, sequence, events, Counters(), effects=Effects(chapter=sequence + 3))
    run = journal.run("run")
    assert run.chapter_sequence == sequence + 3
    since = journal.read("run", run.chapter_sequence - 1)
    assert [record.event for record in since] == events[2:]
    many = journal.read_many(["run", "nobody"], from_chapter=True)
    assert many["run"] == since
    assert isinstance(many["nobody"], RunNotFound)
    assert journal.read_many(["run"]) == {"run": journal.read("run")}


def test_reasons_stay_until_the_run_goes_on(journal: Journal) -> None:
    lease = start(journal)
    stopped = RunStopped("budget", b"null")
    journal.append(lease, 1, [stopped], Counters(), RunStatus.STOPPED, Effects(reason="budget"))
    assert journal.run("run").reason == "budget"
    journal.claim("run", journal.new_owner())
    assert journal.run("run").reason == ""


def test_a_run_that_ends_at_once_may_have_effects(journal: Journal) -> None:
    run = child("child").run
    start(journal)
    effects = Effects(outcome=b'{"$ok":2}', attributes={"a": 1})
    journal.create(run, "", [STARTED, ENDED], Counters(), RunStatus.COMPLETED, effects)
    assert journal.attributes("child") == {"a": 1}
    assert [message.payload for message in journal.open_messages("run")] == [b'{"$ok":2}']
    assert journal.find(RunFilter(root="run"))[0].run_id == "child"
