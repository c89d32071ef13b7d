"""Events and values as they are stored.

An event becomes five fields: its *kind* with the version of the kind's form (`action-scheduled/1`), its *position*,
a *name* worth searching for (action, flow, owner, level), the remaining small facts as a JSON text (*detail*) and
the *payload* bytes. When the form of an event has to change, its kind gets a new version; the old entry of the table
below keeps its reader for ever, so that old journals stay readable.

Encoding sits on the path of every step, so detail texts are put together by hand: keys in alphabetical order, no
blanks, ASCII only. Equal events have equal fields.

Payloads are packed by size: short ones stay as they are, longer ones are compressed where that helps, and what is
still large goes to a table of its own under its digest, so that the rows of a journal stay small. Text that may hold
anything (control characters, lone surrogates) is escaped, because databases differ in what they take.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from hashlib import sha256
from json.encoder import encode_basestring_ascii as quote
from typing import Any, NamedTuple

from flowlang.errors import JournalCorrupt, PayloadTooLarge, SchemaMismatch, UsageError
from flowlang.runtime.journal.event import (
    ActionCompleted,
    ActionFailed,
    ActionScheduled,
    ActivationStarted,
    AttemptStarted,
    CodeChanged,
    Event,
    FlowCompleted,
    FlowStarted,
    LogWritten,
    Place,
    RunCompleted,
    RunStarted,
    RunStopped,
    TaskStarted,
    TimerFired,
    TimerStarted,
    parse_position,
    position_text,
)
from flowlang.runtime.journal.journal import CodeManifest

PAYLOAD_BYTES_INLINE = 1024
"""Payloads up to this size are stored as they are."""

PAYLOAD_BYTES_BLOB = 64 * 1024
"""What is larger than this after compression goes to the blob table."""

PAYLOAD_BYTES_MAX = 16 * 1024 * 1024
"""No value larger than this enters a journal, measured before compression."""

RUN_ID_LENGTH_MAX = 200

ENCODING_NONE = ""
ENCODING_RAW = "raw"
ENCODING_ZLIB = "zlib"
ENCODING_BLOB = "blob"

_COMPRESSION_LEVEL = 1  # Higher levels cost several times as much on the path of a step and save a few percent.


class Fields(NamedTuple):
    """An event taken apart; `payload` is not yet packed."""

    kind: str
    position: str
    name: str
    detail: str
    payload: bytes | None


class Blob(NamedTuple):
    """A large payload, stored once under the SHA-256 of its unpacked bytes. `encoding` is `raw` or `zlib`."""

    digest: bytes
    encoding: str
    content: bytes


class Packed(NamedTuple):
    """A payload ready for its row. With a `blob`, `stored` is the blob's digest."""

    encoding: str
    stored: bytes | None
    blob: Blob | None


# ---------------------------------------------------------------------------------------------------------- text


def storable_text(text: str) -> str:
    """A form of the text that every database takes: itself, or its JSON literal when it holds control characters or
    lone surrogates. `original_text` is the way back."""
    return text if text.isprintable() and text[:1] != '"' else quote(text)


def original_text(stored: str) -> str:
    """The text that `storable_text` was given."""
    if stored[:1] != '"':
        return stored
    text = json.loads(stored)
    if not isinstance(text, str):
        raise ValueError("not a text")
    return text


def check_run_id(run_id: str) -> None:
    """Raises UsageError for ids that could not be shown, typed or stored."""
    if not 0 < len(run_id) <= RUN_ID_LENGTH_MAX or not run_id.isprintable():
        raise UsageError(
            f"a run id must have 1 to {RUN_ID_LENGTH_MAX} printable characters",
            hint="choose a short name such as `import-2024-05-01`",
        )


# -------------------------------------------------------------------------------------------------------- events


class _Form(NamedTuple):
    """One version of one kind of event: how it is written and how it is read."""

    kind: str
    event: type[Any]
    encode: Callable[[Any], tuple[str, str, str, bytes | None]]
    decode: Callable[[Fields], Event]


def _place(place: Place | None) -> str:
    return "null" if place is None else f"[{quote(place.module)},{place.line},{place.column}]"


def _read_place(value: Any) -> Place | None:
    return None if value is None else Place(*value)


_scan = json.JSONDecoder().raw_decode  # The chain vouches for the text, so blanks and ends need no checks.


def _detail(fields: Fields) -> Any:
    return _scan(fields.detail)[0]


def _payload(fields: Fields) -> bytes:
    if fields.payload is None:
        raise ValueError("the payload is missing")
    return fields.payload


def _write_log(event: LogWritten) -> tuple[str, str, str, bytes]:
    # A line may be long; as a payload it is compressed and bounded like any other value.
    return position_text(event.position), storable_text(event.level), "{}", event.text.encode("utf-8", "surrogatepass")


def _read_scheduled(fields: Fields) -> ActionScheduled:
    detail = _detail(fields)
    position, action = parse_position(fields.position), original_text(fields.name)
    return ActionScheduled(position, action, detail["digest"], _read_place(detail["place"]), _payload(fields))


def _read_timer(fields: Fields) -> TimerStarted:
    detail = _detail(fields)
    return TimerStarted(parse_position(fields.position), detail["wake_at_ms"], _read_place(detail["place"]))


def _read_task(fields: Fields) -> TaskStarted:
    detail = _detail(fields)
    position, name = parse_position(fields.position), original_text(fields.name)
    return TaskStarted(position, name, detail["digest"], _read_place(detail["place"]))


def _read_flow(fields: Fields) -> FlowStarted:
    detail = _detail(fields)
    position, flow = parse_position(fields.position), original_text(fields.name)
    return FlowStarted(position, flow, detail["digest"], detail["preview"], _read_place(detail["place"]))


def _read_run(fields: Fields) -> RunStarted:
    detail = _detail(fields)
    return RunStarted(detail["entry"], original_text(fields.name), detail["code"], _payload(fields), detail["salt"])


_FORMS = (
    _Form(
        "run-started/1",
        RunStarted,
        lambda e: (
            "",
            storable_text(e.flow),
            f'{{"code":{quote(e.code)},"entry":{quote(e.entry)},"salt":{quote(e.salt)}}}',
            e.payload,
        ),
        _read_run,
    ),
    _Form(
        "activation-started/1",
        ActivationStarted,
        lambda e: ("", storable_text(e.owner), f'{{"token":{e.token}}}', None),
        lambda f: ActivationStarted(original_text(f.name), _detail(f)["token"]),
    ),
    _Form(
        "code-changed/1",
        CodeChanged,
        lambda e: ("", "", f'{{"code":{quote(e.code)}}}', None),
        lambda f: CodeChanged(_detail(f)["code"]),
    ),
    _Form(
        "action-scheduled/1",
        ActionScheduled,
        lambda e: (
            position_text(e.position),
            storable_text(e.action),
            f'{{"digest":{quote(e.digest)},"place":{_place(e.place)}}}',
            e.payload,
        ),
        _read_scheduled,
    ),
    _Form(
        "attempt-started/1",
        AttemptStarted,
        lambda e: (position_text(e.position), "", f'{{"attempt":{e.attempt}}}', None),
        lambda f: AttemptStarted(parse_position(f.position), _detail(f)["attempt"]),
    ),
    _Form(
        "action-completed/1",
        ActionCompleted,
        lambda e: (position_text(e.position), "", "{}", e.payload),
        lambda f: ActionCompleted(parse_position(f.position), _payload(f)),
    ),
    _Form(
        "action-failed/1",
        ActionFailed,
        lambda e: (position_text(e.position), "", "{}", e.payload),
        lambda f: ActionFailed(parse_position(f.position), _payload(f)),
    ),
    _Form(
        "timer-started/1",
        TimerStarted,
        lambda e: (
            position_text(e.position),
            "",
            f'{{"place":{_place(e.place)},"wake_at_ms":{e.wake_at_ms}}}',
            None,
        ),
        _read_timer,
    ),
    _Form(
        "timer-fired/1",
        TimerFired,
        lambda e: (position_text(e.position), "", "{}", None),
        lambda f: TimerFired(parse_position(f.position)),
    ),
    _Form(
        "task-started/1",
        TaskStarted,
        lambda e: (
            position_text(e.position),
            storable_text(e.name),
            f'{{"digest":{quote(e.digest)},"place":{_place(e.place)}}}',
            None,
        ),
        _read_task,
    ),
    _Form(
        "flow-started/1",
        FlowStarted,
        lambda e: (
            position_text(e.position),
            storable_text(e.flow),
            f'{{"digest":{quote(e.digest)},"place":{_place(e.place)},"preview":{quote(e.preview)}}}',
            None,
        ),
        _read_flow,
    ),
    _Form(
        "flow-completed/1",
        FlowCompleted,
        lambda e: (position_text(e.position), "", '{"ok":true}' if e.ok else '{"ok":false}', e.payload),
        lambda f: FlowCompleted(parse_position(f.position), _detail(f)["ok"], f.payload),
    ),
    _Form(
        "log-written/1",
        LogWritten,
        _write_log,
        lambda f: LogWritten(
            parse_position(f.position), original_text(f.name), _payload(f).decode("utf-8", "surrogatepass")
        ),
    ),
    _Form(
        "run-completed/1",
        RunCompleted,
        lambda e: ("", "", '{"ok":true}' if e.ok else '{"ok":false}', e.payload),
        lambda f: RunCompleted(_detail(f)["ok"], _payload(f)),
    ),
    _Form(
        "run-stopped/1",
        RunStopped,
        lambda e: ("", storable_text(e.reason), "{}", e.payload),
        lambda f: RunStopped(original_text(f.name), _payload(f)),
    ),
)

_WRITERS = {form.event: (form.kind, form.encode) for form in _FORMS}
_READERS = {form.kind: form.decode for form in _FORMS}


def encode(event: Event) -> Fields:
    """Takes an event apart."""
    kind, write = _WRITERS[event.__class__]
    return Fields(kind, *write(event))


def decode(fields: Fields) -> Event:
    """Puts an event together. A kind of a newer flowlang raises SchemaMismatch, impossible fields ValueError,
    KeyError or TypeError."""
    read = _READERS.get(fields.kind)
    if read is None:
        raise SchemaMismatch(
            f"the journal holds an event of the unknown kind `{fields.kind}`",
            hint="use the flowlang version that wrote it, or a newer one",
        )
    return read(fields)


def kind_of(event: Event) -> str:
    """The kind of an event, without its version: `action-scheduled`."""
    return _WRITERS[event.__class__][0].partition("/")[0]


def known_kinds() -> tuple[str, ...]:
    """All kinds that can be read, with their versions."""
    return tuple(_READERS)


# ------------------------------------------------------------------------------------------------------ payloads


def check_payload(payload: bytes) -> None:
    """Raises PayloadTooLarge for what no journal takes. Call it before an effect whose arguments these are."""
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise PayloadTooLarge(
            f"a value of {len(payload):,} bytes is too large for the journal, which takes {PAYLOAD_BYTES_MAX:,}",
            size_bytes=len(payload),
            hint="store the data in a file or a table and pass on where it is",
        )


def pack(payload: bytes | None) -> Packed:
    """Chooses how a payload is stored. Raises PayloadTooLarge."""
    if payload is None:
        return Packed(ENCODING_NONE, None, None)
    if len(payload) <= PAYLOAD_BYTES_INLINE:
        return Packed(ENCODING_RAW, payload, None)
    check_payload(payload)
    encoding, content = ENCODING_ZLIB, zlib.compress(payload, _COMPRESSION_LEVEL)
    if len(content) >= len(payload):
        encoding, content = ENCODING_RAW, payload
    if len(content) <= PAYLOAD_BYTES_BLOB:
        return Packed(encoding, content, None)
    digest = sha256(payload).digest()
    return Packed(ENCODING_BLOB, digest, Blob(digest, encoding, content))


def unpack(encoding: str, stored: bytes | None, blobs: Mapping[bytes, Blob]) -> bytes | None:
    """The payload that was packed. Raises ValueError, KeyError or TypeError when that cannot be."""
    if encoding == ENCODING_BLOB and stored is not None:
        blob = blobs[stored]
        encoding, stored = blob.encoding, blob.content
    if encoding == ENCODING_NONE and stored is None:
        return None
    if not isinstance(stored, bytes):
        raise TypeError("a payload must be bytes")
    if encoding == ENCODING_RAW:
        return stored
    if encoding != ENCODING_ZLIB:
        raise ValueError("unknown encoding of a payload")
    return _inflate(stored)


def _inflate(content: bytes) -> bytes:
    # Bounded, so that a forged row cannot fill the memory.
    inflater = zlib.decompressobj()
    try:
        payload = inflater.decompress(content, PAYLOAD_BYTES_MAX)
    except zlib.error as error:
        raise ValueError("a compressed payload is damaged") from error
    if not inflater.eof or inflater.unused_data:
        raise ValueError("a compressed payload is damaged")
    return payload


# ---------------------------------------------------------------------------------------------------------- code


def text_digest(text: str) -> str:
    """The key under which a text is stored: SHA-256 of its UTF-8 bytes, in hexadecimal."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def manifest_digest(manifest: CodeManifest) -> str:
    """The digest of the code that a manifest pins, as `RunStarted` and `CodeChanged` name it. Where and by which
    Python it is run makes no difference."""
    document = {"language": manifest.language, "modules": dict(manifest.modules)}
    return text_digest(json.dumps(document, sort_keys=True, separators=(",", ":")))


def encode_manifest(manifest: CodeManifest, modules: Mapping[str, str]) -> str:
    """A code manifest and the digests of the stored texts as canonical JSON."""
    document = {
        "language": manifest.language,
        "modules": dict(manifest.modules),
        "platform": manifest.platform,
        "python": manifest.python,
        "signatures": dict(manifest.signatures),
        "texts": {name: text_digest(text) for name, text in modules.items()},
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def decode_manifest(document: str, digest: str, code: str) -> tuple[CodeManifest, dict[str, str]]:
    """The manifest and, by module name, the digests of the texts. Raises JournalCorrupt unless the document has this
    digest and pins this code."""
    if text_digest(document) == digest:
        fields = json.loads(document)
        texts = fields.pop("texts")
        manifest = CodeManifest(**fields)
        if manifest_digest(manifest) == code:
            return manifest, texts
    raise JournalCorrupt(
        "a code manifest in the journal is not what was written",
        hint="restore the database from a backup",
    )
