"""A run in one file: its code, its records, what it says of itself and what still lies in its inbox.

The file is JSON lines. The first says what it is and of which form; then come the run, its code manifest, the text of
each module, its attributes, each record, each open gate and each message that was not taken; the last counts the
lines and holds the digest of all before it. A file that is cut off, changed or of a newer form is refused, so what
`read_archive` gives is what was exported.

Payloads are stored as text where they are, and as base64 where not. Those that a codec encoded stay so: the first
line names the codecs, and whoever reads the file needs them. Where there is none, an archive holds everything that the
run did for everybody to read. Files are made for their owner alone.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar

import attrs

from flowlang.errors import (
    CodecMissing,
    FlowlangError,
    JournalCorrupt,
    JournalUnavailable,
    SchemaMismatch,
    UsageError,
)
from flowlang.lang.values.canonical import decode as decode_value
from flowlang.runtime.journal.codec import Fields, decode, encode, manifest_digest
from flowlang.runtime.journal.event import CodeChanged, LogWritten, Record, RunStarted
from flowlang.runtime.journal.journal import (
    AttributeValue,
    CodeManifest,
    Counters,
    Journal,
    Message,
    NewMessage,
    NewRun,
    NewWait,
    ParentLink,
    Placement,
    RunStatus,
)
from flowlang.runtime.journal.sense import nonsense
from flowlang.runtime.payload_codec import Encoding, PayloadCodec, codec_of, codecs_in, stored_journal
from flowlang.version import __version__

FORMAT: Final = "flowlang/archive/1"
LINE_BYTES_MAX: Final = 64 * 1024 * 1024
"""No line of an archive is longer: a payload of 16 MiB as base64, with room."""

UNREADABLE: Final = (ValueError, KeyError, TypeError, AttributeError, StopIteration, RecursionError, binascii.Error)
"""What reading something raises that nobody wrote so."""

Held = TypeVar("Held", NewWait, NewMessage)


@attrs.frozen
class Archive:
    """A run as an archive holds it. `status` is that at the export."""

    run_id: str
    entry: str
    flow: str
    arguments_digest: str
    status: RunStatus
    created_at_ms: int
    placement: Placement
    correlation: str
    parent: ParentLink | None
    counters: Counters
    manifest: CodeManifest
    modules: Mapping[str, str]
    attributes: Mapping[str, AttributeValue]
    records: Sequence[Record]
    gates: Sequence[NewWait]
    messages: Sequence[NewMessage]

    def new_run(self, run_id: str) -> NewRun:
        """The run to create from this archive, under an id. Under its own it is still the child of its parent."""
        return NewRun(
            run_id, self.entry, self.flow, self.arguments_digest, self.manifest, self.modules, self.placement,
            self.parent if run_id == self.run_id else None, self.attributes, self.correlation,
        )  # fmt: skip

    def codecs(self) -> list[str]:
        """The names of the codecs without which its values cannot be read."""
        return sorted(codecs_in([*self.records, *self.gates, *self.messages]))


def collect(journal: Journal, run_id: str, *, is_decoded: bool = False) -> Archive:
    """Everything about a run, its values as the store has them, or decoded by the journal's codec. Raises
    RunNotFound, JournalCorrupt, and CodecMissing when something cannot be decoded."""
    if not is_decoded:
        return _collect(stored_journal(journal), run_id)
    archive = _collect(journal, run_id)
    if codec_of(journal) is None and (names := archive.codecs()):
        raise CodecMissing(
            f"values of run `{run_id}` were encoded by `{names[0]}`, and there is no codec here",
            hint="set `FLOWLANG_CODEC=module:name` to the codec that wrote them, or export them as they are",
        )
    return archive


def _collect(journal: Journal, run_id: str) -> Archive:
    run = journal.run(run_id)
    records = journal.read(run_id)
    run = journal.run(run_id) if records[-1].sequence != run.sequence else run
    return Archive(
        run.run_id, run.entry, run.flow, run.arguments_digest, run.status, run.created_at_ms,
        Placement(run.queue, run.priority, run.partition, deadline_at_ms=run.deadline_at_ms), run.correlation,
        ParentLink(run.parent, run.parent_position, run.on_parent_close, run.root) if run.parent else None,
        Counters(run.steps, run.memory, run.actions_completed), journal.manifest(run_id), journal.modules(run_id),
        journal.attributes(run_id), records,
        [
            NewWait(wait.position, wait.name, wait.expires_at_ms, wait.payload)
            for wait in journal.waits(run_id=run_id, limit=1_000_000)
        ],
        [_new_message(run_id, message) for message in journal.open_messages(run_id)],
    )  # fmt: skip


def _new_message(run_id: str, message: Message) -> NewMessage:
    return NewMessage(run_id, message.channel, message.name, message.key, message.payload)


def write_archive(archive: Archive, path: Path, *, exported_at_ms: int) -> None:
    """Writes an archive into a new file, whole or not at all. Raises UsageError when the file exists and
    JournalUnavailable when it cannot be written."""
    check_absent(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.writelines(archive_lines(archive, exported_at_ms=exported_at_ms))
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)  # unlike a rename, never over a file that came into being meanwhile
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise JournalUnavailable(f"`{path}` cannot be written: {reason}", hint="nothing was exported") from error
    finally:
        draft.unlink(missing_ok=True)


def check_absent(path: Path) -> None:
    """Raises UsageError when a file exists: an export replaces nothing."""
    if path.exists():
        raise UsageError(f"the file `{path}` exists", hint="choose another name, or remove it; `-` is stdout")


def archive_lines(archive: Archive, *, exported_at_ms: int) -> Iterator[bytes]:
    """The lines of an archive."""
    digest, count = sha256(), 0
    for document in _documents(archive, exported_at_ms):
        line = _line(document)
        digest.update(line)
        count += 1
        yield line
    yield _line({"end": {"lines": count, "records": len(archive.records), "sha256": digest.hexdigest()}})


def _line(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def _documents(archive: Archive, exported_at_ms: int) -> Iterator[dict[str, Any]]:
    yield {
        "schema": FORMAT, "flowlang": __version__, "exported_at_ms": exported_at_ms, "codecs": archive.codecs(),
    }  # fmt: skip
    yield {
        "run": {
            "run_id": archive.run_id,
            "entry": archive.entry,
            "flow": archive.flow,
            "arguments_digest": archive.arguments_digest,
            "status": archive.status.value,
            "created_at_ms": archive.created_at_ms,
            "placement": attrs.asdict(archive.placement),
            "correlation": archive.correlation,
            "parent": None if archive.parent is None else attrs.asdict(archive.parent),
            "counters": attrs.asdict(archive.counters),
        }
    }
    manifest = archive.manifest
    yield {
        "manifest": {
            "modules": dict(manifest.modules),
            "language": manifest.language,
            "python": manifest.python,
            "platform": manifest.platform,
            "signatures": dict(manifest.signatures),
            "tzdata": manifest.tzdata,
        }
    }
    for name, text in archive.modules.items():
        yield {"module": name, "text": text}
    yield {"attributes": dict(archive.attributes)}
    for record in archive.records:
        kind, position, name, detail, payload = encode(record.event)
        yield {
            "record": record.sequence,
            "at_ms": record.recorded_at_ms,
            "token": record.token,
            "kind": kind,
            "position": position,
            "name": name,
            "detail": json.loads(detail),
            "payload": _payload_document(payload),
        }
    for gate in archive.gates:
        yield {"gate": attrs.asdict(gate) | {"payload": _payload_document(gate.payload)}}
    for message in archive.messages:
        fields = {"channel": message.channel, "name": message.name, "key": message.key}
        yield {"message": fields | {"payload": _payload_document(message.payload)}}


def _payload_document(payload: bytes | None) -> Any:
    if payload is None:
        return None
    try:
        return payload.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(payload).decode()}


def _payload(document: Any) -> bytes | None:
    if document is None or type(document) is str:
        return None if document is None else document.encode()
    return base64.b64decode(document["base64"], validate=True)


def read_archive(path: Path, codec: PayloadCodec | None = None) -> Archive:
    """The run in a file, with its values decoded by `codec`. Raises UsageError when there is none or more than one,
    JournalCorrupt with the line that is wrong, CodecMissing, and SchemaMismatch for the form of a newer flowlang."""
    first, *more = read_archives(path, codec)
    if more:
        raise UsageError(f"`{path}` holds {1 + len(more)} runs", hint="`flowlang runs import` takes several at once")
    return first


def read_archives(path: Path, codec: PayloadCodec | None = None) -> Iterator[Archive]:
    """The runs in a file, one archive after the other, at least one; each is given when it was read to its end.
    Raises as `read_archive` does."""
    try:
        with path.open("rb") as file:
            yield from archives_in(file, f"`{path}`", codec)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(
            f"`{path}` cannot be read: {reason}", hint="`flowlang runs export` writes such files"
        ) from None


def archives_in(file: BinaryIO, name: str, codec: PayloadCodec | None = None) -> Iterator[Archive]:
    """As `read_archives`, from an open file, such as stdin. `name` is what errors call it."""
    lines = 0
    while True:
        reader = _Reader(name, codec, lines)
        archive = reader.read(file)
        if archive is None:
            return
        lines = reader.line
        yield archive


class _Reader:
    """Reads one archive, line by line. `name` is what errors call the file, `before` the number of lines of it that
    were read."""

    def __init__(self, name: str, codec: PayloadCodec | None, before: int) -> None:
        self._name = name
        self._encoding = None if codec is None else Encoding(codec)
        self._before = before
        self.line = before
        self._run: dict[str, Any] = {}
        self._manifest: CodeManifest | None = None
        self._modules: dict[str, str] = {}
        self._attributes: dict[str, AttributeValue] = {}
        self._records: list[Record] = []
        self._gates: list[NewWait] = []
        self._messages: list[NewMessage] = []

    def read(self, file: BinaryIO) -> Archive | None:
        """Reads to the last line of the archive; None when there is nothing after another. Raises as `read_archive`
        does."""
        digest, is_whole = sha256(), False
        while not is_whole and (line := file.readline(LINE_BYTES_MAX + 1)):
            self.line += 1
            is_first = self.line == self._before + 1
            try:
                document = json.loads(line)
                if is_first:
                    self._check_form(document)
                elif "end" in document:
                    self._check_end(document["end"], digest.hexdigest())
                    is_whole = True
                else:
                    self._take(document)
            except FlowlangError:
                raise
            except UNREADABLE as error:
                if is_first:
                    raise self._foreign() from error
                raise self._damaged("it is not what was written") from error
            digest.update(line)
        if self.line == self._before:
            if self._before == 0:
                raise self._foreign()
            return None
        if not is_whole:
            raise self._damaged("the file is cut off after it")
        try:
            return self._archive()
        except UNREADABLE as error:
            raise self._damaged("something before it is not what it should be") from error

    def _check_form(self, document: Any) -> None:
        schema = document["schema"]
        if schema == FORMAT:
            return
        if str(schema).startswith(FORMAT.rpartition("/")[0] + "/"):
            raise SchemaMismatch(
                f"{self._name} was written by flowlang {document.get('flowlang')} in a newer form",
                hint="use that version of flowlang, or a newer one",
            )
        raise self._foreign()

    def _check_end(self, end: Mapping[str, Any], digest: str) -> None:
        counted = (end["lines"], end["records"], end["sha256"])
        if counted != (self.line - self._before - 1, len(self._records), digest):
            raise JournalCorrupt(
                f"{self._name} is not what was exported: its digest does not fit",
                hint="export the run again, or copy the file again",
            )

    def _take(self, document: dict[str, Any]) -> None:
        if "record" in document:
            self._records.append(self._record(document))
        elif "module" in document:
            self._modules[_text(document, "module")] = _text(document, "text")
        elif "manifest" in document:
            manifest = document["manifest"]
            self._manifest = CodeManifest(
                _texts(manifest["modules"]), _text(manifest, "language"), _text(manifest, "python"),
                _text(manifest, "platform"), _texts(manifest["signatures"]),
                _text(manifest, "tzdata") if "tzdata" in manifest else "",
            )  # fmt: skip
        elif "run" in document:
            self._run = document["run"]
        elif "attributes" in document:
            self._attributes = {name: _one_of(value, str, int, float, bool) for name, value in
                                document["attributes"].items()}  # fmt: skip
        elif "gate" in document:
            gate = document["gate"]
            expires_at_ms = _one_of(gate["expires_at_ms"], int, type(None))
            self._gates.append(
                self._value(NewWait(_text(gate, "position"), _text(gate, "name"), expires_at_ms, _bytes(gate)))
            )
        else:
            message = document["message"]
            self._messages.append(
                self._value(
                    NewMessage(
                        _text(self._run, "run_id"), _text(message, "channel"), _text(message, "name"),
                        _text(message, "key"), _bytes(message),
                    )
                )
            )  # fmt: skip

    def _record(self, document: dict[str, Any]) -> Record:
        """The next record. Its payload must be a value, so that nothing that reads it later finds anything else."""
        detail = json.dumps(document["detail"], separators=(",", ":"), sort_keys=True)
        event = self._decoded(
            decode(
                Fields(
                    _text(document, "kind"), _text(document, "position"), _text(document, "name"), detail,
                    _payload(document["payload"]),
                )
            )
        )  # fmt: skip
        payload = getattr(event, "payload", None)
        if decode(encode(event)) != event:
            raise ValueError("no journal can hold the record")
        if payload is not None and not isinstance(event, LogWritten):
            decode_value(payload)
        if document["record"] != len(self._records) + 1 or (not self._records and not isinstance(event, RunStarted)):
            raise ValueError("a record is missing")
        return Record(_number(document, "record"), _number(document, "at_ms"), _number(document, "token"), event)

    def _value(self, holder: Held) -> Held:
        """A gate or message whose payload is a value of the language."""
        decoded: Held = self._decoded(holder)
        decode_value(decoded.payload)
        return decoded

    def _decoded(self, holder: Any) -> Any:
        """A part of the run with its values decoded."""
        names = codecs_in(holder)
        if names and self._encoding is None:
            raise CodecMissing(
                f"values in {self._name} were encoded by `{names.pop()}`, and there is no codec here",
                hint="set `FLOWLANG_CODEC=module:name` to the codec that wrote them, or export with `--decoded`",
            )
        return self._encoding.decoded(holder) if names and self._encoding is not None else holder

    def _archive(self) -> Archive:
        run = self._run
        if not run or self._manifest is None or not self._records:
            raise self._damaged("something is missing before it")
        codes = [each.event.code for each in self._records if isinstance(each.event, (RunStarted, CodeChanged))]
        if codes[-1] != manifest_digest(self._manifest):
            raise ValueError("the code is not that of the records")
        for what in nonsense(self._records):
            raise self._damaged(what)
        placement, counters = run["placement"], run["counters"]
        parent = run.get("parent")  # the first files had none
        names = ("run_id", "position", "on_close", "root_id")
        return Archive(
            _text(run, "run_id"), _text(run, "entry"), _text(run, "flow"), _text(run, "arguments_digest"),
            RunStatus(run["status"]), _number(run, "created_at_ms"),
            Placement(
                _text(placement, "queue"), _number(placement, "priority"), _text(placement, "partition"),
                _one_of(placement["start_at_ms"], int, type(None)),
                _one_of(placement["deadline_at_ms"], int, type(None)),
            ),
            _text(run, "correlation"),
            None if parent is None else ParentLink(*(_text(parent, name) for name in names)),
            Counters(_number(counters, "steps"), _number(counters, "memory"), _number(counters, "actions_completed")),
            self._manifest, self._modules, self._attributes, self._records, self._gates, self._messages,
        )  # fmt: skip

    def _damaged(self, what: str) -> JournalCorrupt:
        return JournalCorrupt(
            f"{self._name} is damaged at line {self.line}: {what}",
            hint="export the run again, or copy the file again",
        )

    def _foreign(self) -> FlowlangError:
        if self._before:
            return self._damaged("there is more after the last line of a run")
        return UsageError(f"{self._name} is no exported run", hint="`flowlang runs export` writes such files")


def _one_of(value: Any, *types: type) -> Any:
    """The value, if it is of one of the types. Raises TypeError."""
    if type(value) not in types:
        raise TypeError(f"a {type(value).__name__} cannot stand here")
    return value


def _text(document: Mapping[str, Any], name: str) -> str:
    found: str = _one_of(document[name], str)
    return found


def _texts(document: Mapping[str, Any]) -> dict[str, str]:
    return {name: _text(document, name) for name in document}


def _number(document: Mapping[str, Any], name: str) -> int:
    found: int = _one_of(document[name], int)
    if not 0 <= found < 2**63:
        raise ValueError("a number is out of range")
    return found


def _bytes(document: Mapping[str, Any]) -> bytes:
    """The payload of a gate or message, which always has one."""
    payload = _payload(document["payload"])
    if payload is None:
        raise ValueError("a payload is missing")
    return payload
