"""Archives that somebody wrote himself, with digests that fit."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any


def forge(whole: bytes, change: Callable[[list[dict[str, Any]]], None]) -> bytes:
    """The archive with its records changed, and an end that fits all the same."""
    documents = [json.loads(line) for line in whole.splitlines()[:-1]]
    records = [document for document in documents if "record" in document]
    change(records)
    lines = [json.dumps(document).encode() + b"\n" for document in documents]
    digest = sha256(b"".join(lines)).hexdigest()
    end = {"end": {"lines": len(lines), "records": len(records), "sha256": digest}}
    return b"".join(lines) + json.dumps(end).encode() + b"\n"
