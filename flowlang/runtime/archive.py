"""A run in one file: its code, its records, what it says of itself and what still lies in its inbox.

The file is JSON lines. The first says what it is and of which form; then come the run, its code manifest, the text of
each module, its attributes, each record, each open gate and each message that was not taken; the last counts the
lines and holds the digest of all before it. A file that is cut off, changed or of a newer form is refused, so what
`read_archive` gives is what was exported.

Payloads are stored as text where they are, and as base64 where not. They are not encrypted: an archive holds
everything the run did. Files are made for their owner alone.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import attrs

from flowlang.errors import FlowlangError, JournalCorrupt, JournalUnavailable, SchemaMismatch, UsageError
from flowlang.runtime.journal.codec import Fields, decode, encode
from flowlang.runtime.journal.event import Record
from flowlang.runtime.journal.journal import (
    AttributeValue,
    CodeManifest,
    Counters,
    Journal,
    Message,
    NewMessage,
    NewRun,
    NewWait,
    Placement,
    RunStatus,
)
from flowlang.version import __version__

FORMAT: Final = "flowlang/archive/1"
LINE_BYTES_MAX: Final = 64 * 1024 * 1024
"""No line of an archive is longer: a payload of 16 MiB as base64, with room."""


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
    counters: Counters
    manifest: CodeManifest
    modules: Mapping[str, str]
    attributes: Mapping[str, AttributeValue]
    records: Sequence[Record]
    gates: Sequence[NewWait]
    messages: Sequence[NewMessage]

    def new_run(self, run_id: str) -> NewRun:
        """The run to create from this archive, under an id. It has no parent: that stayed where it was."""
        return NewRun(
            run_id, self.entry, self.flow, self.arguments_digest, self.manifest, self.modules, self.placement,
            attributes=self.attributes, correlation=self.correlation,
        )  # fmt: skip


def collect(journal: Journal, run_id: str) -> Archive:
    """Everything about a run. Raises RunNotFound, JournalCorrupt."""
    run = journal.run(run_id)
    records = journal.read(run_id)
    run = journal.run(run_id) if records[-1].sequence != run.sequence else run
    return Archive(
        run.run_id, run.entry, run.flow, run.arguments_digest, run.status, run.created_at_ms,
        Placement(run.queue, run.priority, run.partition, deadline_at_ms=run.deadline_at_ms), run.correlation,
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
    if path.exists():
        raise UsageError(f"the file `{path}` exists", hint="choose another name, or remove it")
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
    yield {"schema": FORMAT, "flowlang": __version__, "exported_at_ms": exported_at_ms}
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
    if document is None or isinstance(document, str):
        return None if document is None else document.encode()
    return base64.b64decode(document["base64"], validate=True)


def read_archive(path: Path) -> Archive:
    """The run in a file. Raises UsageError when there is none, JournalCorrupt with the line that is wrong, and
    SchemaMismatch for the form of a newer flowlang."""
    try:
        with path.open("rb") as file:
            return _Reader(str(path)).read(file)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(
            f"`{path}` cannot be read: {reason}", hint="`flowlang runs export` writes such files"
        ) from None


class _Reader:
    """Reads one archive, line by line. `name` is what errors call the file."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._line = 0
        self._run: dict[str, Any] = {}
        self._manifest: CodeManifest | None = None
        self._modules: dict[str, str] = {}
        self._attributes: dict[str, AttributeValue] = {}
        self._records: list[Record] = []
        self._gates: list[NewWait] = []
        self._messages: list[NewMessage] = []

    def read(self, file: Any) -> Archive:
        """Reads to the end. Raises as `read_archive` does."""
        digest, end = sha256(), None
        while line := file.readline(LINE_BYTES_MAX + 1):
            self._line += 1
            if end is not None:
                raise self._damaged("there is more after the last line")
            try:
                document = json.loads(line)
                if self._line == 1:
                    self._check_form(document)
                elif "end" in document:
                    end = document["end"]
                    self._check_end(end, digest.hexdigest())
                else:
                    self._take(document)
            except FlowlangError:
                raise
            except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
                if self._line == 1:
                    raise self._foreign() from error
                raise self._damaged("it is not what was written") from error
            digest.update(line)
        if self._line == 0:
            raise self._foreign()
        if end is None:
            raise self._damaged("the file is cut off after it")
        try:
            return self._archive()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._damaged("something before it is not what it should be") from error

    def _check_form(self, document: Any) -> None:
        schema = document["schema"]
        if schema == FORMAT:
            return
        if str(schema).startswith(FORMAT.rpartition("/")[0] + "/"):
            raise SchemaMismatch(
                f"`{self._name}` was written by flowlang {document.get('flowlang')} in a newer form",
                hint="use that version of flowlang, or a newer one",
            )
        raise self._foreign()

    def _check_end(self, end: Mapping[str, Any], digest: str) -> None:
        counted = (end["lines"], end["records"], end["sha256"])
        if counted != (self._line - 1, len(self._records), digest):
            raise JournalCorrupt(
                f"`{self._name}` is not what was exported: its digest does not fit",
                hint="export the run again, or copy the file again",
            )

    def _take(self, document: dict[str, Any]) -> None:
        if "record" in document:
            fields = Fields(
                document["kind"], document["position"], document["name"],
                json.dumps(document["detail"], separators=(",", ":"), sort_keys=True), _payload(document["payload"]),
            )  # fmt: skip
            sequence = document["record"]
            if sequence != len(self._records) + 1:
                raise ValueError("a record is missing")
            self._records.append(Record(sequence, document["at_ms"], document["token"], decode(fields)))
        elif "module" in document:
            self._modules[document["module"]] = document["text"]
        elif "manifest" in document:
            self._manifest = CodeManifest(**document["manifest"])
        elif "run" in document:
            self._run = document["run"]
        elif "attributes" in document:
            self._attributes = document["attributes"]
        elif "gate" in document:
            gate = document["gate"]
            self._gates.append(NewWait(**gate | {"payload": _payload(gate["payload"])}))
        else:
            message = document["message"]
            self._messages.append(
                NewMessage(
                    self._run["run_id"], message["channel"], message["name"], message["key"],
                    _payload(message["payload"]) or b"",
                )
            )  # fmt: skip

    def _archive(self) -> Archive:
        run = self._run
        if not run or self._manifest is None or not self._records:
            raise self._damaged("something is missing before it")
        return Archive(
            run["run_id"], run["entry"], run["flow"], run["arguments_digest"], RunStatus(run["status"]),
            run["created_at_ms"], Placement(**run["placement"]), run["correlation"], Counters(**run["counters"]),
            self._manifest, self._modules, self._attributes, self._records, self._gates, self._messages,
        )  # fmt: skip

    def _damaged(self, what: str) -> JournalCorrupt:
        return JournalCorrupt(
            f"`{self._name}` is damaged at line {self._line}: {what}",
            hint="export the run again, or copy the file again",
        )

    def _foreign(self) -> UsageError:
        return UsageError(f"`{self._name}` is no exported run", hint="`flowlang runs export` writes such files")
