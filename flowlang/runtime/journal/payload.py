"""Payloads as they are stored.

Payloads are packed by size: short ones stay as they are, longer ones are compressed where that helps, and what is
still large goes to a table of its own under its digest, so that the rows of a journal stay small.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple

from flowlang.errors import PayloadTooLarge

PAYLOAD_BYTES_INLINE = 1024
"""Payloads up to this size are stored as they are."""

PAYLOAD_BYTES_BLOB = 64 * 1024
"""What is larger than this after compression goes to the blob table."""

PAYLOAD_BYTES_MAX = 16 * 1024 * 1024
"""No value larger than this enters a journal, measured before compression."""

ENCODING_NONE = ""
ENCODING_RAW = "raw"
ENCODING_ZLIB = "zlib"
ENCODING_BLOB = "blob"

_COMPRESSION_LEVEL = 1  # Higher levels cost several times as much on the path of a step and save a few percent.


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
