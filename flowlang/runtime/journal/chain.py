"""The checksum chain: each record's checksum covers the record and the checksum before it.

The chain of a run begins with a checksum of what never changes about the run (its id, its entry, its arguments), so
that records cannot be moved to another run. Its code is named by its records. A record that was altered, dropped,
doubled or moved breaks the chain from there on, and reading says which record it is. The checksums guard against
accidents and clumsy edits; they hold no secret, so somebody who can write the database can compute them anew.

A payload enters the chain unpacked, so that damage to its stored form shows as well.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from operator import itemgetter
from typing import Any, NamedTuple

from flowlang.errors import InternalError, JournalCorrupt
from flowlang.runtime.collector import PAUSED_FROM, paused_collector
from flowlang.runtime.journal.codec import manifest_digest, reader_of
from flowlang.runtime.journal.event import ChapterStarted, CodeChanged, Event, Record, RunReset, RunStarted
from flowlang.runtime.journal.forms import READERS, WRITERS
from flowlang.runtime.journal.model import Counters, NewRun, RunRecord
from flowlang.runtime.journal.payload import ENCODING_RAW, PAYLOAD_BYTES_INLINE, Blob, pack, unpack
from flowlang.runtime.journal.text import storable_text

CHAIN_FORMAT = "flowlang-journal-1"


class EventRow(NamedTuple):
    """A record as it is stored, without the number of its run. The counters are the run's as of the append."""

    sequence: int
    recorded_at_ms: int
    token: int
    kind: str
    position: str
    name: str
    detail: str
    encoding: str
    payload: bytes | None
    steps: int
    memory: int
    actions_completed: int
    checksum: bytes


_new_tuple: Callable[[type[EventRow], tuple[Any, ...]], EventRow] = tuple.__new__
"""Makes a row of its values, in half of the time that the class itself takes."""


class Sealed(NamedTuple):
    """Records ready to be stored, with the blobs that they refer to and the chain's new last checksum."""

    rows: list[EventRow]
    blobs: list[Blob]
    checksum: bytes


class Origin(NamedTuple):
    """What never changes about a run."""

    run_id: str
    entry: str
    flow: str
    arguments_digest: str
    created_at_ms: int


def new_origin(run: NewRun, events: Sequence[Event], created_at_ms: int) -> Origin:
    """The origin of a run about to be created with these first events."""
    code = manifest_digest(run.manifest)
    if not events or not isinstance(events[0], RunStarted) or events[0].code != code:
        raise InternalError("a journal must begin with `RunStarted`, and with the digest of the run's manifest")
    return _origin(run, created_at_ms)


def _origin(run: NewRun, created_at_ms: int) -> Origin:
    return Origin(run.run_id, storable_text(run.entry), storable_text(run.flow), run.arguments_digest, created_at_ms)


_write_origin = json.JSONEncoder(separators=(",", ":")).encode


def first_checksum(origin: Origin) -> bytes:
    """The checksum that stands before the first record of a run."""
    return sha256(_write_origin([CHAIN_FORMAT, *origin]).encode("ascii")).digest()


def seal(
    previous: bytes, sequence: int, recorded_at_ms: int, token: int, events: Iterable[Event], counters: Counters
) -> Sealed:
    """Encodes events that follow the record `sequence`, whose checksum is `previous`. Raises PayloadTooLarge."""
    rows: list[EventRow] = []
    blobs: list[Blob] = []
    steps, memory, completed = counters.steps, counters.memory, counters.actions_completed
    encoding: str
    stored: bytes | None
    # Every step comes here, so the commonest payload is packed in place and nothing is called that need not.
    for event in events:
        sequence += 1
        kind, write = WRITERS[event.__class__]
        position, name, detail, payload = write(event)
        if payload is not None and len(payload) <= PAYLOAD_BYTES_INLINE:
            encoding, stored = ENCODING_RAW, payload
        else:
            encoding, stored, blob = pack(payload)
            if blob is not None:
                blobs.append(blob)
        # None of the texts can hold a line feed (`storable_text`, ASCII JSON), so the joined form is unambiguous. The
        # same form stands in `open_rows`.
        text = (
            f"{sequence}\n{recorded_at_ms}\n{token}\n{kind}\n{position}\n{name}\n{detail}\n{encoding}\n"
            f"{steps}\n{memory}\n{completed}\n"
        )
        previous = sha256(previous + text.encode() + (payload or b"")).digest()
        facts = (
            sequence, recorded_at_ms, token, kind, position, name, detail, encoding, stored, steps, memory, completed,
            previous,
        )  # fmt: skip
        rows.append(_new_tuple(EventRow, facts))
    return Sealed(rows, blobs, previous)


def chain_anew(run: NewRun, records: Sequence[Record], counters: Counters, created_at_ms: int) -> tuple[Origin, Sealed]:
    """Seals records of elsewhere for a run that is made of them; their times and tokens stay. Raises InternalError
    unless the run's manifest is the code that the records end with."""
    events = [record.event for record in records]
    codes = [event.code for event in events if isinstance(event, (RunStarted, CodeChanged))]
    numbers = [record.sequence for record in records]
    if not codes or codes[-1] != manifest_digest(run.manifest) or numbers != list(range(1, len(records) + 1)):
        raise InternalError("records to be copied must be whole, and end with the code of the run's manifest")
    origin = _origin(run, created_at_ms)
    rows: list[EventRow] = []
    blobs: list[Blob] = []
    previous = first_checksum(origin)
    for record in records:
        times = (record.sequence - 1, record.recorded_at_ms, record.token)
        sealed = seal(previous, *times, [record.event], counters)
        rows.extend(sealed.rows)
        blobs.extend(sealed.blobs)
        previous = sealed.checksum
    return origin, Sealed(rows, blobs, previous)


def chapter_of(records: Sequence[Record]) -> int:
    """The record at which a replay of these records begins."""
    sequences = [1]
    for record in records:
        if isinstance(record.event, RunReset):
            sequences = [sequence for sequence in sequences if sequence <= max(record.event.to, 1)]
        elif isinstance(record.event, ChapterStarted):
            sequences.append(record.sequence)
    return sequences[-1]


def open_rows(
    run_id: str, previous: bytes, after: int, rows: Sequence[Sequence[Any]], blobs: Mapping[bytes, Blob]
) -> tuple[list[Record], bytes]:
    """Checks and decodes stored rows that follow the record `after`, whose checksum is `previous`. Gives the records
    and the last checksum. Raises JournalCorrupt with the number of the first record that does not fit, and
    SchemaMismatch for kinds of events that are not known here."""
    if len(rows) < PAUSED_FROM:
        return _open_rows(run_id, previous, after, rows, blobs)
    with paused_collector():
        return _open_rows(run_id, previous, after, rows, blobs)


def _open_rows(
    run_id: str, previous: bytes, after: int, rows: Sequence[Sequence[Any]], blobs: Mapping[bytes, Blob]
) -> tuple[list[Record], bytes]:
    # Recovery spends its time here, so the commonest payload is unpacked in place and nothing is called that need not.
    records: list[Record] = []
    expected = after
    payload: bytes | None
    for row in rows:
        expected += 1
        (
            sequence, recorded_at_ms, token, kind, position, name, detail, encoding, stored, steps, memory, completed,
            checksum,
        ) = row  # fmt: skip
        try:
            if encoding == ENCODING_RAW and stored.__class__ is bytes:
                payload = stored
            else:
                payload = unpack(encoding, stored, blobs)
            text = (
                f"{sequence}\n{recorded_at_ms}\n{token}\n{kind}\n{position}\n{name}\n{detail}\n{encoding}\n"
                f"{steps}\n{memory}\n{completed}\n"
            )
            previous = sha256(previous + text.encode() + (payload or b"")).digest()
            if previous != checksum or sequence != expected:
                raise ValueError("the checksum does not fit")
            read = READERS.get(kind) or reader_of(kind)
            event = read(position, name, detail, payload)
        except (ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
            raise damaged(run_id, expected) from error
        records.append(Record(sequence, recorded_at_ms, token, event))
    return records, previous


_kind = itemgetter(EventRow._fields.index("kind"))


def check_end(
    run: RunRecord, run_checksum: bytes, after: int, rows: Sequence[Sequence[Any]], opened: tuple[list[Record], bytes]
) -> list[Record]:
    """The opened records of these rows, which follow the record `after`, if they end where the run's row says. Raises
    JournalCorrupt."""
    records, checksum = opened
    end = after + len(rows)
    if end != run.sequence:
        raise damaged(run.run_id, min(end, run.sequence) + 1)
    is_moved = any(kind.startswith("code-changed/") for kind in set(map(_kind, rows)))
    naming = records if is_moved else records[:1]  # the first one names the code, and hardly any other
    codes = [record.event.code for record in naming if isinstance(record.event, (RunStarted, CodeChanged))]
    fits = checksum == run_checksum and (not codes or codes[-1] == run.code)
    if rows:
        last, counters = EventRow(*rows[-1]), (run.steps, run.memory, run.actions_completed)
        fits = fits and last.token <= run.token and (last.steps, last.memory, last.actions_completed) == counters
    if not fits:
        raise damaged_row(run.run_id)
    return records


def damaged_row(run_id: str) -> JournalCorrupt:
    """The error for a run's row that is not what was written."""
    return JournalCorrupt(
        f"the row of run `{run_id}` is not what was written",
        hint="restore the database from a backup; other runs are not affected",
    )


def damaged(run_id: str, sequence: int) -> JournalCorrupt:
    """The error for a record that is missing or not what was written."""
    return JournalCorrupt(
        f"record {sequence} of run `{run_id}` is not what was written",
        hint="restore the database from a backup; other runs are not affected",
    )
