"""Events, code and ids as they are stored.

An event is taken apart into `Fields`; which field holds what is the matter of `forms.py`. Code is stored as a manifest
(a JSON document) and the texts of its modules, each under its digest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple

from flowlang.errors import JournalCorrupt, SchemaMismatch, UsageError
from flowlang.runtime.journal.event import Event
from flowlang.runtime.journal.forms import READERS, WRITERS, Reader
from flowlang.runtime.journal.model import CodeManifest

RUN_ID_LENGTH_MAX = 200


class Fields(NamedTuple):
    """An event taken apart; `payload` is not yet packed."""

    kind: str
    position: str
    name: str
    detail: str
    payload: bytes | None


def check_run_id(run_id: str) -> None:
    """Raises UsageError for ids that could not be shown, typed or stored."""
    if not 0 < len(run_id) <= RUN_ID_LENGTH_MAX or not run_id.isprintable():
        raise UsageError(
            f"a run id must have 1 to {RUN_ID_LENGTH_MAX} printable characters",
            hint="choose a short name such as `import-2024-05-01`",
        )


# -------------------------------------------------------------------------------------------------------- events


def encode(event: Event) -> Fields:
    """Takes an event apart."""
    kind, write = WRITERS[event.__class__]
    return Fields(kind, *write(event))


def reader_of(kind: str) -> Reader:
    """What puts events of a kind together. A kind of a newer flowlang raises SchemaMismatch."""
    read = READERS.get(kind)
    if read is None:
        raise SchemaMismatch(
            f"the journal holds an event of the unknown kind `{kind}`",
            hint="use the flowlang version that wrote it, or a newer one",
        )
    return read


def decode(fields: Fields) -> Event:
    """Puts an event together. A kind of a newer flowlang raises SchemaMismatch, impossible fields ValueError,
    KeyError or TypeError."""
    return reader_of(fields.kind)(fields.position, fields.name, fields.detail, fields.payload)


def kind_of(event: Event) -> str:
    """The kind of an event, without its version: `action-scheduled`."""
    return WRITERS[event.__class__][0].partition("/")[0]


def known_kinds() -> tuple[str, ...]:
    """All kinds that can be read, with their versions."""
    return tuple(READERS)


# ---------------------------------------------------------------------------------------------------------- code


def text_digest(text: str) -> str:
    """The key under which a text is stored: SHA-256 of its UTF-8 bytes, in hexadecimal."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


_digested: tuple[CodeManifest, str] | None = None
"""The manifest that was asked for last: many runs are started with the same one."""


def manifest_digest(manifest: CodeManifest) -> str:
    """The digest of the code that a manifest pins, as `RunStarted` and `CodeChanged` name it. Where and by which
    Python it is run makes no difference."""
    global _digested
    known = _digested
    if known is not None and known[0] is manifest:
        return known[1]
    document = {"language": manifest.language, "modules": dict(manifest.modules)}
    digest = text_digest(json.dumps(document, sort_keys=True, separators=(",", ":")))
    _digested = (manifest, digest)
    return digest


def encode_manifest(manifest: CodeManifest, modules: Mapping[str, str]) -> str:
    """A code manifest and the digests of the stored texts as canonical JSON."""
    document = {
        "language": manifest.language,
        "modules": dict(manifest.modules),
        "platform": manifest.platform,
        "python": manifest.python,
        "signatures": dict(manifest.signatures),
        **({"tzdata": manifest.tzdata} if manifest.tzdata else {}),
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
