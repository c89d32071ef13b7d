"""Messages and gates, in every store."""

from __future__ import annotations

from typing import Any

import pytest
from journal_store import noise, start, step
from test_journal_lease import in_threads

from flowlang.errors import (
    GateClosed,
    GateNotFound,
    LeaseLost,
    MessageConflict,
    PayloadTooLarge,
    RunEnded,
    RunNotFound,
    WaitDecided,
)
from flowlang.runtime.journal.event import GateOpened, MessageReceived, ReceiveTimedOut, RunCompleted
from flowlang.runtime.journal.journal import (
    Counters,
    Effects,
    Journal,
    Lease,
    NewMessage,
    NewWait,
    RunStatus,
)
from flowlang.runtime.journal.memory import store as memory_store
from flowlang.runtime.journal.payload import PAYLOAD_BYTES_BLOB, PAYLOAD_BYTES_MAX
from flowlang.runtime.journal.rules import forgets_keys
from flowlang.runtime.journal.sql import effects

ENDED = RunCompleted(True, b"null")


def signal(name: str = "go", key: str = "", payload: bytes = b"1", run_id: str = "run") -> NewMessage:
    return NewMessage(run_id, "signal", name, key, payload)


def decision(position: str = "0.1", key: str = "", payload: bytes = b'"yes"') -> NewMessage:
    return NewMessage("run", "gate", position, key, payload)


def park(journal: Journal, lease: Lease, sequence: int = 1, **effects: Any) -> int:
    return journal.append(lease, sequence, step(sequence), Counters(), RunStatus.WAITING, Effects(**effects))


def open_gate(journal: Journal, lease: Lease, sequence: int = 1, expires_at_ms: int | None = None) -> int:
    event = GateOpened((0, 1), "review", expires_at_ms, "k1", None, b'{"a":1}')
    gate = NewWait("0.1", "review", expires_at_ms, b'{"a":1}')
    return journal.append(lease, sequence, [event], Counters(), effects=Effects(opened=[gate]))


def test_messages_lie_in_the_inbox_in_their_order(store: Any, journal: Journal) -> None:
    start(journal)
    other = store.open()
    for number in range(5):
        assert other.post(signal(f"s{number}", f"k{number}", b"%d" % number))
    found = journal.open_messages("run")
    assert [(each.channel, each.name, each.key, each.payload) for each in found] == [
        ("signal", f"s{number}", f"k{number}", b"%d" % number) for number in range(5)
    ]
    assert journal.open_messages("run", found[2].number) == found[3:]
    assert sorted(each.number for each in found) == [each.number for each in found]
    assert found[0].created_at_ms == store.clock.now_ms()
    assert other.read("run")[-1].sequence == 1


@pytest.mark.parametrize("size", [PAYLOAD_BYTES_BLOB + 1000, 2000, 0])
def test_a_payload_of_any_size_survives(journal: Journal, size: int) -> None:
    start(journal)
    journal.post(signal(payload=noise(size)))
    assert journal.open_messages("run")[0].payload == noise(size)
    with pytest.raises(PayloadTooLarge):
        journal.post(signal(payload=bytes(PAYLOAD_BYTES_MAX + 1)))


@pytest.mark.parametrize("text", ["", "\0\n", "\ud800", '"', "ü"])
def test_any_text_survives_as_a_name_and_key(journal: Journal, text: str) -> None:
    start(journal)
    journal.post(signal(text, f"k{text}"))
    (message,) = journal.open_messages("run")
    assert (message.name, message.key) == (text, f"k{text}")


def test_a_message_with_a_known_key_changes_nothing(store: Any, journal: Journal) -> None:
    lease = start(journal)
    assert journal.post(signal(key="one"))
    assert not store.open().post(signal(key="one"))
    with pytest.raises(MessageConflict, match="got another message with the key `one`") as caught:
        journal.post(signal(key="one", payload=b"2"))
    assert caught.value.run_id == "run"
    with pytest.raises(MessageConflict):
        journal.post(signal("other", "one"))
    (message,) = journal.open_messages("run")
    received = MessageReceived((0, 0), "go", "one", b"1")
    journal.append(lease, 1, [received], Counters(), effects=Effects(taken=[message.number]))
    assert journal.open_messages("run") == []
    assert not journal.post(signal(key="one"))
    assert journal.post(NewMessage("run", "cancel", "", "one", b"1"))
    start(journal, "second")
    assert journal.post(signal(key="one", run_id="second"))


def test_keys_of_old_messages_are_forgotten(store: Any, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of so many messages that a run received last (10,000, here fewer) a repetition is recognised; what was received
    long before leaves nothing behind, so that a service does not grow with its events. Messages that wait are never
    forgotten."""
    for module in (effects, memory_store):
        monkeypatch.setattr(module, "KEYS_KEPT", 200)
    lease, total = start(journal), 1_700
    journal.post(signal("waits", "first"))
    sent = [signal("go", f"k{number}") for number in range(total)]
    sequence = journal.append(lease, 1, step(1), Counters(), effects=Effects(sent=sent))
    taken = [message.number for message in journal.open_messages("run") if message.name == "go"]
    journal.append(lease, sequence, step(2), Counters(), effects=Effects(taken=taken))
    assert not any(journal.post(signal("go", f"k{number}")) for number in range(total - 200, total, 20))
    assert not journal.post(signal("waits", "first"))
    assert all(journal.post(signal("go", f"k{number}")) for number in range(0, 500, 50))


def test_forgetting_is_spread_over_all_messages() -> None:
    """Whatever part of the messages a run receives, every second, every 256th, it forgets at about one of 256."""
    for stride in (1, 2, 3, 16, 255, 256, 4_096):
        share = sum(forgets_keys(number) for number in range(7, 7 + 100_000 * stride, stride)) / 100_000
        assert 0.5 / 256 < share < 2 / 256


def test_messages_without_a_key_are_never_duplicates(journal: Journal) -> None:
    lease = start(journal)
    assert journal.post(signal())
    assert journal.post(signal())
    first, second = journal.open_messages("run")
    journal.append(lease, 1, step(0), Counters(), effects=Effects(taken=[first.number]))
    assert journal.open_messages("run") == [second]


def test_messages_for_nobody_are_refused(journal: Journal) -> None:
    with pytest.raises(RunNotFound):
        journal.post(signal())
    with pytest.raises(RunNotFound):
        journal.open_messages("run")
    journal.append(start(journal), 1, [ENDED], Counters(), RunStatus.COMPLETED)
    with pytest.raises(RunEnded, match="run `run` has ended"):
        journal.post(signal())
    assert journal.open_messages("run") == []


def test_a_message_makes_a_waiting_run_due(store: Any, journal: Journal) -> None:
    park(journal, start(journal), wake_at_ms=store.clock.now_ms() + 10_000)
    store.clock.advance(3)
    store.open().post(signal())
    assert journal.run("run").due_at_ms == store.clock.now_ms()
    assert [claim.lease.run_id for claim in journal.claim_due(journal.new_owner(), limit=1)] == ["run"]


def test_a_message_that_came_before_the_run_waits_makes_it_due(store: Any, journal: Journal) -> None:
    lease = start(journal)
    journal.post(signal())
    (first,) = journal.open_messages("run")
    sequence = park(journal, lease, seen=first.number)
    assert journal.run("run").due_at_ms is None  # nobody waits for that one
    lease = journal.claim("run", journal.new_owner())
    journal.post(signal())
    park(journal, lease, sequence, seen=first.number)
    assert journal.run("run").due_at_ms == store.clock.now_ms()
    lease = journal.claim("run", journal.new_owner())
    second = journal.open_messages("run")[1]
    park(journal, lease, sequence + 2, seen=first.number, taken=[second.number])
    assert journal.run("run").due_at_ms is None


def test_a_stopped_run_keeps_its_messages(journal: Journal) -> None:
    journal.release(start(journal), RunStatus.STOPPED)
    journal.post(signal())
    assert journal.run("run").due_at_ms is None
    journal.reopen("run", events=())
    assert len(journal.open_messages("run")) == 1


def test_an_owner_asks_once_for_all_its_runs(store: Any, journal: Journal) -> None:
    owner = journal.new_owner()
    for name in ("a", "b", "c"):
        start(journal, name, owner=owner)
    start(journal, "other")
    for name in ("c", "a", "other", "a"):
        store.open().post(signal(run_id=name))
    assert journal.runs_with_messages(owner) == ["a", "c"]
    assert journal.runs_with_messages("nobody") == []


def test_posting_and_parking_at_once_never_lose_a_wakeup(store: Any, journal: Journal) -> None:
    for number in range(30):
        run_id = f"run-{number}"
        lease = start(journal, run_id)
        handles = (journal, store.open()) if number < 3 else (journal, journal)

        def work(which: int, run_id: str = run_id, lease: Lease = lease, handles: Any = handles) -> None:
            if which:
                handles[1].post(signal(run_id=run_id))
            else:
                handles[0].append(lease, 1, step(0), Counters(), RunStatus.WAITING, Effects())

        in_threads(2, work)
        assert journal.run(run_id).due_at_ms is not None


def test_a_storm_of_signals_with_repetitions_is_kept_once_and_in_order(store: Any, journal: Journal) -> None:
    start(journal)
    handles = [store.open() for _ in range(4)]

    def work(number: int) -> None:
        for count in range(15):
            for _ in range(2):
                handles[number].post(signal(key=f"{number}-{count}", payload=b"%d" % count))

    in_threads(4, work)
    messages = journal.open_messages("run")
    assert len(messages) == 60
    for number in range(4):
        mine = [message.payload for message in messages if message.key.startswith(f"{number}-")]
        assert mine == [b"%d" % count for count in range(15)]


# ---------------------------------------------------------------------------------------------------------- gates


def test_a_gate_is_open_until_it_is_decided(store: Any, journal: Journal) -> None:
    lease = start(journal)
    expires_at_ms = store.clock.now_ms() + 500
    sequence = open_gate(journal, lease, expires_at_ms=expires_at_ms)
    (gate,) = journal.waits()
    assert (gate.run_id, gate.position, gate.name, gate.payload) == ("run", "0.1", "review", b'{"a":1}')
    assert (gate.expires_at_ms, gate.created_at_ms) == (expires_at_ms, store.clock.now_ms())
    assert (gate.decided_by, gate.decided_at_ms) == ("", None)
    park(journal, lease, sequence)
    store.clock.advance(7)
    store.open().decide(decision())
    assert journal.waits() == []
    (gate,) = journal.waits(run_id="run", only_open=False)
    assert (gate.decided_by, gate.decided_at_ms) == ("signal", store.clock.now_ms())
    (message,) = journal.open_messages("run")
    assert (message.channel, message.name, message.payload) == ("gate", "0.1", b'"yes"')
    assert journal.run("run").due_at_ms == store.clock.now_ms()


def test_one_of_twenty_decisions_is_accepted(store: Any, journal: Journal) -> None:
    open_gate(journal, start(journal))
    handles = [store.open() for _ in range(4)]
    accepted: list[int] = []
    refused: list[GateClosed] = []

    def work(number: int) -> None:
        try:
            handles[number % 4].decide(decision(payload=b"%d" % number))
        except GateClosed as error:
            refused.append(error)
        else:
            accepted.append(number)

    in_threads(20, work)
    assert (len(accepted), len(refused)) == (1, 19)
    assert {error.decided_by for error in refused} == {"signal"}
    assert [message.payload for message in journal.open_messages("run")] == [b"%d" % accepted[0]]


def test_the_same_decision_again_is_the_same_decision(journal: Journal) -> None:
    open_gate(journal, start(journal))
    journal.decide(decision(key="mine"))
    journal.decide(decision(key="mine"))
    with pytest.raises(GateClosed, match="the gate `review` of run `run` was decided before"):
        journal.decide(decision(key="mine", payload=b'"no"'))
    with pytest.raises(GateClosed):
        journal.decide(decision())
    assert len(journal.open_messages("run")) == 1


def test_gates_that_cannot_be_decided(store: Any, journal: Journal) -> None:
    with pytest.raises(RunNotFound):
        journal.decide(decision())
    lease = start(journal)
    with pytest.raises(GateNotFound, match="has no gate at"):
        journal.decide(decision())
    sequence = open_gate(journal, lease, expires_at_ms=store.clock.now_ms() + 10)
    store.clock.advance(10)
    with pytest.raises(GateClosed, match="has expired") as caught:
        journal.decide(decision())
    assert caught.value.decided_by == "timeout"
    journal.append(lease, sequence, [ENDED], Counters(), RunStatus.COMPLETED)
    with pytest.raises(GateClosed) as caught:
        journal.decide(decision())
    assert caught.value.decided_by == "closed"


def test_a_timeout_that_is_recorded_closes_the_gate(store: Any, journal: Journal) -> None:
    lease = start(journal)
    sequence = open_gate(journal, lease, expires_at_ms=store.clock.now_ms() + 10)
    timed_out = ReceiveTimedOut((0, 2))
    sequence = journal.append(lease, sequence, [timed_out], Counters(), effects=Effects(expired=["0.1"]))
    with pytest.raises(GateClosed) as caught:
        journal.decide(decision())
    assert caught.value.decided_by == "timeout"
    assert journal.append(lease, sequence, step(0), Counters(), effects=Effects(expired=["0.1"])) == sequence + 2


def test_a_decision_before_the_timeout_is_recorded_wins(journal: Journal) -> None:
    lease = start(journal)
    sequence = open_gate(journal, lease)
    journal.decide(decision())
    for write in (
        lambda: journal.append(lease, sequence, step(0), Counters(), effects=Effects(expired=["0.1"], state="late")),
        lambda: journal.append(
            lease,
            sequence,
            step(0),
            Counters(),
            RunStatus.WAITING,
            Effects(expired=["0.1"], opened=[NewWait("0.7", "x", None, b"1")]),
        ),
    ):
        with pytest.raises(WaitDecided) as caught:
            write()
        assert caught.value.position == "0.1"
    run = journal.run("run")
    assert (run.sequence, run.state, run.status) == (sequence, "", RunStatus.RUNNING)
    assert journal.waits() == []
    assert journal.append(lease, sequence, step(0), Counters()) == sequence + 2


def test_a_decision_against_a_timeout_has_one_winner(store: Any, journal: Journal) -> None:
    other = store.open()
    for number in range(12):
        run_id = f"run-{number}"
        lease = start(journal, run_id)
        event = GateOpened((0, 1), "g", None, "k", None, b"1")
        sequence = journal.append(
            lease, 1, [event], Counters(), effects=Effects(opened=[NewWait("0.1", "g", None, b"1")])
        )
        won: list[str] = []

        def work(which: int, lease: Lease = lease, sequence: int = sequence, won: list[str] = won) -> None:
            try:
                if which:
                    other.decide(NewMessage(lease.run_id, "gate", "0.1", "", b"1"))
                    won.append("signal")
                else:
                    events = [ReceiveTimedOut((0, 2))]
                    journal.append(lease, sequence, events, Counters(), effects=Effects(expired=["0.1"]))
                    won.append("timeout")
            except (GateClosed, WaitDecided):
                pass

        in_threads(2, work)
        (gate,) = journal.waits(run_id=run_id, only_open=False)
        assert won == [gate.decided_by]


def test_a_chapter_closes_the_gates_before_it(journal: Journal) -> None:
    lease = start(journal)
    sequence = open_gate(journal, lease)
    journal.append(lease, sequence, step(0), Counters(), effects=Effects(closes_gates=True))
    with pytest.raises(GateClosed) as caught:
        journal.decide(decision())
    assert caught.value.decided_by == "closed"
    open_gate(journal, lease, sequence + 2)
    journal.decide(decision())


def test_gates_are_listed_by_expiry(store: Any, journal: Journal) -> None:
    lease = start(journal)
    now_ms = store.clock.now_ms()
    gates = [NewWait(f"0.{at}", f"g{at}", expires, b"1") for at, expires in enumerate([None, now_ms + 9, now_ms + 5])]
    journal.append(lease, 1, step(0), Counters(), effects=Effects(opened=gates))
    assert [gate.name for gate in journal.waits()] == ["g2", "g1", "g0"]
    assert [gate.name for gate in journal.waits(limit=2)] == ["g2", "g1"]
    with pytest.raises(RunNotFound):
        journal.waits(run_id="nobody")


def test_a_stale_owner_takes_no_message(store: Any, journal: Journal) -> None:
    stale = start(journal)
    journal.post(signal())
    (message,) = journal.open_messages("run")
    journal.drop_owner(stale.owner)
    journal.claim("run", journal.new_owner())
    with pytest.raises(LeaseLost):
        journal.append(stale, 1, step(0), Counters(), effects=Effects(taken=[message.number]))
    assert journal.open_messages("run") == [message]
