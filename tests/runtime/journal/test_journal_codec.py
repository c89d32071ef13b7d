"""Events and payloads as they are stored, and the checksum chain over them."""

from __future__ import annotations

import json
import typing
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journal_store import noise

from flowlang.errors import JournalCorrupt, SchemaMismatch
from flowlang.runtime.journal import event as events_module
from flowlang.runtime.journal.chain import EventRow, Origin, first_checksum, open_rows, seal
from flowlang.runtime.journal.codec import Fields, decode, encode
from flowlang.runtime.journal.event import (
    ActionCompleted,
    ActionFailed,
    ActionScheduled,
    ActivationStarted,
    AttemptFailed,
    AttemptHeartbeat,
    AttemptStarted,
    CancelRequested,
    ChapterStarted,
    ChildEnded,
    ChildStarted,
    CodeChanged,
    CommandWithdrawn,
    Event,
    FlowCompleted,
    FlowStarted,
    GateOpened,
    LogWritten,
    MessageReceived,
    MessageSent,
    Place,
    ReceiveStarted,
    ReceiveTimedOut,
    RunCompleted,
    RunForked,
    RunReset,
    RunStarted,
    RunStopped,
    StateSet,
    TaskStarted,
    TimerFired,
    TimerStarted,
    VersionMarked,
)
from flowlang.runtime.journal.journal import Counters
from flowlang.runtime.journal.payload import (
    ENCODING_BLOB,
    ENCODING_RAW,
    ENCODING_ZLIB,
    PAYLOAD_BYTES_INLINE,
    PAYLOAD_BYTES_MAX,
    pack,
    unpack,
)
from flowlang.runtime.journal.text import original_text, storable_text

texts = st.text(alphabet=st.characters(exclude_categories=()), max_size=30)
numbers = st.integers(0, 2**62)
positions = st.lists(st.integers(-1, 10**7), max_size=6).map(tuple)
payloads = st.binary(max_size=3000) | st.integers(1, 4000).map(lambda size: b"ab" * size)
places = st.none() | st.builds(Place, texts, numbers, numbers)

events: st.SearchStrategy[Event] = st.one_of(
    st.builds(RunStarted, texts, texts, texts, payloads),
    st.builds(ActivationStarted, texts, numbers),
    st.builds(CodeChanged, texts),
    st.builds(ActionScheduled, positions, texts, texts, places, payloads),
    st.builds(AttemptStarted, positions, numbers),
    st.builds(ActionCompleted, positions, payloads),
    st.builds(ActionFailed, positions, payloads),
    st.builds(TimerStarted, positions, numbers, places),
    st.builds(TimerFired, positions),
    st.builds(TaskStarted, positions, texts, texts, places),
    st.builds(FlowStarted, positions, texts, texts, texts, places),
    st.builds(FlowCompleted, positions, st.booleans(), st.none() | payloads),
    st.builds(LogWritten, positions, texts, texts),
    st.builds(RunCompleted, st.booleans(), payloads),
    st.builds(RunStopped, texts, payloads),
    st.builds(AttemptHeartbeat, positions, numbers, payloads),
    st.builds(AttemptFailed, positions, numbers, numbers, payloads),
    st.builds(CommandWithdrawn, positions),
    st.builds(ReceiveStarted, positions, texts, texts, st.none() | numbers, places),
    st.builds(MessageReceived, positions, texts, texts, payloads),
    st.builds(ReceiveTimedOut, positions),
    st.builds(GateOpened, positions, texts, st.none() | numbers, texts, places, payloads),
    st.builds(MessageSent, positions, texts, texts, texts, texts, places, payloads),
    st.builds(ChildStarted, positions, texts, texts, texts, texts, places, payloads),
    st.builds(ChildEnded, positions, st.booleans(), payloads),
    st.builds(StateSet, positions, texts, payloads),
    st.builds(VersionMarked, texts, numbers),
    st.builds(ChapterStarted, numbers, texts, payloads),
    st.builds(CancelRequested, texts, payloads),
    st.builds(RunReset, numbers, texts, payloads),
    st.builds(RunForked, texts, numbers, texts),
)
FIRST = first_checksum(Origin("run", "e", "", "a", 1))


def test_the_strategy_makes_every_event() -> None:
    made = {strategy.wrapped_strategy.target for strategy in events.original_strategies}  # type: ignore[attr-defined]
    assert made == set(typing.get_args(events_module.Event))


@given(events)
def test_every_event_survives(event: Event) -> None:
    fields = encode(event)
    assert decode(fields) == event
    assert encode(decode(fields)) == fields


@given(events)
def test_stored_texts_are_printable_and_details_canonical(event: Event) -> None:
    kind, position, name, detail, _ = encode(event)
    for text in (kind, position, name, detail):
        assert text == "" or text.isprintable()
        assert text.encode().decode() == text
    assert detail == json.dumps(json.loads(detail), sort_keys=True, separators=(",", ":"))


@given(texts)
def test_any_text_has_a_storable_form(text: str) -> None:
    stored = storable_text(text)
    assert stored == "" or stored.isprintable()
    assert stored.encode().decode() == stored
    assert original_text(stored) == text


@given(st.lists(events, min_size=1, max_size=6), st.integers(0, 1000))
def test_a_chain_opens_to_what_was_sealed(written: list[Event], after: int) -> None:
    sealed = seal(FIRST, after, 77, 3, written, Counters(1, 2, 3))
    blobs = {blob.digest: blob for blob in sealed.blobs}
    records, checksum = open_rows("run", FIRST, after, sealed.rows, blobs)
    assert [record.event for record in records] == written
    assert [record.sequence for record in records] == list(range(after + 1, after + 1 + len(written)))
    assert checksum == sealed.checksum


@given(st.data())
def test_a_chain_with_any_change_does_not_open(data: st.DataObject) -> None:
    written = data.draw(st.lists(events, min_size=2, max_size=5))
    rows = list(seal(FIRST, 0, 77, 3, written, Counters(1, 2, 3)).rows)
    at = data.draw(st.integers(0, len(rows) - 1))
    change = data.draw(st.sampled_from(["drop", "double", "swap", *EventRow._fields]))
    if change == "drop":
        del rows[at]
        if at == len(rows):
            return  # a chain that is only shorter shows at its end, which the run's row knows
    elif change == "double":
        rows.insert(at, rows[at])
    elif change == "swap":
        at %= len(rows) - 1
        rows[at], rows[at + 1] = rows[at + 1], rows[at]
    else:
        value = getattr(rows[at], change)
        rows[at] = rows[at]._replace(**{change: _altered(value)})
    with pytest.raises(JournalCorrupt, match=r"record \d+ of run `run` is not what was written"):
        open_rows("run", FIRST, 0, rows, {})


def _altered(value: object) -> object:
    if isinstance(value, int):
        return value + 1
    if isinstance(value, bytes):
        return value + b"x"
    return b"x" if value is None else f"{value}x"


@given(payloads)
def test_payloads_are_packed_by_size(payload: bytes) -> None:
    packed = pack(payload)
    assert packed.stored is not None
    assert packed.encoding == (ENCODING_RAW if packed.stored == payload else ENCODING_ZLIB)
    assert len(packed.stored) <= len(payload)
    if len(payload) <= PAYLOAD_BYTES_INLINE:
        assert packed.encoding == ENCODING_RAW
    assert unpack(packed.encoding, packed.stored, {}) == payload


def test_equal_large_payloads_share_a_blob() -> None:
    payload = noise(100_000)
    first, second = pack(payload), pack(bytes(bytearray(payload)))
    assert first.encoding == ENCODING_BLOB
    assert first.blob is not None
    assert first == second
    assert len(first.stored or b"") == 32
    assert unpack(ENCODING_BLOB, first.stored, {first.blob.digest: first.blob}) == payload


@pytest.mark.parametrize(
    ("encoding", "stored"),
    [
        ("", b"x"),
        ("raw", None),
        ("raw", "text"),
        ("zlib", b"not compressed"),
        ("zlib", zlib.compress(b"x" * 100)[:-3]),
        ("zlib", zlib.compress(b"x") + b"more"),
        ("zlib", zlib.compress(bytes(PAYLOAD_BYTES_MAX + 1))),
        ("blob", b"no such digest"),
        ("blob", None),
        ("lzma", b"x"),
    ],
)
def test_impossible_payloads_are_refused(encoding: str, stored: bytes | None) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        unpack(encoding, stored, {})


def test_events_of_a_newer_flowlang_are_named() -> None:
    with pytest.raises(SchemaMismatch, match="`action-scheduled/2`") as caught:
        decode(Fields("action-scheduled/2", "0", "a", "{}", b""))
    assert caught.value.hint


@pytest.mark.parametrize("change", range(5))
def test_the_chain_begins_with_what_never_changes(change: int) -> None:
    origin = Origin("run", "etl.flow", "", "arguments", 5)
    other = list(origin)
    other[change] = 6 if change == 4 else f"{other[change]}x"
    assert first_checksum(Origin(*other)) != first_checksum(origin)  # type: ignore[arg-type]
